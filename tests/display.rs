//! What the crate prints, character by character. `tests/support/src/functions.rs` also reads the text of every reset of the
//! fixed set back into numbers.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::cases::framed;
use support::functions::{Input, text};
use support::model::{DestinationOfDelivered, DestinationOfDropped, Source};
use support::packet::{Tcp, V4, V6, both};
use support::protocol::UDP;
use tcp_reset::Endpoints;
use tcp_reset::tcp::{ACK, FIN};

/// A RST to the source, a RST/ACK to it, and a RST/ACK to the destination.
#[test]
fn packets_and_segments() {
    let acknowledged = Tcp { flags: ACK, ack: 1_406_759_780, ..Tcp::default() };
    let fin = Tcp { flags: FIN, data: vec![0x42; 100], ..Tcp::default() };
    let (back, on) = ("198.51.100.2.80 > 192.0.2.1.36050", "192.0.2.1.36050 > 198.51.100.2.80");
    let (back6, on6) = ("2001:db8:1::2.80 > 2001:db8::1.36050", "2001:db8::1.36050 > 2001:db8:1::2.80");
    for (tcp, towards, numbers, ends, ends6) in [
        (&acknowledged, Source, "Flags [R], seq 1406759780, win 0, length 0", back, back6),
        (&fin, Source, "Flags [R.], seq 0, ack 522224717, win 0, length 0", back, back6),
        (&acknowledged, DestinationOfDropped, "Flags [R.], seq 522224616, ack 1406759780, win 0, length 0", on, on6),
        (&fin, DestinationOfDelivered, "Flags [R], seq 522224717, win 0, length 0", on, on6),
    ] {
        let [v4, v6] = both(tcp);
        assert_eq!(text(Input::SegmentOverIpv4, &v4[12..], towards), numbers);
        assert_eq!(text(Input::SegmentOverIpv6, &v6[8..], towards), numbers);
        assert_eq!(text(Input::Ipv4, &v4, towards), format!("IP {ends}: {numbers}"));
        assert_eq!(text(Input::Packet, &v4, towards), format!("IP {ends}: {numbers}"));
        assert_eq!(text(Input::Ipv6, &v6, towards), format!("IP6 {ends6}: {numbers}"));
        assert_eq!(text(Input::Packet, &v6, towards), format!("IP6 {ends6}: {numbers}"));
    }
}

/// Priority and DEI are not printed, and the outer tag is the first.
#[test]
fn frames() {
    let tags = [[0x88, 0xa8, 0xf0, 0x05], [0x81, 0x00, 0x6f, 0xfe]];
    for (depth, vlans) in [(0, ""), (1, "vlan 5, "), (2, "vlan 5, vlan 4094, ")] {
        let [v4, v6] = both(&Tcp::default()).map(|packet| framed(&tags[..depth], &packet));
        let numbers = "Flags [R.], seq 0, ack 522224617, win 0, length 0";
        let back = format!("02:11:22:33:44:55 > 02:aa:bb:cc:dd:ee, {vlans}");
        let expected = format!("{back}IP 198.51.100.2.80 > 192.0.2.1.36050: {numbers}");
        assert_eq!(text(Input::Frame, &v4, Source), expected);
        let expected = format!("{back}IP6 2001:db8:1::2.80 > 2001:db8::1.36050: {numbers}");
        assert_eq!(text(Input::Frame, &v6, Source), expected);
        let numbers = "Flags [R], seq 522224617, win 0, length 0";
        let on = format!("02:aa:bb:cc:dd:ee > 02:11:22:33:44:55, {vlans}");
        let expected = format!("{on}IP 192.0.2.1.36050 > 198.51.100.2.80: {numbers}");
        assert_eq!(text(Input::Frame, &v4, DestinationOfDelivered), expected);
    }
}

/// Addresses and ports, or addresses alone.
#[test]
fn endpoints() {
    let [v4, v6] = both(&Tcp::default());
    let printed = |packet: &[u8]| Endpoints::of(packet).map(|endpoints| endpoints.to_string());
    for (packet, expected) in [
        (&v4[..], Some("192.0.2.1.36050 > 198.51.100.2.80")),
        (&v6, Some("2001:db8::1.36050 > 2001:db8:1::2.80")),
        (&V4 { protocol: UDP, ..V4::default() }.bytes(), Some("192.0.2.1 > 198.51.100.2")),
        (&V6 { protocol: UDP, ..V6::default() }.bytes(), Some("2001:db8::1 > 2001:db8:1::2")),
        // The ports are there, or not.
        (&v4[..24], Some("192.0.2.1.36050 > 198.51.100.2.80")),
        (&v4[..23], Some("192.0.2.1 > 198.51.100.2")),
        (&v6[..44], Some("2001:db8::1.36050 > 2001:db8:1::2.80")),
        (&v6[..43], Some("2001:db8::1 > 2001:db8:1::2")),
        (&v4[..19], None),
        (&v6[..39], None),
        (&[], None),
    ] {
        assert_eq!(printed(packet).as_deref(), expected, "{packet:02x?}");
    }
}
