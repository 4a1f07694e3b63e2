//! The resets that a capture holds, compared with ours.

use tcp_reset::Profile;
use tcp_reset::tcp::{ACK, RST};

use crate::captures::raw;
use crate::packets::{backwards, changed, damaged, reply, reply_in, segment, syn};
use crate::program::{read, read_with};
use support::packet::{V6, repair};

const LABEL: &str = "same as the capture's own reset";

/// The summary of a capture of these packets: the comparison, then our resets and theirs that are not compared.
fn compared(packets: &[&Vec<u8>]) -> (String, [usize; 2]) {
    let run = read(&raw(packets.iter().copied()));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    (run.summary(LABEL).to_owned(), run.numbers("not compared").try_into().unwrap())
}

#[test]
fn counts_a_reset_for_each_offender_and_each_retransmission() {
    let (offender, reset) = (&syn(), &reply(&syn()));
    let one = "1 of 1 (same bytes 1)";
    let two = "2 of 2 (same bytes 2)";
    assert_eq!(compared(&[offender, reset]), (one.to_owned(), [0, 0]));
    assert_eq!(compared(&[offender, offender, reset]), (one.to_owned(), [1, 0]));
    assert_eq!(compared(&[offender, offender, reset, reset]), (two.to_owned(), [0, 0]));
    assert_eq!(compared(&[offender, reset, offender, reset]), (two.to_owned(), [0, 0]));
    // The reset was captured twice.
    assert_eq!(compared(&[offender, reset, reset]), (two.to_owned(), [0, 0]));
}

#[test]
fn tells_the_profiles_apart() {
    let offender = changed(syn(), 1, 0x1b);
    let reset = reply_in(Profile::TcpStack, &offender);
    let run = read(&raw([&offender, &reset]));
    assert_eq!(run.summary(LABEL), "1 of 1 (same bytes 1)");
    assert!(run.good_lines()[1].ends_with("; the same bytes as ours for a closed port"), "{}", run.stdout);
    let run = read(&raw([&offender, &reply(&offender)]));
    assert!(run.good_lines()[1].ends_with("; the same bytes as ours"), "{}", run.stdout);
}

const SAME_TO_RECEIVER: &str = "1 of 1 (same to a receiver 1)";
const OTHER_NUMBERS: &str = "0 of 1 (other numbers 1)";

/// The summary, and the end of the reset's line.
fn difference(offender: &Vec<u8>, reset: &Vec<u8>) -> (String, String) {
    let run = read(&raw([offender, reset]));
    let line = run.good_lines()[1].clone();
    let (_, end) = line.split_once("silence: a reset itself; ").unwrap();
    (run.summary(LABEL).to_owned(), end.to_owned())
}

#[test]
fn names_the_field_that_differs() {
    let v4 = (syn(), reply(&syn()));
    let v6 = (V6::default().bytes(), reply(&V6::default().bytes()));
    let (receiver, numbers) = ((SAME_TO_RECEIVER, "to a receiver the same as ours, but"), (OTHER_NUMBERS, "not ours:"));
    let cases = [
        // Routers decrement the hop limit.
        (&v4, 8, 255, "TTL 255 (ours 64)", receiver),
        (&v6, 7, 57, "hop limit 57 (ours 64)", receiver),
        (&v4, 1, 0x48, "type of service 72 (ours 0)", receiver),
        (&v4, 4, 0x12, "identification 4608 (ours 0)", receiver),
        (&v4, 6, 0, "fragment field 0x0000 (ours 0x4000)", receiver),
        (&v6, 3, 5, "flow label 5 (ours 0)", receiver),
        (&v4, 34, 4, "window 1024 (ours 0)", receiver),
        (&v4, 39, 1, "urgent pointer 1 (ours 0)", receiver),
        (&v4, 27, 1, "sequence number 1 (ours 0)", numbers),
        // Some stacks do not count the SYN.
        (&v4, 31, 0xe8, "acknowledgment number 522224616 (ours 522224617)", numbers),
        (&v4, 33, 0x04, "flags [R] (ours [R.])", numbers),
    ];
    for ((offender, reset), at, to, expected, (class, words)) in cases {
        let differs = difference(offender, &changed(reset.clone(), at, to));
        assert_eq!(differs, (class.to_owned(), format!("{words} {expected}")));
    }
    // A receiver ignores a reset with a wrong checksum, but not one with the other zero.
    let (class, end) = difference(&v4.0, &damaged(v4.1, 37));
    assert!(class == OTHER_NUMBERS && end.starts_with("not ours: TCP checksum 0x"), "{class} {end}");
}

#[test]
fn names_every_field_that_differs_the_numbers_first() {
    // As of another system, with its own identification and without the SYN in the acknowledgment number.
    let other = [(4, 0x30), (6, 0), (8, 128), (31, 0xe8), (34, 4)];
    let reset = other.into_iter().fold(reply(&syn()), |reset, (at, to)| changed(reset, at, to));
    let expected = "not ours: acknowledgment number 522224616 (ours 522224617), identification 12288 (ours 0), \
                    fragment field 0x0000 (ours 0x4000), TTL 128 (ours 64), window 1024 (ours 0)";
    assert_eq!(difference(&syn(), &reset), (OTHER_NUMBERS.to_owned(), expected.to_owned()));
}

#[test]
fn finds_the_fields_after_options() {
    let (mut reset, offender) = (reply(&syn()), syn());
    // Four bytes of IP options, four of TCP options, two of data.
    reset.splice(20..20, [1; 4]);
    reset.extend([1, 1, 1, 0, b'n', b'o']);
    (reset[0], reset[3], reset[36]) = (0x46, 50, 0x60);
    repair(&mut reset);
    let lengths = "length of IP options 4 (ours 0), length of TCP options 4 (ours 0), length of data 2 (ours 0)";
    let expected = format!("to a receiver the same as ours, but {lengths}");
    assert_eq!(difference(&offender, &reset), (SAME_TO_RECEIVER.to_owned(), expected));
}

#[test]
fn compares_with_the_most_similar_of_ours() {
    let other = segment(0x02, b"data");
    let mut reset = reply(&other);
    (reset[8], reset[34]) = (128, 4);
    repair(&mut reset);
    let run = read(&raw([&other, &syn(), &reset]));
    assert!(run.lines()[2].ends_with("but TTL 128 (ours 64), window 1024 (ours 0)"), "{}", run.stdout);
}

#[test]
fn reports_a_reset_where_ours_is_silence() {
    let run = read(&raw([&damaged(syn(), 36), &reply(&syn())]));
    assert_eq!(run.summary(LABEL), "0 of 1 (ours is silence 1)");
    assert!(run.lines()[1].ends_with("silence: a reset itself; ours is silence"), "{}", run.stdout);
}

#[test]
fn leaves_out_a_reset_that_answers_nothing() {
    let (offender, ack) = (syn(), segment(ACK, b""));
    let (answer, abort) = (backwards(ack.clone()), backwards(segment(RST | ACK, b"")));
    let reset = reply(&offender);
    let none = |ours, theirs| ("0 of 0".to_owned(), [ours, theirs]);
    // No packet before it.
    assert_eq!(compared(&[&abort]), none(0, 1));
    // It aborts a connection.
    assert_eq!(compared(&[&ack, &answer, &abort]), none(2, 1));
    // It has the direction of the offender.
    assert_eq!(compared(&[&offender, &backwards(reset.clone())]), none(1, 1));
    // It is damaged, so that its receiver ignores it.
    assert_eq!(compared(&[&offender, &damaged(reset, 10)]), none(1, 0));
}

#[test]
fn counts_a_reset_with_the_numbers_of_an_answer_in_a_connection() {
    let ack = segment(ACK, b"");
    let (answer, reset) = (backwards(ack.clone()), reply(&ack));
    assert_eq!(compared(&[&ack, &answer, &ack, &reset]), ("1 of 1 (same bytes 1)".to_owned(), [2, 0]));
    // Of another system, which numbers its packets.
    let other = changed(reset, 4, 1);
    assert_eq!(compared(&[&ack, &answer, &ack, &other]), ("1 of 1 (same to a receiver 1)".to_owned(), [2, 0]));
}

#[test]
fn leaves_checksums_out_where_they_are_not_verified() {
    let capture = raw([&syn(), &damaged(damaged(reply(&syn()), 36), 10)]);
    assert_eq!(read(&capture).summary(LABEL), "0 of 0");
    assert_eq!(read_with(&["-K"], &capture).summary(LABEL), "1 of 1 (same bytes 1)");
}

#[test]
fn remembers_an_offender_among_many() {
    let offender = syn();
    let mut packets = vec![offender.clone()];
    packets.extend((0..10_000_u16).map(|port| {
        let mut other = syn();
        other[20..22].copy_from_slice(&port.to_be_bytes());
        repair(&mut other);
        other
    }));
    packets.push(reply(&offender));
    assert_eq!(compared(&packets.iter().collect::<Vec<_>>()), ("1 of 1 (same bytes 1)".to_owned(), [10_000, 0]));
}
