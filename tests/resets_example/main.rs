//! The example program `resets`, as its users meet it: the bundled capture, and captures of every kind made here.

#![allow(
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic, and nothing in it is public"
)]

mod bundled;
mod captures;
mod comparison;
mod errors;
mod formats;
mod lines;
mod links;
mod packets;
mod program;
