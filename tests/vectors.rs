//! Replays the recorded answers of Linux (`testdata/vectors/README.md`) and the answers towards the destination
//! (`testdata/vectors-destination/README.md`). The test itself does not need Linux.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use support::functions::{self, Input};
use support::model::{self, DestinationOfDelivered, DestinationOfDropped};
use support::vectors::{LICENSE, Vector, read};
use tcp_reset::tcp::{ACK, RST};
use tcp_reset::{Config, NoReset, Profile};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

use Family::{V4, V6};
use Profile::{Netfilter, TcpStack};

#[test]
fn ipv4_netfilter() {
    replay(V4, Netfilter, include_str!("../testdata/vectors/ipv4-netfilter.txt"));
}

#[test]
fn ipv6_netfilter() {
    replay(V6, Netfilter, include_str!("../testdata/vectors/ipv6-netfilter.txt"));
}

#[test]
fn ipv4_tcp_stack() {
    replay(V4, TcpStack, include_str!("../testdata/vectors/ipv4-tcp-stack.txt"));
}

#[test]
fn ipv6_tcp_stack() {
    replay(V6, TcpStack, include_str!("../testdata/vectors/ipv6-tcp-stack.txt"));
}

/// Every reason for silence of a family and a profile.
fn rows(family: Family, profile: Profile) -> BTreeSet<String> {
    use NoReset::{
        DataOffset, Destination, ExtensionHeader, Fragment, HeaderChecksum, HeaderLength, Jumbogram, NotTcp, Rst,
        Source, TcpChecksum, TcpHeader, TotalLength, Truncated, Version,
    };
    let mut rows = vec![Truncated, Version, Fragment, NotTcp, Source, Destination, TcpHeader, Rst, TcpChecksum];
    match family {
        V4 => rows.extend([HeaderLength, TotalLength, HeaderChecksum]),
        V6 => rows.extend([Jumbogram, ExtensionHeader]),
    }
    if profile == TcpStack {
        rows.push(DataOffset);
    }
    rows.iter().map(|reason| format!("{reason:?}")).collect()
}

fn replay(family: Family, profile: Profile, text: &str) {
    let config = Config::new().profile(profile);
    let mut names = BTreeSet::new();
    let mut silences = BTreeSet::new();
    let mut answered_flags = BTreeSet::new();
    let mut silent_flags = BTreeSet::new();
    let mut reset_flags = BTreeSet::new();
    let mut zero_checksums = BTreeSet::new();
    for vector in read(text) {
        let Vector { name, offender, answer: expected } = &vector;
        assert!(names.insert(name.clone()), "duplicate name {name}");
        let input = if family == V4 { Input::Ipv4 } else { Input::Ipv6 };
        let actual = functions::check(input, offender, &config).map_err(|why| format!("{why:?}"));
        assert_eq!(actual, *expected, "{vector}");
        // Whatever the packet's version.
        let _ = functions::answer(offender, &config);

        match expected {
            Ok(reset) => {
                let reset = &reset[offset_of_tcp(family)..];
                reset_flags.insert(reset[13]);
                zero_checksums.extend([[0x00, 0x00], [0xff, 0xff]].iter().find(|zero| reset[16..18] == **zero));
                answered_flags.extend(flags(family, offender));
            }
            Err(reason) => {
                silent_flags.extend(flags(family, offender).filter(|_| reason == "Rst"));
                silences.insert(reason.clone());
            }
        }
    }
    assert!(names.len() > 1000, "only {} vectors", names.len());
    assert_eq!(silences, rows(family, profile), "not every row of the contract is covered, or one too many");
    let (rst, others): (BTreeSet<u8>, BTreeSet<u8>) = (0..=255).partition(|flags| flags & RST != 0);
    assert_eq!(silent_flags, rst, "flag bytes with RST");
    assert_eq!(answered_flags, others, "flag bytes without RST");
    assert_eq!(reset_flags, BTreeSet::from([RST, RST | ACK]), "flags of the resets");
    let zero = match (family, profile) {
        (V4, Netfilter) | (V6, TcpStack) => [0xff, 0xff],
        _ => [0x00, 0x00],
    };
    assert_eq!(zero_checksums, BTreeSet::from([zero]), "checksums of the resets that compute to zero");
}

fn offset_of_tcp(family: Family) -> usize {
    match family {
        V4 => 20,
        V6 => 40,
    }
}

/// The TCP flags of a packet without IPv4 options or IPv6 extension headers.
fn flags(family: Family, packet: &[u8]) -> impl Iterator<Item = u8> {
    let plain = match family {
        V4 => packet.first() == Some(&0x45),
        V6 => packet.get(6) == Some(&6),
    };
    packet.get(offset_of_tcp(family) + 13).copied().filter(|_| plain).into_iter()
}

/// The vectors of this kind are the model's, not Linux's, which has no such reset. They take their offenders from
/// the vectors that Linux answered. `cargo xtask regenerate` writes them.
#[test]
fn towards_the_destination() {
    for (family, offenders) in [
        ("ipv4", include_str!("../testdata/vectors/ipv4-netfilter.txt")),
        ("ipv6", include_str!("../testdata/vectors/ipv6-netfilter.txt")),
    ] {
        let mut text = format!(
            "{LICENSE}\n# Resets for the destination, {family}: worked out by this crate's model, not recorded from Linux. \
             README.md describes the format.\n"
        );
        for Vector { name, offender, .. } in read(offenders) {
            if !["textbook-", "flags-", "data-", "wrap-", "reset-"].iter().any(|kind| name.starts_with(kind)) {
                continue;
            }
            for (word, towards) in [("dropped", DestinationOfDropped), ("delivered", DestinationOfDelivered)] {
                let answer = functions::answer(&offender, &Config::new().towards(towards));
                assert_eq!(answer, model::packet(&offender, &Config::new().towards(towards)), "{word}-{name}");
                let (name, answer) = (format!("{word}-{name}"), answer.map_err(|reason| format!("{reason:?}")));
                writeln!(text, "{}", Vector { name, offender: offender.clone(), answer }).unwrap();
            }
        }
        let path = format!("{}/testdata/vectors-destination/{family}-destination.txt", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("TCP_RESET_WRITE_VECTORS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        assert!(text == written, "{path} is not what the model answers");
    }
}
