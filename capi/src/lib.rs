//! `tcp-reset` for C. The interface is `include/tcp_reset.h`, which cbindgen makes of these files; README.md has examples.
#![no_std]
#![allow(clippy::inline_always, reason = "as in the crate")]

pub mod exports;
pub mod reason;
pub mod types;

/// A library without `std` must have one. Nothing in it can panic, so link-time optimization drops this function, and no
/// symbol of it can clash with another Rust library's (`cargo xtask capi` looks).
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
