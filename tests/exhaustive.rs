//! All values of some fields.
//!
//! The ordinary run is shortened, and says so under `--nocapture`. All of it takes minutes:
//!
//! ```text
//! TCP_RESET_EXHAUSTIVE=1 cargo test --release --test exhaustive -- --nocapture
//! ```

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use support::functions::{answer_by_one, settings};
use support::model::DIRECTIONS;
use support::on_all_cores;
use support::packet::{Tcp, both, repair};
use support::protocol::TCP;
use tcp_reset::tcp::SYN;
use tcp_reset::{Checksum, Config, Profile};

/// The step between two lengths of the shortened run, which tries all lengths near either end.
const STEP: usize = 4_093;
const EDGE: usize = 16;

fn is_shortened() -> bool {
    std::env::var_os("TCP_RESET_EXHAUSTIVE").is_none()
}

/// All 16-bit lengths, or a shortened selection of them.
fn lengths() -> Vec<u16> {
    let (all, edge) = (0..=u16::MAX, EDGE..=usize::from(u16::MAX) - EDGE);
    all.filter(|&len| !is_shortened() || !edge.contains(&usize::from(len)) || usize::from(len) % STEP == 0).collect()
}

/// Compares the crate with the model for every item, and says how many packets `compare` compared.
fn compare_all<T: Copy + Sync>(name: &str, items: &[T], compare: impl Fn(T) -> u64 + Sync) {
    let compared = AtomicU64::new(0);
    on_all_cores(items, |item| {
        compared.fetch_add(compare(*item), Ordering::Relaxed);
    });
    let note = if is_shortened() { "shortened, all of it with TCP_RESET_EXHAUSTIVE=1: " } else { "" };
    println!("{name}: {note}{} packets compared", compared.load(Ordering::Relaxed));
    assert!(compared.into_inner() > 0);
}

fn compare(packet: &[u8], config: &Config) {
    for towards in DIRECTIONS {
        let _answer_or_reason = answer_by_one(packet, &config.towards(towards));
    }
}

/// The TCP checksum is trusted, so that the buffer needs to hold the headers only.
const PROFILES: [Config; 2] = [
    Config::new().tcp_checksum(Checksum::Trust),
    Config::new().tcp_checksum(Checksum::Trust).profile(Profile::TcpStack),
];

/// Compares a packet with every length at `length_at`, every data offset and all of `flags`, in both profiles.
fn every_length(name: &str, packet: &[u8], length_at: usize, flags: RangeInclusive<u8>) {
    compare_all(name, &lengths(), |len| {
        let mut packet = packet.to_vec();
        packet[length_at..length_at + 2].copy_from_slice(&len.to_be_bytes());
        repair(&mut packet);
        let tcp = packet.len() - 20;
        let mut compared = 0;
        for data_offset in 0..=0xf {
            packet[tcp + 12] = data_offset << 4;
            for flags in flags.clone() {
                packet[tcp + 13] = flags;
                for config in &PROFILES {
                    compare(&packet, config);
                    compared += 1;
                }
            }
        }
        compared
    });
}

/// 2^8 flag bytes × 2^4 data offsets × 2^16 IPv4 total lengths.
#[test]
fn every_flag_byte_data_offset_and_total_length() {
    let [packet, _] = both(&Tcp { seq: 0xffff_8000, ack: 0x1234_5678, ..Tcp::default() });
    every_length("flags × data offset × total length", &packet, 2, 0..=0xff);
}

/// The same for 2^16 IPv6 payload lengths; of the flags, those that count.
#[test]
fn every_data_offset_and_payload_length() {
    let [_, packet] = both(&Tcp { seq: 0xffff_8000, ack: 0x1234_5678, ..Tcp::default() });
    every_length("flags × data offset × payload length", &packet, 4, 0..=0x1f);
}

/// Every header length × total length × buffer length near their limits, under every setting.
#[test]
fn every_header_total_and_buffer_length_at_the_boundaries() {
    let headers: Vec<u8> = (0..=0xf).collect();
    compare_all("IHL × total length × buffer length", &headers, |ihl| {
        let mut compared = 0;
        let all = settings();
        let (most, step) = if is_shortened() { (100, 7) } else { (140, 1) };
        for total_len in (0..=most).step_by(step) {
            let mut packet = [0x11; 160];
            packet[0] = 0x40 | ihl;
            packet[2..4].copy_from_slice(&u16::try_from(total_len).unwrap().to_be_bytes());
            packet[6..8].fill(0);
            packet[9] = TCP;
            let header_len = usize::from(ihl) * 4;
            if header_len >= 20 && header_len + 20 <= total_len {
                packet[header_len + 13] = SYN;
            }
            repair(&mut packet);
            for buffer_len in 0..=packet.len() {
                for config in &all {
                    compare(&packet[..buffer_len], config);
                    compared += 1;
                }
            }
        }
        compared
    });
}
