//! Nearly correct packets, most with correct checksums: the crate answers as the reference model does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use support::invariants::check;
use support::random::Packet;

fuzz_target!(|packet: Packet| {
    let _answer_or_reason = check(&packet.bytes, &packet.rules);
});
