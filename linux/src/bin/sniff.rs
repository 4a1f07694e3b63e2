//! Watches packets without stopping them: when a segment matches, both ends of its connection are reset.

mod common;
#[path = "sniff/device.rs"]
mod device;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::prelude::*;
use tcp_reset::{Checksum, Config, Fate};
use tcp_reset_linux::cut::{Answers, End, Verdict};
use tcp_reset_linux::program;

use common::Firewall;
use common::options::{Options, common_options};
use common::read::{Read, Tcp, ip_in_frame};
use common::report::Count;
use common::resets::{Answer, Link, Sender, Towards, frame_reset, packet_reset};
use device::{Device, Seen, Writer};

const USAGE: &str = concat!(
    "usage: sniff DEVICE --payload REGEX [OPTIONS]
Watches the packets of network device DEVICE, and resets both ends of each TCP connection in which the data of one
segment matches REGEX.",
    common_options!()
);

fn main() -> ExitCode {
    program("sniff", USAGE, arguments(), |(device, options)| watch(&device, options))
}

/// Runs until a signal or an error ends it.
fn watch(name: &str, options: Options) -> Result<()> {
    let sender: &Sender =
        Box::leak(Box::new(Sender::new(None).context("cannot open a raw socket, which takes CAP_NET_RAW")?));
    let mut device = Device::watch(name)?;
    let writer: &Writer = Box::leak(Box::new(device.writer()?));
    let firewall = Firewall::new("sniff", true, options)?;
    writeln!(io::stdout(), "sniff: watching {name}")?;
    let worker = Box::new(move || -> Result<()> {
        loop {
            let index = device.index();
            let resets = match device.read()? {
                Seen::Frame(frame) => frame_resets(firewall, frame, index),
                Seen::Packet(packet) => packet_resets(firewall, packet, (0, 0), packet, index),
            };
            firewall.send(&resets, |answer| send(sender, writer, answer));
        }
    });
    firewall.run(vec![worker], |answer| send(sender, writer, answer), || writer.missed())
}

fn send(sender: &Sender, writer: &Writer, answer: &Answer) -> io::Result<usize> {
    match &answer.reset {
        Link::Packet(reset) => sender.send(reset, answer.device),
        Link::Frame(reset) => writer.write(reset),
    }
}

/// The resets that a frame draws.
fn frame_resets(firewall: &Firewall, frame: &[u8], device: u32) -> Vec<Answer> {
    match ip_in_frame(frame) {
        Some((at, vlans)) => packet_resets(firewall, frame, (at, vlans), &frame[at..], device),
        None => Vec::new(),
    }
}

/// The resets that a packet draws; it begins at `at` of the frame, after tags of `vlans`. Our own resets are seen here too,
/// and draw none.
fn packet_resets(
    firewall: &Firewall,
    frame: &[u8],
    (at, vlans): (usize, u64),
    packet: &[u8],
    device: u32,
) -> Vec<Answer> {
    firewall.report.count(Count::Packets);
    let mut read = Read::packet(packet, false);
    read.tcp.iter_mut().for_each(|tcp| tcp.segment.scope = vlans);
    let read = read;
    // The network card of a local or virtual sender may compute the checksum later, and the checksum of segments that the
    // kernel has merged (GRO) may be wrong. Both have to be answered.
    let config = || {
        let is_ipv4 = packet.first().is_some_and(|byte| byte >> 4 == 4);
        Config::new().tcp_checksum(Checksum::Trust).hop_limit(firewall.hop_limits.of(is_ipv4, device))
    };
    // A tag names a VLAN, to which this host may have no route.
    let is_tagged = at > 14;
    let reset = |end, tcp: &Tcp, towards| {
        let reset = if is_tagged {
            Link::Frame(frame_reset(frame, at, tcp, towards, config())?)
        } else {
            Link::Packet(packet_reset(packet, tcp, towards, config())?)
        };
        Some(Answer { reset, device, end })
    };
    let answers = |end, verdict| -> Answers<Answer> {
        let Some(tcp) = &read.tcp else { return [None, None] };
        let destination = |fate| reset(end, tcp, Towards::Destination(fate));
        match (end, verdict) {
            (End::Source, _) => [reset(end, tcp, Towards::Source), None],
            // Another processor may deliver the segment after the resets. Until then the destination accepts the first
            // reset, and afterwards it ignores that one and accepts the second.
            (End::Destination, Verdict::First) => [destination(Fate::Dropped), destination(Fate::Delivered)],
            (End::Destination, _) => [destination(Fate::Delivered), None],
        }
    };
    let why = |tcp: &Tcp| {
        let found = firewall.options.forbidden(tcp.data)?;
        Some(format!("the data matches: \"{}\"", found.escape_ascii()))
    };
    firewall.decide(&read, device, why, answers).resets
}

/// The device's name and the options, or `None` when help is asked for.
fn arguments() -> Result<Option<(String, Options)>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut device, mut options) = (None, Options::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long(name) => {
                let name = name.to_owned();
                options.take(&name, &mut parser)?;
            }
            Value(value) if device.is_none() => device = Some(value.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let device = device.context("no DEVICE given, see --help")?;
    options.payload.as_ref().context("no --payload REGEX given, see --help")?;
    Ok(Some((device, options)))
}
