//! Tagged frames, sent by scapy, over a veth cable to another host: the responder on a TAP device there, or `sniff`,
//! answers them with the same tags. This kernel may have no VLAN devices: scapy and tcpdump read the tags.

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

/// scapy compares each answer in full; tshark finds its checksums right, and tcpdump reads the tags of offenders and
/// resets.
fn answers(test: &str, mode: &str, family: &str) {
    let wire = Wire::record_host("eth0", NOBODY, test);
    let file = wire.file().to_owned();
    let resets: usize = scapy_frames(mode, "eth0", family).trim().parse().unwrap();
    let mut lines = wire.verify(resets, "tcp.flags.reset == 1");
    // `sniff` repeats its resets.
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), resets);

    let lines = run_with(&["tcpdump", "-Z", "root", "-n", "-t", "-S", "-e", "-r", &file]);
    for (kind, tags) in [
        ("802.1Q (0x8100)", "vlan 4094, p 7, DEI, "),
        ("802.1Q-QinQ (0x88a8)", "vlan 0, p 5, "),
        ("802.1Q-9100 (0x9100)", "vlan 100, p 3, "),
        ("802.1Q-QinQ (0x88a8)", "vlan 4094, p 7, DEI, ethertype 802.1Q (0x8100), vlan 0, p 0, "),
    ] {
        for (from, to, flags) in [(OURS, NOBODY, "P"), (NOBODY, OURS, "R")] {
            let (head, flags) = (format!("{from} > {to}, ethertype {kind}, length "), format!(": Flags [{flags}"));
            let is_there = |line: &str| {
                let tagged = line.strip_prefix(&head).and_then(|line| line.split_once(": "));
                tagged.is_some_and(|(_, line)| line.starts_with(tags) && line.contains(&flags))
            };
            assert!(lines.lines().any(is_there), "not {head}…: {tags}…{flags}: {lines}");
        }
    }
}
