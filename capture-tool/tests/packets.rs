//! The packets of the constructed captures.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::{NetSlice, SlicedPacket, TcpHeaderSlice, TransportSlice};
use tcp_reset::{Config, Profile, Reset};

/// The textbook's SYN, from 10.0.0.1 port 36050 to 10.0.0.2 port 80.
pub fn syn() -> Vec<u8> {
    segment(0x02, b"")
}

/// The line for it.
pub const SYN_LINE: &str = "IP 10.0.0.1.36050 > 10.0.0.2.80: Flags [S], seq 522224616, win 1024, length 0  ->  \
                            Flags [R.], seq 0, ack 522224617, win 0";

/// Another segment that goes the same way.
pub fn segment(flags: u8, data: &[u8]) -> Vec<u8> {
    let total_len = u16::try_from(40 + data.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet[2..4].copy_from_slice(&total_len);
    packet.extend(tcp_segment(flags, data));
    repair(&mut packet);
    packet
}

/// The same SYN over IPv6, between two hosts of `fd00::`.
pub fn syn_over_ipv6() -> Vec<u8> {
    let addresses = ["fd00::1", "fd00::2"].map(|address| address.parse::<Ipv6Addr>().unwrap().octets()).concat();
    let mut packet = [&[0x60, 0, 0, 0, 0, 20, 6, 64], &addresses[..], &tcp_segment(0x02, b"")].concat();
    let checksum = internet_checksum(&[&addresses[..], &[0, 6, 0, 20], &packet[40..]].concat());
    packet[56..58].copy_from_slice(&checksum);
    packet
}

fn tcp_segment(flags: u8, data: &[u8]) -> Vec<u8> {
    let mut segment = [36050_u16, 80].map(u16::to_be_bytes).concat();
    segment.extend([522_224_616_u32, 1_406_759_780].map(u32::to_be_bytes).concat());
    segment.extend([0x50, flags, 4, 0, 0, 0, 0, 0]);
    segment.extend(data);
    segment
}

/// The packet in an Ethernet frame.
pub fn ethernet(packet: &[u8]) -> Vec<u8> {
    [b"............\x08\x00", packet].concat()
}

/// A segment that goes the other way.
pub fn backwards(mut packet: Vec<u8>) -> Vec<u8> {
    packet[12..20].rotate_left(4);
    packet[20..24].rotate_left(2);
    repair(&mut packet);
    packet
}

/// Sets both checksums of a TCP packet over IPv4 without options.
pub fn repair(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let checksum = internet_checksum(&packet[..20]);
    packet[10..12].copy_from_slice(&checksum);
    packet[36..38].fill(0);
    let length = u16::try_from(packet.len() - 20).unwrap().to_be_bytes();
    let checksum = internet_checksum(&[&packet[12..20], &[0, 6], &length, &packet[20..]].concat());
    packet[36..38].copy_from_slice(&checksum);
}

/// RFC 1071, one word after the other.
fn internet_checksum(data: &[u8]) -> [u8; 2] {
    let words = data.chunks(2).map(|pair| u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    let sum = words.fold(0, |sum, word| (sum + u32::from(word)) % 0xffff);
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

/// The reset that answers a packet in a profile.
pub fn reply(packet: &[u8], profile: Profile) -> Vec<u8> {
    let mut buffer = [0xa5; tcp_reset::MAX_LEN];
    let reset = Reset::in_reply_to(packet, &Config::new().profile(profile)).unwrap();
    reset.emit(&mut buffer).unwrap().to_vec()
}

/// The addresses and the header of a TCP packet, as etherparse sees them.
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
