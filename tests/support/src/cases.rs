//! The fixed set: packets and frames of every kind, the same in every run.

use crate::functions::{Input, STRICT};
use crate::model::{self, DIRECTIONS, DestinationOfDelivered, DestinationOfDropped, Source, Towards, word};
use crate::packet::{Tcp, V4, V6, both, partial, repair, unstated};
use crate::protocol::{
    AUTHENTICATION, DESTINATION_OPTIONS, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TAGS, EXTENSIONS, FRAGMENT, PSH, URG,
};
use crate::{FILL, faults, frames, noise};
use tcp_reset::Config;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};

/// IPv4 addresses, and whether they are unicast.
#[rustfmt::skip]
pub const IPV4_ADDRESSES: [(&str, bool); 14] = [
    ("0.0.0.0",         false), // unspecified
    ("0.0.0.1",         true),  // "this network", but an address
    ("10.0.0.255",      true),  // perhaps a subnet's broadcast: the caller's routing table knows
    ("127.0.0.1",       true),  // loopback
    ("169.254.1.1",     true),  // link-local
    ("192.0.2.1",       true),
    ("223.255.255.255", true),
    ("224.0.0.0",       false), // multicast
    ("224.0.0.1",       false),
    ("232.1.2.3",       false),
    ("239.255.255.255", false),
    ("240.0.0.0",       true),  // reserved, and yet unicast
    ("255.255.255.254", true),
    ("255.255.255.255", false), // limited broadcast
];

/// IPv6 addresses, and whether they are unicast.
#[rustfmt::skip]
pub const IPV6_ADDRESSES: [(&str, bool); 20] = [
    ("::",                    false), // unspecified
    ("::1",                   true),  // loopback
    ("::2",                   true),
    ("::192.0.2.1",           true),  // IPv4-compatible
    ("::fffe:192.0.2.1",      true),
    ("::ffff:0.0.0.0",        false), // IPv4-mapped
    ("::ffff:192.0.2.1",      false),
    ("::ffff:255.255.255.255", false),
    ("::1:0:192.0.2.1",       true),
    ("::1:ffff:192.0.2.1",    true),
    ("64:ff9b::192.0.2.1",    true),  // for translation to IPv4
    ("100::1",                true),  // for discarding
    ("2001:db8::1",           true),
    ("fc00::1",               true),  // unique local
    ("fe80::1",               true),  // link-local
    ("fec0::1",               true),  // site-local
    ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true),
    ("ff00::",                false), // multicast
    ("ff02::1",               false),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
];

/// A packet from the address and one to it.
pub fn from_and_to(address: &str) -> [Vec<u8>; 2] {
    let (source, destination) = (V4::default(), V4::default());
    if let Ok(address) = address.parse::<core::net::Ipv4Addr>() {
        let address = address.octets();
        return [V4 { source: address, ..source }.bytes(), V4 { destination: address, ..destination }.bytes()];
    }
    let address = address.parse::<core::net::Ipv6Addr>().unwrap().octets();
    [V6 { source: address, ..V6::default() }.bytes(), V6 { destination: address, ..V6::default() }.bytes()]
}

/// Short packets, each of a kind of its own; all are to be answered under every setting, in every direction.
pub fn short() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = faults::all()
        .into_iter()
        .filter(|spoilt| matches!(spoilt.input, Input::Ipv4 | Input::Ipv6))
        .map(|spoilt| spoilt.bytes)
        .collect();
    flags_and_numbers(&mut all);
    lengths(&mut all);
    fields(&mut all);
    extension_headers(&mut all);
    offloaded(&mut all);
    for (address, _) in IPV4_ADDRESSES.into_iter().chain(IPV6_ADDRESSES) {
        all.extend(from_and_to(address));
    }
    for towards in DIRECTIONS {
        all.extend(for_zero_checksum(towards).into_iter().flatten());
    }
    all.extend(own_zero().into_iter().flat_map(|zero| [zero.right, zero.wrong].concat()));
    for hop_limit in [64, 0] {
        all.push(for_zero_header_checksum(hop_limit));
    }
    all
}

/// The bits that count, with and without the others; numbers that wrap.
fn flags_and_numbers(all: &mut Vec<Vec<u8>>) {
    for bits in 0..16 {
        // FIN, SYN, RST and, one bit further, ACK.
        let flags = bits & (FIN | SYN | RST) | (bits & 8) << 1;
        for others in [0, !(FIN | SYN | RST | ACK)] {
            let data = if others == 0 { vec![] } else { b"seven !".to_vec() };
            all.extend(both(&Tcp { flags: flags | others, ack: 0x8765_4321, data, ..Tcp::default() }));
        }
    }
    for flags in [0, FIN, SYN, SYN | FIN, ACK, ACK | FIN | PSH | URG] {
        for seq in [0, 0xff, 0xffff, 0x00ff_ffff, 0x7fff_ffff, 0xffff_fff8, u32::MAX] {
            all.extend(both(&Tcp { flags, seq, ack: seq.rotate_left(8), data: vec![1; 7], ..Tcp::default() }));
        }
    }
}

/// Packets of every length up to 130 bytes, whole, cut and padded; impossible lengths in all fields.
fn lengths(all: &mut Vec<Vec<u8>>) {
    let tcp = |len| Tcp { flags: FIN, options: vec![1; 8], data: noise(len), ..Tcp::default() };
    for len in 0..83 {
        all.extend(both(&tcp(len)));
    }
    let v4 = V4 { options: vec![1; 12], tcp: tcp(70), ..V4::default() }.bytes();
    let v6 = V6 { tcp: tcp(62), ..V6::default() }.bytes();
    let chain = vec![(DESTINATION_OPTIONS, vec![0; 8]), (AUTHENTICATION, vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])];
    let walked = V6 { extensions: chain, tcp: tcp(42), ..V6::default() }.bytes();
    for whole in [v4, v6, walked] {
        assert_eq!(whole.len(), 130);
        all.extend((0..130).map(|len| whole[..len].to_vec()));
        all.extend([1, 2, 19, 200].map(|padding| [&whole[..], &vec![FILL; padding]].concat()));
    }
    // The length that the IP header states.
    let set = |packet: &[u8], at: usize, value: u8| {
        let mut packet = packet.to_vec();
        packet[at] = value;
        repair(&mut packet);
        packet
    };
    let v4 = V4 { options: vec![1; 8], tcp: tcp(4), ..V4::default() }.bytes();
    all.extend((0..=80).map(|len| set(&v4, 3, len)));
    all.extend((0..=80).map(|len| set(&V6::with(tcp(4)).bytes(), 5, len)));
    for ihl in 0..16 {
        all.push(set(&v4, 0, 0x40 | ihl));
        all.extend([0, 1].map(|less| set(&set(&v4, 3, (ihl * 4).saturating_sub(less)), 0, 0x40 | ihl)));
    }
    for words in 0..=10 {
        all.push(V4 { options: noise(4 * words), tcp: tcp(3), ..V4::default() }.bytes());
        all.extend(both(&Tcp { options: noise(4 * words), data: vec![9; 3], ..Tcp::default() }));
    }
    for data_offset in (0..16).map(Some) {
        for (flags, len) in [(SYN, 20), (FIN, 0), (ACK | FIN, 1)] {
            all.extend(both(&Tcp { flags, data_offset, data: vec![3; len], ..Tcp::default() }));
        }
    }
    for version in 0..16 {
        for (mut packet, low) in [(v4.clone(), 7), (V6::with(tcp(4)).bytes(), 0)] {
            packet[0] = version << 4 | low;
            repair(&mut packet);
            all.push(packet);
        }
    }
}

/// Fields of the IP and TCP headers, and every byte of two packets with one bit flipped.
fn fields(all: &mut Vec<Vec<u8>>) {
    for class in [0, 1, 2, 3, 4, 8, 0x0f, 0x10, 0x20, 0x55, 0xaa, 0xfc, 0xff] {
        let tcp = Tcp { flags: ACK, ..Tcp::default() };
        all.push(V4 { tos: class, ttl: class, id: 0xffff, ..V4::with(tcp.clone()) }.bytes());
        let flow_label = 0xf_ffff * u32::from(class & 1);
        all.push(V6 { traffic_class: class, flow_label, hop_limit: class, ..V6::with(tcp) }.bytes());
    }
    for (source_port, destination_port) in [(0, 0), (0, 1), (1, 0), (0x1234, 0xabcd), (0xffff, 0xffff)] {
        all.extend(both(&Tcp {
            source_port,
            destination_port,
            window: 0xffff,
            urgent: 0xffff,
            reserved: 0xf,
            ..Tcp::default()
        }));
    }
    let loopback = [127, 0, 0, 1];
    all.push(V4 { source: loopback, destination: loopback, ..V4::default() }.bytes());
    for flags in 0..8_u16 {
        for offset in [0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x1fff] {
            all.push(V4 { fragment: flags << 13 | offset, ..V4::default() }.bytes());
            let [o0, o1] = (offset << 3 | flags).to_be_bytes();
            all.push(V6 { extensions: vec![(FRAGMENT, vec![0, 9, o0, o1, 0, 0, 0, 1])], ..V6::default() }.bytes());
        }
    }
    for whole in both(&Tcp { flags: ACK, ack: 1, data: b"odd".to_vec(), ..Tcp::default() }) {
        for at in 0..whole.len() {
            let mut packet = whole.clone();
            packet[at] ^= 1 << (at % 8);
            all.push(packet);
        }
    }
}

/// Every extension header, of many lengths and cut at every byte; every number as the protocol; chains.
fn extension_headers(all: &mut Vec<Vec<u8>>) {
    let tcp = || Tcp { flags: FIN, data: vec![0xaa; 3], ..Tcp::default() };
    let with = |extensions: Vec<(u8, Vec<u8>)>| V6 { extensions, tcp: tcp(), ..V6::default() }.bytes();
    let header = |kind, units: u8, len: usize| {
        let mut bytes = vec![0; len];
        bytes[1] = units;
        (kind, bytes)
    };
    for protocol in 0..=255 {
        all.push(V4 { protocol, ..V4::default() }.bytes());
        all.push(V6 { protocol, ..V6::default() }.bytes());
        all.push(with(vec![header(DESTINATION_OPTIONS, 0, 8), header(protocol, 0, 8)]));
    }
    for kind in EXTENSIONS {
        let (unit, first) = if kind == AUTHENTICATION { (4, 2) } else { (8, 1) };
        for units in [0, 1, 2, 3, 7, 8, 31, 32, 127, 128, 254, 255] {
            let len = if kind == FRAGMENT { 8 } else { (usize::from(units) + first) * unit };
            all.push(with(vec![header(kind, units, len)]));
        }
        // Its length is wrong: it ends within the segment, with the packet, or later.
        let mut packet = with(vec![header(kind, 0, 8)]);
        for units in 0..=16 {
            packet[41] = units;
            repair(&mut packet);
            all.push(packet.clone());
        }
        // The packet or the buffer ends within it.
        let whole = if kind == FRAGMENT {
            with(vec![header(kind, 0, 8); 3])
        } else {
            with(vec![header(kind, u8::try_from(24 / unit - first).unwrap(), 24)])
        };
        for len in 40..whole.len() {
            all.push(whole[..len].to_vec());
            for (shorter, cut) in [(whole.len(), whole.len()), (len, len), (len, whole.len() - 1), (len + 9, len)] {
                let mut packet = whole[..cut.min(whole.len())].to_vec();
                packet[5] = u8::try_from(shorter.min(100) - 40).unwrap();
                all.push(packet);
            }
        }
        all.push(with(vec![header(kind, u8::from(kind == FRAGMENT) * 3, 8); 20]));
    }
    let chain: Vec<_> = EXTENSIONS.into_iter().map(|kind| header(kind, 0, 8)).collect();
    all.push(with(chain.iter().rev().cloned().collect()));
    all.push(with(chain));
}

/// Packets as before checksum offload and segmentation offload: partial checksums, lengths that are not stated, both, and values
/// close to them; whole and cut.
fn offloaded(all: &mut Vec<Vec<u8>>) {
    let add = |all: &mut Vec<Vec<u8>>, packet: &[u8], tcp_at: usize| {
        for packet in [packet.to_vec(), partial(packet, tcp_at)] {
            let mut wrong = packet.clone();
            wrong[tcp_at + 17] ^= 1;
            for packet in [packet, wrong] {
                all.extend([unstated(&packet), packet]);
            }
        }
    };
    for flags in [0, FIN, SYN, RST, ACK, ACK | FIN, ACK | SYN] {
        for (data_len, data_offset) in [(0, None), (33, None), (33, Some(4)), (0, Some(6)), (33, Some(15))] {
            let tcp = Tcp { flags, data_offset, data: noise(data_len), ack: 0x0102_0304, ..Tcp::default() };
            let [v4, v6] = both(&tcp);
            add(all, &v4, 20);
            add(all, &v6, 40);
        }
    }
    let tcp = Tcp { flags: ACK, options: vec![1; 8], data: vec![7; 5], ..Tcp::default() };
    let extensions =
        vec![(DESTINATION_OPTIONS, vec![0; 8]), (AUTHENTICATION, vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])];
    for (whole, tcp_at) in [
        (V4 { options: vec![1; 8], tcp: tcp.clone(), ..V4::default() }.bytes(), 28),
        (V6 { extensions, tcp, ..V6::default() }.bytes(), 60),
    ] {
        add(all, &whole, tcp_at);
        let whole = unstated(&partial(&whole, tcp_at));
        all.extend((0..whole.len()).map(|len| whole[..len].to_vec()));
        all.push([&whole[..], &[FILL; 3]].concat());
    }
}

/// Packets whose reset, towards this end, has a TCP checksum that computes to 0: RST and RST/ACK, over IPv4 and IPv6.
///
/// First the number that the reset carries is 0. The checksum of that reset is then used as the number: the new checksum
/// is 0.
pub fn for_zero_checksum(towards: Towards) -> [[Vec<u8>; 2]; 2] {
    [ACK, FIN].map(|flags| {
        let carrying = |number: u32| {
            let tcp = Tcp { flags, data: vec![0xff; 3], ..Tcp::default() };
            let seg_len = 3 + u32::from(flags & FIN);
            both(&match (towards, flags) {
                (Source, ACK) => Tcp { ack: number, ..tcp },
                (DestinationOfDropped, _) => Tcp { seq: number, ..tcp },
                (Source | DestinationOfDelivered, _) => Tcp { seq: number.wrapping_sub(seg_len), ..tcp },
            })
        };
        let mut version = 0;
        carrying(0).map(|packet| {
            let reply = model::packet(&packet, &Config::new().towards(towards)).unwrap();
            let number = word(&reply, reply.len() - 4);
            version += 1;
            carrying(number.into())[version - 1].clone()
        })
    })
}

/// Copies of one packet whose checksum computes to 0, with both zeros in the field and with other values.
pub struct Zero {
    pub right: Vec<Vec<u8>>,
    pub wrong: Vec<Vec<u8>>,
}

/// Of the TCP checksum over IPv4 and over IPv6, and of the IPv4 header checksum.
pub fn own_zero() -> [Zero; 3] {
    let urgent = |urgent| both(&Tcp { urgent, ..Tcp::default() });
    let [v4, v6] = urgent(0);
    let v4 = urgent(word(&v4, 36))[0].clone();
    let v6 = urgent(word(&v6, 56))[1].clone();
    let header = V4 { id: word(&V4 { id: 0, ..V4::default() }.bytes(), 10), ..V4::default() }.bytes();
    [(v4, 36), (v6, 56), (header, 10)].map(|(packet, at)| {
        assert_eq!(word(&packet, at), 0);
        let with = |field: [u8; 2]| [&packet[..at], &field, &packet[at + 2..]].concat();
        let wrong = [[0, 1], [0xff, 0xfe], [1, 0], [0xfe, 0xff]].map(with).to_vec();
        Zero { right: [[0, 0], [0xff, 0xff]].map(with).to_vec(), wrong }
    })
}

/// A packet whose reset has an IPv4 header checksum of 0: the checksum of the reset to an address that ends in 0.0 becomes the
/// end of the address.
pub fn for_zero_header_checksum(hop_limit: u8) -> Vec<u8> {
    let mut offender = V4 { source: [10, 0, 0, 0], ..V4::default() };
    let reply = model::packet(&offender.bytes(), &STRICT.hop_limit(hop_limit)).unwrap();
    offender.source[2..].copy_from_slice(&reply[10..12]);
    offender.bytes()
}

/// Short frames: the packets above in turn without a tag, with one and with two; then what is special to frames.
pub fn short_frames() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> =
        faults::all().into_iter().filter(|spoilt| spoilt.input == Input::Frame).map(|spoilt| spoilt.bytes).collect();
    let tags = |depth: usize, kind: usize| -> Vec<[u8; 4]> {
        (0..depth)
            .map(|nth| ETHERTYPE_TAGS[(kind / 3_usize.pow(nth as u32)) % 3].to_be_bytes())
            .zip([[0xff, 0xff], [0x10, 0x01], [0x00, 0x00], [0xef, 0xfe]])
            .map(|([t0, t1], [v0, v1])| [t0, t1, v0, v1])
            .collect()
    };
    for (place, packet) in short().into_iter().enumerate() {
        all.push(framed(&tags(place % 3, place / 3), &packet));
    }
    for packet in both(&Tcp { flags: ACK, ack: 7, data: vec![1; 80], ..Tcp::default() }) {
        for depth in 0..=4 {
            let whole = framed(&tags(depth, 5), &packet);
            all.extend((0..=130).map(|len| whole[..len].to_vec()));
            all.push([&whole[..], &[0xee; 30]].concat());
            for kind in 0..3_usize.pow(depth as u32).min(9) {
                all.push(framed(&tags(depth, kind), &packet));
            }
        }
        // EtherTypes one bit away from those known, lengths of IEEE 802.3, and the other version's.
        let known = [ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TAGS[0], ETHERTYPE_TAGS[1], ETHERTYPE_TAGS[2]];
        let near = known.into_iter().flat_map(|known| (0..16).map(move |bit| known ^ 1 << bit));
        for ether_type in near.chain(known).chain([0, 0x28, 0x05dc, 0x0806, 0xffff]) {
            for depth in 0..3 {
                all.push(frames::frame(STATION, SENDER, &tags(depth, 0), ether_type, &packet));
            }
        }
        for bit in 0..96 {
            let mut frame = framed(&[], &packet);
            frame[bit / 8] ^= 1 << (bit % 8);
            all.push(frame);
        }
    }
    for towards in DIRECTIONS {
        for packet in for_zero_checksum(towards).into_iter().flatten() {
            all.extend((0..3).map(|depth| framed(&tags(depth, 1), &packet)));
        }
    }
    all
}

const STATION: [u8; 6] = [0x02, 0x11, 0x22, 0x33, 0x44, 0x55];
const SENDER: [u8; 6] = [0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee];

/// The packet in a frame.
pub fn framed(tags: &[[u8; 4]], packet: &[u8]) -> Vec<u8> {
    frames::frame(STATION, SENDER, tags, frames::ether_type(packet), packet)
}

/// Lengths of TCP segments: odd ones up to the longest, and around the blocks and steps of a checksum.
pub fn long_lengths() -> Vec<usize> {
    let mut lengths: Vec<usize> = (7..16).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1]).collect();
    // The checksum sums what follows 20 bytes of header.
    for block in 1..4 {
        lengths.extend([19, 20, 21, 27, 28].map(|more| (block << 14) + more));
    }
    lengths.extend((4_099..65_515).step_by(6_142));
    lengths.extend([1_459, 1_460, 20_481, 40_001, 60_001, 65_514, 65_515]);
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// Packets with such a segment, over IPv4 (if it fits) and IPv6.
pub fn long(segment_len: usize) -> Vec<Vec<u8>> {
    let tcp = Tcp { flags: ACK | PSH, ack: 0x1234_5678, data: noise(segment_len - 20), ..Tcp::default() };
    let v6 = V6::with(tcp.clone()).bytes();
    if segment_len > 65_515 { vec![v6] } else { vec![V4::with(tcp).bytes(), v6] }
}
