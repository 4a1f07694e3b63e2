//! Answers TCP segments with a reset in an XDP program of your own, written with aya-ebpf.
//!
//! [`answer`] does all that is the same in each such program: it reads the headers, asks your [`Policy`], verifies the
//! checksum, writes the reset, swaps the Ethernet addresses and cuts the frame. [`action`] is what the program then
//! returns. `examples/no_mail.rs` is a whole program; `src/main.rs` one with ports, limits and counters in maps.
//!
//! ```ignore
//! #[xdp(frags)]
//! pub fn no_mail(context: XdpContext) -> u32 {
//!     action(answer(&mut Frame::new(context), &mut NoMail))
//! }
//! ```
//!
//! The verifier requires constant offsets, so only headers without options or extension headers are read; other packets
//! are passed to the kernel. All functions are inlined: out of line, what the verifier knows of a value would be lost. Mark
//! the methods of your policy `#[inline(always)]` too.
#![no_std]
#![warn(missing_docs)]

mod answer;
mod frame;
mod rate;
mod reason;

pub use answer::{Policy, Segment, answer};
pub use frame::{Frame, MAX_SUM};
pub use rate::Rate;
pub use reason::{Reason, action};
