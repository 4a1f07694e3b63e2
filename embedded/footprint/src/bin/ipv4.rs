//! The IPv4 whole-packet path of tcp-reset.

#![no_std]
#![no_main]

use tcp_reset::{Config, ipv4};

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(packet: *const u8, len: usize, reply: &mut [u8; ipv4::RESET_LEN]) -> usize {
    let packet = unsafe { footprint::packet(packet, len) };
    ipv4::reset_with(packet, const { &Config::new() }, reply).map_or(0, |()| reply.len())
}
