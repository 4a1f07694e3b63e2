//! Answers every TCP segment that is routed into a TUN device, or sent into a TAP device, with a reset.
//!
//! No host is behind the device; each address there looks like a host on which every port is closed.

mod common;

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lexopt::prelude::*;
use nix::net::if_::if_nametoindex;
use tcp_reset::{Config, Endpoints, ethernet};
use tcp_reset_linux::cut::Limit;
use tcp_reset_linux::program;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use common::Firewall;
use common::options::{Options, parse_hop_limit};
use common::read::{ip_in_frame, is_martian};
use common::report::Count;

const USAGE: &str = "usage: responder [OPTIONS] DEVICE
Answers what is routed into the TUN device DEVICE, made if it does not exist, with TCP resets.
  --tap               DEVICE is a TAP device: answer Ethernet frames, whatever host they are for, VLAN tags included
  --hop-limit NUMBER  the TTL or hop limit of the resets; the system's unless given
  --rate NUMBER       send so many resets a second at most
  --dry-run           do not send anything; only count
  --version           print the version";

fn main() -> ExitCode {
    program("responder", USAGE, arguments(), respond)
}

/// Runs until a signal or an error ends it. The kernel then removes a device that the program made.
fn respond((layer, name, options): (Layer, String, Options)) -> Result<()> {
    let kind = if layer == Layer::L2 { "TAP" } else { "TUN" };
    let device =
        DeviceBuilder::new().name(&name).layer(layer).inherit_enable_state().build_sync().with_context(|| {
            format!("cannot attach to the {kind} device {name}, which takes /dev/net/tun and CAP_NET_ADMIN")
        })?;
    // The owner of a persistent device may attach to it without the right to bring it up.
    if let Err(error) = device.enabled(true) {
        eprintln!("responder: {name} is left as it is, up or down: {error}");
    }
    let firewall = Firewall::new("responder", [false, true], options)?;
    writeln!(io::stdout(), "responder: answering on {name}")?;
    let worker = Box::new(move || answer(firewall, &device, layer, &name));
    firewall.run(vec![worker], |_| Err(io::ErrorKind::Unsupported.into()), || 0)
}

fn answer(firewall: &Firewall, device: &SyncDevice, layer: Layer, name: &str) -> Result<()> {
    let report = &firewall.report;
    let mut limit = firewall.options.rate.map(Limit::new);
    let mut offender = vec![0; 1 << 17];
    let (mut packet, mut frame) = ([0; tcp_reset::MAX_LEN], [0; ethernet::MAX_LEN]);
    loop {
        let len = match device.recv(&mut offender) {
            Ok(len) => len,
            // A device that is down comes up again; one that is gone does not.
            Err(error) if if_nametoindex(name).is_ok() => {
                report.error(&format!("read from {name}"), &error);
                sleep(Duration::from_millis(10));
                continue;
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read from {name}")),
        };
        report.count(Count::Packets);
        let offender = &offender[..len];
        let ip = if layer == Layer::L2 {
            ip_in_frame(offender).map_or(&[][..], |(at, _)| &offender[at..])
        } else {
            offender
        };
        // Nobody on a wire has such an address.
        if Endpoints::of(ip).is_some_and(|ends| is_martian(ends.source) || is_martian(ends.destination)) {
            report.count(Count::NotAnswered);
            continue;
        }
        let is_ipv4 = ip.first().is_some_and(|byte| byte >> 4 == 4);
        let config = Config::new().hop_limit(firewall.hop_limits.of(is_ipv4, if_nametoindex(name).unwrap_or(0)));
        let reset = match layer {
            Layer::L2 => ethernet::reset_with(offender, &config, &mut frame),
            _ => tcp_reset::reset_with(offender, &config, &mut packet),
        };
        // Some frames get no reset: a reset, a wrong checksum, anything but TCP.
        let Ok(reset) = reset else { continue };
        report.count(Count::Matched);
        if limit.as_mut().is_some_and(|limit| !limit.take(Instant::now())) {
            report.count(Count::Limited);
            continue;
        }
        if firewall.options.is_dry_run {
            continue;
        }
        // A lost reset is like any lost packet: the peer sends again, and is answered again.
        match device.send(reset) {
            Ok(_) => report.count(Count::AtSource),
            Err(error) => report.error(&format!("write to {name}"), &error),
        }
    }
}

/// The device and the options, or `None` when help is asked for.
fn arguments() -> Result<Option<(Layer, String, Options)>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut layer, mut name, mut options) = (Layer::L3, None, Options::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("tap") => layer = Layer::L2,
            Long("hop-limit") => options.hop_limit = Some(parser.value()?.parse_with(parse_hop_limit)?),
            Long("rate") => options.rate = Some(parser.value()?.parse()?),
            Long("dry-run") => options.is_dry_run = true,
            Value(value) if name.is_none() => name = Some(value.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Some((layer, name.context("no DEVICE given, see --help")?, options)))
}
