//! Any bytes at all, under every setting: all promises hold. A seed or a finding is an IP packet as it stands.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp_reset_fuzz::common::invariants::check;
use tcp_reset_fuzz::common::reference::Rules;

fuzz_target!(|packet: &[u8]| {
    for rules in Rules::all() {
        let _answer_or_reason = check(packet, &rules);
    }
});
