//! Any bytes, under every setting and in every direction: all promises hold. A seed or a finding is an IP packet; it is also
//! tried after an Ethernet header, and as an Ethernet frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use support::frames;
use support::functions::{self, Input, settings};
use support::model::DIRECTIONS;
use support::protocol::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};

fuzz_target!(|bytes: &[u8]| {
    let [v4, v6] = [ETHERTYPE_IPV4, ETHERTYPE_IPV6].map(|ether_type| {
        frames::frame([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], &[[0x81, 0, 0x20, 7]], ether_type, bytes)
    });
    // Of a long input, whose sums take time, every fifth setting: both kinds of each are among them.
    let step = if bytes.len() > 2_000 { 5 } else { 1 };
    for config in settings().iter().step_by(step) {
        for towards in DIRECTIONS {
            let _answer_or_reason = functions::answer(bytes, &config.towards(towards));
            for frame in [bytes, &v4, &v6] {
                let _answer_or_reason = functions::check(Input::Frame, frame, &config.towards(towards));
            }
        }
    }
});
