//! `Offender`: source and destination of a packet, for the log of one that draws no reset.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use core::net::IpAddr;
use support::packet::{Tcp, V4, V6};
use support::protocol::{DESTINATION_OPTIONS, FRAGMENT, UDP};
use tcp_reset::tcp::RST;
use tcp_reset::{MAX_LEN, NoReset, Offender};

const V4_ADDRESSES: &str = "192.0.2.1 > 198.51.100.2";
const V4_PORTS: &str = "192.0.2.1.36050 > 198.51.100.2.80";
const V6_ADDRESSES: &str = "2001:db8::1 > 2001:db8:1::2";
const V6_PORTS: &str = "2001:db8::1.36050 > 2001:db8:1::2.80";

/// What is printed of `packet`, and the reason why no reset answers it.
fn log(packet: &[u8]) -> (Option<String>, Option<NoReset>) {
    let reason = tcp_reset::reset(packet, &mut [0; MAX_LEN]).err();
    (Offender::of(packet).map(|offender| offender.to_string()), reason)
}

/// Asserts that `packet` is refused for `reason`, or for none, and printed as `text`.
#[track_caller]
fn assert_log(packet: &[u8], reason: impl Into<Option<NoReset>>, text: &str) {
    assert_eq!(log(packet), (Some(text.to_owned()), reason.into()));
}

fn edited(mut packet: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    packet[at] = value;
    packet
}

#[test]
fn its_fields() {
    let offender = Offender::of(&V4::default().bytes()).unwrap();
    assert_eq!(offender.source, IpAddr::from([192, 0, 2, 1]));
    assert_eq!(offender.destination, IpAddr::from([198, 51, 100, 2]));
    assert_eq!(offender.ports, Some((36050, 80)));
    let offender = Offender::of(&V6 { protocol: UDP, ..V6::default() }.bytes()).unwrap();
    assert_eq!(offender.source, "2001:db8::1".parse::<IpAddr>().unwrap());
    assert_eq!(offender.destination, "2001:db8:1::2".parse::<IpAddr>().unwrap());
    assert_eq!(offender.ports, None);
}

/// The ports are read, whatever is wrong with the segment.
#[test]
fn a_segment_has_ports() {
    let rst = Tcp { flags: RST, ..Tcp::default() };
    let v4 = V4 { options: vec![1; 40], ..V4::default() }.bytes();
    assert_log(&v4, None, V4_PORTS);
    assert_log(&V4::with(rst.clone()).bytes(), NoReset::Rst, V4_PORTS);
    assert_log(&edited(v4.clone(), 76, 0x55), NoReset::TcpChecksum, V4_PORTS);
    assert_log(&edited(v4, 10, 0x55), NoReset::HeaderChecksum, V4_PORTS);
    let v6 = V6::default().bytes();
    assert_log(&v6, None, V6_PORTS);
    assert_log(&V6::with(rst).bytes(), NoReset::Rst, V6_PORTS);
    assert_log(&edited(v6, 56, 0x55), NoReset::TcpChecksum, V6_PORTS);
}

/// Extension headers are skipped as in the decision.
#[test]
fn ports_after_extension_headers() {
    let options = (DESTINATION_OPTIONS, vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let first = (FRAGMENT, vec![0, 0, 0, 1, 0, 0, 0, 1]);
    let later = (FRAGMENT, vec![0, 0, 0, 8, 0, 0, 0, 1]);
    let with = |extensions: &[_]| V6 { extensions: extensions.to_vec(), ..V6::default() }.bytes();
    assert_log(&with(&[options.clone(), first]), None, V6_PORTS);
    assert_log(&with(&[options.clone(), later]), NoReset::Fragment, V6_ADDRESSES);
    assert_log(&edited(with(&[options]), 41, 200), NoReset::ExtensionHeader, V6_ADDRESSES);
}

/// A packet that is refused for its IP header has addresses; its ports are not read.
#[test]
fn no_segment_no_ports() {
    assert_log(&V4 { protocol: UDP, ..V4::default() }.bytes(), NoReset::NotTcp, V4_ADDRESSES);
    assert_log(&V4 { fragment: 1, ..V4::default() }.bytes(), NoReset::Fragment, V4_ADDRESSES);
    assert_log(&edited(V4::default().bytes(), 0, 0x44), NoReset::HeaderLength, V4_ADDRESSES);
    assert_log(&edited(V4::default().bytes(), 3, 19), NoReset::TotalLength, V4_ADDRESSES);
    assert_log(&V6 { protocol: UDP, ..V6::default() }.bytes(), NoReset::NotTcp, V6_ADDRESSES);
    assert_log(&edited(V6::default().bytes(), 5, 0), NoReset::Jumbogram, V6_ADDRESSES);

    let packet = V4 { destination: [224, 0, 0, 1], ..V4::default() }.bytes();
    assert_log(&packet, NoReset::Destination, "192.0.2.1 > 224.0.0.1");
    let packet = V4 { source: [0; 4], ..V4::default() }.bytes();
    assert_log(&packet, NoReset::Source, "0.0.0.0 > 198.51.100.2");
    let packet = edited(V6::default().bytes(), 24, 0xff);
    assert_log(&packet, NoReset::Destination, "2001:db8::1 > ff01:db8:1::2");
    let packet = V6 { source: [0; 16], ..V6::default() }.bytes();
    assert_log(&packet, NoReset::Source, ":: > 2001:db8:1::2");
}

/// The ports need four bytes of the segment; padding does not count.
#[test]
fn a_short_segment() {
    for (len, text) in [(3, V4_ADDRESSES), (4, V4_PORTS), (19, V4_PORTS)] {
        let mut packet = V4::default().bytes();
        packet[3] = 20 + len;
        support::packet::repair(&mut packet);
        assert_log(&packet, NoReset::TcpHeader, text);
    }
    for (len, text) in [(3, V6_ADDRESSES), (4, V6_PORTS), (19, V6_PORTS)] {
        assert_log(&edited(V6::default().bytes(), 5, len), NoReset::TcpHeader, text);
    }
}

/// Cut at every length: nothing, then addresses, then ports.
#[test]
fn truncated() {
    let v4 = V4 { options: vec![1; 4], ..V4::default() }.bytes();
    let options = (DESTINATION_OPTIONS, vec![0, 0, 1, 4, 0, 0, 0, 0]);
    let v6 = V6 { extensions: vec![options], ..V6::default() }.bytes();
    for (packet, header, ports, texts) in
        [(v4, 20, 28, [V4_ADDRESSES, V4_PORTS]), (v6, 40, 52, [V6_ADDRESSES, V6_PORTS])]
    {
        for len in 0..packet.len() {
            let expected = match len {
                _ if len < header => None,
                _ if len < ports => Some(texts[0].to_owned()),
                _ => Some(texts[1].to_owned()),
            };
            assert_eq!(log(&packet[..len]), (expected, Some(NoReset::Truncated)), "{len} bytes");
        }
    }
}

/// Neither version of IP.
#[test]
fn other_versions() {
    for version in (0..=15).filter(|version| ![4, 6].contains(version)) {
        for packet in [V4::default().bytes(), V6::default().bytes()] {
            assert_eq!(Offender::of(&edited(packet, 0, version << 4 | 5)), None, "version {version}");
        }
    }
}
