//! The whole-packet path of tcp-reset, either version of IP, to both ends of the connection.

#![no_std]
#![no_main]

use tcp_reset::{Config, MAX_LEN, Towards};

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(packet: *const u8, len: usize, reply: &mut [u8; MAX_LEN], destination: bool) -> usize {
    let packet = unsafe { footprint::packet(packet, len) };
    static CONFIG: Config = Config::new();
    static OTHER: Config = Config::new().towards(Towards::DestinationOfDropped);
    let config = if destination { &OTHER } else { &CONFIG };
    tcp_reset::reset_with(packet, config, reply).map_or(0, |reset| reset.len())
}
