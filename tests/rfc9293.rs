//! RFC 9293 §3.10.7.1: what a closed port answers, in every case.
//!
//! > An incoming segment containing a RST is discarded. An incoming segment not containing a RST causes a RST to be sent
//! > in response. [...] If the ACK bit is off, sequence number zero is used,
//! > `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`. If the ACK bit is on, `<SEQ=SEG.ACK><CTL=RST>`.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::functions::{Numbers, answer, numbers};
use support::model::{DestinationOfDelivered, DestinationOfDropped, Source, Towards, long};
use support::packet::{Tcp, both};
use support::protocol::{CWR, ECE, PSH, URG};
use tcp_reset::tcp::{ACK, FIN, RST, Reset, SYN, reset_numbers, reset_numbers_towards, seg_len};
use tcp_reset::{Config, NoReset};

/// What answers a segment.
#[derive(Clone, Copy)]
enum Answer {
    /// Nothing.
    Silence,
    /// `<SEQ=SEG.ACK><CTL=RST>`
    Rst,
    /// `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`; SEG.LEN is this number, for SYN and FIN, plus the length of the data.
    RstAck(u32),
}
use Answer::{RstAck, Silence};

/// Every combination of the four bits that count.
#[rustfmt::skip]
const TABLE: [(u8, Answer); 16] = [
    (0,                      RstAck(0)),
    (FIN,                    RstAck(1)),
    (SYN,                    RstAck(1)),
    (SYN | FIN,              RstAck(2)),
    (RST,                    Silence),
    (RST | FIN,              Silence),
    (RST | SYN,              Silence),
    (RST | SYN | FIN,        Silence),
    (ACK,                    Answer::Rst),
    (ACK | FIN,              Answer::Rst),
    (ACK | SYN,              Answer::Rst),
    (ACK | SYN | FIN,        Answer::Rst),
    (ACK | RST,              Silence),
    (ACK | RST | FIN,        Silence),
    (ACK | RST | SYN,        Silence),
    (ACK | RST | SYN | FIN,  Silence),
];

/// Lengths of data, up to the most that an IPv4 packet holds.
const DATA_LENS: [u32; 5] = [0, 1, 3, 1460, 65_495];

/// Far from the end of sequence space, directly before it, and so near that only some segments wrap.
const SEQS: [u32; 6] = [0, 522_224_616, 0x7fff_ffff, 0xffff_fffd, 0xffff_fffe, 0xffff_ffff];

/// SEG.ACK, which does not count without the ACK bit.
const ACKS: [u32; 3] = [0, 1_406_759_780, 0xffff_ffff];

/// What the table says: SEQ and, in a RST/ACK, ACK.
fn expected(answer: Answer, offender: Numbers) -> Result<(u32, Option<u32>), NoReset> {
    match answer {
        Silence => Err(NoReset::Rst),
        Answer::Rst => Ok((offender.ack, None)),
        RstAck(bits) => {
            let next = u64::from(offender.seq) + u64::from(bits) + u64::from(offender.data_len);
            Ok((0, Some(u32::try_from(next % (1 << 32)).unwrap())))
        }
    }
}

#[test]
fn the_table_holds() {
    for (flags, answer) in TABLE {
        for data_len in DATA_LENS.into_iter().chain([u32::MAX - 1, u32::MAX]) {
            for seq in SEQS {
                for ack in ACKS {
                    let segment = Numbers { seq, ack, flags, data_len };
                    if let Ok(expected) = expected(answer, segment) {
                        assert_eq!(numbers(segment, Source), expected, "{segment:?}");
                    }
                    // The longest packets are slow to build: one sequence number is enough.
                    if data_len < 2_000 || data_len == 65_495 && seq == 0xffff_fffe {
                        assert_packets(segment, Source, expected(answer, segment), "");
                    }
                }
            }
        }
    }
}

/// Asserts the numbers of the reset that packets of both versions get.
fn assert_packets(segment: Numbers, towards: Towards, expected: Result<(u32, Option<u32>), NoReset>, row: &str) {
    let Numbers { seq, ack, flags, data_len } = segment;
    let data = vec![0; data_len.try_into().unwrap()];
    for packet in both(&Tcp { seq, ack, flags, data, ..Tcp::default() }) {
        let reply = answer(&packet, &Config::new().towards(towards)).map(|reply| {
            let tcp = &reply[reply.len() - 20..];
            (long(tcp, 4), long(tcp, 8), tcp[13])
        });
        let expected = expected.map(|(seq, ack)| (seq, ack.unwrap_or(0), if ack.is_some() { RST | ACK } else { RST }));
        assert_eq!(reply, expected, "{row} {segment:?}");
    }
}

type Row = (&'static str, u8, u32, Towards, Result<(u32, bool), NoReset>);

/// The segment: flags, length of the data, and what became of it. The reset: its SEQ minus SEG.SEQ, and whether it acknowledges
/// SEG.ACK.
const ROWS: &[Row] = &[
    ("SYN, dropped: no connection yet", SYN, 0, DestinationOfDropped, Err(NoReset::NoConnection)),
    ("SYN with data, dropped", SYN, 9, DestinationOfDropped, Err(NoReset::NoConnection)),
    ("SYN and FIN, dropped", SYN | FIN, 0, DestinationOfDropped, Err(NoReset::NoConnection)),
    ("SYN, delivered: SYN-RECEIVED", SYN, 0, DestinationOfDelivered, Ok((1, false))),
    ("SYN with data, delivered", SYN, 9, DestinationOfDelivered, Ok((10, false))),
    ("SYN/ACK, dropped: SYN-SENT", SYN | ACK, 0, DestinationOfDropped, Ok((0, true))),
    ("SYN/ACK, delivered", SYN | ACK, 0, DestinationOfDelivered, Ok((1, true))),
    ("data, dropped: ESTABLISHED", ACK, 1448, DestinationOfDropped, Ok((0, true))),
    ("data, delivered: ESTABLISHED", ACK, 1448, DestinationOfDelivered, Ok((1448, true))),
    ("ACK alone, dropped", ACK, 0, DestinationOfDropped, Ok((0, true))),
    ("ACK alone, delivered", ACK, 0, DestinationOfDelivered, Ok((0, true))),
    ("FIN, dropped: ESTABLISHED", FIN | ACK, 0, DestinationOfDropped, Ok((0, true))),
    ("FIN, delivered: CLOSE-WAIT", FIN | ACK, 0, DestinationOfDelivered, Ok((1, true))),
    ("data and FIN, delivered: CLOSE-WAIT", FIN | ACK, 7, DestinationOfDelivered, Ok((8, true))),
    ("data without ACK, dropped", 0, 7, DestinationOfDropped, Ok((0, false))),
    ("data without ACK, delivered", 0, 7, DestinationOfDelivered, Ok((7, false))),
    ("RST, dropped", RST, 0, DestinationOfDropped, Err(NoReset::Rst)),
    ("RST, delivered", RST | ACK, 0, DestinationOfDelivered, Err(NoReset::Rst)),
    ("RST and SYN, dropped", RST | SYN, 0, DestinationOfDropped, Err(NoReset::Rst)),
];

/// Towards the destination: every row, with sequence numbers that wrap and all other flags set too.
#[test]
fn each_rule() {
    for &(row, flags, data_len, towards, expected) in ROWS {
        for seq in [0, 522_224_616, 0xffff_fffe, u32::MAX - data_len] {
            for others in [0, PSH, URG, PSH | URG | ECE | CWR] {
                let segment = Numbers { seq, ack: 0x8000_0001, flags: flags | others, data_len };
                let expected = expected
                    .map(|(after, acknowledges)| (seq.wrapping_add(after), acknowledges.then_some(segment.ack)));
                if let Ok(expected) = expected {
                    assert_eq!(numbers(segment, towards), expected, "{row}");
                }
                assert_packets(segment, towards, expected, row);
            }
        }
    }
}

/// The numbers can be computed at compile time.
#[test]
fn the_rule_is_const() {
    const SEG_LEN: u32 = seg_len(SYN, 0);
    const NUMBERS: (u32, Option<u32>) = reset_numbers(522_224_616, None, SEG_LEN);
    const TOWARDS: (u32, Option<u32>) = reset_numbers_towards(DestinationOfDelivered, 522_224_616, None, SEG_LEN);
    const RESET: Reset = Reset { source_port: 80, destination_port: 36050, seq: NUMBERS.0, ack: NUMBERS.1 };
    const FLAGS: u8 = RESET.flags();
    assert_eq!((SEG_LEN, NUMBERS, TOWARDS), (1, (0, Some(522_224_617)), (522_224_617, None)));
    assert_eq!(FLAGS, RST | ACK);
}

/// The two segments that textbooks show and their resets, "R. 0:0(0) ack 522224617 win 0" and "R
/// 1406759780:1406759780(0) win 0", in the 32-bit words of the RFCs' diagrams: five for an IPv4 header, ten for an IPv6
/// header, five for a TCP header.
#[test]
fn textbook() {
    let bytes = |words: &str| -> Vec<u8> {
        words.split(' ').flat_map(|word| u32::from_str_radix(word, 16).unwrap().to_be_bytes()).collect()
    };
    let (here, there) = ("20010db8 00000000 00000000 00000001", "20010db8 00010000 00000000 00000002");
    for (tcp, offender, reset) in [
        // The SYN.
        (
            Tcp::default(),
            "45000028 12344000 3f063d65 c0000201 c6336402 8cd20050 1f2083e8 00000000 50020400 8f800000",
            "45000028 00004000 40064e99 c6336402 c0000201 00508cd2 00000000 1f2083e9 50140000 936d0000",
        ),
        (
            Tcp::default(),
            &format!("60012345 0014063f {here} {there} 8cd20050 1f2083e8 00000000 50020400 20420000"),
            &format!("60000000 00140640 {there} {here} 00508cd2 00000000 1f2083e9 50140000 242f0000"),
        ),
        // The ACK.
        (
            Tcp { seq: 1, ack: 1_406_759_780, flags: ACK, ..Tcp::default() },
            "45000028 12344000 3f063d65 c0000201 c6336402 8cd20050 00000001 53d97364 50100400 6b3c0000",
            "45000028 00004000 40064e99 c6336402 c0000201 00508cd2 53d97364 00000000 50040000 6f490000",
        ),
        (
            Tcp { seq: 1, ack: 1_406_759_780, flags: ACK, ..Tcp::default() },
            &format!("60012345 0014063f {here} {there} 8cd20050 00000001 53d97364 50100400 fbfd0000"),
            &format!("60000000 00140640 {there} {here} 00508cd2 53d97364 00000000 50040000 000b0000"),
        ),
    ] {
        let offender = bytes(offender);
        assert_eq!(answer(&offender, &Config::new()).unwrap(), bytes(reset));
        assert!(both(&tcp).contains(&offender), "the tests' own builder is wrong");
    }
}
