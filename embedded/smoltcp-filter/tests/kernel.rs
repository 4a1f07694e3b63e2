//! The running kernel as the peer of smoltcp hosts behind the filter, over TUN and TAP devices in a namespace of its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use socket2::{Domain, Protocol, Socket, Type};
use support::packet::{Tcp, V4};
use support::protocol::PSH;
use tcp_reset::tcp::{ACK, FIN, RST};
use tcp_reset_linux::namespace;

const FILTERED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PLAIN: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
const ETHERNET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
const MAC: &str = "02-00-00-00-00-02";
const OTHER_MAC: &str = "02:00:00:00:00:03";
const ECHO: u16 = 7;
const CLOSED: u16 = 9;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let hosts = namespace::enter().and_then(|()| {
        let filtered = Host::start("smol0", "192.0.2", "2001:db8::", &[])?;
        let plain = Host::start("smol1", "198.51.100", "2001:db8:1::", &["--no-filter"])?;
        let ethernet = Host::start("smol2", "203.0.113", "2001:db8:2::", &["--ethernet", MAC])?;
        let mistaken = Host::start("smol3", "10.0.0", "2001:db8:3::", &["--ethernet", MAC])?;
        Ok([filtered, plain, ethernet, mistaken])
    });
    if let Err(error) = &hosts {
        eprintln!("kernel: cannot run: {error:#}");
        return ExitCode::FAILURE;
    }
    let trials = vec![
        test("an_open_port_answers", || echo(FILTERED.into())),
        test("an_open_port_answers_over_ipv6", || echo("2001:db8::2".parse().unwrap())),
        test("connect_is_refused_at_once", || refused(FILTERED.into())),
        test("connect_is_refused_at_once_over_ipv6", || refused("2001:db8::2".parse().unwrap())),
        test("an_address_that_is_not_ours_is_not_answered_for", || silent("192.0.2.3")),
        test("ethernet_an_open_port_answers", || echo(ETHERNET.into())),
        test("ethernet_an_open_port_answers_over_ipv6", || echo("2001:db8:2::2".parse().unwrap())),
        test("ethernet_connect_is_refused_at_once", || refused(ETHERNET.into())),
        test("ethernet_connect_is_refused_at_once_over_ipv6", || refused("2001:db8:2::2".parse().unwrap())),
        test("ethernet_an_address_that_is_not_ours_is_not_answered_for", || {
            neighbour("203.0.113.3", &MAC.replace('-', ":"), "smol2");
            silent("203.0.113.3");
        }),
        test("ethernet_a_frame_to_another_address_is_not_answered", || {
            refused("10.0.0.2".parse().unwrap());
            neighbour("10.0.0.2", OTHER_MAC, "smol3");
            silent("10.0.0.2");
        }),
        test("fin_without_ack", || asks(FILTERED, 40001, FIN, b"", RST_ACK, 0, 1001)),
        test("data_without_ack", || asks(FILTERED, 40002, PSH, b"data", RST_ACK, 0, 1004)),
        test("ethernet_fin_without_ack", || {
            asks(ETHERNET, 40005, FIN, b"", RST_ACK, 0, 1001);
        }),
        test("ethernet_data_without_ack", || {
            asks(ETHERNET, 40006, PSH, b"data", RST_ACK, 0, 1004);
        }),
        test("ethernet_ack", || asks(ETHERNET, 40007, ACK, b"data", RST, 77, 0)),
        test("ack", || asks(FILTERED, 40003, ACK, b"data", RST, 77, 0)),
        // This is why the filter exists. If smoltcp acknowledges the FIN one day, neither the filter nor this test is needed.
        test("fin_without_ack_is_answered_wrong_by_smoltcp", || {
            asks(PLAIN, 40004, FIN, b"", RST, 0, 0);
        }),
    ];
    // The hosts stay up until all tests are over.
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn test(name: &str, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, || {
        run();
        Ok(())
    })
}

/// A smoltcp host that answers on a device of its own, as long as this value lives.
struct Host(Child);

impl Host {
    fn start(device: &str, prefix: &str, prefix6: &str, options: &[&str]) -> anyhow::Result<Self> {
        let mode = if options.contains(&"--ethernet") { "tap" } else { "tun" };
        ip(&format!("tuntap add dev {device} mode {mode}"))?;
        ip(&format!("address add {prefix}.1/24 dev {device}"))?;
        ip(&format!("address add {prefix6}1/64 dev {device} nodad"))?;
        ip(&format!("link set {device} up"))?;
        let host = Command::new(env!("CARGO_BIN_EXE_smoltcp-filter"))
            .args(["--device", device, "--port", &ECHO.to_string()])
            .args(["--address", &format!("{prefix}.2/24"), "--address", &format!("{prefix6}2/64")])
            .args(options)
            .spawn()?;
        let host = Self(host);
        // The device carries packets from when the program has opened it.
        let deadline = Instant::now() + Duration::from_secs(10);
        let address = SocketAddr::new(format!("{prefix}.2").parse()?, ECHO);
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            anyhow::ensure!(Instant::now() < deadline, "{device} does not answer");
        }
        Ok(host)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has ended already only where a test has failed and said so.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(arguments: &str) -> anyhow::Result<()> {
    namespace::run_script(&format!("ip {arguments}"), &[])
}

/// Frames to `address` go to `mac`.
fn neighbour(address: &str, mac: &str, device: &str) {
    ip(&format!("neighbour replace {address} lladdr {mac} dev {device} nud permanent")).unwrap();
}

fn connect(address: IpAddr, port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(5))
}

fn echo(address: IpAddr) {
    // The service has one socket, which may still be busy with the test before.
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut stream = loop {
        match connect(address, ECHO) {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
            stream => break stream.unwrap(),
        }
    };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
}

fn refused(address: IpAddr) {
    let start = Instant::now();
    assert_eq!(connect(address, CLOSED).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    // A reset that the kernel ignored would mean another SYN, a second later.
    assert!(start.elapsed() < Duration::from_millis(900), "refused after {:?}", start.elapsed());
}

fn silent(address: &str) {
    let address = SocketAddr::new(address.parse().unwrap(), CLOSED);
    let error = TcpStream::connect_timeout(&address, Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

const RST_ACK: u8 = RST | ACK;

/// Sends a segment with sequence number 1000 and acknowledgment number 77 to a closed port, and compares the reset that
/// comes back.
fn asks(host: Ipv4Addr, port: u16, flags: u8, data: &[u8], reset: u8, seq: u32, ack: u32) {
    let [a, b, c, _] = host.octets();
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP)).unwrap();
    socket.set_header_included_v4(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();

    let tcp = Tcp { source_port: port, destination_port: CLOSED, seq: 1000, ack: 77, flags, ..Tcp::default() };
    let tcp = Tcp { data: data.to_vec(), ..tcp };
    let packet = V4 { source: [a, b, c, 1], destination: host.octets(), tcp, ..V4::default() }.bytes();
    socket.send_to(&packet, &SocketAddr::from((host, 0)).into()).unwrap();

    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        let mut buffer = [0; 2048];
        let Ok(40..) = (&socket).read(&mut buffer) else { continue };
        // The socket sees every TCP packet that comes in.
        let tcp = &buffer[20..];
        if tcp[..4] == [CLOSED, port].map(u16::to_be_bytes).concat() {
            let number = |at: usize| u32::from_be_bytes(*tcp[at..].first_chunk().unwrap());
            assert_eq!((tcp[13], number(4), number(8)), (reset, seq, ack), "flags, SEQ, ACK");
            return;
        }
    }
    panic!("no reset came");
}
