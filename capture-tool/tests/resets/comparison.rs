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
    let one = "1 of 1 (netfilter profile 1)";
    let two = "2 of 2 (netfilter profile 2)";
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
    assert_eq!(compared(&[&offender, &reset]).0, "1 of 1 (TCP-stack profile alone 1)");
}

#[test]
fn names_the_first_field_that_differs() {
    let v4 = (syn(), reply(&syn()));
    let v6 = (V6::default().bytes(), reply(&V6::default().bytes()));
    let cases = [
        // Routers decrement the hop limit.
        (&v4, 8, 255, "TTL 255, ours 64", "other hop limit"),
        (&v6, 7, 57, "hop limit 57, ours 64", "other hop limit"),
        (&v4, 1, 0x48, "type of service 72, ours 0", "differing"),
        (&v4, 4, 0x12, "identification 4608, ours 0", "differing"),
        (&v4, 6, 0, "fragment field 0x0000, ours 0x4000", "differing"),
        (&v6, 3, 5, "flow label 5, ours 0", "differing"),
        (&v4, 27, 1, "sequence number 1, ours 0", "differing"),
        // Some stacks do not count the SYN.
        (&v4, 31, 0xe8, "acknowledgment number 522224616, ours 522224617", "differing"),
        (&v4, 33, 0x04, "flags [R], ours [R.]", "differing"),
        (&v4, 34, 4, "window 1024, ours 0", "differing"),
        (&v4, 39, 1, "urgent pointer 1, ours 0", "differing"),
    ];
    for ((offender, reset), at, to, difference, kind) in cases {
        let reset = changed(reset.clone(), at, to);
        let run = read(&raw([offender, &reset]));
        assert_eq!(run.summary(LABEL), format!("0 of 1 ({kind} 1)"));
        assert!(run.good_lines()[1].ends_with(&format!(", differs from ours in: {difference}")), "{}", run.stdout);
    }
    // The TCP checksum is not verified in a reset.
    let run = read(&raw([&v4.0, &damaged(v4.1, 37)]));
    assert!(run.lines()[1].contains(", differs from ours in: TCP checksum 0x"), "{}", run.stdout);
    // The more similar one of two is named: here the second offender's.
    let other = segment(0x02, b"data");
    let mut reset = reply(&other);
    (reset[8], reset[34]) = (128, 4);
    repair(&mut reset);
    let run = read(&raw([&other, &syn(), &reset]));
    assert!(run.lines()[2].ends_with("in: TTL 128, ours 64"), "{}", run.stdout);
}

#[test]
fn reports_a_reset_where_ours_is_silence() {
    let run = read(&raw([&damaged(syn(), 36), &reply(&syn())]));
    assert_eq!(run.summary(LABEL), "0 of 1 (differing 1)");
    assert!(run.lines()[1].ends_with("silence: a reset itself, ours is silence"), "{}", run.stdout);
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
    assert_eq!(compared(&[&ack, &answer, &ack, &reset]), ("1 of 1 (netfilter profile 1)".to_owned(), [2, 0]));
    // Of another system, which numbers its packets.
    let other = changed(reset, 4, 1);
    assert_eq!(compared(&[&ack, &answer, &ack, &other]), ("0 of 1 (differing 1)".to_owned(), [2, 0]));
}

#[test]
fn leaves_checksums_out_where_they_are_not_verified() {
    let capture = raw([&syn(), &damaged(damaged(reply(&syn()), 36), 10)]);
    assert_eq!(read(&capture).summary(LABEL), "0 of 0");
    assert_eq!(read_with(&["-K"], &capture).summary(LABEL), "1 of 1 (netfilter profile 1)");
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
    assert_eq!(compared(&packets.iter().collect::<Vec<_>>()), ("1 of 1 (netfilter profile 1)".to_owned(), [10_000, 0]));
}
