//! Functions that do nothing but call the crate: `cargo xtask call-sites` reads how many bytes each of them takes.

use std::hint::black_box;

use tcp_reset::{Config, MAX_LEN, NoReset, Reset, ethernet};

#[inline(never)]
fn reset(packet: &[u8], buffer: &mut [u8; MAX_LEN]) -> Option<usize> {
    tcp_reset::reset(packet, buffer).ok().map(|reply| reply.len())
}

#[inline(never)]
fn reset_with(packet: &[u8], config: &Config, buffer: &mut [u8; MAX_LEN]) -> Option<usize> {
    tcp_reset::reset_with(packet, config, buffer).ok().map(|reply| reply.len())
}

#[inline(never)]
fn in_reply_to(packet: &[u8], config: &Config) -> Result<Reset, NoReset> {
    Reset::in_reply_to(packet, config)
}

#[inline(never)]
fn ethernet_reset(frame: &[u8], buffer: &mut [u8; ethernet::MAX_LEN]) -> Option<usize> {
    ethernet::reset(frame, buffer).ok().map(|reply| reply.len())
}

#[inline(never)]
fn ethernet_reset_with(frame: &[u8], config: &Config, buffer: &mut [u8; ethernet::MAX_LEN]) -> Option<usize> {
    ethernet::reset_with(frame, config, buffer).ok().map(|reply| reply.len())
}

#[inline(never)]
fn ethernet_in_reply_to(frame: &[u8], config: &Config) -> Result<ethernet::Reset, NoReset> {
    ethernet::Reset::in_reply_to(frame, config)
}

fn main() {
    let (packet, config) = (black_box(&[0_u8; 100][..]), black_box(Config::new()));
    let (mut buffer, mut frame) = ([0; MAX_LEN], [0; ethernet::MAX_LEN]);
    black_box(reset(packet, &mut buffer));
    black_box(reset_with(packet, &config, &mut buffer));
    _ = black_box(in_reply_to(packet, &config));
    black_box(ethernet_reset(packet, &mut frame));
    black_box(ethernet_reset_with(packet, &config, &mut frame));
    _ = black_box(ethernet_in_reply_to(packet, &config));
}
