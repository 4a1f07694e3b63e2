//! Structured random packets: most draw a reset, every field varies, and few are correct in every field.
//!
//! They are not made with the packet builder that the tests share: fields are drawn one after the other into a buffer that
//! is used again, for speed, and lengths, checksums and headers may be wrong in any combination.

mod ipv4;
mod ipv6;
mod tcp;

use fastrand::Rng;
use tcp_reset::checksum::Sum;

use crate::Family;

/// Draws packets of one family, always the same from the same seed.
pub struct Generator {
    family: Family,
    rng: Rng,
    noise: Box<[u8]>,
}

impl Generator {
    /// Starts at the seed.
    #[must_use]
    pub fn new(family: Family, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut noise = vec![0; 2 << 16].into_boxed_slice();
        rng.fill(&mut noise);
        Self { family, rng, noise }
    }

    /// Draws the next packet.
    pub fn draw(&mut self, packet: &mut Vec<u8>) {
        packet.clear();
        match self.family {
            Family::V4 => self.ipv4(packet),
            Family::V6 => self.ipv6(packet),
        }
        if self.one_in(16) {
            let len = 1 + self.rng.usize(..100);
            self.add_noise(packet, len);
        }
        if self.one_in(64) {
            packet.truncate(self.rng.usize(1..=packet.len()));
        }
        if self.one_in(64) {
            let bit = self.rng.usize(..packet.len() * 8);
            packet[bit / 8] ^= 1 << (bit % 8);
        }
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(..n) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(..choices.len())]
    }

    /// Adds `len` random bytes, at most 65536.
    fn add_noise(&mut self, packet: &mut Vec<u8>, len: usize) {
        let start = self.rng.usize(..self.noise.len() / 2);
        packet.extend_from_slice(&self.noise[start..start + len]);
    }

    /// Writes the checksum of `sum` to `packet[at..]`: right with few exceptions, and in both forms where it is zero.
    fn seal(&mut self, packet: &mut [u8], at: usize, sum: Sum) {
        let mut checksum = u16::from_be_bytes(sum.checksum());
        if checksum == 0 && self.rng.bool() {
            checksum = 0xffff;
        }
        match self.rng.u32(..256) {
            0 => checksum = 0,
            1 => checksum = self.rng.u16(..),
            2 => checksum = checksum.wrapping_add(1),
            _ => {}
        }
        packet[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The word that brings `sum` to a checksum of zero.
fn complement(sum: Sum) -> u16 {
    u16::from_be_bytes(sum.checksum())
}
