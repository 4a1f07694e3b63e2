//! The three levels of the interface: a whole packet, a decision, a segment's numbers; and what `Display` prints.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use support::DIRT;
use support::invariants;
use support::packet::{Tcp, V4, V6, both};
use support::reference::{self, Rules, sum};
use tcp_reset::checksum::Sum;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset::{Checksum, Config, MAX_LEN, NoReset, Profile, Reset, ipv4, ipv6, tcp};

fn fin_with_data() -> Tcp {
    Tcp { flags: FIN, data: vec![0x42; 100], ..Tcp::default() }
}

/// A packet in, a packet out, of the same version of IP, by each of the three forms.
#[test]
fn a_whole_packet() {
    assert_eq!((ipv4::RESET_LEN, ipv6::RESET_LEN, MAX_LEN), (40, 60, 60));
    for (packet, len) in both(&fin_with_data()).into_iter().zip([40, 60]) {
        for rules in Rules::all() {
            let reply = invariants::check(&packet, &rules).unwrap();
            assert_eq!(reply.len(), len);
        }
    }
}

/// A decision has all fields of the reset.
#[test]
fn a_decision() {
    let config = Config::new().profile(Profile::TcpStack).hop_limit(17);
    let tcp = tcp::Reset { source_port: 80, destination_port: 36050, seq: 0, ack: Some(522_224_717) };

    let v4 = V4 { tos: 0xff, tcp: fin_with_data(), ..V4::default() }.bytes();
    let reset = ipv4::Reset::in_reply_to(&v4, &config).unwrap();
    let [source, destination] = [Ipv4Addr::new(198, 51, 100, 2), Ipv4Addr::new(192, 0, 2, 1)];
    assert_eq!((reset.source, reset.destination, reset.tcp), (source, destination, tcp));
    assert_eq!((reset.tos, reset.ttl), (0xfc, 17));
    assert_eq!(Reset::from(reset), Reset::V4(reset));
    assert_either(&v4, &config, reset.into(), source.into(), destination.into(), reset.emit(&mut [DIRT; 40]));

    let v6 = V6 { traffic_class: 0xff, tcp: fin_with_data(), ..V6::default() }.bytes();
    let reset = ipv6::Reset::in_reply_to(&v6, &config).unwrap();
    let [source, destination] = ["2001:db8:1::2", "2001:db8::1"].map(|address| address.parse::<Ipv6Addr>().unwrap());
    assert_eq!((reset.source, reset.destination, reset.tcp), (source, destination, tcp));
    assert_eq!((reset.traffic_class, reset.hop_limit), (0xfc, 17));
    assert_eq!(Reset::from(reset), Reset::V6(reset));
    assert_either(&v6, &config, reset.into(), source.into(), destination.into(), reset.emit(&mut [DIRT; 60]));
}

/// The decision for either version of IP is the same.
fn assert_either(packet: &[u8], config: &Config, reset: Reset, source: IpAddr, destination: IpAddr, bytes: &[u8]) {
    let either = Reset::in_reply_to(packet, config).unwrap();
    assert_eq!(either, reset);
    assert_eq!((either.source(), either.destination(), either.len()), (source, destination, bytes.len()));
    assert_eq!(either.tcp().ack, Some(522_224_717));
    assert_eq!(either.emit(&mut [DIRT; MAX_LEN]), bytes);
}

/// Decisions on one packet are equal if they are under the same settings.
#[test]
fn decisions_are_compared() {
    const NEW: Config = Config::new();
    let trusting = NEW.ipv4_checksum(Checksum::Trust);
    let configs = [NEW, NEW.hop_limit(1), NEW.partial_checksum(true), NEW.profile(Profile::TcpStack), trusting];
    for packet in [V4::default().bytes(), V6::default().bytes()] {
        let decisions = configs.map(|config| Reset::in_reply_to(&packet, &config).unwrap());
        for (a, reset) in decisions.iter().enumerate() {
            assert_eq!(Reset::in_reply_to(&packet, &configs[a]).as_ref(), Ok(reset));
            assert!(decisions.iter().skip(a + 1).all(|other| other != reset), "{reset:?}");
        }
    }
}

/// A decision may be changed before it is written; the checksums are right for the changed fields.
#[test]
fn a_decision_may_be_edited() {
    let mut reset = ipv4::Reset::in_reply_to(&V4::default().bytes(), &Config::new()).unwrap();
    reset.source = Ipv4Addr::new(203, 0, 113, 9);
    reset.ttl = 1;
    reset.tcp.seq = 77;
    let bytes = *reset.emit(&mut [DIRT; ipv4::RESET_LEN]);
    assert_eq!((bytes[8], &bytes[12..16], &bytes[24..28]), (1, &[203, 0, 113, 9][..], &[0, 0, 0, 77][..]));
    assert_eq!(sum(&bytes[..20]), 0xffff);
    assert_eq!(sum(&[&bytes[12..], &[0, 6, 0, 20]].concat()), 0xffff);
}

/// As tcpdump prints it.
#[test]
fn a_decision_is_printed() {
    let numbers = "Flags [R.], seq 0, ack 522224717, win 0, length 0";
    assert_printed(
        &fin_with_data(),
        [
            numbers.to_owned(),
            format!("IP 198.51.100.2.80 > 192.0.2.1.36050: {numbers}"),
            format!("IP6 2001:db8:1::2.80 > 2001:db8::1.36050: {numbers}"),
        ],
    );
    let numbers = "Flags [R], seq 1406759780, win 0, length 0";
    assert_printed(
        &Tcp { flags: ACK, ack: 1_406_759_780, ..Tcp::default() },
        [
            numbers.to_owned(),
            format!("IP 198.51.100.2.80 > 192.0.2.1.36050: {numbers}"),
            format!("IP6 2001:db8:1::2.80 > 2001:db8::1.36050: {numbers}"),
        ],
    );
}

fn assert_printed(offender: &Tcp, [numbers, over_ipv4, over_ipv6]: [String; 3]) {
    let [v4, v6] = both(offender);
    let reset = ipv4::Reset::in_reply_to(&v4, &Config::new()).unwrap();
    assert_eq!(reset.tcp.to_string(), numbers);
    assert_eq!(reset.to_string(), over_ipv4);
    assert_eq!(Reset::V4(reset).to_string(), over_ipv4);
    let reset = ipv6::Reset::in_reply_to(&v6, &Config::new()).unwrap();
    assert_eq!(reset.to_string(), over_ipv6);
    assert_eq!(Reset::V6(reset).to_string(), over_ipv6);
}

/// For a stack with its own IP layer: a segment and the sum of two addresses in, 20 bytes out.
#[test]
fn a_segment() {
    for (packet, header_len, addresses) in [
        (V4::with(fin_with_data()).bytes(), 20, 12..20), //
        (V6::with(fin_with_data()).bytes(), 40, 8..40),
    ] {
        let addresses = Sum::of(&packet[addresses]);
        let expected = reference::reset(&packet, &Rules::NETFILTER).unwrap();
        let reset = tcp::Reset::in_reply_to(&packet[header_len..], addresses, &Config::new()).unwrap();
        assert_eq!(reset.flags(), RST | ACK);
        assert_eq!(*reset.emit(addresses, &mut [DIRT; tcp::HEADER_LEN]), expected[header_len..]);
    }
}

/// Its checks are those of a packet's segment, in their order.
#[test]
fn a_segment_is_checked() {
    let packet = V4::with(Tcp { data: vec![1; 4], ..Tcp::default() }).bytes();
    let addresses = Sum::of(&packet[12..20]);
    let segment = &packet[20..];
    let strict = Rules::TCP_STACK.config();
    let decide = |segment: &[u8], config: &Config| tcp::Reset::in_reply_to(segment, addresses, config).map(drop);
    assert_eq!(decide(segment, &strict), Ok(()));
    for len in 0..20 {
        assert_eq!(decide(&segment[..len], &strict), Err(NoReset::TcpHeader));
    }
    for len in 20..24 {
        assert_eq!(decide(&segment[..len], &strict), Err(NoReset::TcpChecksum));
    }
    let mut spoilt = segment.to_vec();
    spoilt[12] = 0x70;
    let trusting = strict.tcp_checksum(Checksum::Trust);
    assert_eq!(decide(&spoilt, &strict), Err(NoReset::TcpChecksum));
    assert_eq!(decide(&spoilt, &trusting), Err(NoReset::DataOffset));
    assert_eq!(decide(&spoilt, &Config::new().tcp_checksum(Checksum::Trust)), Ok(()));
    spoilt[13] |= RST;
    assert_eq!(decide(&spoilt, &strict), Err(NoReset::Rst));
}

/// No IP packet holds more than 65,535 bytes of TCP.
#[test]
fn a_segment_has_an_end() {
    let trusting = Config::new().tcp_checksum(Checksum::Trust);
    let mut segment = vec![0; 65_536];
    segment[12..14].copy_from_slice(&[0x50, SYN]);
    let decide = |segment: &[u8]| tcp::Reset::in_reply_to(segment, Sum::of(&[]), &trusting).map(|reset| reset.ack);
    assert_eq!(decide(&segment), Err(NoReset::TotalLength));
    assert_eq!(decide(&segment[..65_535]), Ok(Some(65_515 + 1)));
}

/// A configuration can be a constant, and its fields tell what was set.
#[test]
fn configuration_is_const() {
    const CONFIG: Config = Config::new()
        .profile(Profile::TcpStack)
        .hop_limit(1)
        .ipv4_checksum(Checksum::Trust)
        .tcp_checksum(Checksum::Trust);
    const SET: (Profile, u8, Checksum, Checksum) =
        (CONFIG.profile, CONFIG.hop_limit, CONFIG.ipv4_checksum, CONFIG.tcp_checksum);
    assert_eq!(SET, (Profile::TcpStack, 1, Checksum::Trust, Checksum::Trust));
    for rules in Rules::all() {
        let config = rules.config();
        assert_eq!((config.profile, config.hop_limit), (rules.profile, 64));
        assert_eq!(config.ipv4_checksum, rules.ipv4_checksum);
        assert_eq!(config.tcp_checksum, rules.tcp_checksum);
        for partial in [false, true] {
            assert_eq!(config.partial_checksum(partial).partial_checksum, partial);
        }
    }
}
