//! Every reason for silence, alone and together with every later one.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]
#![allow(clippy::as_conversions, reason = "it is how a reason's number is had")]

use std::collections::BTreeSet;
use support::DIRT;
use support::invariants;
use support::packet::{Tcp, V4, V6, repair};
use support::protocol::{DESTINATION_OPTIONS, EXTENSIONS, FRAGMENT, NO_NEXT_HEADER, TCP, UDP};
use support::reference::Rules;
use tcp_reset::{Config, NoReset, Profile, Reset, ipv4, ipv6};

/// One thing wrong with a packet.
struct Fault {
    name: &'static str,
    reason: NoReset,
    /// Whether it is made before or after the checksums are made right.
    step: Step,
    make: fn(&mut Vec<u8>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Before,
    After,
}

use Step::{After, Before};

const fn fault(name: &'static str, reason: NoReset, step: Step, make: fn(&mut Vec<u8>)) -> Fault {
    Fault { name, reason, step, make }
}

/// In the order of the checks. They work on a packet of 24 bytes of IPv4 header, 20 of TCP's and 4 of data.
#[rustfmt::skip]
const IPV4: [Fault; 14] = [
    fault("a buffer shorter than an IPv4 header", NoReset::Truncated, After, |packet| packet.truncate(19)),
    fault("version 5", NoReset::Version, Before, |packet| packet[0] = 0x50 | packet[0] & 0x0f),
    fault("a header length of 16 bytes", NoReset::HeaderLength, Before, |packet| packet[0] = packet[0] & 0xf0 | 4),
    fault("a total length below any header length", NoReset::TotalLength, Before, |packet| packet[3] = 15),
    fault("a buffer shorter than the header with its options", NoReset::Truncated, After, |packet| packet.truncate(23)),
    fault("a wrong header checksum", NoReset::HeaderChecksum, After, |packet| packet[10] ^= 0x01),
    fault("a fragment offset", NoReset::Fragment, Before, |packet| packet[7] = 1),
    fault("UDP", NoReset::NotTcp, Before, |packet| packet[9] = UDP),
    fault("an unspecified source", NoReset::Source, Before, |packet| packet[12..16].fill(0)),
    fault("a multicast destination", NoReset::Destination, Before, |packet| packet[16] = 224),
    fault("19 bytes of TCP header", NoReset::TcpHeader, Before, |packet| packet[3] = 24 + 19),
    fault("RST", NoReset::Rst, Before, |packet| packet[37] = 0x04),
    fault("a wrong TCP checksum", NoReset::TcpChecksum, After, |packet| packet[41] ^= 0x80),
    fault("a data offset of 4", NoReset::DataOffset, Before, |packet| packet[36] = 0x40),
];

/// In the order of the checks. They work on a packet of an IPv6 header, a destination options header (at 40), a
/// fragment header (at 48), a TCP header (at 56) and 4 bytes of data.
#[rustfmt::skip]
const IPV6: [Fault; 14] = [
    fault("a buffer shorter than an IPv6 header", NoReset::Truncated, After, |packet| packet.truncate(39)),
    fault("version 7", NoReset::Version, Before, |packet| packet[0] = 0x70 | packet[0] & 0x0f),
    fault("a payload length of zero", NoReset::Jumbogram, Before, |packet| packet[4..6].fill(0)),
    fault("a buffer shorter than the payload length", NoReset::Truncated, After, |packet| packet.truncate(48)),
    fault("a multicast source", NoReset::Source, Before, |packet| packet[8] = 0xff),
    fault("an unspecified destination", NoReset::Destination, Before, |packet| packet[24..40].fill(0)),
    fault("UDP after the IPv6 header", NoReset::NotTcp, Before, |packet| packet[6] = UDP),
    fault("destination options past the packet", NoReset::ExtensionHeader, Before, |packet| packet[41] = 4),
    fault("a fragment offset", NoReset::Fragment, Before, |packet| packet[51] |= 0x08),
    fault("no next header after the fragment header", NoReset::NotTcp, Before, |packet| packet[48] = NO_NEXT_HEADER),
    fault("19 bytes of TCP header", NoReset::TcpHeader, Before, |packet| packet[5] = 16 + 19),
    fault("RST", NoReset::Rst, Before, |packet| packet[69] = 0x04),
    // The source port is summed as well, and the shortest segment has it.
    fault("a wrong TCP checksum", NoReset::TcpChecksum, After, |packet| packet[56] ^= 0x80),
    fault("a data offset of 4", NoReset::DataOffset, Before, |packet| packet[68] = 0x40),
];

fn ipv4_packet() -> Vec<u8> {
    let tcp = Tcp { data: b"data".to_vec(), ..Tcp::default() };
    V4 { options: vec![1, 1, 1, 0], tcp, ..V4::default() }.bytes()
}

fn ipv6_packet() -> Vec<u8> {
    let tcp = Tcp { data: b"data".to_vec(), ..Tcp::default() };
    let extensions =
        vec![(DESTINATION_OPTIONS, vec![0, 0, 1, 4, 0, 0, 0, 0]), (FRAGMENT, vec![0, 0, 0, 1, 0x12, 0x34, 0x56, 0x78])];
    V6 { extensions, tcp, ..V6::default() }.bytes()
}

/// The packet with all of `faults`.
fn spoilt(mut packet: Vec<u8>, faults: &[&Fault]) -> Vec<u8> {
    for step in [Before, After] {
        for fault in faults.iter().filter(|fault| fault.step == step) {
            (fault.make)(&mut packet);
        }
        if step == Before {
            repair(&mut packet);
        }
    }
    packet
}

/// The decision of one version's module, whatever version the packet says.
type Decide = fn(&[u8], &Config) -> Result<Reset, NoReset>;

fn decide_ipv4(packet: &[u8], config: &Config) -> Result<Reset, NoReset> {
    ipv4::Reset::in_reply_to(packet, config).map(Reset::V4)
}

fn decide_ipv6(packet: &[u8], config: &Config) -> Result<Reset, NoReset> {
    ipv6::Reset::in_reply_to(packet, config).map(Reset::V6)
}

/// Makes the packet that the faults work on.
type Packet = fn() -> Vec<u8>;

const BOTH: [(Decide, Packet, &[Fault]); 2] = [(decide_ipv4, ipv4_packet, &IPV4), (decide_ipv6, ipv6_packet, &IPV6)];

/// The one setting under which every check is made.
fn strict() -> Config {
    Rules::TCP_STACK.config()
}

#[test]
fn without_a_fault_there_is_a_reset() {
    for (decide, packet, _) in BOTH {
        assert!(decide(&packet(), &strict()).is_ok());
    }
}

#[test]
fn each_fault_alone_is_named() {
    for (decide, packet, faults) in BOTH {
        for fault in faults {
            let packet = spoilt(packet(), &[fault]);
            assert_eq!(decide(&packet, &strict()), Err(fault.reason), "{}", fault.name);
            // Among other things, the buffer is left as it was.
            assert!(invariants::check(&packet, &Rules::TCP_STACK).is_err());
        }
    }
}

/// Any two faults, not only neighbours: the first check that fails gives the reason.
#[test]
fn of_two_faults_the_first_is_named() {
    for (decide, packet, faults) in BOTH {
        for (place, first) in faults.iter().enumerate() {
            for second in &faults[place + 1..] {
                // The first fault is made last: it may cut off what the second one changes.
                let packet = spoilt(packet(), &[second, first]);
                assert_eq!(decide(&packet, &strict()), Err(first.reason), "{}, {}", first.name, second.name);
            }
        }
    }
}

/// The first four bits give the version; only 4 and 6 are answered.
#[test]
fn there_are_two_versions() {
    for version in 0..=15 {
        for (mut packet, right) in [(ipv4_packet(), 4), (ipv6_packet(), 6)] {
            packet[0] = version << 4 | packet[0] & 0x0f;
            repair(&mut packet);
            match version {
                _ if version == right => assert!(Reset::in_reply_to(&packet, &strict()).is_ok()),
                // Read as the other version, the packet is wrong.
                4 | 6 => assert!(Reset::in_reply_to(&packet, &strict()).is_err()),
                _ => assert_eq!(Reset::in_reply_to(&packet, &strict()), Err(NoReset::Version)),
            }
        }
    }
    let (v4, v6) = (ipv4_packet(), ipv6_packet());
    assert_eq!(ipv4::Reset::in_reply_to(&v6, &strict()), Err(NoReset::Version));
    assert_eq!(ipv6::Reset::in_reply_to(&[&v4[..], &[0; 40]].concat(), &strict()), Err(NoReset::Version));
}

/// The fragment offset has thirteen bits; the three flags beside it do not matter.
#[test]
fn fragments_but_the_first_are_refused() {
    for flags in 0..8_u16 {
        for offset in [0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x1fff] {
            let decision = if offset == 0 { Ok(()) } else { Err(NoReset::Fragment) };

            let packet = V4 { fragment: flags << 13 | offset, ..V4::default() }.bytes();
            assert_eq!(Reset::in_reply_to(&packet, &strict()).map(drop), decision, "IPv4, {flags} {offset}");

            let [o0, o1] = (offset << 3 | flags).to_be_bytes();
            let packet = V6 { extensions: vec![(FRAGMENT, vec![0, 0, o0, o1, 0, 0, 0, 1])], ..V6::default() }.bytes();
            assert_eq!(Reset::in_reply_to(&packet, &strict()).map(drop), decision, "IPv6, {flags} {offset}");
        }
    }
}

#[test]
fn every_protocol_but_tcp_is_refused() {
    for protocol in 0..=255 {
        let packet = V4 { protocol, ..V4::default() }.bytes();
        let reason = Reset::in_reply_to(&packet, &strict()).err();
        assert_eq!(reason, (protocol != TCP).then_some(NoReset::NotTcp), "IPv4, {protocol}");

        let packet = V6 { protocol, ..V6::default() }.bytes();
        let reason = Reset::in_reply_to(&packet, &strict()).err();
        match protocol {
            TCP => assert_eq!(reason, None),
            // The TCP header is read as an extension header, so no TCP header follows.
            _ if EXTENSIONS.contains(&protocol) => assert!(reason.is_some()),
            _ => assert_eq!(reason, Some(NoReset::NotTcp), "IPv6, {protocol}"),
        }
    }
}

/// A wrong bit in any byte that a checksum covers is noticed.
#[test]
fn every_flipped_bit_is_noticed() {
    // IPv4: both checksums together cover the packet.
    let whole = ipv4_packet();
    for bit in 0..whole.len() * 8 {
        let mut packet = whole.clone();
        packet[bit / 8] ^= 1 << (bit % 8);
        assert!(Reset::in_reply_to(&packet, &strict()).is_err(), "bit {bit}");
    }
    // IPv6: traffic class, flow label and hop limit are covered by nothing.
    let whole = V6 { tcp: Tcp { data: b"data".to_vec(), ..Tcp::default() }, ..V6::default() }.bytes();
    for bit in 0..whole.len() * 8 {
        let mut packet = whole.clone();
        packet[bit / 8] ^= 1 << (bit % 8);
        // Bits are counted from the least significant of a byte, the header's from the most significant.
        let uncovered = (4..32).contains(&(bit ^ 7)) || bit / 8 == 7;
        assert_eq!(Reset::in_reply_to(&packet, &strict()).is_ok(), uncovered, "bit {bit}");
    }
}

#[test]
fn a_buffer_too_short_for_the_reset_is_left_alone() {
    for (packet, len) in [(ipv4_packet(), 40), (ipv6_packet(), 60)] {
        let reset = Reset::in_reply_to(&packet, &strict()).unwrap();
        for short in 0..len {
            let mut buffer = vec![DIRT; short];
            assert_eq!(reset.emit_to_slice(&mut buffer), None);
            assert_eq!(buffer, vec![DIRT; short]);
        }
    }
}

/// The netfilter profile lacks the last reason.
#[test]
fn the_profiles_differ_in_the_data_offset_alone() {
    for (decide, packet, faults) in BOTH {
        for fault in faults {
            let decision = decide(&spoilt(packet(), &[fault]), &Config::new().profile(Profile::Netfilter)).map(drop);
            let expected = if fault.reason == NoReset::DataOffset { Ok(()) } else { Err(fault.reason) };
            assert_eq!(decision, expected, "{}", fault.name);
        }
    }
}

/// The number and the text of each reason stay the same.
#[test]
#[rustfmt::skip]
fn reasons_have_numbers_and_texts() {
    let reasons = [
        (1,  NoReset::Truncated,       "truncated packet"),
        (2,  NoReset::Version,         "bad IP version"),
        (3,  NoReset::HeaderLength,    "bad IPv4 header length"),
        (4,  NoReset::TotalLength,     "bad total length"),
        (5,  NoReset::HeaderChecksum,  "wrong IPv4 header checksum"),
        (6,  NoReset::Jumbogram,       "IPv6 payload length of zero"),
        (7,  NoReset::ExtensionHeader, "bad IPv6 extension header"),
        (8,  NoReset::Fragment,        "not a first fragment"),
        (9,  NoReset::NotTcp,          "not TCP"),
        (10, NoReset::Source,          "source address not unicast"),
        (11, NoReset::Destination,     "destination address not unicast"),
        (12, NoReset::TcpHeader,       "short TCP header"),
        (13, NoReset::Rst,             "a reset itself"),
        (14, NoReset::TcpChecksum,     "wrong TCP checksum"),
        (15, NoReset::DataOffset,      "bad TCP data offset"),
    ];
    for (number, reason, text) in reasons {
        assert_eq!(reason as usize, number);
        assert_eq!(reason.as_str(), text);
        assert_eq!(reason.to_string(), text);
        assert_eq!(format!("{reason:>40}|{reason:-<40}|{reason:.5}"), format!("{text:>40}|{text:-<40}|{text:.5}"));
        let as_error: &dyn core::error::Error = &reason;
        assert!(as_error.source().is_none());
    }
    let texts: BTreeSet<&str> = reasons.iter().map(|(_, _, text)| *text).collect();
    assert_eq!(texts.len(), reasons.len());
}
