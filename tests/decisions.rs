//! A decision as a value: it may be changed before it is written, and compared.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use core::net::Ipv4Addr;
use support::DIRT;
use support::packet::{Tcp, V4, both};
use support::reference::sum;
use tcp_reset::{Checksum, Config, Profile, Reset, ipv4, ipv6};

/// The checksums are right for the changed fields.
#[test]
fn a_decision_may_be_edited() {
    let mut reset = ipv4::Reset::in_reply_to(&V4::default().bytes(), &Config::new()).unwrap();
    reset.source = Ipv4Addr::new(203, 0, 113, 9);
    reset.ttl = 1;
    reset.tcp.seq = 77;
    let bytes = *reset.emit(&mut [DIRT; ipv4::RESET_LEN]);
    assert_eq!((bytes[8], &bytes[12..16], &bytes[24..28]), (1, &[203, 0, 113, 9][..], &[0, 0, 0, 77][..]));
    assert_eq!(sum(&bytes[..20]), 0xffff);
    assert_eq!(sum(&[&bytes[12..], &[0, 6, 0, 20]].concat()), 0xffff);
}

/// Decisions on one packet are equal if they are under the same settings.
#[test]
fn decisions_are_compared() {
    const NEW: Config = Config::new();
    let trusting = NEW.ipv4_checksum(Checksum::Trust);
    let configs = [NEW, NEW.hop_limit(1), NEW.partial_checksum(true), NEW.profile(Profile::TcpStack), trusting];
    for packet in both(&Tcp::default()) {
        let decisions = configs.map(|config| Reset::in_reply_to(&packet, &config).unwrap());
        for (a, reset) in decisions.iter().enumerate() {
            assert_eq!(Reset::in_reply_to(&packet, &configs[a]).as_ref(), Ok(reset));
            assert!(decisions.iter().skip(a + 1).all(|other| other != reset), "{reset:?}");
        }
    }
}

/// A decision of one version is one of either version.
#[test]
fn decisions_are_converted() {
    let [v4, v6] = both(&Tcp::default());
    let reset = ipv4::Reset::in_reply_to(&v4, &Config::new()).unwrap();
    assert_eq!(Reset::in_reply_to(&v4, &Config::new()), Ok(reset.into()));
    let reset = ipv6::Reset::in_reply_to(&v6, &Config::new()).unwrap();
    assert_eq!(Reset::in_reply_to(&v6, &Config::new()), Ok(reset.into()));
}
