//! The path of tcp-reset by a value, either version of IP: decide, look at the reset, then write it.

#![no_std]
#![no_main]

use core::hint::black_box;
use tcp_reset::{Config, Reset};

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(packet: *const u8, len: usize, reply: &mut [u8; tcp_reset::MAX_LEN]) -> usize {
    let packet = unsafe { footprint::packet(packet, len) };
    let Ok(reset) = Reset::in_reply_to(packet, const { &Config::new() }) else { return 0 };
    // A log or a rate limit decides here.
    if black_box(reset.tcp().destination_port) == 0 {
        return 0;
    }
    reset.write_to(reply).map_or(0, |reply| reply.len())
}
