//! What goes wrong around a firewall does not end it, and nothing but what is meant is dropped or reset.

use std::env;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::{self, sleep};
use std::time::Duration;

use etherparse::PacketBuilder;
use nix::sys::signal::Signal;
use nix::sys::socket::setsockopt;
use nix::{libc, setsockopt_impl, sockopt_impl};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, SeccompCondition, SeccompFilter, SeccompRule,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::both_ends::read_to_error;
use super::{Family, IPV4, IPV6, Network, connect_to, queue_to, raise, refused, start};
use crate::Test;
use crate::namespace::Namespace;
use crate::tools::{Daemon, big_tcp, output, queue, run, scapy};
use crate::wire::Wire;

const SNIFF: &str = env!("CARGO_BIN_EXE_sniff");
const POLICY: [&str; 3] = ["--payload", "forbidden", "--both-ends"];

pub(super) fn tests() -> Vec<Test> {
    let needs = &["ip", "nft"];
    let scapy = &["ip", "nft", "scapy"];
    let wire = &["ip", "nft", "curl", "tcpdump", "tshark"];
    vec![
        // With `queue` in their names: they hold for other programs that do the same, too.
        Test::new("queue_device_down", needs, device_down_under_queue),
        Test::new("queue_stopped", needs, stopped),
        Test::new("faults_device_down_sniff", needs, device_down_under_sniff),
        Test::new("faults_resets_that_a_rule_drops", needs, resets_that_a_rule_drops),
        Test::new("faults_resets_without_a_route", needs, resets_without_a_route),
        Test::new("faults_no_ipv6", needs, no_ipv6),
        Test::new("faults_frames_that_cannot_be_sent", &["ip", "tc", "scapy"], frames_that_cannot_be_sent),
        Test::new("faults_backlog", needs, backlog),
        Test::new("faults_table_full", needs, table_full),
        Test::new("faults_sigterm", needs, sigterm),
        Test::new("faults_flood", needs, flood),
        Test::new("firewall_fragments", scapy, fragments),
        Test::new("firewall_big_tcp", &["ip", "nft", "scapy"], big_tcp_is_read),
        Test::new("firewall_forged_loopback", scapy, forged_loopback),
        Test::new("firewall_hop_limit_ipv4", wire, || hop_limit(IPV4)),
        Test::new("firewall_hop_limit_ipv6", wire, || hop_limit(IPV6)),
        Test::new("firewall_several", needs, several_queues),
        Test::new("firewall_filters", needs, filters),
        Test::new("firewall_dry_run", needs, dry_run),
        Test::new("firewall_mptcp", needs, mptcp),
        Test::new("firewall_md5", needs, md5),
        Test::new("sniff_now_ipv4", needs, || now(IPV4)),
        Test::new("sniff_now_ipv6", needs, || now(IPV6)),
    ]
}

/// The connection still works, in both directions.
fn works([client, server]: &mut [TcpStream; 2]) {
    client.write_all(b"hello").unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
    server.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
}

/// Both ends are reset after the client has said the word.
fn is_cut([client, server]: &mut [TcpStream; 2]) {
    client.write_all(b"this is forbidden").unwrap();
    assert_eq!(read_to_error(client), ErrorKind::ConnectionReset);
    assert_eq!(read_to_error(server), ErrorKind::ConnectionReset);
}

/// The device of waiting packets goes down: the kernel drops them, and has no packet for the verdict (ENOENT).
fn device_down_under_queue() {
    let network = Network::new();
    let firewall = raise(&network.gateway, "forward", &POLICY);
    for _ in 0..3 {
        let mut ends = network.connection(IPV4);
        firewall.signal(Signal::SIGSTOP);
        ends[0].write_all(b"waits").unwrap();
        sleep(Duration::from_millis(50));
        network.gateway.enter();
        run("ip link set veth2 down");
        firewall.signal(Signal::SIGCONT);
        sleep(Duration::from_millis(50));
        run("ip link set veth2 up");
        // The client sends it again.
        ends[1].read_exact(&mut [0; 5]).unwrap();
        works(&mut ends);
        is_cut(&mut ends);
    }
    // With its device, too, a packet that waits is gone.
    let mut ends = network.connection(IPV4);
    firewall.signal(Signal::SIGSTOP);
    ends[0].write_all(b"waits").unwrap();
    sleep(Duration::from_millis(50));
    network.gateway.enter();
    run("ip link delete veth2");
    firewall.signal(Signal::SIGCONT);
    sleep(Duration::from_millis(50));
    run(&format!("ip link add veth2 type veth peer name eth0 netns {}", network.server.path()));
    connect_to("veth2", &["198.51.100.1/24"]);
    network.server.enter();
    connect_to("eth0", &["198.51.100.2/24"]);
    run("ip route add default via 198.51.100.1");
    is_cut(&mut network.connection(IPV4));
    let said = firewall.stop();
    let is_ours = queue() == env!("CARGO_BIN_EXE_queue");
    // Once for each device that went down; more often, if a segment was sent again meanwhile.
    assert!(!is_ours || said.contains("cannot decide on a packet: No such file or directory (os error 2)"), "{said}");
}

/// A firewall that does nothing for some seconds: connections wait, lose nothing and go on.
fn stopped() {
    let network = Network::new();
    let firewall = raise(&network.gateway, "forward", &POLICY);
    let [mut client, mut server] = network.connection(IPV4);
    let writer = thread::spawn(move || {
        for chunk in 0..256_u32 {
            client.write_all(&chunk.to_be_bytes().repeat(1 << 12)).unwrap();
            sleep(Duration::from_millis(2));
        }
        client
    });
    sleep(Duration::from_millis(100));
    firewall.signal(Signal::SIGSTOP);
    sleep(Duration::from_secs(2));
    firewall.signal(Signal::SIGCONT);
    let mut received = vec![0; 256 << 14];
    server.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    server.read_exact(&mut received).unwrap();
    let expected: Vec<_> = (0..256_u32).flat_map(|chunk| chunk.to_be_bytes().repeat(1 << 12)).collect();
    assert!(received == expected);
    let mut ends = [writer.join().unwrap(), server];
    works(&mut ends);
    is_cut(&mut ends);
}

fn device_down_under_sniff() {
    let network = Network::new();
    network.gateway.enter();
    let sniff = Daemon::start(&[SNIFF, "veth1", "--payload", "forbidden"], "watching veth1");
    for _ in 0..3 {
        let mut ends = network.connection(IPV4);
        network.gateway.enter();
        run("ip link set veth1 down");
        // Nobody hears the resets.
        ends[1].write_all(b"this is forbidden, too late").unwrap();
        sleep(Duration::from_millis(20));
        run("ip link set veth1 up");
        is_cut(&mut network.connection(IPV4));
    }
    let said = sniff.stop();
    assert!(said.lines().last().is_some_and(|line| line.starts_with("sniff: packets ")), "{said}");
}

/// EPERM from a rule that drops them.
fn resets_that_a_rule_drops() {
    let network = Network::new();
    let firewall = raise(&network.gateway, "forward", &POLICY);
    network.gateway.enter();
    run("nft add table inet stop");
    run("nft add chain inet stop out { type filter hook output priority 0 ; }");
    run("nft add rule inet stop out meta mark 0x7273 drop");
    for family in [IPV4, IPV6] {
        let [mut client, _server] = network.connection(family);
        client.write_all(b"this is forbidden").unwrap();
        sleep(Duration::from_millis(50));
    }
    let said = firewall.stop();
    assert!(said.contains("cannot send a reset: Operation not permitted (os error 1)"), "{said}");
    assert!(said.contains("connections cut 2, "), "{said}");
}

/// EHOSTUNREACH without a route, and what a kernel without IPv6 on a device says.
fn resets_without_a_route() {
    let network = Network::new();
    let firewall = raise(&network.gateway, "forward", &POLICY);
    let [mut client, _server] = network.connection(IPV4);
    network.gateway.enter();
    // Replies to the client have no way; its packets still have one.
    run("ip route add unreachable 192.0.2.2/32");
    client.write_all(b"this is forbidden").unwrap();
    sleep(Duration::from_millis(50));
    run("ip route delete unreachable 192.0.2.2/32");
    is_cut(&mut network.connection(IPV6));
    network.gateway.enter();
    fs::write("/proc/sys/net/ipv6/conf/veth1/disable_ipv6", "1").unwrap();
    is_cut(&mut network.connection(IPV4));
    let said = firewall.stop();
    assert!(said.contains("cannot send a reset: No route to host (os error 113)"), "{said}");
    assert!(said.contains("connections cut 3, "), "{said}");
}

/// EAFNOSUPPORT, as of a kernel without IPv6: a seccomp filter refuses the program its sockets.
fn no_ipv6() {
    let network = Network::new();
    let is_ipv6 = SeccompCondition::new(0, Dword, Eq, libc::AF_INET6 as u64).and_then(|is| SeccompRule::new(vec![is]));
    let rules = [(libc::SYS_socket, vec![is_ipv6.unwrap()])].into();
    let refusal = SeccompAction::Errno(libc::EAFNOSUPPORT as u32);
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, refusal, env::consts::ARCH.try_into().unwrap()).unwrap();
    let filter: BpfProgram = filter.try_into().unwrap();
    // It holds for the thread that applies it, and for what that one starts.
    let start = || {
        seccompiler::apply_filter(&filter).unwrap();
        start(&network.gateway, &POLICY)
    };
    let firewall = thread::scope(|scope| scope.spawn(start).join().unwrap());
    network.gateway.enter();
    queue_to("forward", "meta mark != 0x7273");
    let [mut client, _server] = network.connection(IPV6);
    client.write_all(b"this is forbidden").unwrap();
    sleep(Duration::from_millis(50));
    is_cut(&mut network.connection(IPV4));
    let said = firewall.stop();
    assert!(said.contains("cannot send a reset: Address family not supported by protocol (os error 97)"), "{said}");
    assert!(said.contains("connections cut 2, "), "{said}");
}

/// ENOBUFS from a device whose queue is full, and ENETDOWN from one that has gone down: `sniff` answers tagged frames with
/// frames.
fn frames_that_cannot_be_sent() {
    let network = Network::new();
    network.gateway.enter();
    let sniff = Daemon::start(&[SNIFF, "veth1", "--payload", "forbidden"], "watching veth1");
    for before in ["tc qdisc add dev veth1 root pfifo limit 0", "ip link set veth1 down"] {
        sniff.signal(Signal::SIGSTOP);
        network.client.enter();
        scapy("tagged", IPV4.server);
        network.gateway.enter();
        run(before);
        sniff.signal(Signal::SIGCONT);
        // The connection is forgotten, so that the next frame begins anew.
        sleep(Duration::from_millis(2500));
    }
    run("ip link set veth1 up");
    run("tc qdisc delete dev veth1 root");
    is_cut(&mut network.connection(IPV4));
    let said = sniff.stop();
    for error in ["No buffer space available (os error 105)", "Network is down (os error 100)"] {
        assert!(said.contains(&format!("cannot send a reset: {error}")), "{said}");
    }
    assert!(said.contains("connections cut 3"), "{said}");
}

/// What finds no room in the queue of a program that does not read it is dropped and counted, or accepted on request.
fn backlog() {
    /// More than the queue has room for.
    const SEGMENTS: u16 = 10_000;
    let network = Network::new();
    network.server.enter();
    run("nft add table inet count");
    run("nft add chain inet count gate { type filter hook input priority 0 ; }");
    network.gateway.enter();
    queue_to("forward", "meta mark != 0x7273");
    for (options, is_open) in [(&[][..], false), (&["--fail-open"], true)] {
        let firewall = start(&network.gateway, &[&POLICY[..], options].concat());
        network.server.enter();
        run("nft flush chain inet count gate");
        run("nft add rule inet count gate tcp dport 80 counter");
        firewall.signal(Signal::SIGSTOP);
        network.client.enter();
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255))).unwrap();
        let to: SocketAddr = "198.51.100.2:80".parse().unwrap();
        for number in 0..SEGMENTS {
            let ip = PacketBuilder::ipv4([192, 0, 2, 2], [198, 51, 100, 2], 64);
            let mut packet = Vec::new();
            ip.tcp(1000 + number, 80, 1, 1024).ack(1).write(&mut packet, b"allowed").unwrap();
            raw.send_to(&packet, &to.into()).unwrap();
        }
        sleep(Duration::from_millis(100));
        network.server.enter();
        let counted = run("nft list table inet count");
        let arrived = counted.split_whitespace().skip_while(|word| *word != "packets").nth(1).unwrap();
        let arrived: u32 = arrived.parse().unwrap();
        network.gateway.enter();
        firewall.signal(Signal::SIGCONT);
        sleep(Duration::from_millis(500));
        let said = firewall.stop();
        assert_eq!((arrived > 1000, said.contains("missed ")), (is_open, !is_open), "{arrived} arrived; {said}");
        assert!(is_open || arrived == 0, "{arrived} arrived; {said}");
    }
}

/// With room for two connections, fifty at the same time are cut by their first resets, and others lose nothing.
fn table_full() {
    let network = Network::new();
    let firewall = raise(&network.gateway, "forward", &[&POLICY[..], &["--connections", "2"]].concat());
    let mut other = network.connection(IPV4);
    let mut ends: Vec<_> = (0..50).map(|_| network.connection(IPV4)).collect();
    for [client, _] in &mut ends {
        client.write_all(b"this is forbidden").unwrap();
    }
    for [client, server] in &mut ends {
        assert_eq!(read_to_error(client), ErrorKind::ConnectionReset);
        assert_eq!(read_to_error(server), ErrorKind::ConnectionReset);
    }
    works(&mut other);
    let said = firewall.stop();
    assert!(said.contains("connections cut 50"), "{said}");
}

/// After SIGTERM in the middle of the traffic, a rule with `bypass` accepts: connections go on, and nothing is lost.
fn sigterm() {
    let network = Network::new();
    let firewall = start(&network.gateway, &POLICY);
    for iptables in ["iptables-nft", "ip6tables-nft"] {
        run(&format!("{iptables} -A FORWARD -p tcp -j NFQUEUE --queue-num 7 --queue-bypass"));
    }
    let [mut client, mut server] = network.connection(IPV4);
    let writer = thread::spawn(move || {
        for chunk in 0..256_u32 {
            client.write_all(&chunk.to_be_bytes().repeat(1 << 10)).unwrap();
            sleep(Duration::from_millis(1));
        }
        client
    });
    sleep(Duration::from_millis(100));
    let said = firewall.stop();
    assert!(said.starts_with("queue: packets ") && !said.contains("cut"), "{said}");
    let mut received = vec![0; 256 << 12];
    server.read_exact(&mut received).unwrap();
    let expected: Vec<_> = (0..256_u32).flat_map(|chunk| chunk.to_be_bytes().repeat(1 << 10)).collect();
    assert!(received == expected);
    works(&mut [writer.join().unwrap(), server]);
}

/// How many fragments have arrived at the server.
fn fragments_at(server: &Namespace) -> u32 {
    server.enter();
    let snmp = fs::read_to_string("/proc/thread-self/net/snmp").unwrap();
    let mut lines = snmp.lines().filter(|line| line.starts_with("Ip: ")).map(|line| line.split(' '));
    let (mut names, mut values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.position(|name| name == "ReasmReqds").unwrap();
    values.nth(at).unwrap().parse().unwrap()
}

/// Fragments are dropped and counted, or passed on request; behind connection tracking they are whole packets.
fn fragments() {
    let network = Network::new();
    let mut firewall = raise(&network.gateway, "forward", &POLICY);
    network.client.enter();
    scapy("fragments", IPV4.server);
    sleep(Duration::from_millis(100));
    let said = firewall.stop();
    assert!(said.contains("unreadable 3"), "{said}");
    assert_eq!(fragments_at(&network.server), 0);

    firewall = start(&network.gateway, &[&POLICY[..], &["--pass-unreadable"]].concat());
    network.client.enter();
    scapy("fragments", IPV4.server);
    sleep(Duration::from_millis(100));
    let said = firewall.stop();
    assert!(said.contains("unreadable 3"), "{said}");
    // The first one has the word.
    assert!(said.contains("connections cut 1"), "{said}");
    assert_eq!(fragments_at(&network.server), 2);

    firewall = start(&network.gateway, &POLICY);
    run("nft add rule inet firewall gate ct state related");
    network.client.enter();
    scapy("fragments", IPV4.server);
    sleep(Duration::from_millis(100));
    let said = firewall.stop();
    assert!(!said.contains("unreadable") && said.contains("connections cut 1"), "{said}");
}

/// Packets longer than their length field can say are searched to their end, by both programs.
fn big_tcp_is_read() {
    let network = Network::new();
    for (host, device) in [(&network.client, "eth0"), (&network.gateway, "veth1"), (&network.gateway, "veth2")] {
        host.enter();
        big_tcp(device);
    }
    // The word is one byte, which may be anywhere in a large packet.
    let bulk = |[client, server]: &mut [TcpStream; 2], word: Option<usize>| {
        let mut data = vec![b'.'; 8 << 20];
        if let Some(at) = word {
            data[at] = b'#';
        }
        let mut reader = server.try_clone().unwrap();
        let reader = thread::spawn(move || {
            let (mut total, mut buffer) = (0, vec![0; 1 << 20]);
            while total < 8 << 20 {
                match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(len) => total += len,
                    Err(error) => return Err(error.kind()),
                }
            }
            Ok(total)
        });
        let written = client.write_all(&data).map_err(|error| error.kind());
        (written, reader.join().unwrap())
    };
    network.gateway.enter();
    run("nft add table inet big");
    run("nft add chain inet big gate { type filter hook forward priority -1 ; }");
    run("nft add rule inet big gate ip length 0 counter");
    let sniff = Daemon::start(&[SNIFF, "veth2", "--payload", "#"], "watching veth2");
    assert_eq!(bulk(&mut network.connection(IPV4), None), (Ok(()), Ok(8 << 20)));
    // A monitor may come too late for data that is so fast, but it has seen it.
    for _ in 0..8 {
        let _: (_, Result<_, _>) = bulk(&mut network.connection(IPV4), Some(fastrand::usize(1 << 20..8 << 20)));
    }
    sleep(Duration::from_millis(500));
    let said = sniff.stop();
    assert!(said.contains("connections cut 8") && !said.contains("unreadable"), "{said}");

    let firewall = raise(&network.gateway, "forward", &["--payload", "#", "--both-ends"]);
    assert_eq!(bulk(&mut network.connection(IPV4), None), (Ok(()), Ok(8 << 20)));
    for _ in 0..8 {
        let (written, read) = bulk(&mut network.connection(IPV4), Some(fastrand::usize(1 << 20..8 << 20)));
        assert_eq!(read, Err(ErrorKind::ConnectionReset), "{written:?}");
    }
    let said = firewall.stop();
    assert!(said.contains("connections cut 8") && !said.contains("unreadable"), "{said}");
    network.gateway.enter();
    let seen = run("nft list table inet big");
    assert!(!seen.contains("packets 0 "), "there was no packet without a length: {seen}");
}

/// A frame with a loopback address gets no reset, neither to the address nor in its name.
fn forged_loopback() {
    let network = Network::new();
    let firewall = start(&network.gateway, &POLICY);
    // The kernel drops such packets when it routes them.
    run("iptables-nft -t mangle -A PREROUTING -p tcp -m mark ! --mark 0x7273 -j NFQUEUE --queue-num 7");
    let sniff = Daemon::start(&[SNIFF, "veth1", "--payload", "forbidden"], "watching veth1");
    network.client.enter();
    scapy("forged", IPV4.server);
    sleep(Duration::from_millis(500));
    for said in [firewall.stop(), sniff.stop()] {
        assert!(said.contains("without a reset for their addresses 3") && !said.contains("resets to"), "{said}");
    }
}

/// The system's hop limit unless one is given, as from REJECT.
fn hop_limit(family: Family) {
    let network = Network::new();
    network.gateway.enter();
    fs::write("/proc/sys/net/ipv4/ip_default_ttl", "99").unwrap();
    fs::write("/proc/sys/net/ipv6/conf/veth1/hop_limit", "99").unwrap();
    let mut firewall = raise(&network.gateway, "forward", &[]);
    for (number, expected) in [(1, 99), (2, 7)] {
        network.client.enter();
        let wire = Wire::record("eth0", &format!("firewall_hop_limit_{}_{number}", family.name));
        let file = wire.file().to_owned();
        let host = if family.server.contains(':') { format!("[{}]", family.server) } else { family.server.into() };
        refused(&format!("http://{host}/"));
        wire.verify(1, "tcp.flags.reset == 1");
        let field = if family.server.contains(':') { "ipv6.hlim" } else { "ip.ttl" };
        let limit = run(&format!("tshark -r {file} -Y tcp.flags.reset==1 -T fields -e {field}"));
        assert_eq!(limit, format!("{expected}\n"));
        drop(firewall);
        firewall = start(&network.gateway, &["--hop-limit", "7"]);
    }
}

/// One process answers several queues, and both directions of a connection may be in different ones.
fn several_queues() {
    let network = Network::new();
    network.gateway.enter();
    let firewall = Daemon::start(&[&[queue(), "4-7"], &POLICY[..]].concat(), "answering queues 4-7");
    for (device, number) in [("veth1", 4), ("veth2", 7)] {
        run(&format!(
            "iptables-nft -A FORWARD -i {device} -p tcp -m mark ! --mark 0x7273 -j NFQUEUE --queue-num {number}"
        ));
    }
    for _ in 0..20 {
        is_cut(&mut network.connection(IPV4));
    }
    let said = firewall.stop();
    assert!(said.contains("connections cut 20"), "{said}");
}

/// Only connections of a host or a port, when that is asked for. Each is logged.
fn filters() {
    for (option, yes, no) in [("--host", "198.51.100.0/24", "198.51.101.0/24"), ("--port", "", "9")] {
        let network = Network::new();
        let mut ends = network.connection(IPV4);
        let port = ends[1].local_addr().unwrap().port().to_string();
        let yes = if yes.is_empty() { &port } else { yes };
        network.gateway.enter();
        let options = [&POLICY[..], &[option, no]].concat();
        let firewall = raise(&network.gateway, "forward", &options);
        ends[0].write_all(b"forbidden").unwrap();
        ends[1].read_exact(&mut [0; 9]).unwrap();
        drop(firewall);
        let firewall = start(&network.gateway, &[&POLICY[..], &[option, yes, "--json"]].concat());
        is_cut(&mut ends);
        let said = firewall.stop();
        let [client, server] = ends.map(|end| end.local_addr().unwrap());
        let ends = format!(
            r#""destination":{{"address":"{}","port":{}}},"event":"cut","program":"queue","source":{{"address":"{}","port":{}}}"#,
            server.ip(),
            server.port(),
            client.ip(),
            client.port()
        );
        let log: Vec<_> = said.lines().filter(|line| line.starts_with('{')).collect();
        assert!(matches!(&log[..], [line] if line.contains(&ends) && line.contains("forbidden")), "{said}");
    }
}

/// Nothing is dropped or sent, but what would be cut is logged.
fn dry_run() {
    let network = Network::new();
    let firewall = raise(&network.gateway, "forward", &[&POLICY[..], &["--dry-run"]].concat());
    let mut ends = network.connection(IPV4);
    ends[0].write_all(b"forbidden").unwrap();
    ends[1].read_exact(&mut [0; 9]).unwrap();
    works(&mut ends);
    let said = firewall.stop();
    let [client, server] = ends.map(|end| end.local_addr().unwrap());
    let line = format!(
        "queue: would cut {}.{} > {}.{}: the data matches: \"forbidden\"",
        client.ip(),
        client.port(),
        server.ip(),
        server.port()
    );
    assert!(said.contains(&line) && !said.contains("resets to") && !said.contains("dropped"), "{said}");
    let version = output(&[queue(), "--version"]);
    assert!(version.status.success() && version.stdout.starts_with(b"queue "), "{version:?}");
}

/// An idle connection is cut at both ends, and no other.
fn now(family: Family) {
    let network = Network::new();
    for _ in 0..3 {
        let [client, server] = &mut network.connection(family);
        let mut other = network.connection(family);
        let ends = [&*client, &*server].map(|end| end.local_addr().unwrap().to_string());
        network.gateway.enter();
        let said = run(&format!("{SNIFF} veth1 --now {} {}", ends[0], ends[1]));
        assert!(said.contains("resets to sources ") && said.contains("resets to destinations "), "{said}");
        assert_eq!(read_to_error(client), ErrorKind::ConnectionReset);
        assert_eq!(read_to_error(server), ErrorKind::ConnectionReset);
        works(&mut other);
        // There is none any more; and a server that only listens is not told to begin one.
        let again = output(&[SNIFF, "veth1", "--now", &ends[0], &ends[1]]);
        let error = String::from_utf8_lossy(&again.stderr);
        assert_eq!(error, "sniff: neither end has answered where this device sees it\n");
        assert!(!again.status.success());
        works(&mut other);
    }
}

/// Very many connections to be cut, of addresses that may be forged: memory stays bounded, and a real one is cut meanwhile.
fn flood() {
    /// Unless `TCP_RESET_FLOOD` says more.
    const CONNECTIONS: u32 = 100_000;
    let count = env::var("TCP_RESET_FLOOD").map_or(CONNECTIONS, |count| count.parse().expect("a number"));
    let network = Network::new();
    let firewall = raise(&network.gateway, "forward", &POLICY);
    let mut other = network.connection(IPV4);
    network.client.enter();
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255))).unwrap();
    let flood = thread::spawn(move || {
        let to: SocketAddr = "198.51.100.2:80".parse().unwrap();
        for number in 0..count {
            let from = Ipv4Addr::from_bits(0x0a00_0000 + (number >> 4)).octets();
            let ip = PacketBuilder::ipv4(from, [198, 51, 100, 2], 64);
            let tcp = ip.tcp(1000 + u16::try_from(number & 15).unwrap(), 80, number, 1024).ack(1);
            let mut packet = Vec::new();
            tcp.write(&mut packet, b"forbidden").unwrap();
            raw.send_to(&packet, &to.into()).unwrap();
            // Faster than the queue: what finds no room in it is dropped before anybody sees it. Real segments come again.
            if number % 64 == 0 {
                sleep(Duration::from_micros(200));
            }
        }
    });
    let mut cut = 0;
    while !flood.is_finished() {
        is_cut(&mut network.connection(IPV4));
        works(&mut other);
        cut += 1;
    }
    flood.join().unwrap();
    assert!(cut >= 3, "{cut}");
    let status = fs::read_to_string(format!("/proc/{}/status", firewall.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let kilobytes: u32 = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 200 << 10, "{peak}");
    // Nobody has read its log meanwhile, which has stopped nothing.
    println!("{cut} connections cut beside a flood of {count}, at most {peak}");
}

/// Client and server of a connection, whose sockets are prepared.
fn connection_of(network: &Network, protocol: Protocol, prepare: impl Fn(&Socket)) -> [TcpStream; 2] {
    let socket = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(protocol)).unwrap();
        prepare(&socket);
        socket
    };
    network.server.enter();
    let listener = socket();
    listener.bind(&"198.51.100.2:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(1).unwrap();
    network.client.enter();
    let client = socket();
    client.connect(&listener.local_addr().unwrap()).unwrap();
    let mut ends = [client.into(), listener.accept().unwrap().0.into()];
    for end in &ends {
        TcpStream::set_read_timeout(end, Some(Duration::from_secs(2))).unwrap();
    }
    works(&mut ends);
    ends
}

/// Where SYNs lose their option, Multipath TCP falls back to plain TCP, which is cut.
fn mptcp() {
    let network = Network::new();
    let _firewall = raise(&network.gateway, "forward", &POLICY);
    let fallbacks = |network: &Network| {
        network.client.enter();
        let netstat = fs::read_to_string("/proc/thread-self/net/netstat").unwrap();
        let mut lines = netstat.lines().filter(|line| line.starts_with("MPTcpExt: ")).map(|line| line.split(' '));
        let (mut names, mut values) = (lines.next().unwrap(), lines.next().unwrap());
        let at = names.position(|name| name == "MPCapableFallbackSYNACK").unwrap();
        values.nth(at).unwrap().parse::<u32>().unwrap()
    };
    // The option passes, and both ends speak Multipath TCP.
    let _ends = connection_of(&network, Protocol::MPTCP, |_| ());
    assert_eq!(fallbacks(&network), 0);
    network.gateway.enter();
    run("nft add table inet plain");
    run("nft add chain inet plain gate { type filter hook forward priority -1 ; }");
    run("nft add rule inet plain gate tcp flags syn reset tcp option mptcp");
    let mut ends = connection_of(&network, Protocol::MPTCP, |_| ());
    assert_eq!(fallbacks(&network), 1);
    is_cut(&mut ends);
}

sockopt_impl!(
    /// A key for the segments from and to an address: `struct tcp_md5sig`.
    TcpMd5, SetOnly, libc::IPPROTO_TCP, libc::TCP_MD5SIG, [u8; 216]
);

/// Resets without a signature are ignored. What is forbidden does not arrive all the same.
fn md5() {
    let sign = |socket: &Socket| {
        for address in ["192.0.2.2", "198.51.100.2"] {
            let mut signature = [0; 216];
            signature[..2].copy_from_slice(&u16::try_from(libc::AF_INET).unwrap().to_ne_bytes());
            signature[4..8].copy_from_slice(&address.parse::<Ipv4Addr>().unwrap().octets());
            signature[130..132].copy_from_slice(&6_u16.to_ne_bytes());
            signature[136..142].copy_from_slice(b"secret");
            setsockopt(socket, TcpMd5, &signature).unwrap();
        }
    };
    let network = Network::new();
    let firewall = raise(&network.gateway, "forward", &POLICY);
    let [mut client, mut server] = connection_of(&network, Protocol::TCP, sign);
    client.write_all(b"this is forbidden").unwrap();
    for end in [&mut client, &mut server] {
        assert_eq!(read_to_error(end), ErrorKind::WouldBlock);
    }
    let said = firewall.stop();
    assert!(said.contains("connections cut 1") && said.contains("resets to destinations "), "{said}");
}
