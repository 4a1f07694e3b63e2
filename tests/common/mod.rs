//! What the tests share: packets to answer, and a second opinion on the answers.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

pub mod frames;
pub mod invariants;
pub mod offender;
pub mod reference;

/// What buffers hold before anything is written into them, so that a byte forgotten or a byte too many shows.
pub const DIRT: u8 = 0xa5;
