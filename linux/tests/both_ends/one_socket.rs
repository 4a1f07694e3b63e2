//! One end of each connection is a socket of the kernel, the other end is the test, which chooses every number.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use etherparse::{TcpHeader, TcpOptionElement};
use fastrand::Rng;
use nix::errno::Errno;
use socket2::Socket;
use support::packet::{Tcp, V4, V6};
use support::protocol::{PSH, URG};
use tcp_reset::Towards::{self, DestinationOfDelivered, DestinationOfDropped};
use tcp_reset::tcp::{ACK, FIN, SYN};
use tcp_reset::{Config, NoReset, Reset};
use tcp_reset_linux::Family;

use crate::host::{Host, LISTEN, LISTENING, PATIENCE, for_destination, has_ended, lives, waits, with_seq, without_ack};

/// How many connections end by a reset, for each row of the table and each family.
const CONNECTIONS: usize = 10_000;

/// The most data that a segment of 1500 bytes holds beside timestamps.
const MOST_DATA: usize = 1448;

/// A row of the table: ends a connection, and returns its socket, if it had one.
pub(crate) type Row = fn(&mut Network) -> Vec<Socket>;

pub(crate) const ROWS: [(&str, Row); 8] = [
    ("syn_dropped", syn_dropped),
    ("syn_delivered", syn_delivered),
    ("syn_ack_dropped", |network| syn_ack(network, DestinationOfDropped)),
    // The reset arrives before the SYN/ACK that it was made for.
    ("syn_ack_overtaken", |network| syn_ack(network, DestinationOfDelivered)),
    ("syn_ack_delivered", syn_ack_delivered),
    ("data_dropped", data_dropped),
    ("data_delivered", data_delivered),
    ("fin_delivered", fin_delivered),
];

/// Ends connections, and finds none of them in the kernel's table while their sockets are still open.
pub(crate) fn end_connections(family: Family, row: Row) {
    let mut network = Network::new(family);
    for _ in 0..CONNECTIONS / 250 {
        let _ended: Vec<_> = (0..250).flat_map(|_| row(&mut network)).collect();
        assert_eq!(network.host.states(), [LISTEN]);
    }
}

fn syn_dropped(network: &mut Network) -> Vec<Socket> {
    let peer = network.peer(LISTENING);
    let syn = network.segment(&peer, SYN, &[]);
    assert_eq!(Reset::in_reply_to(&syn, &Config::new().towards(DestinationOfDropped)), Err(NoReset::NoConnection));
    Vec::new()
}

fn syn_delivered(network: &mut Network) -> Vec<Socket> {
    // First a request that stays, with the wrong number.
    for works in [false, true] {
        let mut peer = network.peer(LISTENING);
        let syn = network.segment(&peer, SYN, &[]);
        let reset = for_destination(&syn, DestinationOfDelivered);
        network.host.send(&syn);
        network.hear_syn_ack(&mut peer);
        let isn = peer.seq.wrapping_sub(1);
        network.host.send_reset(if works { reset.as_bytes().to_vec() } else { with_seq(reset, isn) });
        // The last segment of the handshake tells whether the request is still there.
        network.send(&peer, ACK);
        if works {
            let answer = network.hear(&peer).expect("an ACK to nobody is answered");
            assert!(answer.rst && answer.sequence_number == peer.ack, "{answer:?}");
            assert_eq!(network.listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        } else {
            let (socket, _) = network.listener.accept().expect("the request has stayed");
            // It closes by a reset, so that nothing of it stays.
            socket.set_linger(Some(Duration::ZERO)).unwrap();
            drop(socket);
            network.hear(&peer);
        }
    }
    Vec::new()
}

/// The destination is in SYN-SENT.
fn syn_ack(network: &mut Network, towards: Towards) -> Vec<Socket> {
    let (mut socket, peer) = network.connect();
    let syn_ack = network.segment(&peer, SYN | ACK, &[]);
    let reset = for_destination(&syn_ack, towards);
    if network.rng.bool() {
        network.host.send_reset(without_ack(reset));
        waits(&mut socket);
    }
    network.end(socket, reset, Errno::ECONNREFUSED)
}

fn syn_ack_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut socket, peer) = network.connect();
    let syn_ack = network.segment(&peer, SYN | ACK, &[]);
    let reset = for_destination(&syn_ack, DestinationOfDelivered);
    network.host.send(&syn_ack);
    network.hear_ack(&peer);
    if network.rng.bool() {
        network.host.send_reset(with_seq(reset, peer.seq));
        lives(&mut socket);
    }
    network.end(socket, reset, Errno::ECONNRESET)
}

fn data_dropped(network: &mut Network) -> Vec<Socket> {
    let (mut socket, peer) = network.establish();
    let flags = if network.rng.bool() { ACK | FIN } else { ACK };
    let (segment, next) = network.data(&peer, flags);
    let reset = for_destination(&segment, DestinationOfDropped);
    if next != peer.seq && network.rng.bool() {
        network.host.send_reset(with_seq(reset, next));
        network.hear_challenge(&peer, peer.seq);
        lives(&mut socket);
    }
    network.end(socket, reset, Errno::ECONNRESET)
}

fn data_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut socket, peer) = network.establish();
    let (segment, next) = network.data(&peer, ACK);
    let reset = for_destination(&segment, DestinationOfDelivered);
    network.host.send(&segment);
    if next != peer.seq && network.rng.bool() {
        network.host.send_reset(with_seq(reset, peer.seq));
        lives(&mut socket);
    }
    network.end(socket, reset, Errno::ECONNRESET)
}

/// The destination is in CLOSE-WAIT.
fn fin_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut socket, peer) = network.establish();
    let (segment, next) = network.data(&peer, ACK | FIN);
    let reset = for_destination(&segment, DestinationOfDelivered);
    network.host.send(&segment);
    // Linux would take the FIN's own number as well.
    assert_eq!(reset.tcp().seq, next);
    let fin = next.wrapping_sub(1);
    match network.rng.u8(..4) {
        0 if fin != peer.seq => {
            network.host.send_reset(with_seq(reset, peer.seq));
            lives(&mut socket);
        }
        1 => {
            network.host.send_reset(with_seq(reset, next.wrapping_add(1)));
            network.hear_challenge(&peer, next);
            lives(&mut socket);
        }
        // The FIN's own number still ends the connection, which is not counted.
        2 => {
            network.host.send_reset(with_seq(reset, fin));
            has_ended(&socket, Errno::EPIPE);
            return fin_delivered(network);
        }
        _ => {}
    }
    // The error of CLOSE-WAIT, where nothing is left to read.
    network.end(socket, reset, Errno::EPIPE)
}

/// The end of a connection that the test plays.
struct Peer {
    /// The kernel's port, and ours.
    here: u16,
    there: u16,
    /// The next number of ours, and of the kernel's.
    seq: u32,
    ack: u32,
    /// Whether we offer timestamps and SACK, and after the handshake, whether the kernel agreed.
    timestamps: bool,
    sack: bool,
    /// The kernel's last timestamp.
    echo: u32,
}

/// The kernel's host, and ours.
pub(crate) struct Network {
    host: Host,
    there: IpAddr,
    listener: Socket,
    rng: Rng,
    /// The last port of a peer.
    there_port: u16,
}

impl Network {
    fn new(family: Family) -> Self {
        let [here, there] = match family {
            Family::V4 => ["192.0.2.1", "192.0.2.7"],
            Family::V6 => ["2001:db8::1", "2001:db8::7"],
        };
        let host = Host::new(family, here);
        let listener = host.listen();
        let mut network = Self { host, there: there.parse().unwrap(), listener, rng: Rng::new(), there_port: u16::MAX };
        network.wait_for_routes();
        network
    }

    /// Linux leaves the routes of an IPv6 address to a worker: until then a SYN gets nothing.
    fn wait_for_routes(&mut self) {
        let deadline = Instant::now() + 10 * PATIENCE;
        loop {
            let peer = self.peer(LISTENING + 1);
            self.send(&peer, SYN);
            if self.hear(&peer).is_some_and(|answer| answer.rst) {
                return;
            }
            assert!(Instant::now() < deadline, "no route");
        }
    }

    /// A peer that has not sent anything yet. The numbers of most peers soon wrap.
    fn peer(&mut self, here: u16) -> Peer {
        self.there_port = if self.there_port == u16::MAX { 1024 } else { self.there_port + 1 };
        let rng = &mut self.rng;
        let seq = match rng.u8(..4) {
            0 => rng.u32(..),
            // The SYN wraps.
            1 => u32::MAX,
            _ => 0u32.wrapping_sub(rng.u32(..2048)),
        };
        Peer { here, there: self.there_port, seq, ack: 0, timestamps: rng.bool(), sack: rng.bool(), echo: 0 }
    }

    /// A socket in SYN-SENT, whose SYN the peer has received.
    fn connect(&mut self) -> (Socket, Peer) {
        let mut peer = self.peer(0);
        let socket = self.host.connect(self.there, peer.there);
        peer.here = socket.local_addr().unwrap().as_socket().unwrap().port();
        let syn = self.hear(&peer).expect("connect sends a SYN");
        assert!(syn.syn && !syn.ack, "{syn:?}");
        peer.ack = syn.sequence_number.wrapping_add(1);
        peer.echo = timestamp(&syn).unwrap_or_default();
        (socket, peer)
    }

    /// A socket in ESTABLISHED, by the kernel's `connect` or its `accept`.
    fn establish(&mut self) -> (Socket, Peer) {
        if self.rng.bool() {
            let (socket, mut peer) = self.connect();
            self.send(&peer, SYN | ACK);
            self.hear_ack(&peer);
            peer.seq = peer.seq.wrapping_add(1);
            return (socket, peer);
        }
        let mut peer = self.peer(LISTENING);
        self.send(&peer, SYN);
        self.hear_syn_ack(&mut peer);
        self.send(&peer, ACK);
        let (socket, _) = self.listener.accept().expect("the handshake is complete");
        socket.set_nonblocking(true).unwrap();
        (socket, peer)
    }

    /// The peer's SYN has been answered.
    fn hear_syn_ack(&self, peer: &mut Peer) {
        let answer = self.hear(peer).expect("a SYN is answered");
        let next = peer.seq.wrapping_add(1);
        assert!(answer.syn && answer.ack && answer.acknowledgment_number == next, "{answer:?}");
        peer.seq = next;
        peer.ack = answer.sequence_number.wrapping_add(1);
        peer.timestamps = timestamp(&answer).is_some();
        peer.echo = timestamp(&answer).unwrap_or_default();
        peer.sack = options(&answer).any(|option| option == TcpOptionElement::SelectiveAcknowledgementPermitted);
    }

    /// The peer's SYN/ACK has been answered.
    fn hear_ack(&self, peer: &Peer) {
        let answer = self.hear(peer).expect("a SYN/ACK is answered");
        assert!(answer.ack && !answer.syn && !answer.rst, "{answer:?}");
    }

    /// The answer to a reset that is only nearly right (RFC 5961 §3.2). It comes at once: a later one would be a
    /// delayed ACK (RFC 9293 §3.8.6.3).
    fn hear_challenge(&self, peer: &Peer, next: u32) {
        let answer = self.host.read().expect("a challenge ACK").tcp;
        assert!(peer.receives(&answer), "{answer:?}");
        assert!(answer.ack && !answer.syn && !answer.rst && answer.acknowledgment_number == next, "{answer:?}");
    }

    /// A segment of the peer with random data, and the number that follows it.
    fn data(&mut self, peer: &Peer, flags: u8) -> (Vec<u8>, u32) {
        let len = if self.rng.u8(..4) == 0 { 0 } else { self.rng.usize(..=MOST_DATA) };
        let data: Vec<u8> = std::iter::repeat_with(|| self.rng.u8(..)).take(len).collect();
        let seg_len = u32::try_from(len).unwrap() + u32::from(flags & FIN != 0);
        (self.segment(peer, flags, &data), peer.seq.wrapping_add(seg_len))
    }

    /// The next segment of the peer, in its IP packet. PSH and URG are set at random.
    fn segment(&mut self, peer: &Peer, flags: u8, data: &[u8]) -> Vec<u8> {
        let mut options = Vec::new();
        if flags & SYN != 0 {
            // A maximum segment size of 1460, a window scale of 7.
            options.extend([2, 4, 5, 180, 3, 3, 7]);
        }
        if peer.timestamps {
            options.extend([8, 10]);
            options.extend([77_000, peer.echo].map(u32::to_be_bytes).as_flattened());
        }
        if peer.sack && flags & SYN != 0 {
            options.extend([4, 2]);
        } else if peer.sack && self.rng.bool() {
            // SACK of something that was acknowledged before (RFC 2883).
            options.extend([5, 10]);
            options.extend([peer.ack.wrapping_sub(1), peer.ack].map(u32::to_be_bytes).as_flattened());
        }
        options.resize(options.len().next_multiple_of(4), 0);
        let flags = flags | self.rng.u8(..) & (PSH | URG);
        let tcp = Tcp {
            source_port: peer.there,
            destination_port: peer.here,
            seq: peer.seq,
            ack: if flags & ACK == 0 { 0 } else { peer.ack },
            flags,
            window: self.rng.u16(32768..),
            urgent: if flags & URG == 0 { 0 } else { self.rng.u16(..) },
            options,
            data: data.to_vec(),
            ..Tcp::default()
        };
        match (self.there, self.host.address) {
            (IpAddr::V4(there), IpAddr::V4(here)) => {
                V4 { source: there.octets(), destination: here.octets(), tcp, ..V4::default() }.bytes()
            }
            (IpAddr::V6(there), IpAddr::V6(here)) => {
                V6 { source: there.octets(), destination: here.octets(), tcp, ..V6::default() }.bytes()
            }
            _ => unreachable!("a host has one family"),
        }
    }

    /// The reset ends the socket, with that error.
    #[track_caller]
    fn end(&self, socket: Socket, reset: Reset, error: Errno) -> Vec<Socket> {
        self.host.send_reset(reset);
        has_ended(&socket, error);
        vec![socket]
    }

    fn send(&mut self, peer: &Peer, flags: u8) {
        let segment = self.segment(peer, flags, &[]);
        self.host.send(&segment);
    }

    /// What the kernel sends to the peer in time.
    fn hear(&self, peer: &Peer) -> Option<TcpHeader> {
        self.host.wait(PATIENCE, |tcp| peer.receives(tcp)).map(|sent| sent.tcp)
    }
}

impl Peer {
    fn receives(&self, tcp: &TcpHeader) -> bool {
        (tcp.source_port, tcp.destination_port) == (self.here, self.there)
    }
}

fn options(tcp: &TcpHeader) -> impl Iterator<Item = TcpOptionElement> {
    tcp.options_iterator().map(|option| option.expect("the kernel's options are well formed"))
}

fn timestamp(tcp: &TcpHeader) -> Option<u32> {
    options(tcp).find_map(|option| match option {
        TcpOptionElement::Timestamp(timestamp, _) => Some(timestamp),
        _ => None,
    })
}
