//! Both ends of each connection are sockets of the kernel, each on a host of its own. The test carries the packets from one
//! host to the other, so the kernel makes every segment: with data, FIN or URG, with or without timestamps and SACK.

use std::io::Write;
use std::net::Shutdown;
use std::time::Instant;

use fastrand::Rng;
use nix::errno::Errno;
use socket2::Socket;
use tcp_reset::Towards::{self, DestinationOfDelivered, DestinationOfDropped};
use tcp_reset::{Config, NoReset, Reset};
use tcp_reset_linux::Family;
use tcp_reset_linux::namespace::set;

use crate::host::{
    Host, LISTEN, LISTENING, PATIENCE, SYN_RECEIVED, Sent, for_destination, has_ended, lives, waits, with_seq,
    without_ack,
};

/// How many connections are ended, for each row of the table and each family.
const CONNECTIONS: usize = 1_000;

/// The ends of a network: the client, which connects, and the server.
const CLIENT: usize = 0;
const SERVER: usize = 1;

/// A row of the table: ends one connection, and returns its sockets.
pub(crate) type Row = fn(&mut Network) -> Vec<Socket>;

pub(crate) const ROWS: [(&str, Row); 7] = [
    ("syn_dropped", syn_dropped),
    ("syn_delivered", syn_delivered),
    ("syn_ack_dropped", syn_ack_dropped),
    ("syn_ack_delivered", syn_ack_delivered),
    ("data_dropped", data_dropped),
    ("data_delivered", data_delivered),
    ("fin_delivered", fin_delivered),
];

/// Ends connections, and finds none of them in the kernel's tables while their sockets are still open.
pub(crate) fn end_connections(family: Family, row: Row) {
    let mut network = Network::new(family);
    for _ in 0..CONNECTIONS / 100 {
        let mut ended = Vec::new();
        for _ in 0..100 {
            network.choose_options();
            ended.extend(row(&mut network));
        }
        assert_eq!(network.ends.each_ref().map(Host::states), [vec![], vec![LISTEN.to_owned()]]);
    }
}

/// There is nothing yet to reset at the server.
fn syn_dropped(network: &mut Network) -> Vec<Socket> {
    let (client, syn) = network.connect();
    let for_server = Reset::in_reply_to(&syn, &Config::new().towards(DestinationOfDropped));
    assert_eq!(for_server, Err(NoReset::NoConnection));
    network.ends[CLIENT].send_reset(in_reply_to(&syn));
    has_ended(&client, Errno::ECONNREFUSED);
    vec![client]
}

fn syn_delivered(network: &mut Network) -> Vec<Socket> {
    let (client, syn) = network.connect();
    network.ends[SERVER].send(&syn);
    network.hear(SERVER);
    let reset = for_destination(&syn, DestinationOfDelivered);
    if network.rng.u8(..20) == 0 {
        network.ends[SERVER].send_reset(with_seq(reset, reset.tcp().seq.wrapping_sub(1)));
        assert_eq!(network.ends[SERVER].states().last().unwrap(), SYN_RECEIVED);
    }
    network.ends[SERVER].send_reset(reset);
    network.ends[CLIENT].send_reset(in_reply_to(&syn));
    has_ended(&client, Errno::ECONNREFUSED);
    vec![client]
}

fn syn_ack_dropped(network: &mut Network) -> Vec<Socket> {
    let (mut client, syn) = network.connect();
    network.ends[SERVER].send(&syn);
    let syn_ack = network.hear(SERVER);
    let reset = for_destination(&syn_ack, DestinationOfDropped);
    network.ends[CLIENT].send_reset(without_ack(reset));
    waits(&mut client);
    network.ends[CLIENT].send_reset(reset);
    has_ended(&client, Errno::ECONNREFUSED);
    network.ends[SERVER].send_reset(in_reply_to(&syn_ack));
    vec![client]
}

fn syn_ack_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut client, syn) = network.connect();
    network.ends[SERVER].send(&syn);
    let syn_ack = network.hear(SERVER);
    network.ends[CLIENT].send(&syn_ack);
    let reset = for_destination(&syn_ack, DestinationOfDelivered);
    network.ends[CLIENT].send_reset(with_seq(reset, reset.tcp().seq.wrapping_sub(1)));
    lives(&mut client);
    network.ends[CLIENT].send_reset(reset);
    has_ended(&client, Errno::ECONNRESET);
    network.ends[SERVER].send_reset(in_reply_to(&syn_ack));
    vec![client]
}

fn data_dropped(network: &mut Network) -> Vec<Socket> {
    let has_fin = network.rng.bool();
    let (mut ends, to, segment, _) = network.segment(has_fin);
    network.ends[to].send_reset(for_destination(&segment, DestinationOfDelivered));
    lives(&mut ends[to]);
    network.end_both(&ends, to, &segment, DestinationOfDropped, Errno::ECONNRESET);
    ends.into()
}

fn data_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut ends, to, segment, _) = network.segment(false);
    network.ends[to].send(&segment);
    network.ends[to].send_reset(for_destination(&segment, DestinationOfDropped));
    lives(&mut ends[to]);
    network.end_both(&ends, to, &segment, DestinationOfDelivered, Errno::ECONNRESET);
    ends.into()
}

/// The destination is in CLOSE-WAIT.
fn fin_delivered(network: &mut Network) -> Vec<Socket> {
    let (mut ends, to, segment, len) = network.segment(true);
    network.ends[to].send(&segment);
    // Linux takes the number of the FIN as well, which without data is SEG.SEQ.
    if len > 0 {
        network.ends[to].send_reset(for_destination(&segment, DestinationOfDropped));
        lives(&mut ends[to]);
    }
    network.end_both(&ends, to, &segment, DestinationOfDelivered, Errno::EPIPE);
    ends.into()
}

fn in_reply_to(segment: &[u8]) -> Reset {
    Reset::in_reply_to(segment, &Config::new()).unwrap()
}

/// Two hosts, between which the test carries the packets.
pub(crate) struct Network {
    ends: [Host; 2],
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
        let ends = addresses.map(|address| Host::new(family, address));
        let network = Self { listener: ends[SERVER].listen(), ends, family, rng: Rng::new() };
        network.wait_for_routes();
        network
    }

    /// Linux leaves the routes of an IPv6 address to a worker.
    fn wait_for_routes(&self) {
        let deadline = Instant::now() + 10 * PATIENCE;
        let [client, server] = &self.ends;
        loop {
            let _socket = client.connect(server.address, LISTENING + 1);
            if let Some(syn) = client.wait(PATIENCE / 100, |_| true) {
                server.send(&syn.packet);
                if server.wait(PATIENCE / 100, |_| true).is_some() {
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
    fn connect(&self) -> (Socket, Vec<u8>) {
        // Connections that have ended may still have sent something.
        self.ends.iter().for_each(Host::discard);
        let client = self.ends[CLIENT].connect(self.ends[SERVER].address, LISTENING);
        (client, self.hear(CLIENT))
    }

    /// A connection and one segment of it, with data or FIN or both: the sockets, at which end the segment is expected,
    /// the segment itself, and the length of its data.
    fn segment(&mut self, has_fin: bool) -> ([Socket; 2], usize, Vec<u8>, usize) {
        let (client, syn) = self.connect();
        self.ends[SERVER].send(&syn);
        let syn_ack = self.hear(SERVER);
        self.ends[CLIENT].send(&syn_ack);
        let ack = self.hear(CLIENT);
        self.ends[SERVER].send(&ack);
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
        let Sent { packet, tcp, data: sent } = self.next(from);
        assert!(sent == data && tcp.fin == has_fin, "{tcp:?}");
        (ends, 1 - from, packet, data.len())
    }

    /// Sends both resets: both sockets have ended.
    fn end_both(&self, ends: &[Socket; 2], to: usize, segment: &[u8], towards: Towards, error: Errno) {
        self.ends[to].send_reset(for_destination(segment, towards));
        has_ended(&ends[to], error);
        self.ends[1 - to].send_reset(in_reply_to(segment));
        has_ended(&ends[1 - to], Errno::ECONNRESET);
    }

    /// The packet of the next segment that the end sends.
    #[track_caller]
    fn hear(&self, end: usize) -> Vec<u8> {
        self.next(end).packet
    }

    #[track_caller]
    fn next(&self, end: usize) -> Sent {
        let end = &self.ends[end];
        end.wait(PATIENCE, |_| true).unwrap_or_else(|| panic!("nothing comes from {}", end.address))
    }
}
