//! IPv6 extension headers: which are skipped, how long they are, and which packets are refused (RFC 8200 §4).

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::packet::{Tcp, V6, repair};
use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, ESP, FRAGMENT, HOP_BY_HOP, NO_NEXT_HEADER, ROUTING, UDP};
use support::reference::Rules;
use tcp_reset::tcp::FIN;
use tcp_reset::{Checksum, Config, MAX_LEN, NoReset, Reset, reset_with};

/// A packet with `extensions`, three bytes of data and FIN, so that a wrong length shows.
fn packet(extensions: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let tcp = Tcp { seq: 100, flags: FIN, data: vec![0xaa; 3], ..Tcp::default() };
    V6 { extensions: extensions.to_vec(), tcp, ..V6::default() }.bytes()
}

/// Asserts that the packet is answered as without extension headers: none is echoed, none counts as data.
fn assert_answered(extensions: &[(u8, Vec<u8>)]) {
    for rules in Rules::all() {
        let [with, without] = [extensions, &[]].map(|extensions| {
            let mut buffer = [0; MAX_LEN];
            reset_with(&packet(extensions), &rules.config(), &mut buffer).map(|reply| reply.to_vec())
        });
        assert!(without.is_ok());
        assert_eq!(with, without, "{extensions:x?}");
    }
}

fn decide(packet: &[u8]) -> Result<(), NoReset> {
    Reset::in_reply_to(packet, &Config::new()).map(drop)
}

/// A header of `len` bytes that says it has `units`.
fn header(kind: u8, units: u8, len: usize) -> (u8, Vec<u8>) {
    let mut bytes = vec![0; len];
    bytes[1] = units;
    (kind, bytes)
}

/// In units of eight bytes, the first not counted.
#[test]
fn options_and_routing_headers_of_every_length() {
    for kind in [HOP_BY_HOP, ROUTING, DESTINATION_OPTIONS] {
        for units in 0..=255 {
            assert_answered(&[header(kind, units, (usize::from(units) + 1) * 8)]);
        }
    }
}

/// In units of four bytes, the first two not counted (RFC 4302 §2.2).
#[test]
fn authentication_headers_of_every_length() {
    for units in 0..=255 {
        assert_answered(&[header(AUTHENTICATION, units, (usize::from(units) + 2) * 4)]);
    }
}

/// Its second byte is reserved, no length.
#[test]
fn fragment_headers_are_eight_bytes() {
    for reserved in [0, 1, 255] {
        assert_answered(&[header(FRAGMENT, reserved, 8)]);
    }
}

/// An atomic fragment is a whole packet (RFC 6946). A first fragment has a TCP header; the checksum shows whether it holds
/// the whole segment.
#[test]
fn first_fragments_go_on() {
    for flags in 0..8 {
        assert_answered(&[(FRAGMENT, vec![0, 0, 0, flags, 1, 2, 3, 4])]);
    }
}

/// The header that a later fragment names is in the first one, so the later one's payload is not read.
#[test]
fn a_later_fragment_of_anything_is_a_fragment() {
    let mut packet = packet(&[(FRAGMENT, vec![0, 0, 0, 8, 1, 2, 3, 4])]);
    for next_header in 0..=255 {
        packet[40] = next_header;
        assert_eq!(decide(&packet), Err(NoReset::Fragment), "{next_header}");
    }
}

/// In the order that RFC 8200 §4.1 recommends, in another order, and repeated.
#[test]
fn chains() {
    let [hop_by_hop, routing, fragment, authentication, options] = [
        header(HOP_BY_HOP, 0, 8),
        header(ROUTING, 2, 24),
        header(FRAGMENT, 0, 8),
        header(AUTHENTICATION, 4, 24),
        header(DESTINATION_OPTIONS, 1, 16),
    ];
    let mut chain = [hop_by_hop, options.clone(), routing, fragment, authentication, options];
    assert_answered(&chain);
    chain.reverse();
    assert_answered(&chain);
    for (kind, bytes) in chain {
        assert_answered(&vec![(kind, bytes); 50]);
    }
}

/// As many headers as an IPv6 packet holds: the walk ends, at a segment or at the packet's end.
#[test]
fn the_longest_chain() {
    let most = (65_535 - 23) / 8;
    assert_answered(&vec![header(DESTINATION_OPTIONS, 0, 8); most]);

    let mut endless = packet(&vec![header(DESTINATION_OPTIONS, 0, 8); most]);
    for at in (40..40 + most * 8).step_by(8) {
        endless[at] = DESTINATION_OPTIONS;
    }
    // The segment's first eight bytes and the next eight make two more headers, the rest is too short for one.
    endless[40 + most * 8..][..16].copy_from_slice(&[60, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(decide(&endless), Err(NoReset::ExtensionHeader));
}

/// Headers that end where the packet does leave no TCP header; those that end later are too long.
#[test]
fn running_past_the_packet() {
    for kind in [HOP_BY_HOP, ROUTING, AUTHENTICATION, DESTINATION_OPTIONS] {
        let unit = if kind == AUTHENTICATION { 4 } else { 8 };
        // 40 bytes of extension header, 20 of TCP's and 4 of data.
        let whole = V6 {
            extensions: vec![header(kind, (40 / unit) - (8 / unit), 40)],
            tcp: Tcp { data: vec![0; 4], ..Tcp::default() },
            ..V6::default()
        }
        .bytes();
        let with_units = |units: u8| {
            let mut packet = whole.clone();
            packet[41] = units;
            repair(&mut packet);
            decide(&packet)
        };
        assert_eq!(decide(&whole), Ok(()));
        let last = 64 / unit - (8 / unit);
        assert_eq!(with_units(last), Err(NoReset::TcpHeader), "{kind}");
        assert_eq!(with_units(last + 1), Err(NoReset::ExtensionHeader), "{kind}");
        assert_eq!(with_units(255), Err(NoReset::ExtensionHeader), "{kind}");
    }
}

/// No extension header is shorter than eight bytes, whatever the packet still holds, or is padded with.
#[test]
fn less_than_a_header() {
    for kind in [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS] {
        for len in 1..8 {
            let mut packet = packet(&[header(kind, 0, 8)]);
            packet[5] = len;
            assert_eq!(decide(&packet), Err(NoReset::ExtensionHeader), "{kind}, {len} bytes");
            packet.truncate(40 + usize::from(len));
            assert_eq!(decide(&packet), Err(NoReset::ExtensionHeader), "{kind}, {len} bytes");
        }
    }
}

/// A segment after "no next header", ESP or an unknown header is not answered.
#[test]
fn ends_of_the_walk() {
    for protocol in [1, UDP, 41, ESP, 58, NO_NEXT_HEADER, 132, 135, 139, 140, 253, 255] {
        assert_eq!(decide(&packet(&[header(protocol, 0, 8)])), Err(NoReset::NotTcp), "{protocol}");
        let after = [header(HOP_BY_HOP, 0, 8), header(FRAGMENT, 0, 8), header(protocol, 0, 8)];
        assert_eq!(decide(&packet(&after)), Err(NoReset::NotTcp), "{protocol}");
    }
}

/// With the TCP checksum trusted the data may be missing, but every header has to be there.
#[test]
fn trust_needs_every_header() {
    let trusting = Config::new().tcp_checksum(Checksum::Trust);
    for kind in [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS] {
        let unit = if kind == AUTHENTICATION { 4 } else { 8 };
        let len = if kind == FRAGMENT { 8 } else { 24 };
        let whole = packet(&[header(kind, u8::try_from((len - 8) / unit).unwrap(), len)]);
        let expected = Reset::in_reply_to(&whole, &trusting).unwrap();
        for present in 0..whole.len() {
            let decision = Reset::in_reply_to(&whole[..present], &trusting);
            if present < 40 + len + 20 {
                assert_eq!(decision, Err(NoReset::Truncated), "{kind}, {present} bytes");
            } else {
                assert_eq!(decision, Ok(expected), "{kind}, {present} bytes");
            }
        }
    }
}

/// The buffer is cut at every byte of a header that fills the packet.
#[test]
fn a_header_at_the_end_of_the_packet_may_be_missing() {
    let trusting = Config::new().tcp_checksum(Checksum::Trust);
    for kind in [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS] {
        let mut packet = packet(&[header(kind, 0, 8)]);
        packet[5] = 8;
        for present in 40..48 {
            assert_eq!(Reset::in_reply_to(&packet[..present], &trusting), Err(NoReset::Truncated), "{kind}, {present}");
        }
        assert_eq!(Reset::in_reply_to(&packet[..48], &trusting), Err(NoReset::TcpHeader), "{kind}");
    }
}

/// If the lengths alone are a reason for silence, that reason is returned, not `Truncated`.
#[test]
fn a_header_past_the_packet_is_worse_than_one_past_the_buffer() {
    let trusting = Config::new().tcp_checksum(Checksum::Trust);
    let mut packet = packet(&[header(ROUTING, 0, 8)]);
    packet[41] = 255;
    assert_eq!(Reset::in_reply_to(&packet[..48], &trusting), Err(NoReset::ExtensionHeader));
    packet[5] = 7;
    assert_eq!(Reset::in_reply_to(&packet[..40], &trusting), Err(NoReset::ExtensionHeader));
}
