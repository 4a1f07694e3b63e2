//! RFC 9293 §3.10.7.1: what a closed port answers, in every case.
//!
//! > An incoming segment containing a RST is discarded. An incoming segment not containing a RST causes a RST to be sent
//! > in response. [...] If the ACK bit is off, sequence number zero is used,
//! > `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`. If the ACK bit is on, `<SEQ=SEG.ACK><CTL=RST>`.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::packet::{Tcp, V4, V6, both};
use tcp_reset::tcp::{ACK, FIN, RST, Reset, SYN, Segment};
use tcp_reset::{MAX_LEN, NoReset};

/// What answers a segment.
#[derive(Clone, Copy)]
enum Answer {
    /// Nothing.
    Silence,
    /// `<SEQ=SEG.ACK><CTL=RST>`
    Rst,
    /// `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`, where the bits are so much of SEG.LEN and the data is the rest.
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

#[test]
fn all_256_flag_bytes_answer_as_their_four_bits() {
    for flags in 0..=0xff {
        let tcp = Tcp { flags, seq: 0xffff_fffe, ack: 1_406_759_780, data: vec![b'x'; 7], ..Tcp::default() };
        let (_, answer) = TABLE.into_iter().find(|(row, _)| *row == flags & (FIN | SYN | RST | ACK)).unwrap();
        for packet in both(&tcp) {
            let mut buffer = [0; MAX_LEN];
            let reply = tcp_reset::reset(&packet, &mut buffer).map(|reply| numbers_of(reply));
            let expected = match answer {
                Silence => Err(NoReset::Rst),
                Answer::Rst => Ok((1_406_759_780, 0, RST)),
                RstAck(bits) => Ok((0, 5 + bits, RST | ACK)),
            };
            assert_eq!(reply, expected, "{flags:#04x}");
        }
    }
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

/// "R. 0:0(0) ack 522224617 win 0" over IPv4.
#[test]
#[rustfmt::skip]
fn textbook_syn_over_ipv4() {
    let syn = [
        0x45, 0x00, 0x00, 0x28, // version and header length, TOS, total length
        0x12, 0x34, 0x40, 0x00, // id, DF
        0x3f, 0x06, 0x3d, 0x65, // TTL 63, TCP, checksum
        0xc0, 0x00, 0x02, 0x01, // from 192.0.2.1
        0xc6, 0x33, 0x64, 0x02, // to 198.51.100.2
        0x8c, 0xd2, 0x00, 0x50, // ports 36050 and 80
        0x1f, 0x20, 0x83, 0xe8, // SEQ 522224616
        0x00, 0x00, 0x00, 0x00, // ACK 0
        0x50, 0x02, 0x04, 0x00, // data offset 5, SYN, window 1024
        0x8f, 0x80, 0x00, 0x00, // checksum, urgent pointer
    ];
    let reset = [
        0x45, 0x00, 0x00, 0x28, // version and header length, TOS, total length
        0x00, 0x00, 0x40, 0x00, // id, DF
        0x40, 0x06, 0x4e, 0x99, // TTL 64, TCP, checksum
        0xc6, 0x33, 0x64, 0x02, // from 198.51.100.2
        0xc0, 0x00, 0x02, 0x01, // to 192.0.2.1
        0x00, 0x50, 0x8c, 0xd2, // ports 80 and 36050
        0x00, 0x00, 0x00, 0x00, // SEQ 0
        0x1f, 0x20, 0x83, 0xe9, // ACK 522224617
        0x50, 0x14, 0x00, 0x00, // data offset 5, RST and ACK, window 0
        0x93, 0x6d, 0x00, 0x00, // checksum, urgent pointer
    ];
    assert_eq!(tcp_reset::reset(&syn, &mut [0; MAX_LEN]).unwrap(), reset);
    assert_eq!(V4::default().bytes(), syn); // so the tests' own builder is right, too
}

/// "R 1406759780:1406759780(0) win 0" over IPv4.
#[test]
#[rustfmt::skip]
fn textbook_ack_over_ipv4() {
    let ack = [
        0x45, 0x00, 0x00, 0x28, // version and header length, TOS, total length
        0x12, 0x34, 0x40, 0x00, // id, DF
        0x3f, 0x06, 0x3d, 0x65, // TTL 63, TCP, checksum
        0xc0, 0x00, 0x02, 0x01, // from 192.0.2.1
        0xc6, 0x33, 0x64, 0x02, // to 198.51.100.2
        0x8c, 0xd2, 0x00, 0x50, // ports 36050 and 80
        0x00, 0x00, 0x00, 0x01, // SEQ 1
        0x53, 0xd9, 0x73, 0x64, // ACK 1406759780
        0x50, 0x10, 0x04, 0x00, // data offset 5, ACK, window 1024
        0x6b, 0x3c, 0x00, 0x00, // checksum, urgent pointer
    ];
    let reset = [
        0x45, 0x00, 0x00, 0x28, // version and header length, TOS, total length
        0x00, 0x00, 0x40, 0x00, // id, DF
        0x40, 0x06, 0x4e, 0x99, // TTL 64, TCP, checksum
        0xc6, 0x33, 0x64, 0x02, // from 198.51.100.2
        0xc0, 0x00, 0x02, 0x01, // to 192.0.2.1
        0x00, 0x50, 0x8c, 0xd2, // ports 80 and 36050
        0x53, 0xd9, 0x73, 0x64, // SEQ 1406759780
        0x00, 0x00, 0x00, 0x00, // ACK 0
        0x50, 0x04, 0x00, 0x00, // data offset 5, RST, window 0
        0x6f, 0x49, 0x00, 0x00, // checksum, urgent pointer
    ];
    assert_eq!(tcp_reset::reset(&ack, &mut [0; MAX_LEN]).unwrap(), reset);
}

/// "R. 0:0(0) ack 522224617 win 0" over IPv6.
#[test]
#[rustfmt::skip]
fn textbook_syn_over_ipv6() {
    let syn = [
        0x60, 0x01, 0x23, 0x45, // version, traffic class, flow label
        0x00, 0x14, 0x06, 0x3f, // payload length, TCP, hop limit 63
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
        0x8c, 0xd2, 0x00, 0x50, // ports 36050 and 80
        0x1f, 0x20, 0x83, 0xe8, // SEQ 522224616
        0x00, 0x00, 0x00, 0x00, // ACK 0
        0x50, 0x02, 0x04, 0x00, // data offset 5, SYN, window 1024
        0x20, 0x42, 0x00, 0x00, // checksum, urgent pointer
    ];
    let reset = [
        0x60, 0x00, 0x00, 0x00, // version, traffic class, flow label
        0x00, 0x14, 0x06, 0x40, // payload length, TCP, hop limit 64
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
        0x00, 0x50, 0x8c, 0xd2, // ports 80 and 36050
        0x00, 0x00, 0x00, 0x00, // SEQ 0
        0x1f, 0x20, 0x83, 0xe9, // ACK 522224617
        0x50, 0x14, 0x00, 0x00, // data offset 5, RST and ACK, window 0
        0x24, 0x2f, 0x00, 0x00, // checksum, urgent pointer
    ];
    assert_eq!(tcp_reset::reset(&syn, &mut [0; MAX_LEN]).unwrap(), reset);
    assert_eq!(V6::default().bytes(), syn); // so the tests' own builder is right, too
}

/// "R 1406759780:1406759780(0) win 0" over IPv6.
#[test]
#[rustfmt::skip]
fn textbook_ack_over_ipv6() {
    let ack = [
        0x60, 0x01, 0x23, 0x45, // version, traffic class, flow label
        0x00, 0x14, 0x06, 0x3f, // payload length, TCP, hop limit 63
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
        0x8c, 0xd2, 0x00, 0x50, // ports 36050 and 80
        0x00, 0x00, 0x00, 0x01, // SEQ 1
        0x53, 0xd9, 0x73, 0x64, // ACK 1406759780
        0x50, 0x10, 0x04, 0x00, // data offset 5, ACK, window 1024
        0xfb, 0xfd, 0x00, 0x00, // checksum, urgent pointer
    ];
    let reset = [
        0x60, 0x00, 0x00, 0x00, // version, traffic class, flow label
        0x00, 0x14, 0x06, 0x40, // payload length, TCP, hop limit 64
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
        0x00, 0x50, 0x8c, 0xd2, // ports 80 and 36050
        0x53, 0xd9, 0x73, 0x64, // SEQ 1406759780
        0x00, 0x00, 0x00, 0x00, // ACK 0
        0x50, 0x04, 0x00, 0x00, // data offset 5, RST, window 0
        0x00, 0x0b, 0x00, 0x00, // checksum, urgent pointer
    ];
    assert_eq!(tcp_reset::reset(&ack, &mut [0; MAX_LEN]).unwrap(), reset);
}
