//! The program `resets`, as its users meet it: the bundled capture, and captures of every kind made here.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
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
