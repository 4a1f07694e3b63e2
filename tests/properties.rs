//! What holds for every packet, tried with random ones.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use support::cases::framed;
use support::functions::{self, Input, Numbers, STRICT};
use support::model::{DIRECTIONS, DestinationOfDelivered, DestinationOfDropped, Source};
use support::noise;
use support::packet::Tcp;
use support::protocol::{ETHERTYPE_TAGS, FRAGMENT};
use support::random::{self, Arbitrary, Packet, Unstructured};
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset::{Config, NoReset, Profile};

/// The same cases in every run, unless `PROPTEST_RNG_SEED` has another seed; `PROPTEST_CASES` overrides their number. A case
/// that failed once is kept, to be committed, and tried first.
fn settings() -> ProptestConfig {
    let file = FileFailurePersistence::Direct("tests/regressions/properties.txt");
    let default = ProptestConfig::default();
    let rng_seed = if std::env::var_os("PROPTEST_RNG_SEED").is_some() { default.rng_seed } else { RngSeed::Fixed(7) };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 768 };
    ProptestConfig { cases, rng_seed, failure_persistence: Some(Box::new(file)), ..default }
}

/// A number anywhere, or where sequence space wraps.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![3 => any::<u32>(), 1 => 0_u32..3, 1 => (u32::MAX - 3)..]
}

/// What a random packet is made from.
fn choices() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 300)
}

/// Checks the promises in every direction, and the reply to the source with an independent parser.
fn check(packet: &[u8], config: &Config) -> Result<Vec<u8>, NoReset> {
    let [answer, _, _] = DIRECTIONS.map(|towards| functions::answer(packet, &config.towards(towards)));
    if let Ok(reply) = &answer
        && !config.partial_checksum
    {
        parse(reply, packet, config);
    }
    answer
}

/// Checks every field of the reply, as etherparse reads it.
fn parse(reply: &[u8], packet: &[u8], config: &Config) {
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
            assert_eq!(header.ttl(), config.hop_limit);
            assert_eq!(reply[1], if config.profile == Profile::Netfilter { 0 } else { packet[1] & 0xfc });
            assert_eq!(header.source(), packet[16..20]);
            assert_eq!(header.destination(), packet[12..16]);
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            assert_is_checksum(&tcp, tcp.calc_checksum_ipv6(header.source(), header.destination()).unwrap());
            assert!(ip.extensions().first_header().is_none());
            assert_eq!((header.payload_length(), header.flow_label().value()), (20, 0));
            assert_eq!(header.hop_limit(), config.hop_limit);
            let class = u16::from_be_bytes([packet[0], packet[1]]) >> 4 & 0xfc;
            let class = if config.profile == Profile::Netfilter { 0 } else { class };
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
        config in prop::sample::select(functions::settings()),
    ) {
        if let Some(byte) = packet.first_mut() {
            *byte = first;
        }
        let _answer_or_reason = check(&packet, &config);
    }

    #[test]
    fn any_nearly_correct_packet(choices in choices()) {
        let Packet { bytes, config } = Packet::arbitrary(&mut Unstructured::new(&choices)).unwrap();
        let _answer_or_reason = check(&bytes, &config);
    }

    #[test]
    fn any_correct_packet_but_a_reset_is_answered(choices in choices(), config in prop::sample::select(functions::settings())) {
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
            let reply = check(&packet, &config).unwrap();
            let parsed = SlicedPacket::from_ip(&reply).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = parsed.transport else { panic!("no TCP") };
            let tcp = (tcp.ack(), tcp.sequence_number(), tcp.acknowledgment_number());
            prop_assert_eq!(tcp, numbers(offender));
        }
    }

    #[test]
    fn any_numbers((seq, ack, flags, data_len) in (number(), number(), any::<u8>(), number())) {
        let segment = Numbers { seq, ack, flags, data_len };
        let bits = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        let next = seq.wrapping_add(data_len).wrapping_add(bits);
        let acknowledges = (flags & ACK != 0).then_some(ack);
        for (towards, reset) in [
            (Source, if flags & ACK != 0 { (ack, None) } else { (0, Some(next)) }),
            (DestinationOfDelivered, (next, acknowledges)),
            (DestinationOfDropped, (seq, acknowledges)),
        ] {
            prop_assert_eq!(functions::numbers(segment, towards), reset);
        }
    }

    /// Frames with some bytes of header and packet changed, cut and padded.
    #[test]
    fn any_nearly_correct_frame(choices in choices()) {
        let unstructured = &mut Unstructured::new(&choices);
        let tags = <[[u8; 4]; 3]>::arbitrary(unstructured).unwrap().map(|[kind, _, t0, t1]| {
            let [k0, k1] = ETHERTYPE_TAGS[usize::from(kind) % 3].to_be_bytes();
            [k0, k1, t0, t1]
        });
        let depth = unstructured.int_in_range(0..=3).unwrap();
        let change = unstructured.int_in_range(0..=50).unwrap();
        let Packet { bytes, config } = Packet::arbitrary(unstructured).unwrap();
        let mut offender = framed(&tags[..depth], &bytes);
        if let Some(byte) = offender[..14 + 4 * depth].get_mut(change) {
            *byte ^= 1;
        }
        for towards in DIRECTIONS {
            let _answer_or_reason = functions::check(Input::Frame, &offender, &config.towards(towards));
        }
    }
}

/// Many of the nearly correct packets pass all checks, and every check refuses some.
#[test]
fn nearly_correct_packets_get_past_the_checks() {
    let (mut resets, mut reasons) = (0, Vec::new());
    for choices in noise(6000 * 300).chunks(300) {
        let packet = Packet::arbitrary(&mut Unstructured::new(choices)).unwrap();
        match functions::answer(&packet.bytes, &STRICT) {
            Ok(_) => resets += 1,
            Err(reason) => reasons.push(reason),
        }
    }
    assert!(resets > 2500, "{resets} of 6000 packets");
    // The others are those of a jumbogram, of the destination, of frames, and of what is not verified or too long.
    for reason in NoReset::ALL.into_iter().filter(|reason| {
        use NoReset::{EtherType, GroupAddress, Jumbogram, NoConnection, TooLong, UnknownLength, VlanTags};
        !matches!(reason, EtherType | GroupAddress | Jumbogram | NoConnection | TooLong | UnknownLength | VlanTags)
    }) {
        assert!(reasons.contains(&reason), "{reason:?} was never reached");
    }
}
