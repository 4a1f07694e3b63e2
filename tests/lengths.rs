//! Lengths are read from the headers, never taken from the buffer.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::FILL;
use support::functions::{STRICT, answer, answer_by_one};
use support::model::{DestinationOfDelivered, long};
use support::packet::{Tcp, V4, V6, both, partial, unstated};
use tcp_reset::tcp::ACK;
use tcp_reset::{Checksum, Config, NoReset};

const SEQ: u32 = 1_000_000;

/// The acknowledgment number of the reset that answers `packet`.
fn ack(packet: &[u8], config: Config) -> Result<u32, NoReset> {
    answer(packet, &config).map(|reply| long(&reply, reply.len() - 12))
}

const NETFILTER: Config = Config::new();
const TCP_STACK: Config = STRICT;

/// Bytes after the packet are not data: Ethernet pads to 60 bytes, others append checksums and timestamps.
#[test]
fn padding_changes_nothing() {
    for packet in both(&Tcp { seq: SEQ, data: b"seven !".to_vec(), ..Tcp::default() }) {
        let reply = answer(&packet, &NETFILTER);
        for padding in 0..=1500 {
            let padded = [&packet[..], &vec![FILL; padding]].concat();
            assert_eq!(answer_by_one(&padded, &NETFILTER), reply, "{padding} bytes");
        }
    }
}

/// Asserts the decision for every length at `length_at`, in a buffer that holds the longest packet.
fn every_length(mut packet: Vec<u8>, length_at: usize, expected: impl Fn(u16) -> Result<u32, NoReset>) {
    packet.resize(40 + (1 << 16), 0);
    let trusting = Config::new().ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
    for len in 0..=0xffff_u16 {
        packet[length_at..length_at + 2].copy_from_slice(&len.to_be_bytes());
        let reply = answer_by_one(&packet, &trusting);
        assert_eq!(reply.map(|reply| long(&reply, reply.len() - 12)), expected(len), "{len}");
    }
}

#[test]
fn every_ipv4_total_length() {
    every_length(V4::with(Tcp { seq: SEQ, ..Tcp::default() }).bytes(), 2, |total_len| match total_len {
        // Not stated.
        0 => Err(NoReset::UnknownLength),
        1..20 => Err(NoReset::TotalLength),
        20..40 => Err(NoReset::TcpHeader),
        40.. => Ok(SEQ + 1 + u32::from(total_len - 40)),
    });
}

#[test]
fn every_ipv6_payload_length() {
    every_length(V6::with(Tcp { seq: SEQ, ..Tcp::default() }).bytes(), 4, |payload_len| match payload_len {
        0 => Err(NoReset::UnknownLength),
        1..20 => Err(NoReset::TcpHeader),
        20.. => Ok(SEQ + 1 + u32::from(payload_len - 20)),
    });
}

/// A packet of more than 64 KiB, as before segmentation offload: its length is not stated, and its checksum is partial.
#[test]
fn longer_than_a_length_can_state() {
    for segment_len in [65_536, 70_001, 200_000] {
        for (packet, tcp_at) in both(&Tcp { flags: ACK, ack: SEQ, ..Tcp::default() }).into_iter().zip([20, 40]) {
            let mut packet = unstated(&packet);
            packet.resize(tcp_at + segment_len, 7);
            let packet = partial(&packet, tcp_at);
            for (tcp_checksum, expected) in [(Checksum::Trust, Ok(())), (Checksum::VerifyOrPartial, Ok(()))] {
                let config = NETFILTER.tcp_checksum(tcp_checksum);
                assert_eq!(answer(&packet, &config).map(drop), expected);
                let delivered = config.towards(DestinationOfDelivered);
                assert_eq!(answer(&packet, &delivered), Err(NoReset::UnknownLength));
            }
            let mut wrong = packet.clone();
            wrong[tcp_at + 16] ^= 1;
            let config = NETFILTER.tcp_checksum(Checksum::VerifyOrPartial);
            assert_eq!(answer(&wrong, &config), Err(NoReset::TooLong));
        }
    }
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
