//! RFC 9293 §3.10.7.1: what a closed port answers, in every case.
//!
//! > An incoming segment containing a RST is discarded. An incoming segment not containing a RST causes a RST to be sent
//! > in response. [...] If the ACK bit is off, sequence number zero is used,
//! > `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`. If the ACK bit is on, `<SEQ=SEG.ACK><CTL=RST>`.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::packet::{Tcp, both};
use tcp_reset::tcp::{ACK, FIN, RST, Reset, SYN, Segment};
use tcp_reset::{MAX_LEN, NoReset};

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
const DATA_LENS: [u16; 5] = [0, 1, 3, 1460, 65_495];

/// Far from the end of sequence space, directly before it, and so near that only some segments wrap.
const SEQS: [u32; 6] = [0, 522_224_616, 0x7fff_ffff, 0xffff_fffd, 0xffff_fffe, 0xffff_ffff];

/// SEG.ACK, which does not count without the ACK bit.
const ACKS: [u32; 3] = [0, 1_406_759_780, 0xffff_ffff];

/// The table's answer for one segment, as the crate's type.
fn expected(answer: Answer, offender: &Segment) -> Result<Reset, NoReset> {
    let (source_port, destination_port) = (offender.destination_port, offender.source_port);
    match answer {
        Silence => Err(NoReset::Rst),
        Answer::Rst => Ok(Reset { source_port, destination_port, seq: offender.ack, ack: None }),
        RstAck(bits) => {
            let next = u64::from(offender.seq) + u64::from(bits) + u64::from(offender.data_len);
            let ack = u32::try_from(next % (1 << 32)).unwrap();
            Ok(Reset { source_port, destination_port, seq: 0, ack: Some(ack) })
        }
    }
}

/// Calls `test` with every row of the table and every number and length.
fn for_all(mut test: impl FnMut(Segment, Answer)) {
    for (flags, answer) in TABLE {
        for data_len in DATA_LENS {
            for seq in SEQS {
                for ack in ACKS {
                    let data_len = data_len.into();
                    test(Segment { source_port: 36050, destination_port: 80, seq, ack, flags, data_len }, answer);
                }
            }
        }
    }
}

#[test]
fn the_table_holds_for_bare_numbers() {
    for_all(|segment, answer| assert_eq!(segment.reset(), expected(answer, &segment), "{segment:?}"));
}

#[test]
fn the_table_holds_for_whole_packets() {
    for_all(|segment, answer| {
        // The longest packets are slow to build: one sequence number is enough.
        if segment.data_len == 65_495 && segment.seq != 0xffff_fffe {
            return;
        }
        let data = vec![0; segment.data_len.try_into().unwrap()];
        let tcp = Tcp { seq: segment.seq, ack: segment.ack, flags: segment.flags, data, ..Tcp::default() };
        for packet in both(&tcp) {
            let mut buffer = [0; MAX_LEN];
            let reply = tcp_reset::reset(&packet, &mut buffer).map(|reply| numbers_of(reply));
            let expected = expected(answer, &segment).map(|reset| {
                let flags = if reset.ack.is_some() { RST | ACK } else { RST };
                (reset.seq, reset.ack.unwrap_or(0), flags)
            });
            assert_eq!(reply, expected, "{segment:?}");
        }
    });
}

/// SEQ, ACK and control bits of a reply.
fn numbers_of(reply: &[u8]) -> (u32, u32, u8) {
    let tcp = reply.last_chunk::<20>().unwrap();
    let long = |at| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
    (long(4), long(8), tcp[13])
}

/// SEG.LEN worked out by hand, in the cases that are easily wrong.
#[test]
#[rustfmt::skip]
fn sequence_space_is_taken_by_data_and_two_bits() {
    let seg_len = |flags, data_len| {
        Segment { source_port: 1, destination_port: 2, seq: 3, ack: 4, flags, data_len }.seg_len()
    };
    assert_eq!(seg_len(0,                     0), 0);
    assert_eq!(seg_len(SYN,                   0), 1);
    assert_eq!(seg_len(FIN,                   0), 1);
    assert_eq!(seg_len(SYN | FIN,             0), 2);
    assert_eq!(seg_len(SYN | FIN,            10), 12);
    assert_eq!(seg_len(ACK | RST,            10), 10);
    assert_eq!(seg_len(!(SYN | FIN),         10), 10);
    assert_eq!(seg_len(SYN,          0xffff_ffff), 0);
    assert_eq!(seg_len(SYN | FIN,    0xffff_ffff), 1);
}

/// The numbers can be computed at compile time.
#[test]
fn the_rule_is_const() {
    const SYN_SENT: Segment =
        Segment { source_port: 36050, destination_port: 80, seq: 522_224_616, ack: 0, flags: SYN, data_len: 0 };
    const SEG_LEN: u32 = SYN_SENT.seg_len();
    const ANSWER: Option<Reset> = match SYN_SENT.reset() {
        Ok(reset) => Some(reset),
        Err(_) => None,
    };
    const FLAGS: Option<u8> = match ANSWER {
        Some(reset) => Some(reset.flags()),
        None => None,
    };
    assert_eq!(SEG_LEN, 1);
    assert_eq!(ANSWER, Some(Reset { source_port: 80, destination_port: 36050, seq: 0, ack: Some(522_224_617) }));
    assert_eq!(FLAGS, Some(RST | ACK));
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
        assert_eq!(tcp_reset::reset(&offender, &mut [0; MAX_LEN]).unwrap(), bytes(reset));
        assert!(both(&tcp).contains(&offender), "the tests' own builder is wrong");
    }
}
