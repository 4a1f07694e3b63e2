//! Watches packets without stopping them: when a segment matches, both ends of its connection are reset.

mod common;
#[path = "sniff/device.rs"]
mod device;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use etherparse::SlicedPacket;
use lexopt::prelude::*;
use regex::bytes::Regex;
use tcp_reset::{Checksum, Config, Fate, Reset, ethernet};
use tcp_reset_linux::program;

use common::Sender;
use device::{Device, Seen};

const USAGE: &str = "usage: sniff DEVICE --payload REGEX
Watches the packets of network device DEVICE, and resets both ends of each TCP connection in which the data of one
segment matches REGEX.";

fn main() -> ExitCode {
    program("sniff", USAGE, arguments(), |(device, payload)| watch(&device, &payload))
}

/// The network card of a local or virtual sender may compute the checksum later, and the checksum of segments that the
/// kernel has merged (GRO) may be wrong. Both have to be answered.
const CONFIG: Config = Config::new().tcp_checksum(Checksum::Trust);

/// Runs until a signal or an error ends it.
fn watch(name: &str, payload: &Regex) -> Result<()> {
    let resets = Sender::new(None).context("cannot open a raw socket, which takes CAP_NET_RAW")?;
    let mut device = Device::watch(name)?;
    let index = device.index();
    writeln!(io::stdout(), "sniff: watching {name}")?;
    loop {
        // Our own resets are seen here too, and draw none.
        match device.read()? {
            Seen::Frame(frame) if common::matches(payload, SlicedPacket::from_ethernet(frame)) => {
                let for_destination = |fate| ethernet::Reset::for_destination(frame, fate, &CONFIG).ok();
                let decided = order(for_destination, ethernet::Reset::in_reply_to(frame, &CONFIG).ok());
                for reset in decided.iter().flatten() {
                    // A tag names a VLAN, to which this host may have no route.
                    let is_tagged = reset.vlan_tags().next().is_some();
                    report(if is_tagged { device.write(reset) } else { resets.send(&reset.packet, index) });
                }
            }
            Seen::Packet(packet) if common::matches(payload, SlicedPacket::from_ip(packet)) => {
                let for_destination = |fate| Reset::for_destination(packet, fate, &CONFIG).ok();
                let decided = order(for_destination, Reset::in_reply_to(packet, &CONFIG).ok());
                for reset in decided.iter().flatten() {
                    report(resets.send(reset, index));
                }
            }
            _ => {}
        }
    }
}

/// The resets, in the order in which they are sent.
fn order<R>(for_destination: impl Fn(Fate) -> Option<R>, for_source: Option<R>) -> [Option<R>; 3] {
    // Another processor may deliver the segment after the resets. Until then the destination accepts the first reset, and
    // afterwards it ignores that one and accepts the second.
    [for_destination(Fate::Dropped), for_destination(Fate::Delivered), for_source]
}

fn report(sent: io::Result<usize>) {
    if let Err(error) = sent {
        eprintln!("sniff: cannot send a reset: {error}");
    }
}

/// The device's name and what to look for, or `None` when help is asked for.
fn arguments() -> Result<Option<(String, Regex)>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut device, mut payload) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("payload") => payload = Some(common::parse_payload(&parser.value()?.string()?)?),
            Value(value) if device.is_none() => device = Some(value.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let device = device.context("no DEVICE given, see --help")?;
    Ok(Some((device, payload.context("no --payload REGEX given, see --help")?)))
}
