//! Clients of the responder, which answers on a TUN or TAP device for hosts that do not exist.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use socket2::{Domain, Socket, Type};

use crate::Test;
use crate::namespace::{Namespace, add_address};
use crate::queue::{AT_ONCE, is_reset, refused};
use crate::tools::{Daemon, output, run, scapy};
use crate::wire::Wire;

/// The host's address on the TUN device, and an address behind it that no host has.
#[derive(Clone, Copy)]
struct Family {
    name: &'static str,
    nmap: &'static str,
    here: &'static str,
    nobody: &'static str,
}

const IPV4: Family = Family { name: "ipv4", nmap: "", here: "192.0.2.1", nobody: "192.0.2.7" };
const IPV6: Family = Family { name: "ipv6", nmap: "-6", here: "2001:db8::1", nobody: "2001:db8::7" };

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        Test::new("responder_hping3", &["/dev/net/tun", "ip", "hping3", "tcpdump", "tshark"], hping3),
        Test::new("responder_device_down", &["/dev/net/tun", "ip"], device_down),
        Test::new("responder_options", &["/dev/net/tun", "ip", "scapy"], options),
        Test::new("responder_leaves_nothing", &["/dev/net/tun", "ip"], leaves_nothing),
    ];
    for family in [IPV4, IPV6] {
        let name = family.name;
        let wire = &["/dev/net/tun", "ip", "tcpdump", "tshark"];
        let nmap_wire = &["/dev/net/tun", "ip", "tcpdump", "tshark", "nmap"];
        let curl_wire = &["/dev/net/tun", "ip", "tcpdump", "tshark", "curl"];
        let scapy_wire = &["/dev/net/tun", "ip", "tcpdump", "tshark", "scapy"];
        tests.extend([
            Test::new(format!("responder_scapy_{name}"), scapy_wire, move || scapy_textbook(family)),
            Test::new(format!("responder_sniff_{name}"), wire, move || sniffed(family)),
            Test::new(format!("responder_tap_curl_{name}"), curl_wire, move || curl(TAP, family)),
        ]);
        for (device, kind) in [(TUN, "responder"), (TAP, "responder_tap")] {
            tests.extend([
                Test::new(format!("{kind}_nmap_{name}"), nmap_wire, move || nmap(device, family)),
                Test::new(format!("{kind}_connect_{name}"), wire, move || connect(device, family)),
                Test::new(format!("{kind}_established_{name}"), wire, move || established(device, family)),
            ]);
        }
    }
    tests
}

/// The responder's device, and the options that go with it.
#[derive(Clone, Copy)]
struct Device {
    name: &'static str,
    options: &'static [&'static str],
}

const TUN: Device = Device { name: "tun0", options: &[] };
const TAP: Device = Device { name: "tap0", options: &["--tap"] };

/// A host whose device leads to the responder.
struct Host {
    _namespace: Namespace,
    responder: Daemon,
}

impl Host {
    fn new(Device { name, options }: Device) -> Self {
        let namespace = Namespace::new();
        let arguments = [&[env!("CARGO_BIN_EXE_responder"), name], options].concat();
        let responder = Daemon::start(&arguments, &format!("answering on {name}"));
        add_address("192.0.2.1/24", name);
        add_address("2001:db8::1/64", name);
        if name == TAP.name {
            // Nobody answers ARP or neighbour discovery.
            for nobody in [IPV4.nobody, IPV6.nobody] {
                run(&format!("ip neighbour add {nobody} lladdr 02:00:00:00:00:07 dev {name} nud permanent"));
            }
        }
        Self { _namespace: namespace, responder }
    }
}

/// A SYN scan finds a host whose ports are all closed; an ACK scan finds none behind a filter.
fn nmap(device: Device, family: Family) {
    let _host = Host::new(device);
    let Family { name, nmap, nobody, .. } = family;
    let wire = Wire::record(device.name, &format!("responder_{}_nmap_{name}", device.name));
    // Over IP: nmap would look for the host by ARP.
    let options = format!("--privileged --send-ip {nmap} -n -Pn -p 1-100 --host-timeout 15s -oG -");
    for (scan, state) in [("-sS", "closed"), ("-sA", "unfiltered")] {
        let report = run(&format!("nmap {options} {scan} {nobody}"));
        assert!(report.contains(&format!("Ignored State: {state} (100)")), "{report}");
    }
    wire.verify(200, "tcp");
}

/// curl is refused at once.
fn curl(device: Device, family: Family) {
    let _host = Host::new(device);
    let wire = Wire::record(device.name, &format!("responder_{}_curl_{}", device.name, family.name));
    refused(&format!("http://{}/", SocketAddr::new(family.nobody.parse().unwrap(), 80)));
    assert_eq!(wire.verify(1, "tcp").len(), 1);
}

/// The two segments every textbook resets, and the resets as tcpdump prints them.
fn textbook(family: Family) -> [String; 2] {
    let Family { name, here, nobody, .. } = family;
    let ip = if name == "ipv6" { "IP6" } else { "IP" };
    let line = |reset| format!("{ip} {nobody}.80 > {here}.36050: {reset}, length 0");
    // tcpdump once wrote these as `R 0:0(0) ack 522224617 win 0` and `R 1406759780:1406759780(0) win 0`.
    [line("Flags [R.], seq 0, ack 522224617, win 0"), line("Flags [R], seq 1406759780, win 0")]
}

fn hping3() {
    let _host = Host::new(TUN);
    let wire = Wire::record(TUN.name, "responder_hping3");
    let to_nobody = format!("hping3 -n -c 1 -s 36050 -p 80 {}", IPV4.nobody);
    let syn = run(&format!("{to_nobody} --syn --setseq 522224616"));
    assert!(syn.contains("flags=RA seq=0 win=0"), "{syn}");
    let ack = run(&format!("{to_nobody} --ack --setseq 522224617 --setack 1406759780"));
    assert!(ack.contains("flags=R seq=0 win=0"), "{ack}");
    assert_eq!(wire.verify(2, "tcp"), textbook(IPV4));
}

fn scapy_textbook(family: Family) {
    let _host = Host::new(TUN);
    let wire = Wire::record(TUN.name, &format!("responder_scapy_{}", family.name));
    assert_eq!(scapy("textbook", family.nobody), "2\n");
    assert_eq!(wire.verify(2, "tcp"), textbook(family));
}

/// The running kernel accepts the answer to its SYN: the port is closed.
fn connect(device: Device, family: Family) {
    let _host = Host::new(device);
    let wire = Wire::record(device.name, &format!("responder_{}_connect_{}", device.name, family.name));
    let nobody = SocketAddr::new(family.nobody.parse().unwrap(), 80);
    let start = Instant::now();
    let error = TcpStream::connect_timeout(&nobody, Duration::from_secs(5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
    assert!(start.elapsed() < AT_ONCE, "refused after {:?}", start.elapsed());
    assert_eq!(wire.verify(1, "tcp").len(), 1);
}

/// A connection whose peer has vanished: its address now leads to the responder.
///
/// The socket of the peer is returned too: closed, it would say so.
fn orphan(family: Family) -> [TcpStream; 2] {
    add_address(family.nobody, "lo");
    let [here, nobody]: [IpAddr; 2] = [family.here, family.nobody].map(|address| address.parse().unwrap());
    let listener = TcpListener::bind((nobody, 80)).unwrap();
    let client = Socket::new(Domain::for_address(SocketAddr::new(here, 0)), Type::STREAM, None).unwrap();
    client.bind(&SocketAddr::new(here, 0).into()).unwrap();
    client.connect_timeout(&SocketAddr::new(nobody, 80).into(), Duration::from_secs(5)).unwrap();
    let mut client = TcpStream::from(client);
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"!").unwrap();
    client.read_exact(&mut [0]).unwrap();
    run(&format!("ip address del {} dev lo", family.nobody));
    [client, server]
}

fn established(device: Device, family: Family) {
    let _host = Host::new(device);
    let wire = Wire::record(device.name, &format!("responder_{}_established_{}", device.name, family.name));
    let [mut client, _server] = orphan(family);
    is_reset(&mut client, b"?");
    assert_eq!(wire.verify(1, "tcp").len(), 1);
}

/// `sniff` on a TUN device, whose packets have no Ethernet header: the resets for the destination are seen there.
fn sniffed(family: Family) {
    let Family { name, here, nobody, .. } = family;
    let _host = Host::new(TUN);
    let sniff = [env!("CARGO_BIN_EXE_sniff"), TUN.name, "--payload", "forbidden"];
    let _sniff = Daemon::start(&sniff, "watching tun0");
    let wire = Wire::record(TUN.name, &format!("responder_sniff_{name}"));
    let [mut client, _server] = orphan(family);
    let port = client.local_addr().unwrap().port();
    is_reset(&mut client, b"forbidden");
    let lines = wire.verify(3, "tcp");
    let for_destination = format!(" {here}.{port} > {nobody}.80: Flags [R.], seq ");
    let numbers: Vec<u32> =
        lines.iter().filter_map(|line| line.split_once(&for_destination)?.1.split_once(',')?.0.parse().ok()).collect();
    let [dropped, delivered] = numbers[..] else { panic!("{lines:#?}") };
    assert_eq!(delivered.wrapping_sub(dropped), 9, "{lines:#?}");
}

/// A signal ends the program and removes the device that it made.
fn leaves_nothing() {
    let host = Host::new(TUN);
    run("ip link show tun0");
    let said = host.responder.stop();
    assert!(said.starts_with("responder: ") && said.lines().count() == 1, "{said}");
    assert!(!output(&["ip", "link", "show", "tun0"]).status.success());
}

/// A device that goes down and comes up again, with packets on their way, does not end the responder.
fn device_down() {
    for device in [TUN, TAP] {
        let host = Host::new(device);
        let name = device.name;
        for _ in 0..3 {
            // A SYN that nobody has read yet.
            host.responder.signal(Signal::SIGSTOP);
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let address: IpAddr = IPV4.nobody.parse().unwrap();
            socket.connect(&SocketAddr::new(address, 80).into()).unwrap_err();
            run(&format!("ip link set {name} down"));
            host.responder.signal(Signal::SIGCONT);
            sleep(Duration::from_millis(50));
            run(&format!("ip link set {name} up"));
            if name == TAP.name {
                run(&format!("ip neighbour replace {address} lladdr 02:00:00:00:00:07 dev {name} nud permanent"));
            }
            let error = TcpStream::connect_timeout(&SocketAddr::new(address, 80), Duration::from_secs(5)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    }
}

/// A limit by the second, a dry run, and addresses that no wire has.
fn options() {
    for (option, expected) in
        [(&["--rate", "2"][..], "matched 3, resets to sources 2, "), (&["--dry-run"], "matched 3")]
    {
        let _namespace = Namespace::new();
        let responder =
            Daemon::start(&[&[env!("CARGO_BIN_EXE_responder"), "tun0"], option].concat(), "answering on tun0");
        add_address("192.0.2.1/24", "tun0");
        scapy("forged", IPV4.nobody);
        for port in 1..=3 {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let address: IpAddr = IPV4.nobody.parse().unwrap();
            socket.connect(&SocketAddr::new(address, port).into()).unwrap_err();
        }
        sleep(Duration::from_millis(50));
        let said = responder.stop();
        assert!(said.contains(expected) && said.contains("without a reset for their addresses 3"), "{said}");
        let end = if option[0] == "--rate" { "resets over the rate 1\n" } else { "addresses 3\n" };
        assert!(said.ends_with(end), "{said}");
    }
}
