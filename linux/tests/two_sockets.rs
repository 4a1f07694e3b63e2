//! Two sockets of the running kernel, and the crate between them: a segment of one is dropped or delivered, and both ends
//! of the connection end by the crate's two resets at once.
//!
//! Each socket is in a network namespace of its own, behind a TUN device; the test carries the packets from one device to
//! the other. `both_ends.rs` has the same table with one socket, and chooses every number of the other end; here the
//! kernel makes every segment: with data, FIN or URG, with or without timestamps and SACK.
//!
//! It takes root or the right to make user namespaces, and `/dev/net/tun`: where something is missing the tests are
//! skipped and say so, and under `CI=true` they fail.

mod sockets;
mod trials;

use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::process::ExitCode;
use std::time::Instant;

use etherparse::{SlicedPacket, TransportSlice};
use fastrand::Rng;
use nix::errno::Errno;
use socket2::Socket;
use sockets::{Kernel, LISTEN, LISTENING, PATIENCE, has_ended, lives, with_seq, without_ack};
use tcp_reset::{Config, Fate, NoReset, Reset};
use tcp_reset_linux::Family;
use tcp_reset_linux::namespace::set;

/// How many connections are ended, for each row of the table and each family.
const CONNECTIONS: usize = 1_000;

/// A state in `/proc/net/tcp`.
const SYN_RECEIVED: &str = "03";

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
    sockets::main(&ROWS, end_connections)
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
            assert_eq!([CLIENT, SERVER].map(|end| network.ends[end].states()), [vec![], vec![LISTEN.to_owned()]]);
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
        assert_eq!(network.ends[SERVER].states().last().unwrap(), SYN_RECEIVED);
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

/// Two hosts, between which the test carries the packets.
struct Network {
    ends: [Kernel; 2],
    listener: Socket,
    rng: Rng,
}

impl Network {
    fn new(family: Family) -> Self {
        let addresses = match family {
            Family::V4 => ["192.0.2.1", "192.0.2.2"],
            Family::V6 => ["2001:db8::1", "2001:db8::2"],
        };
        let ends = addresses.map(|address| Kernel::new(family, address));
        let listener = ends[SERVER].listener();
        let mut network = Self { ends, listener, rng: Rng::new() };
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
            if let Some(syn) = self.ends[CLIENT].wait(PATIENCE / 100, Some) {
                self.send(SERVER, &syn);
                if self.ends[SERVER].wait(PATIENCE / 100, Some).is_some() {
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
        let most = if self.ends[SERVER].address.is_ipv4() { 1448 } else { 1428 } - usize::from(has_fin);
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

    fn send_reset(&self, end: usize, reset: Reset) {
        self.ends[end].send_reset(reset);
    }

    fn send(&self, end: usize, packet: &[u8]) {
        self.ends[end].send(packet);
    }

    /// The next segment that the end sends.
    #[track_caller]
    fn hear(&self, end: usize) -> Vec<u8> {
        let end = &self.ends[end];
        end.wait(PATIENCE, Some).unwrap_or_else(|| panic!("nothing comes from {}", end.address))
    }
}
