//! The packets of the captures.

use std::net::IpAddr;

use etherparse::{NetSlice, SlicedPacket, TcpHeaderSlice, TransportSlice};
use tcp_reset::{Config, Profile};

use support::FILL;
use support::frames::{ether_type, frame};
use support::model;
use support::packet::{Tcp, V4, repair};

/// A SYN from 192.0.2.1 port 36050 to 198.51.100.2 port 80.
pub fn syn() -> Vec<u8> {
    V4::default().bytes()
}

/// The line for it.
pub const SYN_LINE: &str = "192.0.2.1.36050 > 198.51.100.2.80: Flags [S], seq 522224616, win 1024, length 0  ->  \
                            reset: Flags [R.], seq 0, ack 522224617, win 0, length 0";

/// Another segment of the same direction.
pub fn segment(flags: u8, data: &[u8]) -> Vec<u8> {
    V4::with(Tcp { flags, ack: 1_406_759_780, data: data.to_vec(), ..Tcp::default() }).bytes()
}

/// The packet with a byte replaced, and correct checksums.
pub fn changed(mut packet: Vec<u8>, at: usize, to: u8) -> Vec<u8> {
    packet[at] = to;
    repair(&mut packet);
    packet
}

/// The packet with a bit of the byte inverted, which makes a checksum wrong.
pub fn damaged(mut packet: Vec<u8>, at: usize) -> Vec<u8> {
    packet[at] ^= 1;
    packet
}

/// The segment in the other direction.
pub fn backwards(mut packet: Vec<u8>) -> Vec<u8> {
    packet[12..20].rotate_left(4);
    packet[20..24].rotate_left(2);
    packet
}

/// The packet in an Ethernet frame.
pub fn ethernet(packet: &[u8]) -> Vec<u8> {
    frame([2; 6], [4; 6], &[], ether_type(packet), packet)
}

/// The reset that answers a packet, in the netfilter profile.
pub fn reply(packet: &[u8]) -> Vec<u8> {
    reply_in(Profile::Netfilter, packet)
}

/// The reset that answers a packet in a profile, by the crate and by the model.
pub fn reply_in(profile: Profile, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [FILL; tcp_reset::MAX_LEN];
    let reply = tcp_reset::reset_with(packet, &Config::new().profile(profile), &mut buffer).unwrap().to_vec();
    assert_eq!(reply, model::packet(packet, &Config::new().profile(profile)).unwrap());
    reply
}

/// The addresses and the header of a TCP packet, read by etherparse.
pub fn tcp_header(packet: &[u8]) -> Option<([IpAddr; 2], TcpHeaderSlice<'_>)> {
    let sliced = SlicedPacket::from_ip(packet).unwrap();
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { return None };
    let addresses = match sliced.net? {
        NetSlice::Ipv4(ip) => [ip.header().source_addr().into(), ip.header().destination_addr().into()],
        NetSlice::Ipv6(ip) => [ip.header().source_addr().into(), ip.header().destination_addr().into()],
        NetSlice::Arp(_) => return None,
    };
    Some((addresses, TcpHeaderSlice::from_slice(tcp.header_slice()).unwrap()))
}
