//! What tests, fuzz targets, benchmarks and tools share.

pub mod frames;
pub mod invariants;
pub mod packet;
pub mod protocol;
#[cfg(feature = "random")]
pub mod random;
pub mod reference;
pub mod vectors;

/// The bytes of a buffer before the crate writes to it: a missing or an extra byte shows.
pub const DIRT: u8 = 0xa5;

/// Bytes without a pattern (a xorshift generator's), the same in every run.
#[must_use]
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
