//! The program, run as its users run it: on the bundled capture, and on captures of every kind made here.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod bundled;
mod captures;
mod cases;
mod comparison;
mod errors;
mod formats;
mod lines;
mod links;
mod live;
mod options;
mod packets;
mod program;
mod sending_host;
