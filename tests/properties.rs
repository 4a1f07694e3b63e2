//! What holds for every packet, tried with random ones.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use support::DIRT;
use support::invariants;
use support::packet::{Tcp, V4, V6, repair};
use support::reference::Rules;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset::{Checksum, NoReset, Profile, Reset};

/// A debug build tries this many cases in a fraction of a second. A case that failed once is kept and tried first.
fn settings() -> ProptestConfig {
    let file = FileFailurePersistence::Direct("tests/properties.regressions");
    ProptestConfig { cases: 768, failure_persistence: Some(Box::new(file)), ..ProptestConfig::default() }
}

/// A number anywhere, or where sequence space wraps.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![3 => any::<u32>(), 1 => 0_u32..3, 1 => (u32::MAX - 3)..]
}

/// None, a few bytes, or enough for the checksum's widest steps. Long data is made from two random bytes, for speed.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let much = (any::<(u8, u8)>(), 100..1500_usize).prop_map(|((first, step), len)| {
        core::iter::successors(Some(first), |byte| Some(byte.wrapping_add(step))).take(len).collect()
    });
    prop_oneof![4 => Just(Vec::new()), 3 => vec(any::<u8>(), 1..40), 2 => much]
}

/// A correct segment with any flags but `never`.
fn tcp(never: u8) -> impl Strategy<Value = Tcp> {
    let ports = any::<(u16, u16)>();
    let fields = (any::<u8>(), 0..16_u8, any::<u16>(), any::<u16>());
    let options = (0..=10_usize).prop_flat_map(|words| vec(any::<u8>(), words * 4));
    (ports, number(), number(), fields, options, data()).prop_map(
        move |((source_port, destination_port), seq, ack, (flags, reserved, window, urgent), options, data)| Tcp {
            source_port,
            destination_port,
            seq,
            ack,
            data_offset: None,
            reserved,
            flags: flags & !never,
            window,
            urgent,
            options,
            data,
        },
    )
}

/// A correct IPv4 packet.
fn v4(never: u8) -> impl Strategy<Value = V4> {
    let fields = any::<(u8, u16, u8, u8)>();
    let addresses = (1..224_u8, any::<[u8; 3]>(), 1..224_u8, any::<[u8; 3]>());
    let options = (0..=10_usize).prop_flat_map(|words| vec(any::<u8>(), words * 4));
    (fields, addresses, options, tcp(never)).prop_map(
        |((tos, id, flags, ttl), (s, source, d, destination), options, tcp)| {
            V4 {
                tos,
                id,
                fragment: u16::from(flags & 6) << 13, // the flags, but no "more fragments"
                ttl,
                protocol: 6,
                source: [s, source[0], source[1], source[2]],
                destination: [d, destination[0], destination[1], destination[2]],
                options,
                tcp,
            }
        },
    )
}

/// Extension headers as RFC 8200 §4.1 has them: each at most once, in this order.
fn orderly() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let chain = [0_u8, 60, 43, 44, 51].map(|kind| prop::option::weighted(0.3, extension(kind)));
    chain.prop_map(|chain| chain.into_iter().flatten().collect())
}

/// Extension headers in any order.
fn disorderly() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    vec(select(&[0_u8, 43, 44, 51, 60][..]).prop_flat_map(extension), 0..4)
}

fn extension(kind: u8) -> impl Strategy<Value = (u8, Vec<u8>)> {
    (1..4_u8).prop_map(move |units| {
        let len = match kind {
            44 => 8,
            51 => 4 * (usize::from(units) + 2),
            _ => 8 * (usize::from(units) + 1),
        };
        let mut bytes = vec![0; len];
        bytes[1] = if kind == 44 { 0 } else { units };
        (kind, bytes)
    })
}

/// A correct IPv6 packet.
fn v6(extensions: impl Strategy<Value = Vec<(u8, Vec<u8>)>>, never: u8) -> impl Strategy<Value = V6> {
    let addresses = (1..255_u8, any::<[u8; 15]>(), 1..255_u8, any::<[u8; 15]>());
    (any::<(u8, u32, u8)>(), addresses, extensions, tcp(never)).prop_map(
        |((traffic_class, flow_label, hop_limit), (s, source, d, destination), extensions, tcp)| {
            let address = |first, rest: [u8; 15]| {
                let mut address = [first; 16];
                address[1..].copy_from_slice(&rest);
                address
            };
            let (source, destination) = (address(s, source), address(d, destination));
            V6 { traffic_class, flow_label, hop_limit, source, destination, extensions, protocol: 6, tcp }
        },
    )
}

/// A correct packet that is then changed: up to three bytes are changed, an address is filled with one byte, the packet is
/// cut or padded. In most, the checksums are made right again, so that other checks find the change.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let v4 = |never| v4(never).prop_map(|v4| v4.bytes());
    let v6 = |never| v6(disorderly(), never).prop_map(|v6| v6.bytes());
    let whole = prop_oneof![5 => v4(RST), 1 => v4(0), 5 => v6(RST), 1 => v6(0)];
    // Most changes are in the headers, many of them in the first byte.
    let change = prop_oneof![
        1 => (Just(0), 0..0x20_u8),
        9 => (0..80_usize, any::<u8>()),
        3 => (0..2000_usize, any::<u8>()),
    ];
    let address = prop::option::weighted(0.05, (any::<bool>(), select(&[0_u8, 0xff][..])));
    let end = prop_oneof![6 => Just(0), 1 => -60..60_isize];
    (whole, vec(change, 0..4), address, prop::bool::weighted(0.9), end).prop_map(
        |(mut packet, changes, address, repaired, end)| {
            if let Some((source, byte)) = address {
                let addresses = if packet[0] >> 4 == 4 { &mut packet[12..20] } else { &mut packet[8..40] };
                let (from, to) = addresses.split_at_mut(addresses.len() / 2);
                if source { from.fill(byte) } else { to.fill(byte) }
            }
            for (at, bits) in changes {
                let at = at % packet.len();
                packet[at] ^= bits;
            }
            if repaired {
                repair(&mut packet);
            }
            packet.resize(packet.len().saturating_add_signed(end), DIRT);
            packet
        },
    )
}

/// Random bytes, most of them with the first byte of an IP packet.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), 0..150), select(&[0x45_u8, 0x46, 0x4f, 0x40, 0x60, 0x6f, 0x00][..])).prop_map(
        |(mut bytes, first)| {
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            bytes
        },
    )
}

fn rules() -> impl Strategy<Value = Rules> {
    let checksum = || prop_oneof![3 => Just(Checksum::Verify), 1 => Just(Checksum::Trust)];
    let profile = prop_oneof![Just(Profile::Netfilter), Just(Profile::TcpStack)];
    (profile, any::<u8>(), checksum(), checksum()).prop_map(|(profile, hop_limit, ipv4_checksum, tcp_checksum)| Rules {
        profile,
        hop_limit,
        ipv4_checksum,
        tcp_checksum,
    })
}

/// Checks the promises, and the reply with an independent parser.
fn check(packet: &[u8], rules: &Rules) -> Result<Vec<u8>, NoReset> {
    let answer = invariants::check(packet, rules);
    if let Ok(reply) = &answer {
        parse(reply, packet, rules);
    }
    answer
}

/// Checks every field of the reply, as etherparse reads it.
fn parse(reply: &[u8], packet: &[u8], rules: &Rules) {
    let parsed = SlicedPacket::from_ip(reply).unwrap();
    let Some(TransportSlice::Tcp(tcp)) = parsed.transport else { panic!("no TCP") };
    match parsed.net.unwrap() {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
            assert_is_checksum(&tcp, tcp.calc_checksum_ipv4(header.source(), header.destination()).unwrap());
            assert_eq!((header.ihl(), header.total_len(), header.identification()), (5, 40, 0));
            assert_eq!((header.dont_fragment(), header.more_fragments()), (true, false));
            assert_eq!(header.fragments_offset().value(), 0);
            assert_eq!(header.ttl(), rules.hop_limit);
            assert_eq!(reply[1], if rules.profile == Profile::Netfilter { 0 } else { packet[1] & 0xfc });
            assert_eq!(header.source(), packet[16..20]);
            assert_eq!(header.destination(), packet[12..16]);
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            assert_is_checksum(&tcp, tcp.calc_checksum_ipv6(header.source(), header.destination()).unwrap());
            assert!(ip.extensions().first_header().is_none());
            assert_eq!((header.payload_length(), header.flow_label().value()), (20, 0));
            assert_eq!(header.hop_limit(), rules.hop_limit);
            let class = u16::from_be_bytes([packet[0], packet[1]]) >> 4 & 0xfc;
            let class = if rules.profile == Profile::Netfilter { 0 } else { class };
            assert_eq!(u16::from(header.traffic_class()), class);
            assert_eq!(header.source(), packet[24..40]);
            assert_eq!(header.destination(), packet[8..24]);
        }
        NetSlice::Arp(_) => panic!("no IP"),
    }
    assert_eq!(tcp.data_offset(), 5);
    assert_eq!(reply[reply.len() - 8], 0x50, "reserved bits");
    assert!(tcp.payload().is_empty());
    assert_eq!((tcp.window_size(), tcp.urgent_pointer()), (0, 0));
    assert!(tcp.rst() && !tcp.syn() && !tcp.fin() && !tcp.psh() && !tcp.urg() && !tcp.ece() && !tcp.cwr());
    let unused = if tcp.ack() { tcp.sequence_number() } else { tcp.acknowledgment_number() };
    assert_eq!(unused, 0);
}

/// etherparse computes zero where 0xffff is as right: ones'-complement has two zeros, and receivers take both.
fn assert_is_checksum(tcp: &TcpSlice<'_>, computed: u16) {
    assert!(tcp.checksum() == computed || (computed == 0 && tcp.checksum() == 0xffff));
}

/// The numbers of the reset for a correct segment, from what etherparse reads in it.
fn numbers(offender: &[u8]) -> (bool, u32, u32) {
    let parsed = SlicedPacket::from_ip(offender).unwrap();
    let Some(TransportSlice::Tcp(tcp)) = parsed.transport else { panic!("no TCP") };
    if tcp.ack() {
        return (false, tcp.acknowledgment_number(), 0);
    }
    let seg_len = tcp.payload().len() + usize::from(tcp.syn()) + usize::from(tcp.fin());
    (true, 0, tcp.sequence_number().wrapping_add(u32::try_from(seg_len).unwrap()))
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn any_bytes((packet, rules) in (bytes(), rules())) {
        let _answer_or_reason = check(&packet, &rules);
    }

    #[test]
    fn any_mutated_packet((packet, rules) in (mutated(), rules())) {
        let _answer_or_reason = check(&packet, &rules);
    }

    #[test]
    fn any_proper_packet_but_a_reset_is_answered((v4, v6, rules) in (v4(RST), v6(orderly(), RST), rules())) {
        for packet in [v4.bytes(), v6.bytes()] {
            let reply = check(&packet, &rules).unwrap();
            let parsed = SlicedPacket::from_ip(&reply).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = parsed.transport else { panic!("no TCP") };
            let (tcp, expected) = ((tcp.ack(), tcp.sequence_number(), tcp.acknowledgment_number()), numbers(&packet));
            prop_assert_eq!(tcp, expected);
        }
    }

    #[test]
    fn any_numbers((seq, ack, flags, data_len) in (number(), number(), any::<u8>(), number())) {
        let segment = tcp_reset::tcp::Segment { source_port: 1, destination_port: 2, seq, ack, flags, data_len };
        let bits = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        prop_assert_eq!(segment.seg_len(), data_len.wrapping_add(bits));
        let answer = match (flags & RST, flags & ACK) {
            (RST, _) => Err(NoReset::Rst),
            (_, ACK) => Ok((ack, None)),
            _ => Ok((0, Some(seq.wrapping_add(data_len).wrapping_add(bits)))),
        };
        prop_assert_eq!(segment.reset().map(|reset| (reset.seq, reset.ack)), answer);
    }
}

/// Most of the mutated packets pass all checks, and every check refuses some, except that for a payload length of zero,
/// which needs two bytes to be changed to zero.
#[test]
fn mutated_packets_get_past_the_checks() {
    let mut runner = TestRunner::deterministic();
    let mutated = mutated();
    let (mut resets, mut reasons) = (0, Vec::new());
    for _ in 0..6000 {
        let packet = mutated.new_tree(&mut runner).unwrap().current();
        match Reset::in_reply_to(&packet, &Rules::TCP_STACK.config()) {
            Ok(_) => resets += 1,
            Err(reason) => reasons.push(reason),
        }
    }
    assert!(resets > reasons.len(), "{resets} of 6000 packets");
    for reason in [
        NoReset::Truncated,
        NoReset::Version,
        NoReset::HeaderLength,
        NoReset::TotalLength,
        NoReset::HeaderChecksum,
        NoReset::ExtensionHeader,
        NoReset::Fragment,
        NoReset::NotTcp,
        NoReset::Source,
        NoReset::Destination,
        NoReset::TcpHeader,
        NoReset::Rst,
        NoReset::TcpChecksum,
        NoReset::DataOffset,
    ] {
        assert!(reasons.contains(&reason), "{reason:?} was never reached");
    }
}
