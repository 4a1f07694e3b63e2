//! The offending packets: sets of 256 different ones of a kind, the same in every run.

use fastrand::Rng;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// What Linux puts into a SYN: maximum segment size, SACK permitted, timestamps, window scale.
const SYN_OPTIONS: &[u8] = &[2, 4, 5, 180, 4, 2, 8, 10, 18, 52, 86, 120, 0, 0, 0, 0, 1, 3, 3, 7];
/// What Linux puts into every other segment: timestamps.
const OPTIONS: &[u8] = &[1, 1, 8, 10, 18, 52, 86, 120, 52, 86, 120, 154];
/// A router alert (RFC 2113), the IPv4 option seen most.
const ROUTER_ALERT: &[u8] = &[148, 4, 0, 0];

/// A kind of offending packet: what it holds, the rest is random.
#[derive(Clone, Copy, Default)]
struct Kind {
    ipv6: bool,
    ip_options: &'static [u8],
    flags: u8,
    tcp_options: &'static [u8],
    data_len: usize,
}

const SYN_40: Kind = Kind { ipv6: false, ip_options: &[], flags: SYN, tcp_options: &[], data_len: 0 };
const SYN_60: Kind = Kind { tcp_options: SYN_OPTIONS, ..SYN_40 };
const ACK_40: Kind = Kind { flags: ACK, ..SYN_40 };
const FIN_65: Kind = Kind { flags: FIN, data_len: 25, ..SYN_40 };

/// Data in a packet of that length.
const fn data(packet_len: usize) -> Kind {
    Kind { flags: ACK | PSH, data_len: packet_len - 40, ..SYN_40 }
}

/// 256 different SYNs without options, of 40 bytes.
pub fn syn_40() -> Vec<Vec<u8>> {
    same(SYN_40)
}

/// SYNs with Linux's options, of 60 bytes.
pub fn syn_60() -> Vec<Vec<u8>> {
    same(SYN_60)
}

/// Bare ACKs, of 40 bytes.
pub fn ack_40() -> Vec<Vec<u8>> {
    same(ACK_40)
}

/// FINs with 25 bytes of data and without ACK, of 65 bytes.
pub fn fin_65() -> Vec<Vec<u8>> {
    same(FIN_65)
}

/// Data, of 576 bytes with the headers.
pub fn data_576() -> Vec<Vec<u8>> {
    same(data(576))
}

/// Data, of 1500 bytes with the headers.
pub fn data_1500() -> Vec<Vec<u8>> {
    same(data(1500))
}

/// Data, of 65535 bytes with the headers, the most that IPv4 can say; 32 of them, as many as stay in a cache.
pub fn data_65535() -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(65535);
    (0..32).map(|_| packet(data(65535), &mut rng)).collect()
}

/// SYNs without options over IPv6, of 60 bytes.
pub fn ipv6_syn_60() -> Vec<Vec<u8>> {
    same(Kind { ipv6: true, ..SYN_40 })
}

/// 4096 packets of every kind and size, in an order that no branch predictor learns.
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

/// SYNs that are resets as well.
pub fn rst_40() -> Vec<Vec<u8>> {
    same(Kind { flags: SYN | RST, ..SYN_40 })
}

/// The packets, each a later fragment (RFC 791 §3.1).
pub fn as_fragments(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        packet[6..8].copy_from_slice(&[0x20, 0xb9]);
        fill_ipv4_checksum(packet);
    }
    packets
}

/// The packets, each said to hold UDP.
pub fn as_udp(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        packet[9] = 17;
        fill_ipv4_checksum(packet);
    }
    packets
}

/// The packets, the last byte of each damaged.
pub fn as_damaged(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        *packet.last_mut().unwrap() ^= 0x10;
    }
    packets
}

fn same(kind: Kind) -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(256);
    (0..256).map(|_| packet(kind, &mut rng)).collect()
}

/// A packet of that kind with random addresses, ports, numbers and data, and with right checksums.
fn packet(kind: Kind, rng: &mut Rng) -> Vec<u8> {
    let mut random = |len: usize| std::iter::repeat_with(|| rng.u8(..)).take(len).collect::<Vec<_>>();

    let ack_len = if kind.flags & ACK == 0 { 0 } else { 4 };
    let data_offset = 0x50 + (kind.tcp_options.len() as u8 * 4);
    let mut segment = random(8);
    segment.extend(random(ack_len));
    segment.resize(12, 0);
    segment.extend([data_offset, kind.flags]);
    segment.extend(random(2));
    segment.extend([0; 4]);
    segment.extend(kind.tcp_options);
    segment.extend(random(kind.data_len));
    let segment_len = segment.len() as u16;

    let address = |random: Vec<u8>| if kind.ipv6 { [&[0x20, 0x01][..], &random].concat() } else { random };
    let address_len = if kind.ipv6 { 14 } else { 4 };
    let mut addresses = [address(random(address_len)), address(random(address_len))].concat();
    if !kind.ipv6 {
        // Into 0.0.0.0/1, but neither 0.0.0.0 nor loopback: unicast.
        for first in [0, 4] {
            addresses[first] = addresses[first] % 126 + 1;
        }
    }

    let [high, low] = segment_len.to_be_bytes();
    let pseudo_header = [&addresses[..], &[0, 6, high, low]].concat();
    let checksum = checksum(&[pseudo_header, segment.clone()].concat());
    segment[16..18].copy_from_slice(&checksum);

    let header = if kind.ipv6 {
        vec![0x60, 0, 0, 0, high, low, 6, 64]
    } else {
        let header_len = 20 + kind.ip_options.len();
        let [high, low] = (header_len as u16 + segment_len).to_be_bytes();
        let mut header = vec![0x40 | (header_len / 4) as u8, 0, high, low];
        header.extend(random(2));
        header.extend([0x40, 0, random(1)[0] | 1, 6, 0, 0]);
        header
    };
    let mut packet = [&header, &addresses, kind.ip_options, &segment].concat();
    if !kind.ipv6 {
        fill_ipv4_checksum(&mut packet);
    }
    packet
}

fn fill_ipv4_checksum(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let checksum = checksum(&packet[..header_len]);
    packet[10..12].copy_from_slice(&checksum);
}

/// RFC 1071's loop: none of the contenders'.
fn checksum(data: &[u8]) -> [u8; 2] {
    let mut sum = 0;
    for pair in data.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
