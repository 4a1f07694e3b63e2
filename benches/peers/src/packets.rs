//! The offending packets: sets of 256 different packets of one kind, the same in every run.

use fastrand::Rng;
use support::packet::{Tcp, V4, V6, repair};
use support::protocol::{DESTINATION_OPTIONS, PSH, UDP};
use tcp_reset::tcp::{ACK, FIN, RST, SYN};

/// What Linux puts into a SYN: maximum segment size, SACK permitted, timestamps, window scale.
const SYN_OPTIONS: &[u8] = &[2, 4, 5, 180, 4, 2, 8, 10, 18, 52, 86, 120, 0, 0, 0, 0, 1, 3, 3, 7];
/// What Linux puts into every other segment: timestamps.
const OPTIONS: &[u8] = &[1, 1, 8, 10, 18, 52, 86, 120, 52, 86, 120, 154];
/// A router alert (RFC 2113), the IPv4 option seen most.
const ROUTER_ALERT: &[u8] = &[148, 4, 0, 0];

/// A kind of offending packet; the other fields are random.
#[derive(Clone, Copy)]
pub struct Kind {
    ipv6: bool,
    ip_options: &'static [u8],
    flags: u8,
    tcp_options: &'static [u8],
    data_len: usize,
}

/// SYNs without options, of 40 bytes.
pub const SYN_40: Kind = Kind { ipv6: false, ip_options: &[], flags: SYN, tcp_options: &[], data_len: 0 };
/// SYNs with Linux's options, of 60 bytes.
pub const SYN_60: Kind = Kind { tcp_options: SYN_OPTIONS, ..SYN_40 };
/// Bare ACKs, of 40 bytes.
pub const ACK_40: Kind = Kind { flags: ACK, ..SYN_40 };
/// FINs with 25 bytes of data and without ACK, of 65 bytes.
pub const FIN_65: Kind = Kind { flags: FIN, data_len: 25, ..SYN_40 };
/// Data, of 576 bytes with the headers.
pub const DATA_576: Kind = data(576);
/// Data, of 1500 bytes with the headers.
pub const DATA_1500: Kind = data(1500);
/// SYNs without options over IPv6, of 60 bytes.
pub const IPV6_SYN_60: Kind = Kind { ipv6: true, ..SYN_40 };
/// SYNs that are resets as well, of 40 bytes.
pub const RST_40: Kind = Kind { flags: SYN | RST, ..SYN_40 };

/// Data in a packet of that length.
const fn data(packet_len: usize) -> Kind {
    Kind { flags: ACK | PSH, data_len: packet_len - 40, ..SYN_40 }
}

/// 256 different packets of a kind.
pub fn of(kind: Kind) -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(256);
    (0..256).map(|_| packet(kind, &mut rng)).collect()
}

/// Data, of 65535 bytes with the headers, the longest IPv4 packet; 32 of them, as many as stay in a cache.
pub fn data_65535() -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(65535);
    (0..32).map(|_| packet(data(65535), &mut rng)).collect()
}

/// A SYN over IPv6, after as many extension headers as a packet holds.
pub fn chain_65535() -> Vec<Vec<u8>> {
    let extensions = vec![(DESTINATION_OPTIONS, vec![0, 0, 1, 4, 0, 0, 0, 0]); (65535 - 20) / 8];
    vec![V6 { extensions, ..V6::default() }.bytes()]
}

/// 4096 packets of several kinds and sizes, in random order.
pub fn mixed() -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(4096);
    let random_packet = || {
        let kind = match rng.u8(..6) {
            0 => SYN_40,
            1 => SYN_60,
            2 => ACK_40,
            3 => Kind { flags: FIN | ACK, tcp_options: OPTIONS, ..SYN_40 },
            4 => Kind { data_len: rng.usize(1..64), ..FIN_65 },
            _ => Kind { flags: ACK | PSH, tcp_options: OPTIONS, data_len: rng.usize(1..=1448), ..SYN_40 },
        };
        // One in 64 has an option in its IP header.
        let ip_options = if rng.u8(..64) == 0 { ROUTER_ALERT } else { &[] };
        packet(Kind { ip_options, ..kind }, &mut rng)
    };
    std::iter::repeat_with(random_packet).take(4096).collect()
}

/// The packets, each a later fragment (RFC 791 §3.1).
pub fn as_fragments(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        packet[6..8].copy_from_slice(&[0x20, 0xb9]);
        repair(packet);
    }
    packets
}

/// The packets, with UDP as the protocol.
pub fn as_udp(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        packet[9] = UDP;
        repair(packet);
    }
    packets
}

/// The packets, each with a wrong last byte.
pub fn as_damaged(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        *packet.last_mut().unwrap() ^= 0x10;
    }
    packets
}

/// A packet of that kind with random addresses, ports, numbers and data, and with right checksums.
fn packet(kind: Kind, rng: &mut Rng) -> Vec<u8> {
    let mut random = |len: usize| std::iter::repeat_with(|| rng.u8(..)).take(len).collect::<Vec<_>>();
    let short = |bytes: Vec<u8>| u16::from_be_bytes(bytes.try_into().unwrap());
    let long = |bytes: Vec<u8>| u32::from_be_bytes(bytes.try_into().unwrap());
    let tcp = Tcp {
        source_port: short(random(2)),
        destination_port: short(random(2)),
        seq: long(random(4)),
        ack: if kind.flags & ACK == 0 { 0 } else { long(random(4)) },
        flags: kind.flags,
        window: short(random(2)),
        options: kind.tcp_options.to_vec(),
        data: random(kind.data_len),
        ..Tcp::default()
    };
    if kind.ipv6 {
        let mut address = || [&[0x20, 0x01], &random(14)[..]].concat().try_into().unwrap();
        let (source, destination) = (address(), address());
        return V6 { flow_label: 0, hop_limit: 64, source, destination, tcp, ..V6::default() }.bytes();
    }
    // In 0.0.0.0/1, but neither 0.0.0.0 nor loopback: unicast.
    let mut address = || {
        let mut address: [u8; 4] = random(4).try_into().unwrap();
        address[0] = address[0] % 126 + 1;
        address
    };
    let (source, destination) = (address(), address());
    let (id, ttl) = (short(random(2)), random(1)[0] | 1);
    V4 { id, ttl, source, destination, options: kind.ip_options.to_vec(), tcp, ..V4::default() }.bytes()
}
