//! Each known difference is shown by one packet; together they explain all differences.

use std::collections::BTreeSet;
use support::noise;
use support::packet::{Tcp, V4, V6};
use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING};
use support::random::{Arbitrary, Unstructured};
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset_fuzz::comparison::{Class, Offender, compare};
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

/// A segment and how its answer differs, the same over both versions of IP.
#[test]
fn segments() {
    let options = |options: [u8; 4]| Tcp { options: options.to_vec(), ..Tcp::default() };
    for (tcp, expected) in [
        (Tcp { flags: FIN, ..Tcp::default() }, &[Class::FinWithoutAck][..]),
        (Tcp { flags: FIN, data: vec![7], ..Tcp::default() }, &[Class::FinWithoutAck]),
        (Tcp { flags: 0, data: vec![7], ..Tcp::default() }, &[Class::DataWithoutAck]),
        (Tcp { flags: 0, ..Tcp::default() }, &[Class::NothingWithoutAck]),
        (Tcp { source_port: 0, ..Tcp::default() }, &[Class::PortZero]),
        (Tcp { destination_port: 0, ..Tcp::default() }, &[Class::PortZero]),
        (Tcp { flags: SYN | FIN, ..Tcp::default() }, &[Class::SynAndFin]),
        (options([2, 0, 0, 0]), &[Class::TcpOptions]),
        (options([3, 9, 9, 9]), &[Class::TcpOptions]),
        (options([1, 1, 1, 8]), &[Class::TcpOptions]),
        (options([5, 4, 0, 0]), &[Class::TcpOptions]),
        (options([2, 4, 5, 0xb4]), &[]),
        (options([1, 1, 1, 1]), &[]),
        (options([0, 2, 0, 0]), &[]),
        (options([254, 4, 9, 9]), &[]),
    ] {
        assert_eq!(differences_of(tcp.clone()), expected, "{tcp:?}");
    }
}

/// The same for packets of one version of IP.
#[test]
fn packets() {
    let hop_by_hop = |option| V6 { extensions: vec![(HOP_BY_HOP, vec![0, 0, option, 4, 0, 0, 0, 0])], ..V6::default() };
    let extension = |kind| V6 { extensions: vec![(kind, vec![0; 8])], ..V6::default() };
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
    for (offender, expected) in [
        (v4(V4 { fragment: 0x2000, ..V4::default() }), &[Class::FirstFragment][..]),
        (v4(V4 { source: IPV4_BROADCAST, ..V4::default() }), &[Class::SubnetBroadcast]),
        (v6(hop_by_hop(1)), &[]),
        (v6(hop_by_hop(0x7e)), &[Class::HopByHop]),
        (v6(hop_by_hop(0xbe)), &[Class::HopByHop]),
        (v6(extension(ROUTING)), &[Class::ExtensionHeader]),
        (v6(extension(FRAGMENT)), &[Class::ExtensionHeader]),
        (v6(extension(AUTHENTICATION)), &[Class::ExtensionHeader]),
        (v6(extension(DESTINATION_OPTIONS)), &[Class::ExtensionHeader]),
        (v6(V6 { source: mapped, ..V6::default() }), &[Class::MappedSource]),
        (v4(V4 { tos: 0x10, ..V4::default() }), &[Class::TrafficClass]),
        (v6(V6 { traffic_class: 0x10, ..V6::default() }), &[Class::TrafficClass]),
        // The ECN bits are not reflected.
        (v4(V4 { tos: 0x03, ..V4::default() }), &[]),
        (v6(V6 { traffic_class: 0x03, ..V6::default() }), &[]),
    ] {
        assert_eq!(differences(&offender), expected, "{offender:?}");
    }
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
    let mut stack = Stack::new();
    let mut found = BTreeSet::new();
    for bytes in noise(30_000 * 256).chunks(256) {
        let offender = Offender::arbitrary(&mut Unstructured::new(bytes)).expect("a packet");
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
