//! The whole-packet path of tcp-reset, IPv4, to both ends of the connection.

#![no_std]
#![no_main]

use tcp_reset::{Config, Towards, ipv4};

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(
    packet: *const u8,
    len: usize,
    reply: &mut [u8; ipv4::RESET_LEN],
    destination: bool,
) -> usize {
    let packet = unsafe { footprint::packet(packet, len) };
    static CONFIG: Config = Config::new();
    static OTHER: Config = Config::new().towards(Towards::DestinationOfDropped);
    let config = if destination { &OTHER } else { &CONFIG };
    ipv4::reset_with(packet, config, reply).map_or(0, |()| reply.len())
}
