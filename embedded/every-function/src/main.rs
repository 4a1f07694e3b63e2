//! An image that calls every public entry of tcp-reset, each with data that the compiler does not know. It is linked,
//! not run: `cargo xtask no-panic` reads its symbols.

#![no_std]
#![no_main]

use core::fmt::{self, Write};
use core::hint::black_box;
use core::net::{Ipv4Addr, Ipv6Addr};

use tcp_reset::checksum::Sum;
use tcp_reset::tcp::Addresses;
use tcp_reset::{Checksum, Config, Endpoints, NoReset, Profile, Reset, Towards, ethernet, ipv4, ipv6, tcp};

/// The entry of the image; nothing calls it.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let memory = [0_u8; 128];
    let packet: &[u8] = black_box(&memory);
    let config = black_box(config());
    settings(&config);
    into_buffers(packet, &config);
    value(packet, &config);
    frame(packet, &config);
    segment(packet, &config);
    numbers();
    log(packet);
    checksum(packet);
    #[cfg(feature = "index")]
    black_box(packet[black_box(3)]);
    loop {}
}

fn config() -> Config {
    let profile = if black_box(true) { Profile::Netfilter } else { Profile::TcpStack };
    Config::default()
        .partial_checksum(black_box(false))
        .profile(profile)
        .hop_limit(black_box(64))
        .ipv4_checksum(if black_box(true) { Checksum::Verify } else { Checksum::Trust })
        .tcp_checksum(black_box([Checksum::Verify, Checksum::VerifyOrPartial, Checksum::Trust])[0])
        .towards(towards())
}

fn towards() -> Towards {
    black_box([Towards::Source, Towards::DestinationOfDropped, Towards::DestinationOfDelivered])[0]
}

#[inline(never)]
fn settings(config: &Config) {
    black_box((config.profile, config.hop_limit, config.towards));
    black_box((config.ipv4_checksum, config.tcp_checksum, config.partial_checksum));
}

#[inline(never)]
fn into_buffers(packet: &[u8], config: &Config) {
    let mut buffer = black_box([0; tcp_reset::MAX_LEN]);
    black_box(tcp_reset::reset(packet, &mut buffer).is_ok());
    black_box(tcp_reset::reset_with(packet, config, &mut buffer).is_ok());
    black_box(ipv6::reset_with(packet, config, &mut buffer).is_ok());
    let mut buffer = black_box([0; ipv4::RESET_LEN]);
    black_box(ipv4::reset_with(packet, config, &mut buffer).is_ok());
    let mut buffer = black_box([0; ethernet::MAX_LEN]);
    black_box(ethernet::reset(packet, &mut buffer).is_ok());
    black_box(ethernet::reset_with(packet, config, &mut buffer).is_ok());
    black_box(buffer);
}

#[inline(never)]
fn value(packet: &[u8], config: &Config) {
    let mut memory = black_box([0; 100]);
    if let Ok(reset) = black_box(Reset::in_reply_to(packet, config)) {
        black_box(reset.write_to(any_len(&mut memory)).is_some());
        black_box((reset.as_bytes(), reset.as_ref()));
        black_box((reset.source(), reset.destination(), reset.tcp()));
    }
    black_box(memory);
}

/// A buffer of any length at all.
fn any_len(memory: &mut [u8; 100]) -> &mut [u8] {
    memory.get_mut(..black_box(50)).unwrap_or_default()
}

#[inline(never)]
fn frame(frame: &[u8], config: &Config) {
    let mut memory = black_box([0; 100]);
    if let Ok(reset) = black_box(ethernet::Reset::in_reply_to(frame, config)) {
        black_box(reset.write_to(any_len(&mut memory)).is_some());
        black_box((reset.as_bytes(), reset.as_ref()));
        black_box((reset.header(), reset.packet()));
    }
    black_box(memory);
}

#[inline(never)]
fn segment(segment: &[u8], config: &Config) {
    let addresses = if black_box(true) {
        Addresses::from(black_box([Ipv4Addr::LOCALHOST; 2]))
    } else {
        Addresses::from(black_box([Ipv6Addr::LOCALHOST; 2]))
    };
    let mut buffer = black_box([0; tcp::HEADER_LEN]);
    black_box(tcp::Reset::in_reply_to_header(&buffer, black_box(20), config).is_ok());
    if let Ok(reset) = black_box(tcp::Reset::in_reply_to(segment, addresses, config)) {
        reset.write_to(addresses, &mut buffer);
        black_box(reset.flags());
    }
    black_box(buffer);
}

#[inline(never)]
fn numbers() {
    let (seq, ack) = (black_box(1), black_box(Some(2)));
    let seg_len = tcp::seg_len(black_box(tcp::FIN), black_box(3));
    black_box(tcp::reset_numbers(seq, ack, seg_len));
    black_box(tcp::reset_numbers_towards(towards(), seq, ack, seg_len));
}

#[inline(never)]
fn log(packet: &[u8]) {
    black_box(Endpoints::of(packet));
    let (reason, sum) = (black_box(NoReset::Rst), black_box(Sum::of(packet)));
    black_box(reason.as_str());
    // The other resets and `Endpoints` are not printed here: they have addresses, which core prints with an `unwrap`.
    let reset = black_box(tcp::Reset { source_port: 1, destination_port: 2, seq: 3, ack: Some(4) });
    black_box(write!(Nowhere, "{reset} {reason} {sum:?}").is_ok());
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
