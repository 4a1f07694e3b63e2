//! Nearly correct packets, most with correct checksums, alone and in frames: the crate answers as the model does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use support::cases::framed;
use support::functions::{self, Input};
use support::model::DIRECTIONS;
use support::random::Packet;

fuzz_target!(|packet: Packet| {
    let frame = framed(&[[0x81, 0, 0x20, 7]; 2][..packet.bytes.len() % 3], &packet.bytes);
    for towards in DIRECTIONS {
        let _answer_or_reason = functions::answer(&packet.bytes, &packet.config.towards(towards));
        let _answer_or_reason = functions::check(Input::Frame, &frame, &packet.config.towards(towards));
    }
});
