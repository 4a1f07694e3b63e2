//! The whole-packet path of tcp-reset, either version of IP.

#![no_std]
#![no_main]

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(packet: *const u8, len: usize, reply: &mut [u8; tcp_reset::MAX_LEN]) -> usize {
    let packet = unsafe { footprint::packet(packet, len) };
    tcp_reset::reset(packet, reply).map_or(0, |reply| reply.len())
}
