//! Each known difference is shown by one packet; together they explain all differences.

use arbitrary::{Arbitrary, Unstructured};
use std::collections::BTreeSet;
use support::packet::{Tcp, V4, V6};
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset_fuzz::oracle::{Class, Offender, compare};
use tcp_reset_fuzz::stack::{IPV4, IPV4_BROADCAST, IPV6, Stack};

fn v4(v4: V4) -> Offender {
    Offender::V4(V4 { destination: IPV4, ..v4 })
}

fn v6(v6: V6) -> Offender {
    Offender::V6(V6 { destination: IPV6, ..v6 })
}

/// How smoltcp's answer differs from Linux's.
fn differences(offender: &Offender) -> Vec<Class> {
    let theirs = Stack::new().answer(&offender.bytes());
    compare(offender, theirs).expect("a known difference").into_iter().collect()
}

/// Over both versions of IP.
fn differences_of(tcp: Tcp) -> Vec<Class> {
    let over_v4 = differences(&v4(V4::with(tcp.clone())));
    let over_v6 = differences(&v6(V6::with(tcp)));
    assert_eq!(over_v4, over_v6);
    over_v4
}

#[test]
fn smoltcp_is_right_about_the_usual() {
    for flags in [SYN, ACK, SYN | ACK, FIN | ACK, RST, RST | ACK] {
        for data in [0, 1, 1000] {
            let tcp = Tcp { flags, ack: 1_406_759_780, data: vec![7; data], ..Tcp::default() };
            assert_eq!(differences_of(tcp), []);
        }
    }
}

#[test]
fn smoltcp_fin_without_ack() {
    assert_eq!(differences_of(Tcp { flags: FIN, ..Tcp::default() }), [Class::FinWithoutAck]);
    assert_eq!(differences_of(Tcp { flags: FIN, data: vec![7], ..Tcp::default() }), [Class::FinWithoutAck]);
}

#[test]
fn smoltcp_data_without_ack() {
    assert_eq!(differences_of(Tcp { flags: 0, data: vec![7], ..Tcp::default() }), [Class::DataWithoutAck]);
}

#[test]
fn smoltcp_nothing_without_ack() {
    assert_eq!(differences_of(Tcp { flags: 0, ..Tcp::default() }), [Class::NothingWithoutAck]);
}

#[test]
fn smoltcp_port_zero() {
    assert_eq!(differences_of(Tcp { source_port: 0, ..Tcp::default() }), [Class::PortZero]);
    assert_eq!(differences_of(Tcp { destination_port: 0, ..Tcp::default() }), [Class::PortZero]);
}

#[test]
fn smoltcp_syn_and_fin() {
    assert_eq!(differences_of(Tcp { flags: SYN | FIN, ..Tcp::default() }), [Class::SynAndFin]);
}

#[test]
fn smoltcp_tcp_options() {
    for options in [[2, 0, 0, 0], [3, 9, 9, 9], [1, 1, 1, 8], [5, 4, 0, 0]] {
        assert_eq!(differences_of(Tcp { options: options.to_vec(), ..Tcp::default() }), [Class::TcpOptions]);
    }
    for options in [[2, 4, 5, 0xb4], [1, 1, 1, 1], [0, 2, 0, 0], [254, 4, 9, 9]] {
        assert_eq!(differences_of(Tcp { options: options.to_vec(), ..Tcp::default() }), []);
    }
}

#[test]
fn smoltcp_first_fragment() {
    assert_eq!(differences(&v4(V4 { fragment: 0x2000, ..V4::default() })), [Class::FirstFragment]);
}

#[test]
fn smoltcp_subnet_broadcast() {
    assert_eq!(differences(&v4(V4 { source: IPV4_BROADCAST, ..V4::default() })), [Class::SubnetBroadcast]);
}

#[test]
fn smoltcp_hop_by_hop() {
    let with = |options| v6(V6 { extensions: vec![(0, options)], ..V6::default() });
    assert_eq!(differences(&with(vec![0, 0, 1, 4, 0, 0, 0, 0])), []);
    assert_eq!(differences(&with(vec![0, 0, 0x7e, 4, 0, 0, 0, 0])), [Class::HopByHop]);
    assert_eq!(differences(&with(vec![0, 0, 0xbe, 4, 0, 0, 0, 0])), [Class::HopByHop]);
}

#[test]
fn smoltcp_extension_header() {
    for kind in [43, 44, 51, 60] {
        let extensions = vec![(kind, vec![0; 8])];
        assert_eq!(differences(&v6(V6 { extensions, ..V6::default() })), [Class::ExtensionHeader]);
    }
}

#[test]
fn smoltcp_mapped_source() {
    let source = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
    assert_eq!(differences(&v6(V6 { source, ..V6::default() })), [Class::MappedSource]);
}

#[test]
fn smoltcp_traffic_class() {
    assert_eq!(differences(&v4(V4 { tos: 0x10, ..V4::default() })), [Class::TrafficClass]);
    assert_eq!(differences(&v6(V6 { traffic_class: 0x10, ..V6::default() })), [Class::TrafficClass]);
    // The ECN bits are not reflected.
    assert_eq!(differences(&v4(V4 { tos: 0x03, ..V4::default() })), []);
    assert_eq!(differences(&v6(V6 { traffic_class: 0x03, ..V6::default() })), []);
}

#[test]
fn smoltcp_other_zero() {
    let ack = |ack| v6(V6::with(Tcp { flags: ACK, ack, ..Tcp::default() }));
    let reply = Stack::new().answer(&ack(0).bytes()).expect("a reset");
    let checksum = u16::from_be_bytes([reply[56], reply[57]]);
    assert_eq!(differences(&ack(checksum.into())), [Class::OtherZero]);
}

/// A packet may show several differences; any other difference is a finding.
#[test]
fn anything_else_is_unclassified() {
    let offender = v4(V4 { tos: 0x10, tcp: Tcp { flags: FIN, ..Tcp::default() }, ..V4::default() });
    assert_eq!(differences(&offender), [Class::FinWithoutAck, Class::TrafficClass]);
    let right = Stack::new().answer(&offender.bytes()).expect("a reset");
    for at in 0..right.len() {
        let mut wrong = right.clone();
        wrong[at] ^= 0x10;
        assert!(compare(&offender, Some(wrong)).is_err(), "byte {at}");
    }
    assert!(compare(&offender, None).is_err());
    let rst = v4(V4::with(Tcp { flags: RST, ..Tcp::default() }));
    assert!(compare(&rst, Some(right)).is_err());
}

/// Random packets find most classes, smoltcp's known reset among them, and explain every difference.
#[test]
fn random_packets_find_the_classes() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut stack = Stack::new();
    let mut found = BTreeSet::new();
    for _ in 0..30_000 {
        let bytes: Vec<u8> = (0..32).flat_map(|_| next().to_le_bytes()).collect();
        let offender = Offender::arbitrary(&mut Unstructured::new(&bytes)).expect("a packet");
        let theirs = stack.answer(&offender.bytes());
        found.extend(compare(&offender, theirs).unwrap_or_else(|unclassified| panic!("{unclassified:x?}")));
    }
    assert!(found.contains(&Class::FinWithoutAck));
    // Ports and checksums of zero need more packets, or a fuzzer guided by coverage.
    let rare = [Class::PortZero, Class::OtherZero];
    let missing: Vec<_> =
        Class::ALL.into_iter().filter(|class| !found.contains(class) && !rare.contains(class)).collect();
    assert_eq!(missing, []);
}
