//! The kernel's sockets accept the reset for the destination, in each state that an offender can meet.
//!
//! One end of every connection is a socket of the running kernel. The test plays the other end, and the firewall
//! between the two, through a TUN device. It chooses every number, and whether a segment is dropped or delivered.
//!
//! | offender | destination is in | works | does not |
//! |---|---|---|---|
//! | SYN, dropped | nothing yet | [`NoReset::NoConnection`] | |
//! | SYN, delivered | SYN-RECEIVED | ISN + 1 | ISN: the request stays |
//! | SYN/ACK, dropped or overtaken | SYN-SENT | RST/ACK with SEG.ACK: refused | RST without ACK is ignored |
//! | SYN/ACK, delivered | ESTABLISHED | ISN + 1 | ISN is ignored |
//! | data, with or without FIN, dropped | ESTABLISHED | SEG.SEQ | SEG.SEQ + SEG.LEN draws a challenge ACK |
//! | data, delivered | ESTABLISHED | SEG.SEQ + SEG.LEN | SEG.SEQ is ignored |
//! | data with FIN, delivered | CLOSE-WAIT | SEG.SEQ + SEG.LEN | SEG.SEQ is ignored, SEG.SEQ + SEG.LEN + 1 draws a challenge ACK |
//!
//! SEG.LEN counts FIN (RFC 9293 §3.4). In CLOSE-WAIT, Linux takes the number of the FIN itself too, because some hosts
//! reset with that (`tcp_reset_check`).
//!
//! It takes root or the right to make user namespaces, and `/dev/net/tun`: where something is missing the tests are
//! skipped and say so, and under `CI=true` they fail.

mod sockets;
mod trials;

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use etherparse::{SlicedPacket, TcpOptionElement, TransportSlice};
use fastrand::Rng;
use nix::errno::Errno;
use socket2::Socket;
use sockets::{Kernel, LISTEN, LISTENING, PATIENCE, has_ended, lives, with_seq, without_ack};
use support::packet::{Tcp, V4, V6};
use support::protocol::{PSH, URG};
use tcp_reset::tcp::{ACK, FIN, SYN};
use tcp_reset::{Config, Fate, NoReset, Reset};
use tcp_reset_linux::Family;

/// How many connections end by a reset, for each row of the table and each family.
const CONNECTIONS: usize = 10_000;

/// The most data that a segment of 1500 bytes holds beside timestamps.
const MOST_DATA: usize = 1448;

/// The option that fills up a word (RFC 9293 §3.2).
const NO_OPERATION: u8 = 1;

/// A row of the table.
type Row = fn(&mut Host) -> Result<Ended, NoReset>;

/// What is left of a connection after the reset: its socket, if it ever had one.
type Ended = Option<Socket>;

const ROWS: [(&str, Row); 8] = [
    ("syn_dropped", syn_dropped),
    ("syn_delivered", syn_delivered),
    ("syn_ack_dropped", syn_ack_dropped),
    ("syn_ack_overtaken", syn_ack_overtaken),
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
    let mut host = Host::new(family);
    let mut ended = Vec::new();
    for number in 0..CONNECTIONS {
        match row(&mut host) {
            Ok(socket) => ended.extend(socket),
            Err(reason) => panic!("connection {number}, seed {}: no reset for {reason}", host.seed),
        }
        if ended.len() == 250 || number + 1 == CONNECTIONS {
            assert_eq!(host.kernel.states(), [LISTEN]);
            ended.clear();
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is a row as the others are")]
fn syn_dropped(host: &mut Host) -> Result<Ended, NoReset> {
    let peer = host.peer(LISTENING);
    let syn = host.segment(&peer, Flags { syn: true, ..NONE }, &[]);
    assert_eq!(Reset::for_destination(&syn, Fate::Dropped, &Config::new()), Err(NoReset::NoConnection));
    Ok(None)
}

fn syn_delivered(host: &mut Host) -> Result<Ended, NoReset> {
    // First a request that stays, with the wrong number.
    for works in [false, true] {
        let mut peer = host.peer(LISTENING);
        let syn = host.segment(&peer, Flags { syn: true, ..NONE }, &[]);
        let reset = Reset::for_destination(&syn, Fate::Delivered, &Config::new())?;
        host.send(&syn);
        host.hear_syn_ack(&mut peer);
        let isn = peer.seq.wrapping_sub(1);
        host.send_reset(if works { reset } else { with_seq(reset, isn) });
        // The last segment of the handshake tells whether the request is still there.
        let ack = host.segment(&peer, Flags { ack: true, ..NONE }, &[]);
        host.send(&ack);
        if works {
            let answer = host.hear(&peer).expect("an ACK to nobody is answered");
            assert!(answer.rst && answer.seq == peer.ack, "{answer:?}");
            assert_eq!(host.listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        } else {
            let (socket, _) = host.listener.accept().expect("the request has stayed");
            abort(socket);
            host.hear(&peer);
        }
    }
    Ok(None)
}

fn syn_ack_dropped(host: &mut Host) -> Result<Ended, NoReset> {
    syn_ack(host, Fate::Dropped)
}

/// The reset arrives before the SYN/ACK that it was made for.
fn syn_ack_overtaken(host: &mut Host) -> Result<Ended, NoReset> {
    syn_ack(host, Fate::Delivered)
}

/// The destination is in SYN-SENT.
fn syn_ack(host: &mut Host, fate: Fate) -> Result<Ended, NoReset> {
    let (mut socket, peer) = host.connect();
    let syn_ack = host.segment(&peer, Flags { syn: true, ack: true, ..NONE }, &[]);
    let reset = Reset::for_destination(&syn_ack, fate, &Config::new())?;
    if host.rng.bool() {
        host.send_reset(without_ack(reset));
        assert_eq!(socket.take_error().unwrap().map(errno), None);
        // In SYN-SENT there is nothing to read.
        assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    host.send_reset(reset);
    has_ended(&socket, Errno::ECONNREFUSED);
    Ok(Some(socket))
}

fn syn_ack_delivered(host: &mut Host) -> Result<Ended, NoReset> {
    let (mut socket, peer) = host.connect();
    let syn_ack = host.segment(&peer, Flags { syn: true, ack: true, ..NONE }, &[]);
    let reset = Reset::for_destination(&syn_ack, Fate::Delivered, &Config::new())?;
    host.send(&syn_ack);
    let answer = host.hear(&peer).expect("a SYN/ACK is answered");
    assert!(answer.ack && !answer.syn && !answer.rst, "{answer:?}");
    if host.rng.bool() {
        host.send_reset(with_seq(reset, peer.seq));
        lives(&mut socket);
    }
    host.send_reset(reset);
    has_ended(&socket, Errno::ECONNRESET);
    Ok(Some(socket))
}

fn data_dropped(host: &mut Host) -> Result<Ended, NoReset> {
    let (mut socket, peer) = host.establish();
    let flags = Flags { ack: true, fin: host.rng.bool(), ..NONE };
    let data = host.data();
    let segment = host.segment(&peer, flags, &data);
    let reset = Reset::for_destination(&segment, Fate::Dropped, &Config::new())?;
    let past = peer.seq.wrapping_add(seg_len(flags, &data));
    if past != peer.seq && host.rng.bool() {
        host.send_reset(with_seq(reset, past));
        host.hear_challenge(&peer, peer.seq);
        lives(&mut socket);
    }
    host.send_reset(reset);
    has_ended(&socket, Errno::ECONNRESET);
    Ok(Some(socket))
}

fn data_delivered(host: &mut Host) -> Result<Ended, NoReset> {
    let (mut socket, peer) = host.establish();
    let flags = Flags { ack: true, ..NONE };
    let data = host.data();
    let segment = host.segment(&peer, flags, &data);
    let reset = Reset::for_destination(&segment, Fate::Delivered, &Config::new())?;
    host.send(&segment);
    if !data.is_empty() && host.rng.bool() {
        host.send_reset(with_seq(reset, peer.seq));
        lives(&mut socket);
    }
    host.send_reset(reset);
    has_ended(&socket, Errno::ECONNRESET);
    Ok(Some(socket))
}

fn fin_delivered(host: &mut Host) -> Result<Ended, NoReset> {
    let (mut socket, peer) = host.establish();
    let flags = Flags { ack: true, fin: true, ..NONE };
    let data = host.data();
    let segment = host.segment(&peer, flags, &data);
    let reset = Reset::for_destination(&segment, Fate::Delivered, &Config::new())?;
    host.send(&segment);
    let next = peer.seq.wrapping_add(seg_len(flags, &data));
    // Linux would take the FIN's own number as well.
    assert_eq!(reset.tcp().seq, next);
    match host.rng.u8(..4) {
        0 if !data.is_empty() => {
            host.send_reset(with_seq(reset, peer.seq));
            lives(&mut socket);
        }
        1 => {
            host.send_reset(with_seq(reset, next.wrapping_add(1)));
            host.hear_challenge(&peer, next);
            lives(&mut socket);
        }
        // It does: this connection ends, and is not counted.
        2 => {
            host.send_reset(with_seq(reset, next.wrapping_sub(1)));
            has_ended(&socket, Errno::EPIPE);
            return fin_delivered(host);
        }
        _ => {}
    }
    host.send_reset(reset);
    // What Linux says in CLOSE-WAIT, where nothing is left to read.
    has_ended(&socket, Errno::EPIPE);
    Ok(Some(socket))
}

#[expect(clippy::needless_pass_by_value, reason = "for `map`")]
fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().expect("an error of the kernel"))
}

/// Closes a connection by a reset, so that nothing of it stays behind.
#[expect(clippy::needless_pass_by_value, reason = "it closes")]
fn abort(socket: Socket) {
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

/// The flags of a segment of ours; PSH and URG come and go on all of them.
#[derive(Clone, Copy)]
struct Flags {
    syn: bool,
    ack: bool,
    fin: bool,
}

const NONE: Flags = Flags { syn: false, ack: false, fin: false };

/// SEG.LEN of a segment without SYN.
fn seg_len(flags: Flags, data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap() + u32::from(flags.fin)
}

/// The end of a connection that the test plays.
struct Peer {
    /// The kernel's port, and ours.
    here: u16,
    there: u16,
    /// The next number of ours, and of the kernel's.
    seq: u32,
    ack: u32,
    /// Whether we offer timestamps and SACK, and what is left of the offer after the handshake.
    timestamps: bool,
    sack: bool,
    /// The kernel's last timestamp.
    echo: u32,
}

/// What the kernel has sent to a peer.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "so has the header")]
struct Heard {
    here: u16,
    there: u16,
    seq: u32,
    ack_number: u32,
    syn: bool,
    ack: bool,
    rst: bool,
    timestamp: Option<u32>,
    sack_permitted: bool,
}

/// The kernel, and all peers beside it.
struct Host {
    kernel: Kernel,
    there: IpAddr,
    listener: Socket,
    seed: u64,
    rng: Rng,
    /// The last port of a peer.
    there_port: u16,
}

impl Host {
    fn new(family: Family) -> Self {
        let [here, there] = match family {
            Family::V4 => ["192.0.2.1", "192.0.2.7"],
            Family::V6 => ["2001:db8::1", "2001:db8::7"],
        };
        let kernel = Kernel::new(family, here);
        let (listener, seed) = (kernel.listener(), fastrand::u64(..));
        let there = there.parse().unwrap();
        let mut host = Self { kernel, there, listener, seed, rng: Rng::with_seed(seed), there_port: u16::MAX };
        host.wait_for_routes();
        host
    }

    /// Linux leaves the routes of an IPv6 address to a worker: until then a SYN draws nothing.
    fn wait_for_routes(&mut self) {
        let deadline = Instant::now() + 10 * PATIENCE;
        loop {
            let peer = self.peer(LISTENING + 1);
            let syn = self.segment(&peer, Flags { syn: true, ..NONE }, &[]);
            self.send(&syn);
            if self.hear(&peer).is_some_and(|answer| answer.rst) {
                return;
            }
            assert!(Instant::now() < deadline, "no route");
        }
    }

    /// A peer that has not sent anything yet, and that many of whose numbers will soon wrap.
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
        let socket = self.kernel.socket();
        let there = SocketAddr::new(self.there, peer.there);
        assert_eq!(socket.connect(&there.into()).map_err(errno), Err(Errno::EINPROGRESS));
        peer.here = socket.local_addr().unwrap().as_socket().unwrap().port();
        let syn = self.hear(&peer).expect("connect sends a SYN");
        assert!(syn.syn && !syn.ack, "{syn:?}");
        peer.ack = syn.seq.wrapping_add(1);
        peer.echo = syn.timestamp.unwrap_or_default();
        (socket, peer)
    }

    /// A socket in ESTABLISHED, by the kernel's `connect` or its `accept`.
    fn establish(&mut self) -> (Socket, Peer) {
        let (socket, mut peer);
        if self.rng.bool() {
            (socket, peer) = self.connect();
            let syn_ack = self.segment(&peer, Flags { syn: true, ack: true, ..NONE }, &[]);
            self.send(&syn_ack);
            let answer = self.hear(&peer).expect("a SYN/ACK is answered");
            assert!(answer.ack && !answer.syn && !answer.rst, "{answer:?}");
            peer.seq = peer.seq.wrapping_add(1);
        } else {
            peer = self.peer(LISTENING);
            let syn = self.segment(&peer, Flags { syn: true, ..NONE }, &[]);
            self.send(&syn);
            self.hear_syn_ack(&mut peer);
            let ack = self.segment(&peer, Flags { ack: true, ..NONE }, &[]);
            self.send(&ack);
            socket = self.listener.accept().expect("the handshake is complete").0;
            socket.set_nonblocking(true).unwrap();
        }
        (socket, peer)
    }

    /// The peer's SYN has been answered.
    fn hear_syn_ack(&mut self, peer: &mut Peer) {
        let answer = self.hear(peer).expect("a SYN is answered");
        assert!(answer.syn && answer.ack && answer.ack_number == peer.seq.wrapping_add(1), "{answer:?}");
        peer.seq = answer.ack_number;
        peer.ack = answer.seq.wrapping_add(1);
        peer.echo = answer.timestamp.unwrap_or_default();
        peer.timestamps = answer.timestamp.is_some();
        peer.sack = answer.sack_permitted;
    }

    /// The answer to a reset that is only nearly right (RFC 5961 §3.2). It comes at once: a later one would be a
    /// delayed ACK (RFC 9293 §3.8.6.3).
    fn hear_challenge(&mut self, peer: &Peer, next: u32) {
        let answer = self.kernel.read().and_then(|packet| Heard::of(&packet)).expect("a challenge ACK");
        let Heard { here, there, syn, ack, rst, ack_number, .. } = answer;
        assert!((here, there) == (peer.here, peer.there), "{answer:?}");
        assert!(ack && !syn && !rst && ack_number == next, "{answer:?}");
    }

    fn data(&mut self) -> Vec<u8> {
        let len = if self.rng.u8(..4) == 0 { 0 } else { self.rng.usize(..=MOST_DATA) };
        std::iter::repeat_with(|| self.rng.u8(..)).take(len).collect()
    }

    /// The next segment of the peer, in its IP packet.
    fn segment(&mut self, peer: &Peer, flags: Flags, data: &[u8]) -> Vec<u8> {
        let rng = &mut self.rng;
        let urgent = if rng.bool() { rng.u16(1..) } else { 0 };
        let bit = |on, bit| if on { bit } else { 0 };
        let tcp = Tcp {
            source_port: peer.there,
            destination_port: peer.here,
            seq: peer.seq,
            ack: if flags.ack { peer.ack } else { 0 },
            flags: bit(flags.syn, SYN)
                | bit(flags.ack, ACK)
                | bit(flags.fin, FIN)
                | bit(rng.bool(), PSH)
                | bit(urgent > 0, URG),
            window: rng.u16(32768..),
            urgent,
            options: options(peer, flags.syn, rng.bool()),
            data: data.to_vec(),
            ..Tcp::default()
        };
        match (self.there, self.kernel.address) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                V4 { source: source.octets(), destination: destination.octets(), tcp, ..V4::default() }.bytes()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                V6 { source: source.octets(), destination: destination.octets(), tcp, ..V6::default() }.bytes()
            }
            _ => unreachable!("a host has one family"),
        }
    }

    fn send_reset(&self, reset: Reset) {
        self.kernel.send_reset(reset);
    }

    fn send(&self, packet: &[u8]) {
        self.kernel.send(packet);
    }

    /// What the kernel sends to the peer in time.
    fn hear(&self, peer: &Peer) -> Option<Heard> {
        let to_peer = |heard: &Heard| (heard.here, heard.there) == (peer.here, peer.there);
        self.kernel.wait(PATIENCE, |packet| Heard::of(&packet).filter(to_peer))
    }
}

/// The options of a segment: what a SYN offers; timestamps and, if `sack`, SACK of something that was acknowledged before
/// (RFC 2883), where they were agreed upon.
fn options(peer: &Peer, syn: bool, sack: bool) -> Vec<u8> {
    let mut options = Vec::new();
    if syn {
        // Maximum segment size 1460, window scale 7.
        options.extend([2, 4, 0x05, 0xb4, 3, 3, 7]);
    }
    if peer.timestamps {
        options.extend([&[8, 10], &77_000_u32.to_be_bytes()[..], &peer.echo.to_be_bytes()].concat());
    }
    if peer.sack && syn {
        options.extend([4, 2]);
    } else if peer.sack && sack {
        let before = peer.ack.wrapping_sub(1);
        options.extend([&[5, 10], &before.to_be_bytes()[..], &peer.ack.to_be_bytes()].concat());
    }
    options.resize(options.len().next_multiple_of(4), NO_OPERATION);
    options
}

impl Heard {
    fn of(packet: &[u8]) -> Option<Self> {
        let packet = SlicedPacket::from_ip(packet).ok()?;
        let Some(TransportSlice::Tcp(segment)) = packet.transport else { return None };
        let mut heard = Self {
            here: segment.source_port(),
            there: segment.destination_port(),
            seq: segment.sequence_number(),
            ack_number: segment.acknowledgment_number(),
            syn: segment.syn(),
            ack: segment.ack(),
            rst: segment.rst(),
            timestamp: None,
            sack_permitted: false,
        };
        for option in segment.options_iterator() {
            match option.unwrap() {
                TcpOptionElement::Timestamp(timestamp, _) => heard.timestamp = Some(timestamp),
                TcpOptionElement::SelectiveAcknowledgementPermitted => heard.sack_permitted = true,
                _ => {}
            }
        }
        Some(heard)
    }
}
