//! Ones'-complement has two zeros: which one Linux sends, and that both are accepted.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::packet::{Tcp, V4, V6, both};
use support::reference::{Rules, sum};
use tcp_reset::checksum::Sum;
use tcp_reset::tcp::{ACK, FIN};
use tcp_reset::{Config, MAX_LEN, NoReset, Profile, Reset, reset_with, tcp};

/// The reset that answers `packet`, and its TCP checksum.
fn reply(packet: &[u8], profile: Profile) -> (Vec<u8>, [u8; 2]) {
    let mut buffer = [0; MAX_LEN];
    let reply = reset_with(packet, &Config::new().profile(profile), &mut buffer).unwrap().to_vec();
    let checksum = reply[reply.len() - 4..reply.len() - 2].try_into().unwrap();
    (reply, checksum)
}

/// Offenders whose resets' checksums compute to zero: a RST and a RST/ACK each over IPv4 and over IPv6.
///
/// First the number that the reset carries is 0. The checksum of that reset is then used as the number: the new checksum
/// is 0.
fn zeroing(carry: impl Fn(u32) -> Tcp) -> [Vec<u8>; 2] {
    let [(_, v4), (_, v6)] = both(&carry(0)).map(|packet| reply(&packet, Profile::Netfilter));
    let [v4, v6] = [v4, v6].map(|checksum| carry(u16::from_be_bytes(checksum).into()));
    [V4::with(v4).bytes(), V6::with(v6).bytes()]
}

/// A segment whose reset is a RST that carries `number`.
fn drawing_rst(number: u32) -> Tcp {
    Tcp { flags: ACK, ack: number, ..Tcp::default() }
}

/// A segment whose reset is a RST/ACK that carries `number`.
fn drawing_rst_ack(number: u32) -> Tcp {
    Tcp { flags: FIN, seq: number.wrapping_sub(4), data: vec![0xff; 3], ..Tcp::default() }
}

/// Measured on Linux: the helper for checksum offload writes 0xffff; where the checksum is computed directly, it is 0x0000.
#[test]
#[rustfmt::skip]
fn a_reset_whose_checksum_computes_to_zero() {
    for [v4, v6] in [zeroing(drawing_rst), zeroing(drawing_rst_ack)] {
        assert_eq!(reply(&v4, Profile::Netfilter).1, [0xff, 0xff]);
        assert_eq!(reply(&v6, Profile::Netfilter).1, [0x00, 0x00]);
        assert_eq!(reply(&v4, Profile::TcpStack).1,  [0x00, 0x00]);
        assert_eq!(reply(&v6, Profile::TcpStack).1,  [0xff, 0xff]);
    }
}

/// All other checksums are the same in both profiles.
#[test]
fn a_reset_whose_checksum_computes_to_anything_else() {
    for off in [1, 2, 0x100, 0xfffe] {
        for packet in zeroing(|number| drawing_rst(number ^ (off * u32::from(number != 0)))) {
            let (netfilter, checksum) = reply(&packet, Profile::Netfilter);
            let (tcp_stack, _) = reply(&packet, Profile::TcpStack);
            assert_eq!(netfilter, tcp_stack);
            assert!(checksum != [0x00, 0x00] && checksum != [0xff, 0xff]);
        }
    }
}

/// A segment written without an IP header has 0x0000.
#[test]
fn a_segment_whose_checksum_computes_to_zero() {
    let addresses = Sum::of_words(&[[192, 0, 2, 1], [198, 51, 100, 2]]);
    let mut reset = tcp::Reset { source_port: 80, destination_port: 36050, seq: 0, ack: None };
    let mut segment = [0; 20];
    reset.emit(addresses, &mut segment);
    reset.seq = u16::from_be_bytes([segment[16], segment[17]]).into();
    assert_eq!(reset.emit(addresses, &mut segment)[16..18], [0x00, 0x00]);
}

/// An IPv4 header's checksum is zero where it computes to zero.
#[test]
fn a_header_whose_checksum_computes_to_zero() {
    for profile in [Profile::Netfilter, Profile::TcpStack] {
        let mut offender = V4 { source: [10, 0, 0, 0], ..V4::default() };
        let (header, _) = reply(&offender.bytes(), profile);
        // The checksum of the reply with an address that ends in 0.0 becomes the end of the address.
        offender.source[2..].copy_from_slice(&header[10..12]);
        let (header, _) = reply(&offender.bytes(), profile);
        assert_eq!(sum(&header[..20]), 0xffff);
        assert_eq!(header[10..12], [0x00, 0x00]);
    }
}

/// Offenders whose own TCP checksum computes to zero: stored as 0x0000 and as 0xffff, it is right.
#[test]
fn an_offender_whose_checksum_computes_to_zero() {
    let with_urgent = |urgent| both(&Tcp { urgent, ..Tcp::default() });
    for (v, plain) in with_urgent(0).iter().enumerate() {
        let at = plain.len() - 4;
        // As above: the checksum without the number becomes the number.
        let mut packet = with_urgent(u16::from_be_bytes([plain[at], plain[at + 1]]))[v].clone();
        assert_eq!(packet[at..at + 2], [0x00, 0x00]);
        for rules in [Rules::NETFILTER, Rules::TCP_STACK] {
            for zero in [[0x00, 0x00], [0xff, 0xff]] {
                packet[at..at + 2].copy_from_slice(&zero);
                assert!(Reset::in_reply_to(&packet, &rules.config()).is_ok());
            }
            for wrong in [[0x00, 0x01], [0xff, 0xfe], [0x01, 0x00], [0xfe, 0xff]] {
                packet[at..at + 2].copy_from_slice(&wrong);
                assert_eq!(Reset::in_reply_to(&packet, &rules.config()), Err(NoReset::TcpChecksum));
            }
        }
    }
}

/// Offenders whose IPv4 header checksum computes to zero: the same.
#[test]
fn an_offender_whose_header_checksum_computes_to_zero() {
    let plain = V4 { id: 0, ..V4::default() }.bytes();
    let mut packet = V4 { id: u16::from_be_bytes([plain[10], plain[11]]), ..V4::default() }.bytes();
    assert_eq!(packet[10..12], [0x00, 0x00]);
    for zero in [[0x00, 0x00], [0xff, 0xff]] {
        packet[10..12].copy_from_slice(&zero);
        assert!(Reset::in_reply_to(&packet, &Config::new()).is_ok());
    }
    packet[10..12].copy_from_slice(&[0x00, 0x01]);
    assert_eq!(Reset::in_reply_to(&packet, &Config::new()), Err(NoReset::HeaderChecksum));
}
