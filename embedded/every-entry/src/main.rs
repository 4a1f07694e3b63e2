//! An image that calls every public entry of tcp-reset, each with data that the compiler does not know. It is linked,
//! not run: `../no-panic.sh` reads its symbols.

#![no_std]
#![no_main]

use core::fmt::{self, Write};
use core::hint::black_box;

use tcp_reset::checksum::Sum;
use tcp_reset::tcp::Segment;
use tcp_reset::{Checksum, Config, Fate, NoReset, Offender, Profile, Reset, ethernet, ipv4, ipv6, tcp};

/// The entry of the image; nothing calls it.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let memory = [0_u8; 128];
    let packet: &[u8] = black_box(&memory);
    let config = black_box(config());
    settings(&config);
    whole_packet(packet, &config);
    log(packet);
    decision(packet, &config);
    ipv4(packet, &config);
    ipv6(packet, &config);
    frame(packet, &config);
    segment(packet, &config);
    numbers(black_box(Segment { source_port: 1, destination_port: 2, seq: 3, ack: 4, flags: 5, data_len: 6 }));
    checksum(packet);
    #[cfg(feature = "index")]
    black_box(packet[black_box(3)]);
    loop {}
}

fn config() -> Config {
    let profile = if black_box(true) { Profile::Netfilter } else { Profile::TcpStack };
    let checksum = if black_box(true) { Checksum::Verify } else { Checksum::Trust };
    Config::default()
        .partial_checksum(black_box(false))
        .profile(profile)
        .hop_limit(black_box(64))
        .ipv4_checksum(checksum)
        .tcp_checksum(checksum)
}

fn fate() -> Fate {
    if black_box(true) { Fate::Dropped } else { Fate::Delivered }
}

#[inline(never)]
fn settings(config: &Config) {
    black_box((config.profile, config.hop_limit));
    black_box((config.ipv4_checksum, config.tcp_checksum, config.partial_checksum));
}

#[inline(never)]
fn whole_packet(packet: &[u8], config: &Config) {
    let mut buffer = black_box([0; tcp_reset::MAX_LEN]);
    black_box(tcp_reset::reset(packet, &mut buffer).is_ok());
    black_box(tcp_reset::reset_with(packet, config, &mut buffer).is_ok());
    black_box(tcp_reset::reset_for_destination(packet, fate(), config, &mut buffer).is_ok());
    black_box(buffer);
}

#[inline(never)]
fn decision(packet: &[u8], config: &Config) {
    let mut memory = black_box([0; 100]);
    let mut buffer = black_box([0; tcp_reset::MAX_LEN]);
    black_box(Reset::for_destination(packet, fate(), config).is_ok());
    if let Ok(reset) = black_box(Reset::in_reply_to(packet, config)) {
        black_box(reset.emit(&mut buffer));
        black_box(reset.emit_to_slice(any_len(&mut memory)).is_some());
        black_box((reset.len(), reset.source(), reset.destination()));
        black_box(reset.tcp());
    }
    black_box((memory, buffer));
}

/// A buffer of any length at all.
fn any_len(memory: &mut [u8; 100]) -> &mut [u8] {
    memory.get_mut(..black_box(50)).unwrap_or_default()
}

#[inline(never)]
fn ipv4(packet: &[u8], config: &Config) {
    let mut memory = black_box([0; 100]);
    let mut buffer = black_box([0; ipv4::RESET_LEN]);
    black_box(ipv4::Reset::for_destination(packet, fate(), config).is_ok());
    if let Ok(reset) = black_box(ipv4::Reset::in_reply_to(packet, config)) {
        black_box(reset.emit(&mut buffer));
        black_box(reset.emit_to_slice(any_len(&mut memory)).is_some());
        black_box(Reset::from(reset));
    }
    black_box((memory, buffer));
}

#[inline(never)]
fn ipv6(packet: &[u8], config: &Config) {
    let mut memory = black_box([0; 100]);
    let mut buffer = black_box([0; ipv6::RESET_LEN]);
    black_box(ipv6::Reset::for_destination(packet, fate(), config).is_ok());
    if let Ok(reset) = black_box(ipv6::Reset::in_reply_to(packet, config)) {
        black_box(reset.emit(&mut buffer));
        black_box(reset.emit_to_slice(any_len(&mut memory)).is_some());
        black_box(Reset::from(reset));
    }
    black_box((memory, buffer));
}

#[inline(never)]
fn frame(frame: &[u8], config: &Config) {
    let mut memory = black_box([0; 100]);
    let mut buffer = black_box([0; ethernet::MAX_LEN]);
    black_box(ethernet::reset(frame, &mut buffer).is_ok());
    black_box(ethernet::reset_with(frame, config, &mut buffer).is_ok());
    black_box(ethernet::reset_for_destination(frame, fate(), config, &mut buffer).is_ok());
    black_box(ethernet::Reset::for_destination(frame, fate(), config).is_ok());
    if let Ok(reset) = black_box(ethernet::Reset::in_reply_to(frame, config)) {
        black_box(reset.emit(&mut buffer));
        black_box(reset.emit_to_slice(any_len(&mut memory)).is_some());
        black_box((reset.len(), reset.source(), reset.destination()));
        for tag in reset.vlan_tags() {
            black_box(tag);
        }
    }
    black_box((memory, buffer));
}

#[inline(never)]
fn segment(packet: &[u8], config: &Config) {
    let addresses = black_box(Sum::of_words(black_box(&[[10, 0, 0, 1]])));
    let mut buffer = black_box([0; tcp::HEADER_LEN]);
    black_box(tcp::Reset::for_destination(packet, addresses, fate(), config).is_ok());
    if let Ok(reset) = black_box(tcp::Reset::in_reply_to(packet, addresses, config)) {
        black_box(reset.emit(addresses, &mut buffer));
    }
    black_box(buffer);
}

#[inline(never)]
fn log(packet: &[u8]) {
    black_box(Offender::of(packet));
    let (reason, sum) = (black_box(NoReset::Rst), black_box(Sum::of(packet)));
    black_box(reason.as_str());
    // The other resets and `Offender` are not printed here: they have addresses, which core prints with an `unwrap`.
    if let Ok(reset) = black_box(tcp::Reset::in_reply_to(packet, sum, &Config::new())) {
        black_box(write!(Nowhere, "{reset} {reason} {sum:?}").is_ok());
    }
}

/// Takes what is printed.
struct Nowhere;

impl fmt::Write for Nowhere {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        black_box(text);
        Ok(())
    }
}

#[inline(never)]
fn numbers(segment: Segment) {
    black_box(segment.seg_len());
    black_box(segment.reset_for_destination(fate()).is_ok());
    if let Ok(reset) = black_box(segment.reset()) {
        black_box(reset.flags());
    }
}

#[inline(never)]
fn checksum(packet: &[u8]) {
    let sum = black_box(Sum::of(packet)).plus(black_box(Sum::of_words(black_box(&[[1, 2, 3, 4], [5, 6, 7, 8]]))));
    black_box(sum.is_valid());
    black_box(sum.checksum());
}

/// Every panic calls this handler, which cannot be inlined or left out: if its symbol is not in the image, the image has no
/// panic.
#[panic_handler]
#[inline(never)]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    panic_reached(info)
}

#[inline(never)]
fn panic_reached(info: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        black_box(info);
    }
}
