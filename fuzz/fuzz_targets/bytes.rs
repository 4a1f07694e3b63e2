//! Any bytes, under every setting: all promises hold. A seed or a finding is an IP packet; it is also tried after an
//! Ethernet header, and as an Ethernet frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use support::reference::Rules;
use support::{frames, invariants};

/// Addresses, a VLAN tag, and the EtherType of IPv4 or IPv6.
const HEADERS: [[u8; 18]; 2] = [
    [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00, 0x20, 0x07, 0x08, 0x00],
    [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00, 0x20, 0x07, 0x86, 0xdd],
];

fuzz_target!(|bytes: &[u8]| {
    let [v4, v6] = HEADERS.map(|header| [&header, bytes].concat());
    for rules in Rules::all() {
        let _answer_or_reason = invariants::check(bytes, &rules);
        for frame in [bytes, &v4, &v6] {
            frames::check(frame, &rules);
        }
    }
});
