//! What holds for every packet, tried with random ones.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use support::invariants;
use support::noise;
use support::packet::Tcp;
use support::protocol::FRAGMENT;
use support::random::{self, Arbitrary, Packet, Unstructured};
use support::reference::Rules;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset::{NoReset, Profile, Reset};

/// A debug build tries this many cases in a fraction of a second; `PROPTEST_CASES` overrides it. A case that failed once is
/// kept and tried first.
fn settings() -> ProptestConfig {
    let file = FileFailurePersistence::Direct("tests/properties.regressions");
    ProptestConfig { cases: 768, failure_persistence: Some(Box::new(file)), ..ProptestConfig::default() }
}

/// A number anywhere, or where sequence space wraps.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![3 => any::<u32>(), 1 => 0_u32..3, 1 => (u32::MAX - 3)..]
}

/// What a random packet is made from.
fn choices() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 300)
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

/// Whether the reset for a correct segment acknowledges, and its numbers.
fn numbers(offender: &Tcp) -> (bool, u32, u32) {
    let has = |flag| offender.flags & flag != 0;
    if has(ACK) {
        return (false, offender.ack, 0);
    }
    let seg_len = offender.data.len() + usize::from(has(SYN)) + usize::from(has(FIN));
    (true, 0, offender.seq.wrapping_add(u32::try_from(seg_len).unwrap()))
}

proptest! {
    #![proptest_config(settings())]

    /// Most of the bytes begin as an IP packet does.
    #[test]
    fn any_bytes(
        mut packet in vec(any::<u8>(), 0..150),
        first in prop::sample::select(&[0x45_u8, 0x46, 0x4f, 0x40, 0x60, 0x6f, 0x00][..]),
        rules in prop::sample::select(Rules::all()),
    ) {
        if let Some(byte) = packet.first_mut() {
            *byte = first;
        }
        let _answer_or_reason = check(&packet, &rules);
    }

    #[test]
    fn any_nearly_correct_packet(choices in choices()) {
        let Packet { bytes, rules } = Packet::arbitrary(&mut Unstructured::new(&choices)).unwrap();
        let _answer_or_reason = check(&bytes, &rules);
    }

    #[test]
    fn any_correct_packet_but_a_reset_is_answered(choices in choices(), rules in prop::sample::select(Rules::all())) {
        let unstructured = &mut Unstructured::new(&choices);
        let mut v6 = random::v6(unstructured).unwrap();
        let mut v4 = random::v4(unstructured).unwrap();
        // Unicast addresses, no later fragments, a data offset that is right.
        for first in [&mut v4.source[0], &mut v4.destination[0], &mut v6.source[0], &mut v6.destination[0]] {
            *first = *first % 223 + 1;
        }
        v4.fragment &= 0xc000;
        for (_, fragment) in v6.extensions.iter_mut().filter(|(kind, _)| *kind == FRAGMENT) {
            fragment[2..4].fill(0);
        }
        for tcp in [&mut v4.tcp, &mut v6.tcp] {
            tcp.data_offset = None;
            tcp.flags &= !RST;
        }
        for (packet, offender) in [(v4.bytes(), &v4.tcp), (v6.bytes(), &v6.tcp)] {
            let reply = check(&packet, &rules).unwrap();
            let parsed = SlicedPacket::from_ip(&reply).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = parsed.transport else { panic!("no TCP") };
            let tcp = (tcp.ack(), tcp.sequence_number(), tcp.acknowledgment_number());
            prop_assert_eq!(tcp, numbers(offender));
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

/// Most of the nearly correct packets pass all checks, and every check refuses some.
#[test]
fn nearly_correct_packets_get_past_the_checks() {
    let (mut resets, mut reasons) = (0, Vec::new());
    for choices in noise(6000 * 300).chunks(300) {
        let packet = Packet::arbitrary(&mut Unstructured::new(choices)).unwrap();
        match Reset::in_reply_to(&packet.bytes, &Rules::TCP_STACK.config()) {
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
