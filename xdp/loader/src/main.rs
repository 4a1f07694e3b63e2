//! `xdp-reset`: answers TCP segments to chosen ports with a reset, before the kernel sees them.

use std::io::{IsTerminal, stdout};
use std::os::fd::AsFd;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, ensure};
use lexopt::prelude::*;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use xdp_reset::attach::{self, Mode};
use xdp_reset::device::Device;
use xdp_reset::ports::Ports;
use xdp_reset::shared::Settings;
use xdp_reset::{Program, change};

const HELP: &str = "\
Answers TCP segments to chosen ports with a reset, on the driver's receive path,
before the kernel sees them. Everything else goes up to the kernel untouched.

xdp-reset --interface DEV --ports LIST [OPTION]...

  --interface DEV   the device whose frames are looked at
  --ports LIST      the ports to answer for, such as 23,445,8000-8100
  --trust           do not verify TCP checksums: the network card has, or the
                    sender is a container whose offload has not filled them in
  --mode MODE       native (in the driver), skb (on any device), auto [auto]
  --dry-run         count what would be answered, and pass it up
  --rate N          at most N resets a second to one source (IPv6: to one /64),
                    and N at once; what is over is dropped [no limit]
  --replace         remove another XDP program that runs on DEV, unless a BPF
                    link holds it
  --verify          only load the program, and print how many instructions the
                    kernel's verifier processes; DEV and LIST are not needed
  --change          give these settings to the xdp-reset that runs on DEV

It ends, and the program with it, on SIGINT, SIGTERM and SIGHUP. On a terminal it
prints once a second what it has counted; at the end it prints all.";

struct Arguments {
    interface: String,
    ports: Ports,
    settings: Settings,
    mode: Mode,
    replace: bool,
    change: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xdp-reset: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let Some(arguments) = parse()? else { return Ok(()) };
    let Arguments { interface, ports, settings, mode, replace, change: other } = arguments;
    let device = Device::find(&interface)?;
    if other {
        change(&attach::maps_of_running(&interface)?, &settings, &ports)?;
        println!("changed on {interface}");
        return Ok(());
    }
    // From here on a signal waits until it is read.
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let signals = SignalFd::new(&signals)?;

    let mut program = Program::load()?;
    program.set_station(device.station)?;
    program.set(&settings, &ports)?;
    if replace {
        attach::detach_others(&interface)?;
    }
    let mode = attach::attach(&mut program, &interface, device, mode)?;
    println!("answering on {interface} ({mode})");
    watch(&mut program, &interface, device, &signals)
}

/// Until a signal comes, or the device goes.
fn watch(program: &mut Program, interface: &str, mut device: Device, signals: &SignalFd) -> Result<()> {
    let is_terminal = stdout().is_terminal();
    let mut before = program.counters()?;
    let mut waiting = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let gone = loop {
        if poll(&mut waiting, PollTimeout::from(1000_u16))? > 0 {
            break None;
        }
        // The device may get another address, or go and come back as another one.
        match Device::find(interface) {
            Ok(now) if now.index == device.index => {
                if now != device {
                    program.set_station(now.station)?;
                    device = now;
                }
            }
            _ => break Some(anyhow!("{interface} is gone")),
        }
        let now = program.counters()?;
        if is_terminal {
            println!("{}", now.since(&before));
        }
        before = now;
    };
    let all = program.counters()?;
    for (name, counter) in all.named() {
        println!("{name}: {counter}");
    }
    println!("frames in all: {}", all.total());
    gone.map_or(Ok(()), Err)
}

fn parse() -> Result<Option<Arguments>> {
    let (mut interface, mut ports, mut mode) = (None, None, Mode::Auto);
    let (mut settings, mut replace, mut change) = (Settings::default(), false, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("interface") => interface = Some(parser.value()?.string()?),
            Long("ports") => ports = Some(parser.value()?.string()?.parse()?),
            Long("trust") => settings.trust = 1,
            Long("dry-run") => settings.dry_run = 1,
            Long("replace") => replace = true,
            Long("change") => change = true,
            Long("verify") => {
                println!("verifier {}", Program::load()?.verified()?);
                return Ok(None);
            }
            Long("mode") => {
                let name = parser.value()?.string()?;
                let found = Mode::ALL.iter().find(|(known, _)| *known == name);
                mode = found.map(|(_, mode)| *mode).with_context(|| format!("no such mode: {name}"))?;
            }
            Long("rate") => {
                let rate: u32 = parser.value()?.parse().context("--rate wants a number of resets a second")?;
                ensure!(rate > 0, "--rate 0 would answer nothing");
                // The first reset does not count as part of the burst.
                settings.interval = 1_000_000_000 / u64::from(rate);
                settings.burst = settings.interval * u64::from(rate - 1);
            }
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(None);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let interface = interface.context("--interface is missing (see --help)")?;
    let ports = ports.context("--ports is missing (see --help)")?;
    Ok(Some(Arguments { interface, ports, settings, mode, replace, change }))
}
