//! Every public function answers as the model does, under every setting and in every direction, over a fixed set
//! of packets and frames.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use support::functions::{self, Input, TABLE, settings};
use support::model::{DIRECTIONS, DestinationOfDropped, Source};
use support::packet::{Tcp, both};
use support::{cases, on_all_cores};
use tcp_reset::tcp::RST;
use tcp_reset::{Checksum, Config, NoReset};

#[test]
fn short_packets() {
    on_all_cores(&cases::short(), |packet| {
        for config in settings() {
            for towards in DIRECTIONS {
                let _answer_or_reason = functions::answer(packet, &config.towards(towards));
            }
        }
    });
}

#[test]
fn short_frames() {
    on_all_cores(&cases::short_frames(), |frame| {
        for config in settings() {
            for towards in DIRECTIONS {
                let _answer_or_reason = functions::check(Input::Frame, frame, &config.towards(towards));
            }
        }
    });
}

/// Every hop limit, in the four forms that a packet and a frame of either version have.
#[test]
fn every_hop_limit() {
    for hop_limit in 0..=255 {
        for packet in [cases::long(40), cases::long(41)].concat() {
            let config = Config::new().hop_limit(hop_limit);
            let reply = functions::answer(&packet, &config).unwrap();
            assert_eq!(reply[if reply.len() == 40 { 8 } else { 7 }], hop_limit);
            let _ = functions::check(Input::Frame, &cases::framed(&[], &packet), &config.towards(DestinationOfDropped));
        }
    }
}

/// Long packets, with a right checksum and with one bit flipped somewhere; the TCP checksum verified and trusted.
#[test]
fn long_packets() {
    let lengths: Vec<_> = cases::long_lengths().into_iter().enumerate().collect();
    on_all_cores(&lengths, |&(place, len)| {
        for whole in cases::long(len) {
            let mut flipped = whole.clone();
            let at = whole.len() - 1 - place * 7_919 % len;
            flipped[at] ^= 1 << (place % 8);
            assert_long(&whole, place, Ok(()));
            assert_long(&flipped, place + 1, Err(NoReset::TcpChecksum));
        }
    });
}

/// A bit flipped in any kilobyte of a long packet.
#[test]
fn long_packets_with_a_wrong_checksum() {
    on_all_cores(&[17_001, 33_001, 49_173, 65_515], |&len| {
        for whole in cases::long(len) {
            for at in (whole.len() - len + 20..whole.len()).step_by(1_021).chain([whole.len() - 1]) {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << (at % 8);
                assert_long(&flipped, at, Err(NoReset::TcpChecksum));
            }
        }
    });
}

/// Asserts what every function answers. They take turns in direction and in number of VLAN tags.
fn assert_long(packet: &[u8], place: usize, expected: Result<(), NoReset>) {
    let towards = DIRECTIONS[place % 3];
    assert_eq!(
        functions::answer(packet, &Config::new().towards(towards)).map(drop),
        expected,
        "{} bytes",
        packet.len()
    );
    let frame = cases::framed(&[[0x81, 0, 0, 1]; 2][..place % 3], packet);
    assert_eq!(functions::check(Input::Frame, &frame, &Config::new().towards(towards)).map(drop), expected);
    let trusting = Config::new().tcp_checksum(Checksum::Trust);
    if expected.is_ok() {
        functions::answer(packet, &trusting.towards(towards)).unwrap();
        functions::check(Input::Frame, &frame, &trusting.towards(towards)).unwrap();
    }
}

/// Segments that no IP packet can hold, and the longest that one can.
#[test]
fn the_longest_segments() {
    for len in [65_535, 65_536, 65_537, 1 << 17] {
        let mut bytes = vec![0; 32 + len];
        bytes[0] = 1;
        bytes[32 + 12..][..2].copy_from_slice(&[0x50, 0x10]);
        let expected = if len > 0xffff { NoReset::TooLong } else { NoReset::TcpChecksum };
        for towards in DIRECTIONS {
            for (tcp_checksum, expected) in [
                (Checksum::Trust, Ok(())),
                (Checksum::Verify, Err(expected)),
                (Checksum::VerifyOrPartial, Err(expected)),
            ] {
                let config = Config::new().tcp_checksum(tcp_checksum).towards(towards);
                for (input, bytes) in [(Input::SegmentOverIpv6, &bytes[..]), (Input::SegmentOverIpv4, &bytes[24..])] {
                    assert_eq!(functions::check(input, bytes, &config).map(drop), expected, "{len}");
                }
            }
        }
    }
}

/// No row does without a reset or without a silence.
#[test]
fn every_row_is_called() {
    let resets = both(&Tcp { flags: RST, ..Tcp::default() }).to_vec();
    let packets = [cases::long(40), resets];
    for row in TABLE {
        let mut answers = BTreeSet::new();
        for packet in packets.concat() {
            let framed = cases::framed(&[], &packet);
            let bytes = if row.input == Input::Frame { Some(&framed[..]) } else { row.input.of_packet(&packet) };
            for config in settings() {
                for towards in DIRECTIONS {
                    let answer = bytes.and_then(|bytes| (row.call)(bytes, &config.towards(towards)));
                    answers.extend(answer.map(|answer| answer.is_ok()));
                }
            }
        }
        // They give numbers, never a reason.
        let silence = row.functions.contains(&"tcp::reset_numbers");
        assert!(answers.contains(&true) && (silence || answers.contains(&false)), "{:?}", row.functions);
    }
}

/// The public functions that make no reset, and the test of each.
const OTHERS: &[(&str, &str)] = &[
    ("checksum::Sum::of", "checksum"),
    ("checksum::Sum::of_words", "checksum"),
    ("checksum::Sum::plus", "checksum"),
    ("checksum::Sum::is_valid", "checksum"),
    ("checksum::Sum::checksum", "checksum"),
    ("config::Config::new", "settings"),
    ("config::Config::profile", "settings"),
    ("config::Config::hop_limit", "settings"),
    ("config::Config::ipv4_checksum", "settings"),
    ("config::Config::tcp_checksum", "settings"),
    ("config::Config::partial_checksum", "settings"),
    ("config::Config::towards", "settings"),
    ("no_reset::NoReset::as_str", "reasons"),
    ("endpoints::Endpoints::of", "offender"),
];

/// A public function without a row is not tested: give it one in `tests/support/src/functions.rs`.
#[test]
fn every_public_function_has_a_row() {
    let rows = TABLE.iter().flat_map(|row| row.functions).chain(OTHERS.iter().map(|(name, _)| name));
    let rows: BTreeSet<String> = rows.map(|name| (*name).to_owned()).collect();
    let mut functions = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // The type whose methods the lines belong to; a block ends with a brace at the margin.
        let mut within = None;
        for line in fs::read_to_string(&path).unwrap().lines() {
            if let Some(implemented) = line.strip_prefix("impl ") {
                within = Some(implemented.split([' ', '<']).next().unwrap().to_owned());
            } else if line.starts_with('}') {
                within = None;
            }
            let line = line.trim_start();
            let Some(after) = ["pub fn ", "pub const fn "].iter().find_map(|start| line.strip_prefix(start)) else {
                continue;
            };
            let name = after.split(['(', '<']).next().unwrap();
            let parts = [(module != "lib").then_some(&*module), within.as_deref(), Some(name)];
            functions.insert(parts.into_iter().flatten().collect::<Vec<_>>().join("::"));
        }
    }
    assert_eq!(rows, functions, "the table (left) and the source (right)");
}

/// The settings are constants, and the fields tell what was set; a later one replaces an earlier one.
#[test]
fn settings_are_kept() {
    use tcp_reset::Profile;
    const CONFIG: Config = Config::new()
        .ipv4_checksum(Checksum::Verify)
        .profile(Profile::TcpStack)
        .hop_limit(1)
        .ipv4_checksum(Checksum::Trust)
        .tcp_checksum(Checksum::Trust)
        .towards(DestinationOfDropped)
        .partial_checksum(true);
    let set = (CONFIG.profile, CONFIG.hop_limit, CONFIG.ipv4_checksum, CONFIG.tcp_checksum, CONFIG.partial_checksum);
    assert_eq!(set, (Profile::TcpStack, 1, Checksum::Trust, Checksum::Trust, true));
    assert_eq!((CONFIG.towards, Config::new().towards), (DestinationOfDropped, Source));
    let new = Config::new();
    let set = (new.profile, new.hop_limit, new.ipv4_checksum, new.tcp_checksum, new.partial_checksum);
    assert_eq!(set, (Profile::Netfilter, 64, Checksum::Verify, Checksum::Verify, false));
    assert_eq!(new, Config::default());
    let all = settings();
    assert!(all.iter().enumerate().all(|(place, config)| !all[place + 1..].contains(config)) && all.contains(&new));
}
