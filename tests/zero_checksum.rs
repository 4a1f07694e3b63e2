//! Ones'-complement has two zeros: which one Linux sends, and that both are accepted.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::cases::{Zero, for_zero_checksum, for_zero_header_checksum, own_zero};
use support::functions::{STRICT, answer};
use support::model::{DIRECTIONS, sum, word};
use tcp_reset::{Config, NoReset};

/// Measured on Linux: the helper for checksum offload writes 0xffff; where the checksum is computed directly, it is 0x0000.
#[test]
#[rustfmt::skip]
fn a_reset_whose_checksum_computes_to_zero() {
    for towards in DIRECTIONS {
        for [v4, v6] in for_zero_checksum(towards) {
            let checksum = |packet: &[u8], config: Config| {
                let reply = answer(packet, &config.towards(towards)).unwrap();
                word(&reply, reply.len() - 4)
            };
            assert_eq!(checksum(&v4, Config::new()), 0xffff);
            assert_eq!(checksum(&v6, Config::new()), 0x0000);
            assert_eq!(checksum(&v4, STRICT),        0x0000);
            assert_eq!(checksum(&v6, STRICT),        0xffff);
        }
    }
}

/// An IPv4 header's checksum is zero where it computes to zero.
#[test]
fn a_header_whose_checksum_computes_to_zero() {
    for hop_limit in [64, 0] {
        for config in [STRICT, Config::new()] {
            let header = answer(&for_zero_header_checksum(hop_limit), &config.hop_limit(hop_limit)).unwrap();
            assert_eq!((sum(&header[..20]), word(&header, 10)), (0xffff, 0x0000));
        }
    }
}

/// Stored as 0x0000 and as 0xffff, an offender's checksum of zero is right.
#[test]
fn an_offender_whose_checksum_computes_to_zero() {
    let reasons = [NoReset::TcpChecksum, NoReset::TcpChecksum, NoReset::HeaderChecksum];
    for (Zero { right, wrong }, reason) in own_zero().iter().zip(reasons) {
        for config in [STRICT, Config::new()] {
            assert!(right.iter().all(|packet| answer(packet, &config).is_ok()));
            assert!(wrong.iter().all(|packet| answer(packet, &config) == Err(reason)));
        }
    }
}
