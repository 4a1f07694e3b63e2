//! The whole-packet path of tcp-reset, IPv4, to both ends of the connection.

#![no_std]
#![no_main]

use tcp_reset::{Config, Fate, ipv4};

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
    let reset = if destination {
        ipv4::Reset::for_destination(packet, Fate::Dropped, &CONFIG)
    } else {
        ipv4::Reset::in_reply_to(packet, &CONFIG)
    };
    reset.map_or(0, |reset| reset.emit(reply).len())
}
