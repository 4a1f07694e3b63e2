//! Which addresses are answered: unicast ones, as Linux defines them.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use support::packet::{V4, V6};
use support::reference::Rules;
use tcp_reset::{NoReset, Reset};

#[test]
#[rustfmt::skip]
fn ipv4() {
    let table = [
        ("0.0.0.0",         false), // unspecified
        ("0.0.0.1",         true),  // "this network", but an address
        ("10.0.0.255",      true),  // perhaps a subnet's broadcast: the caller's routing table knows
        ("127.0.0.1",       true),  // loopback
        ("169.254.1.1",     true),  // link-local
        ("192.0.2.1",       true),
        ("223.255.255.255", true),
        ("224.0.0.0",       false), // multicast
        ("224.0.0.1",       false),
        ("232.1.2.3",       false),
        ("239.255.255.255", false),
        ("240.0.0.0",       true),  // reserved, and yet unicast
        ("255.255.255.254", true),
        ("255.255.255.255", false), // limited broadcast
    ];
    for (address, unicast) in table {
        let address: Ipv4Addr = address.parse().unwrap();
        let from = V4 { source: address.octets(), ..V4::default() };
        let to = V4 { destination: address.octets(), ..V4::default() };
        check(address.into(), unicast, &from.bytes(), &to.bytes());
    }
}

#[test]
#[rustfmt::skip]
fn ipv6() {
    let table = [
        ("::",                    false), // unspecified
        ("::1",                   true),  // loopback
        ("::2",                   true),
        ("::192.0.2.1",           true),  // IPv4-compatible
        ("::fffe:192.0.2.1",      true),
        ("::ffff:0.0.0.0",        false), // IPv4-mapped
        ("::ffff:192.0.2.1",      false),
        ("::ffff:255.255.255.255", false),
        ("::1:0:192.0.2.1",       true),
        ("::1:ffff:192.0.2.1",    true),
        ("64:ff9b::192.0.2.1",    true),  // for translation to IPv4
        ("100::1",                true),  // for discarding
        ("2001:db8::1",           true),
        ("fc00::1",               true),  // unique local
        ("fe80::1",               true),  // link-local
        ("fec0::1",               true),  // site-local
        ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true),
        ("ff00::",                false), // multicast
        ("ff02::1",               false),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
    ];
    for (address, unicast) in table {
        let address: Ipv6Addr = address.parse().unwrap();
        let from = V6 { source: address.octets(), ..V6::default() };
        let to = V6 { destination: address.octets(), ..V6::default() };
        check(address.into(), unicast, &from.bytes(), &to.bytes());
    }
}

/// Source and destination have to be unicast; any other address is the reason for silence.
fn check(address: IpAddr, unicast: bool, from: &[u8], to: &[u8]) {
    for rules in [Rules::NETFILTER, Rules::TCP_STACK] {
        let decide =
            |packet| Reset::in_reply_to(packet, &rules.config()).map(|reset| [reset.source(), reset.destination()]);
        if unicast {
            assert_eq!(decide(from).unwrap()[1], address);
            assert_eq!(decide(to).unwrap()[0], address);
        } else {
            assert_eq!(decide(from), Err(NoReset::Source), "{address}");
            assert_eq!(decide(to), Err(NoReset::Destination), "{address}");
        }
    }
}

/// Source and destination may be the same address.
#[test]
fn a_packet_may_come_from_where_it_goes() {
    let packet = V4 { source: [127, 0, 0, 1], destination: [127, 0, 0, 1], ..V4::default() }.bytes();
    assert!(Reset::in_reply_to(&packet, &Rules::NETFILTER.config()).is_ok());
    let loopback = Ipv6Addr::LOCALHOST.octets();
    let packet = V6 { source: loopback, destination: loopback, ..V6::default() }.bytes();
    assert!(Reset::in_reply_to(&packet, &Rules::NETFILTER.config()).is_ok());
}
