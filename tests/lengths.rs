//! Lengths are read from the headers, never taken from the buffer.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::DIRT;
use support::packet::{Tcp, V4, V6, both, repair};
use tcp_reset::tcp::{FIN, SYN};
use tcp_reset::{Checksum, Config, MAX_LEN, NoReset, Profile, Reset};

const SEQ: u32 = 1_000_000;

/// The acknowledgment number of the reset that answers `packet`.
fn ack(packet: &[u8], profile: Profile) -> Result<u32, NoReset> {
    Ok(Reset::in_reply_to(packet, &Config::new().profile(profile))?.tcp().ack.unwrap())
}

const NETFILTER: Profile = Profile::Netfilter;
const TCP_STACK: Profile = Profile::TcpStack;

/// Bytes after the packet are not data: Ethernet pads to 60 bytes, others append checksums and timestamps.
#[test]
fn padding_changes_nothing() {
    for packet in both(&Tcp { seq: SEQ, data: b"seven !".to_vec(), ..Tcp::default() }) {
        let mut buffer = [0; MAX_LEN];
        let reply = tcp_reset::reset(&packet, &mut buffer).unwrap().to_vec();
        for padding in 0..=1500 {
            let mut padded = packet.clone();
            padded.resize(packet.len() + padding, DIRT);
            let mut buffer = [0; MAX_LEN];
            assert_eq!(tcp_reset::reset(&padded, &mut buffer).unwrap(), reply, "{padding} bytes");
        }
    }
}

/// Options make the header longer, do not count as data, and are not echoed.
#[test]
fn every_ipv4_header_length() {
    for words in 0..=10_usize {
        let options = (1..=u8::try_from(words * 4).unwrap()).collect();
        let tcp = Tcp { seq: SEQ, data: b"seven !".to_vec(), ..Tcp::default() };
        let packet = V4 { options, tcp, ..V4::default() }.bytes();
        assert_eq!(packet[0] & 0x0f, 5 + u8::try_from(words).unwrap());
        for profile in [NETFILTER, TCP_STACK] {
            assert_eq!(ack(&packet, profile), Ok(SEQ + 1 + 7), "{words} words of options");
        }
        let mut buffer = [0; MAX_LEN];
        assert_eq!(tcp_reset::reset(&packet, &mut buffer).unwrap()[..4], [0x45, 0, 0, 40]);
    }
    for header_len in 0..5 {
        let mut packet = V4::default().bytes();
        packet[0] = 0x40 | header_len;
        assert_eq!(ack(&packet, NETFILTER), Err(NoReset::HeaderLength), "{header_len} words");
    }
}

/// A header whose options end after the total length, or after the buffer.
#[test]
fn a_header_has_to_fit() {
    for words in 6..=15_u8 {
        let mut packet = V4::default().bytes();
        packet[0] = 0x40 | words;
        packet[3] = words * 4 - 1;
        packet.resize(100, 0);
        repair(&mut packet);
        assert_eq!(ack(&packet, NETFILTER), Err(NoReset::TotalLength), "{words} words");

        packet[3] = words * 4;
        repair(&mut packet);
        assert_eq!(ack(&packet, NETFILTER), Err(NoReset::TcpHeader), "{words} words");
        packet.truncate(usize::from(words) * 4 - 1);
        assert_eq!(ack(&packet, NETFILTER), Err(NoReset::Truncated), "{words} words");
    }
}

/// Asserts the decision for every length at `length_at`, in a buffer that holds the longest packet.
fn every_length(mut packet: Vec<u8>, length_at: usize, expected: impl Fn(u16) -> Result<u32, NoReset>) {
    packet.resize(40 + (1 << 16), 0);
    let trusting = Config::new().ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
    for len in 0..=0xffff_u16 {
        packet[length_at..length_at + 2].copy_from_slice(&len.to_be_bytes());
        let ack = Reset::in_reply_to(&packet, &trusting).map(|reset| reset.tcp().ack.unwrap());
        assert_eq!(ack, expected(len), "{len}");
    }
}

#[test]
fn every_ipv4_total_length() {
    every_length(V4::with(Tcp { seq: SEQ, ..Tcp::default() }).bytes(), 2, |total_len| match total_len {
        0..20 => Err(NoReset::TotalLength),
        20..40 => Err(NoReset::TcpHeader),
        40.. => Ok(SEQ + 1 + u32::from(total_len - 40)),
    });
}

#[test]
fn every_ipv6_payload_length() {
    every_length(V6::with(Tcp { seq: SEQ, ..Tcp::default() }).bytes(), 4, |payload_len| match payload_len {
        0 => Err(NoReset::Jumbogram),
        1..20 => Err(NoReset::TcpHeader),
        20.. => Ok(SEQ + 1 + u32::from(payload_len - 20)),
    });
}

/// The longest packets, with their checksums verified.
#[test]
fn the_longest_packets() {
    let data = |len| Tcp { seq: SEQ, flags: FIN, data: vec![0xee; len], ..Tcp::default() };
    let longest = V4::with(data(65_535 - 40)).bytes();
    assert_eq!(longest.len(), 65_535);
    assert_eq!(ack(&longest, NETFILTER), Ok(SEQ + 65_495 + 1));
    let longest = V6::with(data(65_535 - 20)).bytes();
    assert_eq!(longest.len(), 65_575);
    assert_eq!(ack(&longest, NETFILTER), Ok(SEQ + 65_515 + 1));
}

/// A segment of 40 bytes under every data offset. The TCP stack refuses an impossible one; netfilter
/// subtracts it, so that a small offset counts header bytes as data and a large one makes SEG.LEN too small or negative.
#[test]
#[rustfmt::skip]
fn every_data_offset() {
    let expected = |data_offset| match data_offset {
        //   netfilter       TCP stack
         0 => (SEQ + 1 + 40, Err(NoReset::DataOffset)),
         1 => (SEQ + 1 + 36, Err(NoReset::DataOffset)),
         2 => (SEQ + 1 + 32, Err(NoReset::DataOffset)),
         3 => (SEQ + 1 + 28, Err(NoReset::DataOffset)),
         4 => (SEQ + 1 + 24, Err(NoReset::DataOffset)),
         5 => (SEQ + 1 + 20, Ok(SEQ + 1 + 20)),
         6 => (SEQ + 1 + 16, Ok(SEQ + 1 + 16)),
         7 => (SEQ + 1 + 12, Ok(SEQ + 1 + 12)),
         8 => (SEQ + 1 +  8, Ok(SEQ + 1 +  8)),
         9 => (SEQ + 1 +  4, Ok(SEQ + 1 +  4)),
        10 => (SEQ + 1,      Ok(SEQ + 1)),
        11 => (SEQ + 1 -  4, Err(NoReset::DataOffset)),
        12 => (SEQ + 1 -  8, Err(NoReset::DataOffset)),
        13 => (SEQ + 1 - 12, Err(NoReset::DataOffset)),
        14 => (SEQ + 1 - 16, Err(NoReset::DataOffset)),
         _ => (SEQ + 1 - 20, Err(NoReset::DataOffset)),
    };
    for data_offset in 0..=15 {
        let tcp = Tcp { seq: SEQ, data_offset: Some(data_offset), data: vec![1; 20], ..Tcp::default() };
        let (netfilter, tcp_stack) = expected(data_offset);
        for packet in both(&tcp) {
            assert_eq!(ack(&packet, NETFILTER), Ok(netfilter), "{data_offset}");
            assert_eq!(ack(&packet, TCP_STACK), tcp_stack, "{data_offset}");
        }
    }
}

/// A negative SEG.LEN wraps, as in Linux.
#[test]
fn a_data_offset_past_the_segment_wraps() {
    for packet in both(&Tcp { seq: 0, flags: 0, data_offset: Some(15), ..Tcp::default() }) {
        assert_eq!(ack(&packet, NETFILTER), Ok(0_u32.wrapping_sub(40)));
        assert_eq!(ack(&packet, TCP_STACK), Err(NoReset::DataOffset));
    }
}

/// TCP options are header, not data.
#[test]
fn tcp_options_take_no_sequence_numbers() {
    for words in 0..=10 {
        let tcp = Tcp { seq: SEQ, flags: SYN | FIN, options: vec![1; words * 4], data: vec![1; 3], ..Tcp::default() };
        for packet in both(&tcp) {
            for profile in [NETFILTER, TCP_STACK] {
                assert_eq!(ack(&packet, profile), Ok(SEQ + 2 + 3));
            }
        }
    }
}
