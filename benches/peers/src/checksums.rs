//! The checksum alone, of several lengths.

use std::hint::black_box;

use anyhow::{Result, ensure};
use etherparse::checksum::Sum16BitWords;
use fastrand::Rng;
use tcp_reset::checksum::Sum;

use crate::implementations::{hand_written, lower_bounds};
use crate::measure::{self, ETHERNET_HEADER_LEN, Implementation, Time};

/// The lengths: an IPv4 header, a SYN, a small packet; the data of the smallest and the usual MTU, of a jumbo frame and
/// of the longest packet.
pub const LENGTHS: [usize; 7] = [20, 40, 64, 576, 1460, 9000, 65515];

type Checksum = fn(&[u8]) -> u16;

/// The first is this crate, the last only reads the bytes.
const CHECKSUMS: [(&str, Checksum); 8] = [
    ("**tcp-reset**", |data| u16::from_be_bytes(Sum::of(data).checksum())),
    ("smoltcp 0.14", |data| !smoltcp::wire::checksum::data(data)),
    ("etherparse 0.21", |data| Sum16BitWords::new().add_slice(data).ones_complement().to_be()),
    ("internet-checksum 0.2", |data| u16::from_be_bytes(internet_checksum::checksum(data))),
    ("pnet 0.35", |data| pnet_packet::util::checksum(data, usize::MAX)),
    ("hand-written with care", |data| !hand_written::fold(hand_written::plain_sum(data))),
    ("hand-written with care, vectorised", |data| !hand_written::fold(hand_written::vector_sum(data))),
    ("read every byte once", |data| lower_bounds::read_all(data) as u16),
];

/// Measures all implementations: a name, and a time for each of [`LENGTHS`].
pub fn measure(rounds: usize) -> Result<Vec<(&'static str, Vec<Time>)>> {
    let mut rows = CHECKSUMS.map(|(name, _)| (name, Vec::new()));
    for len in LENGTHS {
        eprintln!("checksum of {len} bytes");
        // As much different data as a second-level cache holds.
        let mut rng = Rng::with_seed(len as u64);
        let count = (1_usize << 18).div_ceil(len).min(256);
        let data: Vec<Vec<u8>> =
            (0..count).map(|_| std::iter::repeat_with(|| rng.u8(..)).take(len).collect()).collect();
        let [(_, ours), peers @ .., _] = CHECKSUMS;
        for (name, checksum) in peers {
            ensure!(
                data.iter().all(|data| checksum(data) == ours(data)),
                "{name} computes another checksum than this crate"
            );
        }
        let mut implementations = CHECKSUMS.map(|(_, checksum)| {
            let (checksum, data) = (black_box(checksum), &data);
            Box::new(move |passes| {
                measure::time(data, ETHERNET_HEADER_LEN, passes, |data| {
                    checksum(data);
                })
            }) as Implementation<'_>
        });
        for (row, time) in rows.iter_mut().zip(measure::in_turn(rounds, count, &mut implementations)) {
            row.1.push(time);
        }
    }
    Ok(rows.into())
}
