//! The line of each packet.

use crate::captures::Pcap;
use crate::packets::{SYN_LINE, repair, segment, syn};
use crate::program::{Run, Scratch, read, resets};

/// The lines for one packet over raw IP, of which `captured` bytes were captured.
fn line(packet: &[u8], captured: usize) -> String {
    let [cut, whole] = [captured, packet.len()].map(|length| u32::try_from(length).unwrap());
    let run = read(&Pcap::new(101).record([0, 0, cut, whole], &packet[..captured]).bytes);
    let [line] = run.lines()[..] else { panic!("{}", run.stdout) };
    line.to_owned()
}

#[test]
fn is_worded_as_tcpdump_words_it() {
    let cases: &[(u8, &[u8], &str)] = &[
        (0x00, b"", "Flags [none], win 1024, length 0  ->  Flags [R.], seq 0, ack 522224616, win 0"),
        (
            0x29,
            b"",
            "Flags [FPU], seq 522224616, win 1024, urg 0, length 0  ->  Flags [R.], seq 0, ack 522224617, win 0",
        ),
        (
            0x18,
            b"hello",
            "Flags [P.], seq 522224616:522224621, ack 1406759780, win 1024, length 5  ->  \
             Flags [R], seq 1406759780, win 0",
        ),
        (0xc2, b"", "Flags [SEW], seq 522224616, win 1024, length 0  ->  Flags [R.], seq 0, ack 522224617, win 0"),
        (0x14, b"", "Flags [R.], seq 522224616, ack 1406759780, win 1024, length 0  ->  silence: a reset itself"),
    ];
    for (flags, data, expected) in cases {
        let packet = segment(*flags, data);
        assert_eq!(line(&packet, packet.len()), format!("IP 10.0.0.1.36050 > 10.0.0.2.80: {expected}"));
    }
}

#[test]
fn tells_of_odd_packets_and_the_reasons_for_silence() {
    let changed = |at: usize, to: u8, is_repaired: bool| {
        let mut packet = syn();
        packet[at] = to;
        if is_repaired {
            repair(&mut packet);
        }
        packet
    };
    let syn_alone = "IP 10.0.0.1.36050 > 10.0.0.2.80: Flags [S], seq 522224616, win 1024";
    let cases = [
        (changed(36, 0xa5, false), format!("{syn_alone}, length 0  ->  silence: wrong TCP checksum")),
        (changed(10, 0xa5, false), format!("{syn_alone}, length 0  ->  silence: wrong IPv4 header checksum")),
        (
            changed(32, 0xf0, true),
            format!("{syn_alone}, bad header length 60  ->  Flags [R.], seq 0, ack 522224577, win 0"),
        ),
        (changed(9, 17, true), "IP 10.0.0.1 > 10.0.0.2: UDP, length 20  ->  silence: not TCP".to_owned()),
        (
            changed(7, 1, true),
            "IP 10.0.0.1 > 10.0.0.2: TCP fragment, length 20  ->  silence: not a first fragment".to_owned(),
        ),
        // The first of several fragments, whole by its checksum.
        (changed(6, 0x20, true), SYN_LINE.to_owned()),
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
    let cut = "IP 10.0.0.1.36050 > 10.0.0.2.80: Flags [S], seq 522224616:522226076, win 1024, length 1460  ->  \
               Flags [R.], seq 0, ack 522226077, win 0";
    for captured in [40, 41, 1499] {
        assert_eq!(line(&packet, captured), format!("{cut}  (cut: TCP checksum trusted)"));
    }
    assert_eq!(line(&packet, 1500), cut);
    assert_eq!(line(&packet, 39), "IP 10.0.0.1 > 10.0.0.2: TCP, length 1480  ->  silence: truncated packet");
}

#[test]
fn answers_wrong_checksums_if_asked_to() {
    let mut packet = syn();
    packet[36] ^= 1;
    let capture = Scratch::new("checksum.pcap", &Pcap::new(101).frame(&packet).bytes);
    let hint = "wrong TCP checksums are usual";
    assert!(Run::of(resets().arg(&capture.0)).stdout.contains(hint));
    for option in ["-K", "--dont-verify-checksums"] {
        let run = Run::of(resets().arg(&capture.0).arg(option));
        assert_eq!((run.lines(), run.stdout.contains(hint)), (vec![SYN_LINE], false));
    }
}
