//! Fields of the reset that come from the offender or from the configuration, at every value.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::DIRT;
use support::packet::{Tcp, V4, V6, both};
use support::protocol::DESTINATION_OPTIONS;
use support::reference::{self, Rules};
use tcp_reset::tcp::{ACK, FIN};
use tcp_reset::{MAX_LEN, Reset, reset_with};

/// The crate's reply, which has to be the reference model's.
fn reply(packet: &[u8], rules: &Rules) -> Vec<u8> {
    let mut buffer = [DIRT; MAX_LEN];
    let reply = reset_with(packet, &rules.config(), &mut buffer).unwrap().to_vec();
    assert_eq!(reply, reference::reset(packet, rules).unwrap());
    reply
}

/// Netfilter writes a type of service of 0; the TCP stack reflects the offender's without the ECN bits.
#[test]
fn every_type_of_service() {
    for tos in 0..=255 {
        let packet = V4 { tos, ..V4::default() }.bytes();
        assert_eq!(reply(&packet, &Rules::NETFILTER)[1], 0);
        assert_eq!(reply(&packet, &Rules::TCP_STACK)[1], tos & 0xfc);
    }
}

/// The same over IPv6, whose flow label is zero either way.
#[test]
fn every_traffic_class() {
    for traffic_class in 0..=255 {
        let packet = V6 { traffic_class, flow_label: 0xf_ffff, ..V6::default() }.bytes();
        let first_word = |rules| u32::from_be_bytes(*reply(&packet, rules).first_chunk().unwrap());
        assert_eq!(first_word(&Rules::NETFILTER), 0x6000_0000);
        assert_eq!(first_word(&Rules::TCP_STACK), 0x6000_0000 | u32::from(traffic_class & 0xfc) << 20);
    }
}

/// The offender's time to live does not matter, not even zero; the reset's comes from the configuration.
#[test]
fn every_hop_limit() {
    for hop_limit in 0..=255 {
        for rules in [Rules::NETFILTER, Rules::TCP_STACK] {
            let v4 = V4 { ttl: hop_limit, ..V4::default() }.bytes();
            let v6 = V6 { hop_limit, ..V6::default() }.bytes();
            assert_eq!(reply(&v4, &rules)[8], 64);
            assert_eq!(reply(&v6, &rules)[7], 64);
            let rules = Rules { hop_limit, ..rules };
            assert_eq!(reply(&v4, &rules)[8], hop_limit);
            assert_eq!(reply(&v6, &rules)[7], hop_limit);
        }
    }
}

/// Every port is answered, also port 0.
#[test]
fn ports() {
    for (source_port, destination_port) in [(0, 0), (0, 1), (1, 0), (0x1234, 0xabcd), (0xffff, 0xffff)] {
        for packet in both(&Tcp { source_port, destination_port, ..Tcp::default() }) {
            let reset = Reset::in_reply_to(&packet, &Rules::NETFILTER.config()).unwrap();
            assert_eq!((reset.tcp().source_port, reset.tcp().destination_port), (destination_port, source_port));
            reply(&packet, &Rules::NETFILTER);
        }
    }
}

/// The reset has nothing of the offender's other fields: window, urgent pointer, reserved bits, options, id, flow label.
#[test]
fn nothing_else_is_copied() {
    for flags in [FIN, ACK] {
        let plain = Tcp { flags, seq: 5, ack: 7, ..Tcp::default() };
        let filled = Tcp { window: 0xffff, urgent: 0xffff, reserved: 0xf, options: vec![0xff; 40], ..plain.clone() };
        for rules in Rules::all() {
            let v4 = V4 {
                id: 0xffff,
                fragment: 0xe000,
                options: vec![1; 40],
                ttl: 255,
                tcp: filled.clone(),
                ..V4::default()
            };
            assert_eq!(reply(&v4.bytes(), &rules), reply(&V4::with(plain.clone()).bytes(), &rules));
            let v6 = V6 {
                flow_label: 0xf_ffff,
                hop_limit: 255,
                extensions: vec![(DESTINATION_OPTIONS, vec![0; 8])],
                tcp: filled.clone(),
                ..V6::default()
            };
            assert_eq!(reply(&v6.bytes(), &rules), reply(&V6::with(plain.clone()).bytes(), &rules));
        }
    }
}
