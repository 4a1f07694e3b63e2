//! Any bytes, under every setting: all promises hold. A seed or a finding is an IP packet; it is also tried after an
//! Ethernet header, and as an Ethernet frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use support::protocol::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use support::reference::Rules;
use support::{frames, invariants};

fuzz_target!(|bytes: &[u8]| {
    let [v4, v6] = [ETHERTYPE_IPV4, ETHERTYPE_IPV6].map(|ether_type| {
        frames::frame([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], &[[0x81, 0, 0x20, 7]], ether_type, bytes)
    });
    for rules in Rules::all() {
        let _answer_or_reason = invariants::check(bytes, &rules);
        for frame in [bytes, &v4, &v6] {
            frames::check(frame, &rules);
        }
    }
});
