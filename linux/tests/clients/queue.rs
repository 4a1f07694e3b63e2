//! Clients whose packets are queued to the NFQUEUE firewall on the client, on a gateway and on the server.

mod both_ends;
mod faults;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, str};

use crate::Test;
use crate::namespace::{Namespace, add_address};
use crate::tools::{Daemon, output, queue, run, scapy};
use crate::wire::Wire;

/// The server's address; the client reaches it through a gateway.
#[derive(Clone, Copy)]
struct Family {
    name: &'static str,
    server: &'static str,
}

const IPV4: Family = Family { name: "ipv4", server: "198.51.100.2" };
const IPV6: Family = Family { name: "ipv6", server: "2001:db8:2::2" };

/// The netfilter hook that queues, and with it the host that the firewall stands on.
#[derive(Clone, Copy)]
enum Hook {
    /// The client's own.
    Output,
    /// The gateway's.
    Forward,
    /// The server's.
    Input,
}

/// Sooner than the kernel repeats a SYN (RFC 6298 §2): the first answer was accepted.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(1);

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for family in [IPV4, IPV6] {
        for (hook, place) in [(Hook::Output, "output"), (Hook::Forward, "forward"), (Hook::Input, "input")] {
            let [curl, established] =
                ["curl", "established"].map(|test| format!("queue_{place}_{test}_{}", family.name));
            let needs = &["ip", "nft", "tcpdump", "tshark", "curl"];
            tests.push(Test::new(curl.clone(), needs, move || curl_is_refused(&curl, hook, family)));
            let needs = &["ip", "nft", "tcpdump", "tshark"];
            tests.push(Test::new(established.clone(), needs, move || connection_is_reset(&established, hook, family)));
        }
        let damaged = format!("queue_damaged_{}", family.name);
        let needs = &["ip", "nft", "tcpdump", "tshark", "scapy"];
        tests.push(Test::new(damaged.clone(), needs, move || damaged_is_dropped(&damaged, family)));
    }
    tests.push(Test::new("queue_link_local", &["ip", "nft", "tcpdump", "tshark", "curl"], link_local_is_refused));
    tests.extend(both_ends::tests());
    tests.extend(faults::tests());
    tests
}

/// Client, gateway and server, each a host of its own.
struct Network {
    client: Namespace,
    gateway: Namespace,
    server: Namespace,
}

impl Network {
    fn new() -> Self {
        let [client, server, gateway] = [(); 3].map(|()| Namespace::new());
        for (host, net) in [(&client, 1), (&server, 2)] {
            let device = format!("veth{net}");
            gateway.enter();
            run(&format!("ip link add {device} type veth peer name eth0 netns {}", host.path()));
            let [v4, v6] = [["192.0.2", "198.51.100"][net - 1], ["2001:db8:1:", "2001:db8:2:"][net - 1]];
            connect_to(&device, &[&format!("{v4}.1/24"), &format!("{v6}:1/64"), "fe80::1/64"]);
            host.enter();
            connect_to("eth0", &[&format!("{v4}.2/24"), &format!("{v6}:2/64"), "fe80::2/64"]);
            run(&format!("ip route add default via {v4}.1"));
            run(&format!("ip route add default via {v6}:1"));
        }
        gateway.enter();
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
        Self { client, gateway, server }
    }

    /// Starts the firewall where the hook is.
    fn raise(&self, hook: Hook) -> Daemon {
        match hook {
            Hook::Output => raise(&self.client, "output", &[]),
            Hook::Forward => raise(&self.gateway, "forward", &[]),
            Hook::Input => raise(&self.server, "input", &[]),
        }
    }

    /// Records the client's wire, where the resets are; those that its own firewall sends do not leave the host.
    fn record(&self, hook: Hook, test: &str) -> Wire {
        self.client.enter();
        Wire::record(if matches!(hook, Hook::Output) { "lo" } else { "eth0" }, test)
    }

    /// Client and server of a connection in which both have spoken.
    fn connection(&self, family: Family) -> [TcpStream; 2] {
        self.server.enter();
        let address: IpAddr = family.server.parse().unwrap();
        let listener = TcpListener::bind((address, 0)).unwrap();
        self.client.enter();
        let mut client = TcpStream::connect_timeout(&listener.local_addr().unwrap(), Duration::from_secs(5)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        for end in [&client, &server] {
            end.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        }
        client.write_all(b"?").unwrap();
        server.read_exact(&mut [0]).unwrap();
        server.write_all(b"!").unwrap();
        client.read_exact(&mut [0]).unwrap();
        [client, server]
    }
}

fn connect_to(device: &str, addresses: &[&str]) {
    run(&format!("ip link set {device} up"));
    for address in addresses {
        add_address(address, device);
    }
}

/// Starts the firewall on a host, and fills its queue with all of TCP but what it sends itself.
fn raise(host: &Namespace, hook: &str, options: &[&str]) -> Daemon {
    let firewall = start(host, options);
    queue_to(hook, "meta mark != 0x7273");
    firewall
}

/// Starts the firewall on a host; nothing is queued to it yet.
fn start(host: &Namespace, options: &[&str]) -> Daemon {
    host.enter();
    Daemon::start(&[&[queue(), "7"], options].concat(), "answering queue 7")
}

/// Queues the TCP segments at a hook in the current namespace; `mark` matches their packet mark, or is empty for all.
fn queue_to(hook: &str, mark: &str) {
    run("nft add table inet firewall");
    run(&format!("nft add chain inet firewall gate {{ type filter hook {hook} priority 0 ; }}"));
    let rule = format!("nft add rule inet firewall gate meta l4proto tcp {mark} queue num 7");
    if !output(&rule.split_whitespace().collect::<Vec<_>>()).status.success() {
        static NOTE: Once = Once::new();
        NOTE.call_once(|| eprintln!("NOTE this kernel lacks nft's queue (CONFIG_NFT_QUEUE): iptables' NFQUEUE queues"));
        let (hook, mark) = (hook.to_uppercase(), mark.replace("meta mark !=", "-m mark ! --mark"));
        for iptables in ["iptables-nft", "ip6tables-nft"] {
            run(&format!("{iptables} -A {hook} -p tcp {mark} -j NFQUEUE --queue-num 7"));
        }
    }
}

/// Only resets are verified: the segments of local sockets are recorded before a network card fills in the checksum.
const RESETS: &str = "tcp.flags.reset == 1";

/// A web server that is reached at first is refused when its packets are queued.
fn curl_is_refused(test: &str, hook: Hook, family: Family) {
    let network = Network::new();
    network.server.enter();
    let server = SocketAddr::new(family.server.parse().unwrap(), 80);
    let listener = TcpListener::bind(server).unwrap();
    let visitor = thread::spawn(move || {
        let (mut visitor, _) = listener.accept().unwrap();
        assert_ne!(visitor.read(&mut [0; 1024]).unwrap(), 0);
        visitor.write_all(b"HTTP/1.0 200 OK\r\n\r\nwelcome").unwrap();
        listener
    });
    network.client.enter();
    let url = format!("http://{server}/");
    assert_eq!(run(&format!("curl --silent --noproxy * --globoff --max-time 10 {url}")), "welcome");
    let _listener = visitor.join().unwrap();

    let _firewall = network.raise(hook);
    let wire = network.record(hook, test);
    refused(&url);
    assert_eq!(wire.verify(1, RESETS).len(), 1);
}

/// curl finds the connection refused, by its own clock at once.
pub(crate) fn refused(url: &str) {
    let line = "curl --silent --verbose --noproxy * --globoff --max-time 10 --write-out %{time_total}";
    let curl = output(&line.split(' ').chain([url]).collect::<Vec<_>>());
    // CURLE_COULDNT_CONNECT
    assert_eq!(curl.status.code(), Some(7), "{curl:?}");
    let [seconds, error] = [&curl.stdout, &curl.stderr].map(|text| str::from_utf8(text).unwrap());
    assert!(error.contains("Connection refused"), "{error}");
    assert!(seconds.parse::<f32>().unwrap() < AT_ONCE.as_secs_f32(), "refused after {seconds} s");
}

/// A connection older than the firewall is reset by its next segment, which may be several segments in one (GSO).
fn connection_is_reset(test: &str, hook: Hook, family: Family) {
    let network = Network::new();
    let [mut client, mut server] = network.connection(family);

    let _firewall = network.raise(hook);
    let wire = network.record(hook, test);
    is_reset(&mut client, &[0; 8000]);
    // The server's connection lives until it sends through the gateway too.
    if matches!(hook, Hook::Forward) {
        is_reset(&mut server, &[0; 8000]);
    }
    wire.verify(1, RESETS);
}

/// The next segment of a connection gets a reset at once.
pub(crate) fn is_reset(end: &mut TcpStream, data: &[u8]) {
    let start = Instant::now();
    end.write_all(data).unwrap();
    let error = end.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    assert!(start.elapsed() < AT_ONCE, "reset after {:?}", start.elapsed());
}

/// A segment with a wrong checksum is dropped without an answer.
fn damaged_is_dropped(test: &str, family: Family) {
    let network = Network::new();
    let _firewall = network.raise(Hook::Forward);
    let wire = network.record(Hook::Forward, test);
    assert_eq!(scapy("damaged", family.server), "1\n");
    let resets = wire.verify(1, RESETS);
    assert!(matches!(&resets[..], [reset] if reset.contains(".1002: Flags [R.]")), "{resets:?}");
}

/// A link-local client is answered on the link it is on: two have the same address here, one on either side.
fn link_local_is_refused() {
    let network = Network::new();
    let _firewall = raise(&network.gateway, "input", &[]);
    for (host, test) in [(&network.client, "queue_link_local_1"), (&network.server, "queue_link_local_2")] {
        host.enter();
        let wire = Wire::record("eth0", test);
        refused("http://[fe80::1%25eth0]/");
        let resets = wire.verify(1, RESETS);
        assert!(matches!(&resets[..], [reset] if reset.starts_with("IP6 fe80::1.80 > fe80::2.")), "{resets:?}");
    }
}
