//! Captures of the sending host, with packets that its network card completes only later.

use support::packet::{V6, repair};

use crate::captures::raw;
use crate::packets::{SYN_LINE, changed, reply, segment, syn};
use crate::program::{read, read_with};

/// The packet with a partial TCP checksum: the folded sum of the pseudo-header, not complemented.
fn partial(mut packet: Vec<u8>) -> Vec<u8> {
    let (addresses, tcp) = if packet[0] >> 4 == 6 { (8..40, 40) } else { (12..20, 20) };
    let length = u16::try_from(packet.len() - tcp).unwrap();
    let words = packet[addresses].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let mut sum = words.sum::<u32>() + u32::from(length) + 6;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[tcp + 16..][..2].copy_from_slice(&u16::try_from(sum).unwrap().to_be_bytes());
    packet
}

#[test]
fn a_partial_tcp_checksum_is_answered_and_marked() {
    let run = read(&raw([&partial(syn()), &syn()]));
    assert_eq!(run.good_lines(), [format!("{SYN_LINE}  (partial TCP checksum)"), SYN_LINE.to_owned()]);
    assert_eq!(run.numbers("partial TCP checksums"), [1]);
    let run = read(&raw([&partial(V6::default().bytes())]));
    assert!(run.good_lines()[0].ends_with("length 0  (partial TCP checksum)"), "{}", run.stdout);
    // One bit away from it, it is wrong.
    let mut wrong = partial(syn());
    wrong[37] ^= 1;
    let run = read(&raw([&wrong]));
    assert!(run.good_lines()[0].ends_with("silence: wrong TCP checksum"), "{}", run.stdout);
    assert!(!run.stdout.contains("partial"), "{}", run.stdout);
}

#[test]
fn a_partial_checksum_of_a_reset_is_no_difference() {
    for offender in [syn(), V6::default().bytes()] {
        let run = read(&raw([&partial(offender.clone()), &partial(reply(&offender))]));
        assert_eq!(run.summary("same as the capture's own reset"), "1 of 1 (same bytes 1)");
    }
    // It hides no other difference.
    let other = partial(changed(reply(&syn()), 31, 0xe8));
    let run = read(&raw([&syn(), &other]));
    let expected = "; not ours: acknowledgment number 522224616 (ours 522224617)";
    assert!(run.good_lines()[1].ends_with(expected), "{}", run.stdout);
}

#[test]
fn a_header_checksum_of_zero_is_not_filled_in_yet() {
    let mut offender = partial(syn());
    offender[10..12].fill(0);
    let mut reset = partial(reply(&syn()));
    reset[10..12].fill(0);
    let run = read(&raw([&offender, &reset]));
    let notes = "  (partial TCP checksum)  (no IPv4 header checksum yet)";
    assert_eq!(run.good_lines()[0], format!("{SYN_LINE}{notes}"));
    assert_eq!(run.summary("same as the capture's own reset"), "1 of 1 (same bytes 1)");
}

#[test]
fn a_total_length_of_zero_ends_at_the_end_of_the_record() {
    let mut packet = segment(0x18, &[0xa5; 3000]);
    repair(&mut packet);
    for packet in [packet.clone(), partial(packet)] {
        let mut packet = packet;
        packet[2..4].fill(0);
        packet[10..12].fill(0);
        for options in [&[][..], &["-K"]] {
            let run = read_with(options, &raw([&packet]));
            let line = &run.good_lines()[0];
            assert!(line.contains("length 3000  ->  reset: Flags [R], seq 1406759780, win 0, length 0"), "{line}");
            assert!(line.ends_with("  (length 0: to the end of the record)"), "{line}");
        }
    }
}
