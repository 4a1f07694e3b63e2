//! Every reason for silence: its number, its text, a packet that gets it, and its place in the order of the checks.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]
#![allow(clippy::as_conversions, reason = "the only way to read a variant's number")]

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use support::cases::{IPV4_ADDRESSES, IPV6_ADDRESSES, from_and_to};
use support::faults;
use support::functions::{self, STRICT};
use support::model::{DIRECTIONS, DestinationOfDropped};
use support::packet::{Parts, Tcp, V6, both, unstated};
use support::protocol::{ROUTING, TCP};
use tcp_reset::{Checksum, Config, NoReset, Profile, Reset};

/// Each fault alone and any two, of packets, of frames with packets in them, and of segments: the first check that fails gives
/// the reason.
#[test]
fn of_two_faults_the_first_is_named() {
    for spoilt in faults::all() {
        for config in [STRICT, Config::new()] {
            for towards in DIRECTIONS {
                let first = spoilt.faults.iter().find(|fault| match fault.reason {
                    NoReset::DataOffset => config.profile == Profile::TcpStack,
                    NoReset::NoConnection => towards == DestinationOfDropped,
                    _ => true,
                });
                let answer = functions::check(spoilt.input, &spoilt.bytes, &config.towards(towards));
                let names: Vec<_> = spoilt.faults.iter().map(|fault| fault.name).collect();
                assert_eq!(answer.err(), first.map(|fault| fault.reason), "{:?}: {names:?} {towards:?}", spoilt.input);
            }
        }
    }
}

/// Segment routing (RFC 8754): on the way, the TCP checksum is over the last segment's address (RFC 8200 §8.1), which is not
/// in the IPv6 header. As the documentation of `Checksum` says, there is no reset for it, or one in the name of the waypoint.
#[test]
fn a_routing_header_with_segments_left() {
    let last = [[0x20, 0x01, 0x0d, 0xb8], [0; 4], [0; 4], [0, 0, 0, 9]].concat().try_into().unwrap();
    let arrived = V6 { destination: last, ..V6::default() };
    let waypoint = V6::default().destination;
    let routing = [&[TCP, 4, 4, 1, 1, 0, 0, 0], &last[..], &waypoint].concat();
    let on_the_way =
        Parts { ip: V6 { extensions: vec![(ROUTING, routing)], ..V6::default() }.parts().ip, ..arrived.parts() };
    let mut packet = on_the_way.bytes();
    let tcp_at = packet.len() - arrived.parts().tcp.len();
    packet[tcp_at + 16..tcp_at + 18].copy_from_slice(&arrived.bytes()[56..58]);
    for profile in [Profile::Netfilter, Profile::TcpStack] {
        let config = Config::new().profile(profile);
        assert_eq!(Reset::in_reply_to(&packet, &config), Err(NoReset::TcpChecksum));
        let reset = Reset::in_reply_to(&packet, &config.tcp_checksum(Checksum::Trust)).unwrap();
        assert_eq!(reset.source(), IpAddr::from(waypoint));
    }
}

/// Every reason has a fault that gets it alone. That a length is not stated is no fault where the checksum is trusted.
#[test]
fn every_reason_is_reached() {
    let mut reached: BTreeSet<usize> = faults::all()
        .iter()
        .filter(|spoilt| spoilt.faults.len() == 1)
        .map(|spoilt| {
            functions::check(spoilt.input, &spoilt.bytes, &STRICT.towards(DestinationOfDropped)).unwrap_err() as usize
        })
        .collect();
    for packet in both(&Tcp::default()) {
        let answer = functions::answer(&unstated(&packet), &STRICT.tcp_checksum(Checksum::Trust));
        reached.insert(answer.unwrap_err() as usize);
    }
    assert_eq!(reached, NoReset::ALL.map(|reason| reason as usize).into());
}

/// Source and destination have to be unicast, as Linux defines it.
#[test]
fn addresses() {
    for (address, is_unicast) in IPV4_ADDRESSES.into_iter().chain(IPV6_ADDRESSES) {
        let answers = from_and_to(address).map(|packet| functions::answer(&packet, &STRICT).err());
        let expected = if is_unicast { [None, None] } else { [Some(NoReset::Source), Some(NoReset::Destination)] };
        assert_eq!(answers, expected, "{address}");
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
        (16, NoReset::NoConnection,    "no connection at the destination"),
        (17, NoReset::GroupAddress,    "group address in an Ethernet frame"),
        (18, NoReset::VlanTags,        "too many VLAN tags"),
        (19, NoReset::EtherType,       "neither IPv4 nor IPv6 in an Ethernet frame"),
        (20, NoReset::UnknownLength,   "unknown length"),
        (21, NoReset::TooLong,         "TCP segment too long to verify"),
    ];
    for (number, reason, text) in reasons {
        assert_eq!(reason as usize, number);
        assert_eq!(reason.as_str(), text);
        assert_eq!(reason.to_string(), text);
        assert_eq!(format!("{reason:>40}|{reason:-<40}|{reason:.5}"), format!("{text:>40}|{text:-<40}|{text:.5}"));
        let as_error: &dyn core::error::Error = &reason;
        assert!(as_error.source().is_none());
    }
    assert_eq!(reasons.map(|(_, reason, _)| reason), NoReset::ALL);
}

/// The library for C has every reason, under its number. Its texts are the crate's, and so are those of the XDP program.
#[test]
fn c_has_them_all() {
    let read = |path: &str| fs::read_to_string(format!("{}/capi/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (reasons, header) = (read("src/reason.rs"), read("include/tcp_reset.h"));
    for reason in NoReset::ALL {
        let (name, number) = (format!("{reason:?}"), reason as usize);
        let mut constant = String::new();
        for letter in name.chars() {
            constant.extend(letter.is_uppercase().then_some('_'));
            constant.push(letter.to_ascii_uppercase());
        }
        for (text, line) in [
            (&reasons, format!("pub const TCP_RESET_REASON{constant}: u32 = {number};")),
            (&header, format!("#define TCP_RESET_REASON{constant} {number}")),
        ] {
            assert!(text.lines().any(|each| each.trim() == line.trim()), "capi has no line {line}");
        }
    }
}

/// The list that the crate keeps for tests and tables has every variant of the source, in the order of the numbers.
#[test]
fn the_list_is_complete() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/no_reset.rs")).unwrap();
    let (_, body) = text.split_once("pub enum NoReset {").unwrap();
    let variants = body.lines().skip(1).take_while(|line| *line != "}").map(str::trim);
    let variants: Vec<_> = variants.filter(|line| !line.starts_with("//")).map(str::to_owned).collect();
    assert_eq!(variants, NoReset::ALL.map(|reason| format!("{reason:?} = {},", reason as usize)));
}
