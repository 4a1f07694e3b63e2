//! The whole-packet path of tcp-reset, either version of IP, to both ends of the connection.

#![no_std]
#![no_main]

use tcp_reset::{Config, Fate, MAX_LEN};

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(packet: *const u8, len: usize, reply: &mut [u8; MAX_LEN], destination: bool) -> usize {
    let packet = unsafe { footprint::packet(packet, len) };
    static CONFIG: Config = Config::new();
    let reset = if destination {
        tcp_reset::reset_for_destination(packet, Fate::Dropped, &CONFIG, reply)
    } else {
        tcp_reset::reset_with(packet, &CONFIG, reply)
    };
    reset.map_or(0, |reset| reset.len())
}
