//! Watches packets without stopping them: when a segment matches, both ends of its connection are reset.

mod common;
#[path = "sniff/device.rs"]
mod device;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use etherparse::PacketBuilder;
use lexopt::prelude::*;
use tcp_reset::{Checksum, Config, Towards};
use tcp_reset_linux::cut::{Answers, End, REPEATS, Segment, Verdict};
use tcp_reset_linux::program;
use tcp_reset_linux::realtime::become_realtime;

use common::Firewall;
use common::options::{Options, common_options};
use common::read::{Read, Tcp, ip_in_frame};
use common::report::Count;
use common::resets::{Answer, Link, Sender, frame_reset, packet_reset};
use device::{Device, Seen, Writer};

const USAGE: &str = concat!(
    "usage: sniff DEVICE --payload REGEX [OPTIONS]
       sniff DEVICE --now ADDRESS:PORT ADDRESS:PORT [OPTIONS]
Watches the packets of network device DEVICE, and resets both ends of each TCP connection in which the data of one
segment matches REGEX; or resets one connection now, even if it is idle.
  --payload REGEX          what is forbidden in the data of a segment
  --now END END            the two ends of the connection to cut, such as 192.0.2.1:1025 [2001:db8::1]:80",
    common_options!()
);

/// How long resets wait at most while there are always more packets to read.
const PATIENCE: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    program("sniff", USAGE, arguments(), |(device, now, options)| watch(&device, now, options))
}

/// Runs until a signal or an error ends it.
fn watch(name: &str, now: Option<[SocketAddr; 2]>, options: Options) -> Result<()> {
    let sender: &Sender =
        Box::leak(Box::new(Sender::new(None).context("cannot open a raw socket, which takes CAP_NET_RAW")?));
    let mut device = Device::watch(name)?;
    let writer: &Writer = Box::leak(Box::new(device.writer()?));
    let firewall = Firewall::new("sniff", [true, false], options)?;
    // While it waits for a processor that others use, packets are missed, and what the others show is no longer true. It does
    // without if it may not. The thread that writes lines has started before, and has no such priority.
    let _ = become_realtime();
    writeln!(io::stdout(), "sniff: watching {name}")?;
    let index = device.index();
    let mut workers: Vec<Box<dyn FnOnce() -> Result<()> + Send>> = Vec::new();
    let mut probes = Vec::new();
    if let Some([a, b]) = now {
        probes = vec![Probe::new(a, b), Probe::new(b, a)];
        let probes = probes.clone();
        workers.push(Box::new(move || probe(firewall, sender, &probes, index)));
    }
    workers.push(Box::new(move || -> Result<()> {
        let (mut has_read_all, mut next) = (true, Instant::now());
        loop {
            let seen = device.read(has_read_all)?;
            has_read_all = seen.is_none();
            match seen {
                Some(Seen::Frame(frame)) => take_frame(firewall, frame, index, &probes),
                Some(Seen::Packet(packet)) => take_packet(firewall, packet, (0, 0), packet, index, &probes),
                None => {}
            }
            // The latest segments show what the ends expect now. But there may always be more.
            let now = Instant::now();
            if has_read_all || now > next {
                firewall.send_due(now, |answer| send(sender, writer, answer));
                next = now + PATIENCE;
            }
        }
    }));
    firewall.run(workers, |answer| send(sender, writer, answer), || writer.missed())
}

/// A segment to which an end of an idle connection answers with the numbers that it expects.
#[derive(Clone)]
struct Probe {
    packet: Vec<u8>,
    segment: Segment,
}

impl Probe {
    /// An ACK without data and with numbers of chance, in the name of the other end. An end that has the connection finds it
    /// outside its window and says so with an ACK (RFC 9293 §3.10.7.4, RFC 5961 §5). One that has none answers with a reset,
    /// which harms nobody. A SYN would do as well, but might open a connection.
    fn new(source: SocketAddr, destination: SocketAddr) -> Self {
        let (seq, ack) = (fastrand::u32(..), fastrand::u32(..));
        let ip = match (source.ip(), destination.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 64),
            (from, to) => PacketBuilder::ipv6(ipv6(from).octets(), ipv6(to).octets(), 64),
        };
        let mut packet = Vec::new();
        // A `Vec` takes everything.
        let _ = ip.tcp(source.port(), destination.port(), seq, 1024).ack(ack).write(&mut packet, &[]);
        Self { packet, segment: Segment { source, destination, opens: false, rst: false, seq, scope: 0 } }
    }
}

fn ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// Asks both ends for their numbers. The answer, which `sniff` sees like any other segment, gets the resets.
fn probe(firewall: &Firewall, sender: &Sender, probes: &[Probe], device: u32) -> Result<()> {
    let report = &firewall.report;
    let has_cut = || report.counted(Count::AtSource) > 0 && report.counted(Count::AtDestination) > 0;
    // Linux answers one such segment in half a second.
    for _ in 0..3 {
        if has_cut() {
            break;
        }
        for probe in probes {
            firewall.begin(&probe.segment);
            if let Err(error) = sender.send_packet(&probe.packet, probe.segment.destination.ip(), device) {
                report.error("send a probe", &error);
            }
        }
        sleep(Duration::from_millis(600));
    }
    ensure!(has_cut(), "neither end has answered where this device sees it");
    // The repeats.
    sleep(REPEATS.into_iter().max().unwrap_or_default() + Duration::from_millis(50));
    Ok(())
}

fn send(sender: &Sender, writer: &Writer, answer: &Answer) -> io::Result<usize> {
    match &answer.reset {
        Link::Packet(reset) => sender.send(reset, answer.device),
        Link::Frame(reset) => writer.write(reset),
    }
}

/// Decides about a frame.
fn take_frame(firewall: &Firewall, frame: &[u8], device: u32, probes: &[Probe]) {
    if let Some((at, vlans)) = ip_in_frame(frame) {
        take_packet(firewall, frame, (at, vlans), &frame[at..], device, probes);
    }
}

/// Decides about a packet, which begins at `at` of the frame, after tags of `vlans`. Our own resets are seen here too, and
/// get none.
fn take_packet(
    firewall: &Firewall,
    frame: &[u8],
    (at, vlans): (usize, u64),
    packet: &[u8],
    device: u32,
    probes: &[Probe],
) {
    firewall.report.count(Count::Packets);
    let mut read = Read::packet(packet, false);
    read.tcp.iter_mut().for_each(|tcp| tcp.segment.scope = vlans);
    let read = read;
    if read.tcp.as_ref().is_some_and(|tcp| probes.iter().any(|probe| probe.segment == tcp.segment)) {
        return;
    }
    // The network card of a local or virtual sender may compute the checksum later, and the checksum of segments that the
    // kernel has merged (GRO) may be wrong. Both have to be answered.
    let config = || {
        let is_ipv4 = packet.first().is_some_and(|byte| byte >> 4 == 4);
        Config::new().tcp_checksum(Checksum::Trust).hop_limit(firewall.hop_limits.of(is_ipv4, device))
    };
    // A tag names a VLAN, to which this host may have no route.
    let is_tagged = at > 14;
    let reset = |end, tcp: &Tcp, towards| {
        let config = config().towards(towards);
        let reset = if is_tagged {
            Link::Frame(frame_reset(frame, at, tcp, config)?)
        } else {
            Link::Packet(packet_reset(packet, tcp, config)?)
        };
        Some(Answer { reset, device, end })
    };
    let answers = |end, verdict| -> Answers<Answer> {
        let Some(tcp) = &read.tcp else { return [None, None] };
        let [dropped, delivered] = [Towards::DestinationOfDropped, Towards::DestinationOfDelivered];
        match (end, verdict) {
            (End::Source, _) => [reset(end, tcp, Towards::Source), None],
            // Another processor may deliver the segment after the resets. Until then the destination accepts the first
            // reset, and afterwards it ignores that one and accepts the second.
            (End::Destination, Verdict::First) => [reset(end, tcp, dropped), reset(end, tcp, delivered)],
            (End::Destination, _) => [reset(end, tcp, delivered), None],
        }
    };
    let why = |tcp: &Tcp| {
        let found = firewall.options.forbidden(tcp.data)?;
        Some(format!("the data matches: \"{}\"", found.escape_ascii()))
    };
    firewall.decide(&read, device, why, answers);
}

/// The device's name, the connection to cut now, and the options.
type Arguments = (String, Option<[SocketAddr; 2]>, Options);

/// The arguments, or `None` when help is asked for.
fn arguments() -> Result<Option<Arguments>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut device, mut now, mut options) = (None, None, Options::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("now") => now = Some([parser.value()?.parse::<SocketAddr>()?, parser.value()?.parse()?]),
            Long(name) => {
                let name = name.to_owned();
                options.take(&name, &mut parser)?;
            }
            Value(value) if device.is_none() => device = Some(value.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let device = device.context("no DEVICE given, see --help")?;
    ensure!(options.payload.is_some() || now.is_some(), "no --payload REGEX given, see --help");
    ensure!(
        now.is_none_or(|[a, b]| a.is_ipv4() == b.is_ipv4()),
        "--now: both ends need addresses of the same IP version"
    );
    Ok(Some((device, now, options)))
}
