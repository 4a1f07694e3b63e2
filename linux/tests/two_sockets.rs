//! Two sockets of the running kernel, and the crate between them: a segment of one is dropped or delivered, and both ends
//! of the connection end by the crate's two resets at once.
//!
//! Each socket is in a network namespace of its own, behind a TUN device; the test carries the packets from one device to
//! the other. `both_ends.rs` has the same table with one socket, and chooses every number of the other end; here the
//! kernel makes every segment: with data, FIN or URG, with or without timestamps and SACK.
//!
//! It takes root or the right to make user namespaces, and `/dev/net/tun`: where something is missing the tests are
//! skipped and say so, and under `CI=true` they fail.

use std::env;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use etherparse::{SlicedPacket, TransportSlice};
use fastrand::Rng;
use libtest_mimic::{Arguments, Trial};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Socket, Type};
use tcp_reset::{Config, Fate, MAX_LEN, NoReset, Reset};
use tcp_reset_linux::Family;
use tcp_reset_linux::namespace::{enter, run, set, tun};
use tun_rs::SyncDevice;

/// How many connections are ended, for each row of the table and each family.
const CONNECTIONS: usize = 1_000;

/// How long the kernel may take to send something.
const PATIENCE: Duration = Duration::from_secs(1);

const LISTENING: u16 = 80;

/// The ends of a network: the client, which connects, and the server.
const CLIENT: usize = 0;
const SERVER: usize = 1;

/// A row of the table: ends one connection, and returns its sockets.
type Row = fn(&mut Network) -> Vec<Socket>;

const ROWS: [(&str, Row); 7] = [
    ("syn_dropped", syn_dropped),
    ("syn_delivered", syn_delivered),
    ("syn_ack_dropped", syn_ack_dropped),
    ("syn_ack_delivered", syn_ack_delivered),
    ("data_dropped", data_dropped),
    ("data_delivered", data_delivered),
    ("fin_delivered", fin_delivered),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // The main thread's own network is never the machine's.
    let missing = enter().and_then(|()| tun("probe", false)).err();
    let may_skip = env::var("CI").as_deref() != Ok("true");
    let mut trials = Vec::new();
    for (family, name) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
        for (row, test) in ROWS {
            let name = format!("{row}_{name}");
            let Some(reason) = &missing else {
                trials.push(Trial::test(name, move || {
                    end_connections(family, test);
                    Ok(())
                }));
                continue;
            };
            eprintln!("{} {name}: {reason:#}", if may_skip { "SKIPPED" } else { "CANNOT RUN" });
            let reason = format!("{reason:#}");
            trials.push(Trial::test(name, || Err(reason.into())).with_ignored_flag(may_skip));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Ends connections, and finds none of them in the kernel's tables while their sockets are still open.
fn end_connections(family: Family, row: Row) {
    let mut network = Network::new(family);
    let mut sockets = Vec::new();
    for number in 1..=CONNECTIONS {
        network.choose_options();
        sockets.extend(row(&mut network));
        // The kernel takes milliseconds for its tables.
        if number % 100 == 0 {
            assert_eq!([CLIENT, SERVER].map(|end| network.states(end)), [vec![], vec![LISTEN.to_owned()]]);
            sockets.clear();
        }
    }
}

/// There is nothing yet to reset at the server.
fn syn_dropped(network: &mut Network) -> Vec<Socket> {
    let (client, syn) = network.connect();
    let for_server = Reset::for_destination(&syn, Fate::Dropped, &Config::new());
    assert_eq!(for_server, Err(NoReset::NoConnection));
    network.send_reset(CLIENT, in_reply_to(&syn));
    has_ended(&client, Errno::ECONNREFUSED);
    vec![client]
}

fn syn_delivered(network: &mut Network) -> Vec<Socket> {
    let (client, syn) = network.connect();
    network.send(SERVER, &syn);
    network.hear(SERVER);
    let reset = for_destination(&syn, Fate::Delivered);
    if network.rng.u8(..20) == 0 {
        network.send_reset(SERVER, with_seq(reset, reset.tcp().seq.wrapping_sub(1)));
        assert_eq!(network.states(SERVER).last().unwrap(), SYN_RECEIVED);
    }
    network.send_reset(SERVER, reset);
    network.send_reset(CLIENT, in_reply_to(&syn));
    has_ended(&client, Errno::ECONNREFUSED);
    vec![client]
}

fn syn_ack_dropped(network: &mut Network) -> Vec<Socket> {
    let (client, syn) = network.connect();
    network.send(SERVER, &syn);
    let syn_ack = network.hear(SERVER);
    let reset = for_destination(&syn_ack, Fate::Dropped);
    network.send_reset(CLIENT, without_ack(reset));
    assert!(client.take_error().unwrap().is_none());
    network.send_reset(CLIENT, reset);
    has_ended(&client, Errno::ECONNREFUSED);
    network.send_reset(SERVER, in_reply_to(&syn_ack));
    vec![client]
}

fn syn_ack_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut client, syn) = network.connect();
    network.send(SERVER, &syn);
    let syn_ack = network.hear(SERVER);
    network.send(CLIENT, &syn_ack);
    let reset = for_destination(&syn_ack, Fate::Delivered);
    network.send_reset(CLIENT, with_seq(reset, reset.tcp().seq.wrapping_sub(1)));
    lives(&mut client);
    network.send_reset(CLIENT, reset);
    has_ended(&client, Errno::ECONNRESET);
    network.send_reset(SERVER, in_reply_to(&syn_ack));
    vec![client]
}

fn data_dropped(network: &mut Network) -> Vec<Socket> {
    let has_fin = network.rng.bool();
    let (mut ends, to, segment, _) = network.segment(has_fin);
    network.send_reset(to, for_destination(&segment, Fate::Delivered));
    lives(&mut ends[to]);
    network.end_both(&ends, to, &segment, Fate::Dropped, Errno::ECONNRESET);
    ends.into()
}

fn data_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut ends, to, segment, _) = network.segment(false);
    network.send(to, &segment);
    network.send_reset(to, for_destination(&segment, Fate::Dropped));
    lives(&mut ends[to]);
    network.end_both(&ends, to, &segment, Fate::Delivered, Errno::ECONNRESET);
    ends.into()
}

/// The destination is in CLOSE-WAIT.
fn fin_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut ends, to, segment, len) = network.segment(true);
    network.send(to, &segment);
    // Linux takes the number of the FIN as well, which without data is SEG.SEQ.
    if len > 0 {
        network.send_reset(to, for_destination(&segment, Fate::Dropped));
        lives(&mut ends[to]);
    }
    network.end_both(&ends, to, &segment, Fate::Delivered, Errno::EPIPE);
    ends.into()
}

fn for_destination(segment: &[u8], fate: Fate) -> Reset {
    Reset::for_destination(segment, fate, &Config::new()).unwrap()
}

fn in_reply_to(segment: &[u8]) -> Reset {
    Reset::in_reply_to(segment, &Config::new()).unwrap()
}

fn with_seq(mut reset: Reset, seq: u32) -> Reset {
    match &mut reset {
        Reset::V4(reset) => reset.tcp.seq = seq,
        Reset::V6(reset) => reset.tcp.seq = seq,
    }
    reset
}

fn without_ack(mut reset: Reset) -> Reset {
    match &mut reset {
        Reset::V4(reset) => reset.tcp.ack = None,
        Reset::V6(reset) => reset.tcp.ack = None,
    }
    reset
}

/// The socket has ended, with that error.
#[track_caller]
fn has_ended(socket: &Socket, error: Errno) {
    let ended = socket.take_error().unwrap().map(|error| Errno::from_raw(error.raw_os_error().unwrap()));
    assert_eq!(ended, Some(error));
}

/// The socket has a connection, and nothing worse than data or an end to read.
#[track_caller]
fn lives(socket: &mut Socket) {
    assert!(socket.take_error().unwrap().is_none());
    if let Err(error) = socket.read(&mut [0; 2048]) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    socket.peer_addr().expect("it is connected");
}

// States in `/proc/net/tcp`.
const SYN_RECEIVED: &str = "03";
const LISTEN: &str = "0A";

/// A kernel of its own, behind a TUN device.
struct End {
    namespace: File,
    device: SyncDevice,
    address: IpAddr,
}

/// Two hosts, between which the test carries the packets.
struct Network {
    ends: [End; 2],
    listener: Socket,
    family: Family,
    rng: Rng,
}

impl Network {
    fn new(family: Family) -> Self {
        let addresses = match family {
            Family::V4 => ["192.0.2.1", "192.0.2.2"],
            Family::V6 => ["2001:db8::1", "2001:db8::2"],
        };
        let ends = addresses.map(|address| End::new(family, address));
        let listener = ends[SERVER].socket();
        listener.bind(&SocketAddr::new(ends[SERVER].address, LISTENING).into()).unwrap();
        listener.listen(64).unwrap();
        let mut network = Self { ends, listener, family, rng: Rng::new() };
        network.wait_for_routes();
        network
    }

    /// Linux leaves the routes of an IPv6 address to a worker.
    fn wait_for_routes(&mut self) {
        let deadline = Instant::now() + 10 * PATIENCE;
        let closed = SocketAddr::new(self.ends[SERVER].address, LISTENING + 1);
        loop {
            let client = self.ends[CLIENT].socket();
            client.connect(&closed.into()).unwrap_err();
            if let Some(syn) = self.wait(CLIENT, PATIENCE / 100) {
                self.send(SERVER, &syn);
                if self.wait(SERVER, PATIENCE / 100).is_some() {
                    return;
                }
            }
            assert!(Instant::now() < deadline, "no route");
        }
    }

    /// Whether the next connection has timestamps and SACK.
    fn choose_options(&mut self) {
        for sysctl in ["ipv4/tcp_timestamps", "ipv4/tcp_sack"] {
            let value = self.rng.u8(..2).to_string();
            for end in &self.ends {
                end.enter();
                set(sysctl, &value).unwrap();
            }
        }
    }

    /// A client in SYN-SENT, and its SYN.
    fn connect(&mut self) -> (Socket, Vec<u8>) {
        // What comes from connections that have ended is nobody's.
        for end in &self.ends {
            while end.read().is_some() {}
        }
        let client = self.ends[CLIENT].socket();
        let server = SocketAddr::new(self.ends[SERVER].address, LISTENING);
        let error = client.connect(&server.into()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::EINPROGRESS as i32), "{error}");
        let syn = self.hear(CLIENT);
        (client, syn)
    }

    /// A connection and one segment of it, with data or FIN or both: the sockets, at which end the segment is expected,
    /// the segment itself, and the length of its data.
    fn segment(&mut self, has_fin: bool) -> ([Socket; 2], usize, Vec<u8>, usize) {
        let (client, syn) = self.connect();
        self.send(SERVER, &syn);
        let syn_ack = self.hear(SERVER);
        self.send(CLIENT, &syn_ack);
        let ack = self.hear(CLIENT);
        self.send(SERVER, &ack);
        let (server, _) = self.listener.accept().expect("the handshake is complete");
        server.set_nonblocking(true).unwrap();
        let mut ends = [client, server];

        // A packet of 1500 bytes has so much room beside timestamps. A full segment does not wait for FIN.
        let most = if self.family == Family::V4 { 1448 } else { 1428 } - usize::from(has_fin);
        let data: Vec<u8> = (0..self.rng.usize(usize::from(!has_fin)..=most)).map(|_| self.rng.u8(..)).collect();
        let from = self.rng.usize(..2);
        // Until the socket is told of the end, nothing is sent: data and FIN come in one segment.
        ends[from].set_tcp_cork(has_fin).unwrap();
        // Urgent data does not wait.
        if has_fin || self.rng.bool() {
            ends[from].write_all(&data).unwrap();
        } else {
            assert_eq!(ends[from].send_out_of_band(&data).unwrap(), data.len());
        }
        if has_fin {
            ends[from].shutdown(Shutdown::Write).unwrap();
        }
        let segment = self.hear(from);
        match SlicedPacket::from_ip(&segment).unwrap().transport {
            Some(TransportSlice::Tcp(tcp)) => assert!(tcp.payload() == data && tcp.fin() == has_fin, "{tcp:?}"),
            other => unreachable!("{other:?} is read past"),
        }
        (ends, 1 - from, segment, data.len())
    }

    /// Sends both resets: both sockets have ended.
    fn end_both(&mut self, ends: &[Socket; 2], to: usize, segment: &[u8], fate: Fate, error: Errno) {
        self.send_reset(to, for_destination(segment, fate));
        has_ended(&ends[to], error);
        self.send_reset(1 - to, in_reply_to(segment));
        has_ended(&ends[1 - to], Errno::ECONNRESET);
    }

    fn send_reset(&mut self, end: usize, reset: Reset) {
        self.send(end, reset.emit(&mut [0; MAX_LEN]));
    }

    /// What the end answers is heard next.
    fn send(&mut self, end: usize, packet: &[u8]) {
        while self.ends[end].read().is_some() {}
        assert_eq!(self.ends[end].device.send(packet).unwrap(), packet.len());
    }

    /// The next segment that the end sends.
    #[track_caller]
    fn hear(&self, end: usize) -> Vec<u8> {
        self.wait(end, PATIENCE).unwrap_or_else(|| panic!("nothing comes from {}", self.ends[end].address))
    }

    /// The next segment that the end sends in time.
    fn wait(&self, end: usize, patience: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let packet = self.ends[end].read();
            if packet.is_some() || left.is_zero() {
                return packet;
            }
            let timeout = PollTimeout::try_from(left).unwrap();
            poll(&mut [PollFd::new(self.ends[end].device.as_fd(), PollFlags::POLLIN)], timeout).unwrap();
        }
    }

    /// The states of the sockets at an end, but for those that are closed.
    fn states(&self, end: usize) -> Vec<String> {
        self.ends[end].enter();
        let file = if self.family == Family::V4 { "tcp" } else { "tcp6" };
        let table = fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
        let states = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(3));
        let mut states: Vec<_> = states.map(str::to_owned).collect();
        states.sort_unstable_by_key(|state| state != LISTEN);
        states
    }
}

impl End {
    fn new(family: Family, address: &str) -> Self {
        enter().unwrap();
        let device = tun("tun0", false).unwrap();
        // Challenge ACKs are limited by the second.
        set("ipv4/tcp_challenge_ack_limit", "2147483647").unwrap();
        // No link-local address, and so no chatter.
        set("ipv6/conf/tun0/addr_gen_mode", "1").unwrap();
        let [length, nodad] = if family == Family::V4 { ["24", ""] } else { ["64", "nodad"] };
        let script = format!("link set tun0 up\naddress add {address}/{length} dev tun0 {nodad}\n");
        run("ip", &[family.option(), "-batch", "-"], &script, "iproute2").unwrap();
        device.set_nonblocking(true).unwrap();
        let namespace = File::open("/proc/thread-self/ns/net").unwrap();
        Self { namespace, device, address: address.parse().unwrap() }
    }

    /// Moves this thread there.
    fn enter(&self) {
        setns(&self.namespace, CloneFlags::CLONE_NEWNET).unwrap();
    }

    /// A socket that does not wait.
    fn socket(&self) -> Socket {
        self.enter();
        let domain = if self.address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    /// The next segment that has been sent, if there is one.
    fn read(&self) -> Option<Vec<u8>> {
        let mut packet = [0; 2048];
        loop {
            let len = match self.device.recv(&mut packet) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) => panic!("the TUN device: {error}"),
            };
            let sliced = SlicedPacket::from_ip(&packet[..len]).unwrap();
            if let Some(TransportSlice::Tcp(_)) = sliced.transport {
                return Some(packet[..len].to_vec());
            }
        }
    }
}
