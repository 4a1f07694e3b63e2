//! The line of each packet.

use crate::captures::{Pcap, raw};
use crate::packets::{SYN_LINE, changed, damaged, segment, syn};
use crate::program::{read, read_with};

/// The line for one packet over raw IP, of which `captured` bytes were captured.
fn line(packet: &[u8], captured: usize) -> String {
    let [cut, whole] = [captured, packet.len()].map(|length| u32::try_from(length).unwrap());
    let run = read(&Pcap::new(101).record([0, 0, cut, whole], &packet[..captured]).bytes);
    let [line] = &run.good_lines()[..] else { panic!("{}", run.stdout) };
    line.clone()
}

#[test]
fn has_the_format_of_tcpdump() {
    let cases: &[(u8, &[u8], &str)] = &[
        (0x00, b"", "Flags [none], win 1024, length 0  ->  reset: Flags [R.], seq 0, ack 522224616, win 0, length 0"),
        (
            0x29,
            b"",
            "Flags [FPU], seq 522224616, win 1024, urg 0, length 0  ->  reset: Flags [R.], seq 0, ack 522224617, win 0, length 0",
        ),
        (
            0x18,
            b"hello",
            "Flags [P.], seq 522224616:522224621, ack 1406759780, win 1024, length 5  ->  \
             reset: Flags [R], seq 1406759780, win 0, length 0",
        ),
        (
            0xc2,
            b"",
            "Flags [SEW], seq 522224616, win 1024, length 0  ->  reset: Flags [R.], seq 0, ack 522224617, win 0, length 0",
        ),
        (0x14, b"", "Flags [R.], seq 522224616, ack 1406759780, win 1024, length 0  ->  silence: a reset itself"),
    ];
    for (flags, data, expected) in cases {
        let packet = segment(*flags, data);
        assert_eq!(line(&packet, packet.len()), format!("192.0.2.1.36050 > 198.51.100.2.80: {expected}"));
    }
}

#[test]
fn shows_odd_packets_and_the_reasons_for_silence() {
    let [syn_alone, hosts] =
        ["192.0.2.1.36050 > 198.51.100.2.80: Flags [S], seq 522224616, win 1024", "192.0.2.1 > 198.51.100.2"];
    let cases = [
        (damaged(syn(), 36), format!("{syn_alone}, length 0  ->  silence: wrong TCP checksum")),
        (damaged(syn(), 10), format!("{syn_alone}, length 0  ->  silence: wrong IPv4 header checksum")),
        (
            changed(syn(), 32, 0xf0),
            format!("{syn_alone}, bad header length 60  ->  reset: Flags [R.], seq 0, ack 522224577, win 0, length 0"),
        ),
        (changed(syn(), 9, 17), format!("{hosts}: UDP, length 20  ->  silence: not TCP")),
        (changed(syn(), 7, 1), format!("{hosts}: TCP fragment, length 20  ->  silence: not a first fragment")),
        // More fragments follow the first one, but its checksum shows that it is whole.
        (changed(syn(), 6, 0x20), SYN_LINE.to_owned()),
        (vec![], "IP, length 0  ->  silence: truncated packet".to_owned()),
        (vec![0x95], "IP, length 1  ->  silence: truncated packet".to_owned()),
    ];
    for (packet, expected) in cases {
        assert_eq!(line(&packet, packet.len()), expected);
    }
}

#[test]
fn says_that_the_checksum_of_a_cut_packet_is_trusted() {
    let packet = segment(0x02, &[0xa5; 1460]);
    let whole = "192.0.2.1.36050 > 198.51.100.2.80: Flags [S], seq 522224616:522226076, win 1024, length 1460  ->  \
                 reset: Flags [R.], seq 0, ack 522226077, win 0, length 0";
    for captured in [40, 41, 1499] {
        assert_eq!(line(&packet, captured), format!("{whole}  (cut: TCP checksum trusted)"));
    }
    assert_eq!(line(&packet, 1500), whole);
    assert_eq!(line(&packet, 39), "192.0.2.1 > 198.51.100.2: TCP, length 1480  ->  silence: truncated packet");
}

#[test]
fn wrong_checksums_are_trusted_with_an_option_and_hinted_at_without() {
    let capture = raw([&damaged(syn(), 10), &damaged(syn(), 36), &damaged(damaged(syn(), 11), 37)]);
    let hint = read(&capture).stdout.lines().last().unwrap().to_owned();
    assert!(hint.starts_with("hint: 3 packets have a wrong IPv4 header or TCP checksum: "), "{hint}");
    assert!(hint.ends_with(" -K trusts all checksums."), "{hint}");
    for option in ["-K", "--dont-verify-checksums"] {
        let run = read_with(&[option], &capture);
        assert_eq!((run.good_lines(), run.stdout.contains("hint")), (vec![SYN_LINE.to_owned(); 3], false));
    }
    assert!(!read(&raw([&syn()])).stdout.contains("hint"));
}
