//! A reset as a value: two are equal if their bytes are. The lengths that the interface promises.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::HashSet;
use support::cases::framed;
use support::packet::{Tcp, both};
use tcp_reset::{Checksum, Config, MAX_LEN, Profile, Reset, ethernet, ipv4, ipv6, tcp};

#[test]
fn values_are_compared() {
    const NEW: Config = Config::new();
    let same = [NEW, NEW.ipv4_checksum(Checksum::Trust), NEW.profile(Profile::TcpStack)];
    let others = [NEW.hop_limit(1), NEW.partial_checksum(true)];
    for packet in both(&Tcp::default()) {
        let frame = framed(&[], &packet);
        let packets = |config| Reset::in_reply_to(&packet, &config).unwrap();
        let frames = |config| ethernet::Reset::in_reply_to(&frame, &config).unwrap();
        assert_eq!(same.map(packets).into_iter().collect::<HashSet<_>>().len(), 1);
        assert_eq!(same.map(frames).into_iter().collect::<HashSet<_>>().len(), 1);
        for other in others {
            assert_ne!(packets(other), packets(NEW));
            assert_ne!(frames(other), frames(NEW));
        }
    }
}

#[test]
fn lengths() {
    assert_eq!([tcp::HEADER_LEN, ipv4::RESET_LEN, ipv6::RESET_LEN, MAX_LEN, ethernet::MAX_LEN], [20, 40, 60, 60, 82]);
    assert_eq!(ethernet::MAX_TAGS, 2);
}
