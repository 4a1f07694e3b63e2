//! Structured random packets: most get a reset, every field varies, and few are correct in every field.
//!
//! Random fields are set in the packet builder that the tests share. Headers, lengths and checksums that it makes correct are
//! then changed in some packets, in any combination.

mod ipv4;
mod ipv6;
pub(crate) mod tcp;

use fastrand::Rng;
use support::model::word;

use crate::Family;

/// Generates packets of one family, always the same from the same seed.
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

    /// The next packet.
    pub fn draw(&mut self) -> Vec<u8> {
        let mut packet = match self.family {
            Family::V4 => self.ipv4(),
            Family::V6 => self.ipv6(),
        };
        if self.one_in(16) {
            let len = 1 + self.rng.usize(..100);
            packet.extend(self.noise(len));
        }
        if self.one_in(64) {
            packet.truncate(self.rng.usize(1..=packet.len()));
        }
        if self.one_in(64) {
            let bit = self.rng.usize(..packet.len() * 8);
            packet[bit / 8] ^= 1 << (bit % 8);
        }
        packet
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(..n) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(..choices.len())]
    }

    /// `len` random bytes, at most 65536.
    fn noise(&mut self, len: usize) -> &[u8] {
        let start = self.rng.usize(..self.noise.len() / 2);
        &self.noise[start..start + len]
    }

    /// Changes some of the lengths at `bytes[at..]`, which are correct: to one of `wrong`, or by a few bytes.
    fn change_length(&mut self, bytes: &mut [u8], at: usize, wrong: &[u16]) {
        let length = match self.rng.u32(..128) {
            0 => self.pick(wrong),
            1 => word(bytes, at).wrapping_add(self.rng.u16(..9)).wrapping_sub(4),
            _ => return,
        };
        set(bytes, at, length);
    }

    /// Changes some of the checksums at `bytes[at..]`, which are correct, and writes zero in either form. First, one in
    /// `n` is made zero, by a change of the word at `bytes[other..]`.
    fn change_checksum(&mut self, bytes: &mut [u8], at: usize, other: usize, n: u32) {
        if self.one_in(n) {
            let both = (u32::from(word(bytes, at)) + u32::from(word(bytes, other))) % 0xffff;
            set(bytes, other, u16::try_from(both).expect("a remainder of 16 bits"));
            set(bytes, at, 0);
        }
        let mut checksum = word(bytes, at);
        if checksum == 0 && self.rng.bool() {
            checksum = 0xffff;
        }
        match self.rng.u32(..256) {
            0 => checksum = 0,
            1 => checksum = self.rng.u16(..),
            2 => checksum = checksum.wrapping_add(1),
            _ => {}
        }
        set(bytes, at, checksum);
    }
}

/// Writes a word to `bytes[at..]`.
fn set(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}
