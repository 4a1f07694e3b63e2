//! The path of tcp-reset for Ethernet frames, either version of IP.

#![no_std]
#![no_main]

use tcp_reset::ethernet;

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(packet: *const u8, len: usize, reply: &mut [u8; ethernet::MAX_LEN]) -> usize {
    let packet = unsafe { footprint::packet(packet, len) };
    ethernet::reset(packet, reply).map_or(0, |reply| reply.len())
}
