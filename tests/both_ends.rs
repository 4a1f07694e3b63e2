//! The reset that goes to the offender's destination: its numbers, by the rows of the contract.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use std::fmt::Write as _;

use support::packet::{Tcp, V4, V6, both};
use support::protocol::{CWR, ECE, PSH, URG};
use support::reference::{self, Rules};
use support::vectors::{Vector, read};
use tcp_reset::tcp::{ACK, FIN, RST, Reset, SYN, Segment};
use tcp_reset::{Config, Fate, MAX_LEN, NoReset, Profile, reset_for_destination};

use Fate::{Delivered, Dropped};

type Row = (&'static str, u8, u32, Fate, Result<(u32, bool), NoReset>);

/// The segment: flags, length of the data, and its fate. The reset: its SEQ minus SEG.SEQ, and whether it acknowledges
/// SEG.ACK.
const ROWS: &[Row] = &[
    ("SYN, dropped: no connection yet", SYN, 0, Dropped, Err(NoReset::NoConnection)),
    ("SYN with data, dropped", SYN, 9, Dropped, Err(NoReset::NoConnection)),
    ("SYN and FIN, dropped", SYN | FIN, 0, Dropped, Err(NoReset::NoConnection)),
    ("SYN, delivered: SYN-RECEIVED", SYN, 0, Delivered, Ok((1, false))),
    ("SYN with data, delivered", SYN, 9, Delivered, Ok((10, false))),
    ("SYN/ACK, dropped: SYN-SENT", SYN | ACK, 0, Dropped, Ok((0, true))),
    ("SYN/ACK, delivered", SYN | ACK, 0, Delivered, Ok((1, true))),
    ("data, dropped: ESTABLISHED", ACK, 1448, Dropped, Ok((0, true))),
    ("data, delivered: ESTABLISHED", ACK, 1448, Delivered, Ok((1448, true))),
    ("ACK alone, dropped", ACK, 0, Dropped, Ok((0, true))),
    ("ACK alone, delivered", ACK, 0, Delivered, Ok((0, true))),
    ("FIN, dropped: ESTABLISHED", FIN | ACK, 0, Dropped, Ok((0, true))),
    ("FIN, delivered: CLOSE-WAIT", FIN | ACK, 0, Delivered, Ok((1, true))),
    ("data and FIN, delivered: CLOSE-WAIT", FIN | ACK, 7, Delivered, Ok((8, true))),
    ("data without ACK, dropped", 0, 7, Dropped, Ok((0, false))),
    ("data without ACK, delivered", 0, 7, Delivered, Ok((7, false))),
    ("RST, dropped", RST, 0, Dropped, Err(NoReset::Rst)),
    ("RST, delivered", RST | ACK, 0, Delivered, Err(NoReset::Rst)),
    ("RST and SYN, dropped", RST | SYN, 0, Dropped, Err(NoReset::Rst)),
];

/// Every row, with sequence numbers that wrap and all other flags set too, by the segment's numbers and by whole packets.
#[test]
fn rows_of_the_contract() {
    for &(row, flags, data_len, fate, expected) in ROWS {
        for seq in [0, 522_224_616, 0xffff_fffe, u32::MAX - data_len] {
            for others in [0, PSH, URG, PSH | URG | ECE | CWR] {
                let (source_port, destination_port, ack, flags) = (36050, 80, 0x8000_0001, flags | others);
                let expected = expected.map(|(after, acknowledges)| Reset {
                    source_port,
                    destination_port,
                    seq: seq.wrapping_add(after),
                    ack: acknowledges.then_some(ack),
                });
                let segment = Segment { source_port, destination_port, seq, ack, flags, data_len };
                assert_eq!(segment.reset_for_destination(fate), expected, "{row}");

                let data = vec![0x5a; data_len.try_into().unwrap()];
                for packet in both(&Tcp { source_port, destination_port, seq, ack, flags, data, ..Tcp::default() }) {
                    let reset = tcp_reset::Reset::for_destination(&packet, fate, &Config::new());
                    assert_eq!(reset.map(|reset| *reset.tcp()), expected, "{row}");
                }
            }
        }
    }
}

/// The bytes, both versions of IP, written out.
#[test]
fn bytes_of_a_delivered_segment() {
    let tcp = Tcp { seq: 0xffff_ffff, ack: 5, flags: ACK | FIN, data: vec![1, 2, 3], ..Tcp::default() };
    let mut buffer = [support::DIRT; MAX_LEN];
    let [v4, v6] = both(&tcp);
    let reply = reset_for_destination(&v4, Delivered, &Config::new(), &mut buffer).unwrap();
    assert_eq!(reply[..10], [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6]);
    assert_eq!(reply[12..20], v4[12..20], "the addresses as in the offender");
    assert_eq!(reply[20..24], v4[20..24], "the ports as in the offender");
    assert_eq!(reply[24..36], [0, 0, 0, 3, 0, 0, 0, 5, 0x50, 0x14, 0, 0]);
    let reply = reset_for_destination(&v6, Delivered, &Config::new(), &mut buffer).unwrap();
    assert_eq!(reply[..8], [0x60, 0, 0, 0, 0, 20, 6, 64]);
    assert_eq!(reply[8..44], v6[8..44], "addresses and ports as in the offender");
    assert_eq!(reply[44..56], [0, 0, 0, 3, 0, 0, 0, 5, 0x50, 0x14, 0, 0]);
}

/// The profile has the same effect as for the reset to the source: traffic class, and data offset.
#[test]
fn profile() {
    let config = Config::new().profile(Profile::TcpStack).hop_limit(3);
    let tcp = Tcp { flags: ACK, ..Tcp::default() };
    let mut buffer = [0; MAX_LEN];
    let v4 = V4 { tos: 0xff, ..V4::with(tcp.clone()) }.bytes();
    let reply = reset_for_destination(&v4, Dropped, &config, &mut buffer).unwrap();
    assert_eq!((reply[1], reply[8]), (0xfc, 3));
    let v6 = V6 { traffic_class: 0xff, ..V6::with(tcp.clone()) }.bytes();
    let reply = reset_for_destination(&v6, Dropped, &config, &mut buffer).unwrap();
    assert_eq!((reply[0], reply[1], reply[7]), (0x6f, 0xc0, 3));
    let impossible = V4::with(Tcp { data_offset: Some(4), ..tcp }).bytes();
    let silence = reset_for_destination(&impossible, Dropped, &config, &mut buffer);
    assert_eq!(silence.unwrap_err(), NoReset::DataOffset);
}

/// The vectors of this kind are the reference model's, not Linux's, which has no such reset. They take their offenders from
/// the vectors that Linux answered. `TCP_RESET_WRITE_VECTORS=1 cargo test --test both_ends` writes them.
#[test]
fn vectors() {
    for (family, offenders) in [
        ("ipv4", include_str!("../testdata/vectors/ipv4-netfilter.txt")),
        ("ipv6", include_str!("../testdata/vectors/ipv6-netfilter.txt")),
    ] {
        let mut text = format!(
            "# Resets for the destination, {family}: worked out by this crate's reference model, not recorded from Linux. \
             README.md describes the format.\n"
        );
        for Vector { name, offender, .. } in read(offenders) {
            if !["textbook-", "flags-", "data-", "wrap-", "reset-"].iter().any(|kind| name.starts_with(kind)) {
                continue;
            }
            for (word, fate) in [("dropped", Dropped), ("delivered", Delivered)] {
                let answer = reference::reset_for_destination(&offender, fate, &Rules::NETFILTER);
                let mut buffer = [support::DIRT; MAX_LEN];
                let reply = reset_for_destination(&offender, fate, &Config::new(), &mut buffer);
                assert_eq!(reply.map(|reply| reply.to_vec()), answer, "{word}-{name}");
                let (name, answer) = (format!("{word}-{name}"), answer.map_err(|reason| format!("{reason:?}")));
                writeln!(text, "{}", Vector { name, offender: offender.clone(), answer }).unwrap();
            }
        }
        let path = format!("{}/testdata/vectors/{family}-destination.txt", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("TCP_RESET_WRITE_VECTORS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        assert!(text == written, "{path} is not what the reference model answers");
    }
}
