//! Tagged frames, sent by scapy, over a veth cable to another host: the responder on a TAP device there, or `sniff`,
//! answers them with the same tags. This kernel may have no VLAN devices: scapy and tcpdump read the tags.

use std::collections::HashMap;

use crate::Test;
use crate::namespace::Namespace;
use crate::tools::{Daemon, run, run_with, scapy_frames};
use crate::wire::Wire;

const OURS: &str = "02:00:00:00:00:01";
const NOBODY: &str = "02:00:00:00:00:07";

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let name = format!("frames_responder_{family}");
        let needs = &["/dev/net/tun", "bridge", "ip", "tcpdump", "tshark", "scapy"];
        tests.push(Test::new(name.clone(), needs, move || responder(&name, family)));
        let name = format!("frames_sniff_{family}");
        let needs = &["ip", "tcpdump", "tshark", "scapy"];
        tests.push(Test::new(name.clone(), needs, move || sniff(&name, family)));
    }
    tests
}

/// Two hosts joined by a cable: the client, whose end is `eth0`, and the one that answers, whose end is `veth0`.
fn cable() -> [Namespace; 2] {
    let [client, answering] = [(); 2].map(|()| Namespace::new());
    run(&format!("ip link add veth0 type veth peer name eth0 address {OURS} netns {}", client.path()));
    run("ip link set veth0 up");
    client.enter();
    run("ip link set eth0 up");
    answering.enter();
    [client, answering]
}

/// A bridge carries the frames from the cable to the responder's TAP device and back.
fn responder(test: &str, family: &str) {
    let [client, _answering] = cable();
    let _responder = Daemon::start(&[env!("CARGO_BIN_EXE_responder"), "--tap", "tap0"], "answering on tap0");
    run("ip link add bridge0 type bridge");
    run("ip link set bridge0 up");
    for port in ["veth0", "tap0"] {
        run(&format!("ip link set {port} master bridge0"));
    }
    client.enter();
    answers(test, "responder", family);
}

/// A passive monitor on the other end of the cable resets both ends of the connection, in its VLAN.
fn sniff(test: &str, family: &str) {
    let [client, _answering] = cable();
    let sniff = [env!("CARGO_BIN_EXE_sniff"), "veth0", "--payload", "forbidden"];
    let _sniff = Daemon::start(&sniff, "watching veth0");
    client.enter();
    answers(test, "sniff", family);
}

/// scapy finds each answer right, and so do tcpdump and tshark.
fn answers(test: &str, mode: &str, family: &str) {
    let wire = Wire::record_host("eth0", NOBODY, test);
    let file = wire.file().to_owned();
    let resets: usize = scapy_frames(mode, "eth0", family).trim().parse().unwrap();
    assert_eq!(wire.verify(resets, "tcp.flags.reset == 1").len(), resets);

    let lines = run_with(&["tcpdump", "-Z", "root", "-n", "-t", "-S", "-e", "-r", &file]);
    let (mut offenders, mut count) = (HashMap::new(), 0);
    for frame in lines.lines().filter_map(Frame::parse) {
        let [from, to] = frame.ends;
        if !frame.is_reset {
            offenders.insert([from, to], frame);
            continue;
        }
        // Towards the source, or towards the destination.
        let offender = offenders.get(&[to, from]).or_else(|| offenders.get(&[from, to]));
        let offender = offender.unwrap_or_else(|| panic!("{from} > {to} answers nothing: {lines}"));
        let macs = if offender.ends == frame.ends { [OURS, NOBODY] } else { [NOBODY, OURS] };
        assert_eq!((frame.macs, frame.tags), (macs, offender.tags.clone()), "{from} > {to}");
        count += 1;
    }
    assert_eq!(count, resets);
    for tags in [
        "802.1Q (0x8100) vlan 4094, p 7, DEI, ",
        "802.1Q-QinQ (0x88a8) vlan 0, p 5, ",
        "802.1Q-9100 (0x9100) vlan 100, p 3, ",
        "802.1Q-QinQ (0x88a8) vlan 4094, p 7, DEI, ethertype 802.1Q (0x8100), vlan 0, p 0, ",
    ] {
        assert!(offenders.values().any(|offender| offender.tags.contains(tags)), "no {tags}: {lines}");
    }
}

/// A line of `tcpdump -e` for a TCP segment.
struct Frame<'a> {
    macs: [&'a str; 2],
    /// What is between the MAC addresses and the packet.
    tags: String,
    /// Addresses and ports.
    ends: [&'a str; 2],
    is_reset: bool,
}

impl<'a> Frame<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (macs, rest) = line.split_once(", ethertype ")?;
        let (ether_type, rest) = rest.split_once(", length ")?;
        let (_, rest) = rest.split_once(": ")?;
        let (header, flags) = rest.split_once(": Flags [")?;
        let (rest, to) = header.rsplit_once(" > ")?;
        let at = rest.rfind(", ").map_or(0, |at| at + 2);
        let (tags, from) = rest.split_at(at);
        let macs = macs.split_once(" > ")?;
        let tags = format!("{ether_type} {tags}");
        Some(Self { macs: [macs.0, macs.1], tags, ends: [from, to], is_reset: flags.starts_with('R') })
    }
}
