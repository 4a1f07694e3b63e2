//! The implementations.

pub use tcp_reset::Config;
use tcp_reset::Reset;

pub mod etherparse;
pub mod hand_written;
pub mod hand_written_plainly;
pub mod lower_bounds;
pub mod mutnet;
pub mod pnet;
pub mod smoltcp_packet;
pub mod smoltcp_repr;

/// Where every implementation writes; long enough for a copy of any packet.
pub type Buffer = [u8; 1 << 16];

/// Writes the reset that answers a packet and returns its length, or `None` for silence. It is called through this
/// pointer, so that the call costs the same for all. The settings are for `*_with_settings`, which get them as a program
/// that holds them in a field passes them.
pub type Answer = fn(&[u8], &Config, &mut Buffer) -> Option<usize>;

/// This crate.
#[inline(never)]
pub fn tcp_reset(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    tcp_reset::reset(packet, buffer.first_chunk_mut()?).ok().map(|reply| reply.len())
}

/// This crate's other forms, with settings that the compiler knows or does not.
#[inline(never)]
fn reset_with_settings(packet: &[u8], settings: &Config, buffer: &mut Buffer) -> Option<usize> {
    tcp_reset::reset_with(packet, settings, buffer.first_chunk_mut()?).ok().map(|reply| reply.len())
}

#[inline(never)]
fn two_steps(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    const SETTINGS: &Config = &Config::new();
    Some(Reset::in_reply_to(packet, SETTINGS).ok()?.write_to(buffer)?.len())
}

#[inline(never)]
fn two_steps_with_settings(packet: &[u8], settings: &Config, buffer: &mut Buffer) -> Option<usize> {
    Some(Reset::in_reply_to(packet, settings).ok()?.write_to(buffer)?.len())
}

/// This crate, for Ethernet frames.
#[inline(never)]
pub fn tcp_reset_frame(frame: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    tcp_reset::ethernet::reset(frame, buffer.first_chunk_mut()?).ok().map(|reply| reply.len())
}

/// This crate's other forms.
pub const FORMS: &[(&str, Answer)] = &[
    ("tcp-reset, run-time settings", reset_with_settings),
    ("tcp-reset, two steps", two_steps),
    ("tcp-reset, two steps, run-time settings", two_steps_with_settings),
];

/// The other implementations that answer.
pub const PEERS: &[(&str, Answer)] = &[
    ("smoltcp 0.14, `Packet`", smoltcp_packet::answer),
    ("hand-written, plainly", hand_written_plainly::answer),
    ("hand-written with care", hand_written::plain),
    ("hand-written with care, vectorised", hand_written::vectorised),
    ("smoltcp 0.14, `Repr`", smoltcp_repr::answer),
    ("pnet 0.35", pnet::answer),
    ("etherparse 0.21", etherparse::answer),
    ("mutnet 0.7", mutnet::answer),
];

/// Those that answer Ethernet frames.
pub const ON_FRAMES: &[(&str, Answer)] = &[
    ("tcp-reset, Ethernet frames", tcp_reset_frame),
    ("smoltcp 0.14, `Packet`, Ethernet frames", smoltcp_packet::answer_frame),
    ("etherparse 0.21, Ethernet frames", etherparse::answer_frame),
];

/// Lower bounds, which do only a part of the work.
pub const LOWER_BOUNDS: &[(&str, Answer)] = &[
    ("copy 40 bytes", lower_bounds::copy_40),
    ("read every byte once", lower_bounds::read),
    ("memcpy of the packet", lower_bounds::copy),
];
