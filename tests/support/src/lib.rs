//! What tests, fuzz targets, benchmarks and tools share.

pub mod frames;
pub mod invariants;
pub mod packet;
pub mod protocol;
pub mod reference;
pub mod vectors;

/// The bytes of a buffer before the crate writes to it: a missing or an extra byte shows.
pub const DIRT: u8 = 0xa5;
