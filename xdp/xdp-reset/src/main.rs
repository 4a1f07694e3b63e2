//! `xdp-reset`: answers TCP segments to chosen ports with a reset, before the kernel sees them.

use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::io::{IsTerminal, stdout};
use std::os::fd::AsFd;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail, ensure};
use lexopt::prelude::*;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use tcp_reset::NoReset;
use xdp_reset::Program;
use xdp_reset::attach::{self, Attachment, Mode};
use xdp_reset::counters::Counters;
use xdp_reset::device::{Device, own_ports};
use xdp_reset::networks::Network;
use xdp_reset::ports::Ports;
use xdp_reset::setup::{Setup, SetupMaps, lock};
use xdp_reset::shared::{ANSWERED, PORT_WORDS, Settings};

const HELP: &str = "\
Answers TCP segments to chosen ports with a reset, on the driver's receive path,
before the kernel sees them. Everything else goes up to the kernel untouched.

xdp-reset --interface DEV --ports LIST [OPTION]...
xdp-reset --interface DEV --change OPTION...
xdp-reset --verify | --version | --help

What is answered, and how:
  --ports LIST      the ports to answer for, such as 23,445,8000-8100
  --to NETWORK,...  only for destinations in these networks, such as
                    192.0.2.1,2001:db8::/32 (also several times) [any]
  --syn             only segments with SYN and without ACK: the host's own
                    connections from these ports are left alone
  --trust           do not verify TCP checksums: the network card has, or the
                    sender is a container whose offload has not filled them in
  --dry-run         count what would be answered, and pass it up
  --rate N          at most N resets a second to one source (IPv6: to one /64),
                    and N at once; what is over is dropped [off]
  --total-rate N    the same for all sources together. Forged sources get around
                    --rate: use both [off]

How it runs:
  --interface DEV   the device whose frames are looked at
  --mode MODE       native (in the driver), skb (on any device), auto [auto]
  --replace         take the place of another XDP program that runs on DEV: of an
                    xdp-reset without a gap, of another one unless a BPF link
                    holds it
  --vlan            tagged frames are to be answered: do not start in native mode
                    where the device takes the tags out of the frames

  --change          change the xdp-reset that runs on DEV: what is named above
                    under \"What is answered\", the rest stays. --syn=off and the
                    like, --rate off and --to any take an option back
  --verify          only load the program, and print how many instructions the
                    kernel's verifier processes
  --version         print the version

It ends, and the program with it, on SIGINT, SIGTERM and SIGHUP. On a terminal it
prints once a second what it has counted; at the end it prints all.";

/// What the options name; the rest is `None`.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
struct Arguments {
    interface: Option<String>,
    mode: Option<Mode>,
    replace: bool,
    vlan: bool,
    change: bool,
    verify: bool,
    named: Named,
}

/// What is to be answered, and how, as far as it is named.
#[derive(Default, Clone, PartialEq)]
struct Named {
    ports: Option<Ports>,
    to: Option<Vec<Network>>,
    syn: Option<bool>,
    trust: Option<bool>,
    dry_run: Option<bool>,
    rate: Option<u32>,
    total_rate: Option<u32>,
}

impl Named {
    /// Changes what is named.
    fn apply(&self, setup: &mut Setup) {
        let Self { ports, to, syn, trust, dry_run, rate, total_rate } = self;
        if let Some(ports) = ports {
            setup.ports = ports.clone();
        }
        if let Some(to) = to {
            setup.to.clone_from(to);
        }
        let settings = &mut setup.settings;
        for (setting, named) in
            [(&mut settings.syn, syn), (&mut settings.trust, trust), (&mut settings.dry_run, dry_run)]
        {
            if let Some(named) = named {
                *setting = u32::from(*named);
            }
        }
        if let Some(rate) = rate {
            (settings.interval, settings.burst) = interval_and_burst(*rate);
            if settings.factor == 0 {
                // The standard library's own random numbers.
                settings.factor = RandomState::new().hash_one(()) | 1;
            }
        }
        if let Some(rate) = total_rate {
            (settings.total_interval, settings.total_burst) = interval_and_burst(*rate);
        }
    }
}

/// Of so many resets a second, and as many at once; 0 is no limit.
fn interval_and_burst(rate: u32) -> (u64, u64) {
    let interval = 1_000_000_000_u64.checked_div(rate.into()).unwrap_or(0);
    // The first reset does not count as part of the burst.
    (interval, interval * u64::from(rate.saturating_sub(1)))
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
    let Arguments { interface, mode, replace, vlan, change, verify, named } = arguments;
    if verify {
        ensure!(
            interface.is_none() && mode.is_none() && !(replace || vlan || change) && named == Named::default(),
            "--verify takes no other option"
        );
        println!("verifier {}", Program::load()?.verified()?);
        return Ok(());
    }
    let interface = interface.context("--interface is missing (see --help)")?;
    if change {
        for (is_given, option) in [(mode.is_some(), "--mode"), (replace, "--replace"), (vlan, "--vlan")] {
            ensure!(!is_given, "{option} does not go with --change: it is for the start");
        }
        ensure!(named != Named::default(), "--change changes nothing: name what to change (see --help)");
        let device = Device::find(&interface)?;
        let mut maps = SetupMaps::of_other(&attach::maps_of_running(&interface, &device)?)?;
        let _lock = lock()?;
        let mut setup = maps.read()?;
        named.apply(&mut setup);
        maps.write(&setup)?;
        println!("changed on {interface}");
        warn_of_own_connections(&setup);
        return Ok(());
    }
    ensure!(named.ports.is_some(), "--ports is missing (see --help)");
    let mut setup = Setup { settings: Settings::default(), ports: Ports([0; PORT_WORDS]), to: Vec::new() };
    named.apply(&mut setup);

    let device = Device::find(&interface)?;
    // From here on a signal waits until it is read.
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let signals = SignalFd::new(&signals)?;

    let takes_tags_out = device.takes_tags_out()?;
    let mode = mode.unwrap_or(Mode::Auto);
    ensure!(
        !(vlan && takes_tags_out && mode == Mode::Native),
        "{interface} takes VLAN tags out of the frames, so resets for tagged frames would leave without a tag: \
         ethtool -K {interface} rxvlan off, or --mode skb"
    );
    // With --vlan, what would lose the tags is not tried.
    let mode = if vlan && takes_tags_out { Mode::Skb } else { mode };
    let mut program = Program::load()?;
    program.set_station(device.station)?;
    program.set(&setup)?;
    let attachment = if replace {
        attach::replace(&mut program, &interface, &device, mode)?
    } else {
        attach::attach(&mut program, &interface, &device, mode)?
    };
    if attachment.is_native && takes_tags_out {
        ensure!(!vlan, "{interface} takes VLAN tags out of the frames, and the link that was there is in native mode");
        eprintln!(
            "xdp-reset: warning: {interface} takes VLAN tags out of the frames: a reset for a tagged frame would leave \
             without its tag. If there are VLANs: ethtool -K {interface} rxvlan off"
        );
    }
    warn_of_own_connections(&setup);
    println!("answering on {interface} ({attachment})");
    watch(&mut program, &attachment, device, &signals)
}

/// The host's own connections may be among what is answered.
fn warn_of_own_connections(setup: &Setup) {
    if setup.settings.syn == 0
        && let Some((first, last)) = own_ports(&setup.ports)
    {
        eprintln!(
            "xdp-reset: warning: this host's own connections come from the ports {first}-{last} \
             (net.ipv4.ip_local_port_range): what is answered to them is reset, for the ports that are among yours. \
             --syn leaves them alone"
        );
    }
}

/// Until a signal comes, the device goes, or another process takes over.
fn watch(program: &mut Program, attachment: &Attachment, mut device: Device, signals: &SignalFd) -> Result<()> {
    let is_terminal = stdout().is_terminal();
    let mut warned_of_checksums = false;
    let mut before = program.counters()?;
    let mut waiting = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let end = loop {
        if poll(&mut waiting, PollTimeout::from(1000_u16))? > 0 {
            break Ok(());
        }
        if attachment.is_replaced()? {
            println!("another process has taken over {}", device.name);
            break Ok(());
        }
        // The device may get another address or name, or go.
        match device.again()? {
            Some(now) if now == device => {}
            Some(now) => {
                // Even without the lock; then a --change in the same moment may be lost.
                let _lock = lock();
                program.set_station(now.station)?;
                device = now;
            }
            None => break Err(anyhow!("{} is gone", device.name)),
        }
        let now = program.counters()?;
        if is_terminal {
            println!("{}", now.since(&before));
        }
        if !warned_of_checksums && now[ANSWERED] == 0 && now[NoReset::TcpChecksum] > 0 {
            warned_of_checksums = true;
            eprintln!(
                "xdp-reset: warning: no segment has a correct TCP checksum. A sender on this host, such as a container, \
                 may leave it to its device: --trust, or there: ethtool -K DEV tx off"
            );
        }
        before = now;
    };
    print(&program.counters()?);
    end
}

fn print(all: &Counters) {
    for (name, counter) in all.named() {
        println!("{name}: {counter}");
    }
    println!("frames in all: {}", all.total());
}

fn parse() -> Result<Option<Arguments>> {
    let mut arguments = Arguments::default();
    let named = &mut arguments.named;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("interface") => arguments.interface = Some(parser.value()?.string()?),
            Long("ports") => named.ports = Some(parser.value()?.string()?.parse()?),
            Long("to") => {
                let list = parser.value()?.string()?;
                let to = named.to.get_or_insert_default();
                if list != "any" {
                    for network in list.split(',') {
                        to.push(network.parse()?);
                    }
                }
            }
            Long("syn") => named.syn = Some(on_or_off(parser.optional_value().as_deref(), "--syn")?),
            Long("trust") => named.trust = Some(on_or_off(parser.optional_value().as_deref(), "--trust")?),
            Long("dry-run") => named.dry_run = Some(on_or_off(parser.optional_value().as_deref(), "--dry-run")?),
            Long("rate") => named.rate = Some(rate(&parser.value()?.string()?, "--rate")?),
            Long("total-rate") => named.total_rate = Some(rate(&parser.value()?.string()?, "--total-rate")?),
            Long("replace") => arguments.replace = true,
            Long("vlan") => arguments.vlan = true,
            Long("change") => arguments.change = true,
            Long("verify") => arguments.verify = true,
            Long("mode") => {
                let name = parser.value()?.string()?;
                let found = Mode::ALL.iter().find(|(known, _)| *known == name);
                arguments.mode = Some(found.map(|(_, mode)| *mode).with_context(|| format!("no such mode: {name}"))?);
            }
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(None);
            }
            Long("version") | Short('V') => {
                println!("xdp-reset {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Some(arguments))
}

/// Of a switch, which `--change` may take back.
fn on_or_off(value: Option<&OsStr>, option: &str) -> Result<bool> {
    match value.map(OsStr::to_str) {
        None | Some(Some("on")) => Ok(true),
        Some(Some("off")) => Ok(false),
        _ => bail!("{option} is on or off"),
    }
}

fn rate(text: &str, option: &str) -> Result<u32> {
    match text.parse() {
        Ok(0) => bail!("{option} 0 would answer nothing"),
        Ok(rate) => Ok(rate),
        Err(_) if text == "off" => Ok(0),
        Err(_) => bail!("{option} wants a number of resets a second, or off"),
    }
}
