//! The formats of captures.

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::captures::{Order, Pcap, Pcapng, raw, records};
use crate::packets::{SYN_LINE, ethernet, segment, syn};
use crate::program::{read, read_and_write, resets};

/// The times of the resets written for a capture of SYNs: seconds and nanoseconds.
fn times(capture: &[u8]) -> Vec<[u32; 2]> {
    let (run, output) = read_and_write(capture);
    assert!(run.good_lines().iter().all(|line| *line == SYN_LINE), "{}", run.stdout);
    records(&output).into_iter().map(|(time, _)| time).collect()
}

#[test]
fn pcap_has_either_byte_order_and_resolution() {
    for order in [Order::Big, Order::Little] {
        for (magic, fraction, nanoseconds) in
            [(0xa1b2_c3d4, 123_456, 123_456_000), (0xa1b2_3c4d, 123_456_789, 123_456_789)]
        {
            let capture = Pcap::with(order, magic, 101).record([1_700_000_000, fraction, 40, 40], &syn());
            assert_eq!(times(&capture.bytes), [[1_700_000_000, nanoseconds]]);
        }
    }
}

#[test]
fn pcapng_has_either_byte_order_and_several_interfaces() {
    for order in [Order::Big, Order::Little] {
        let cooked = [b"\x08\x00..................", &syn()[..]].concat();
        let half_a_second = 1 << 19;
        let capture = Pcapng::new(order)
            .interface(1, 0, &[])
            .interface(101, 0, &[(9, &[9])])
            // Units of 2^-20 seconds (the upper bit stands for the base 2), and an offset.
            .interface(276, 0, &[(9, &[0x94]), (14, &order.fields([1_000_000_000_u64.to_be_bytes()]))])
            .enhanced(0, 1_700_000_000_123_456, &ethernet(&syn()))
            .enhanced(1, 1_700_000_000_123_456_789, &syn())
            .enhanced(2, (700_000_000 << 20) + half_a_second, &cooked)
            .simple(54, &ethernet(&syn()));
        let expected =
            [[1_700_000_000, 123_456_000], [1_700_000_000, 123_456_789], [1_700_000_000, 500_000_000], [0, 0]];
        assert_eq!(times(&capture.bytes), expected);
    }
}

#[test]
fn a_section_of_pcapng_has_its_own_interfaces() {
    let first = Pcapng::new(Order::Little).interface(1, 0, &[]).enhanced(0, 0, &ethernet(&syn()));
    let second = Pcapng::new(Order::Big).interface(101, 0, &[]).enhanced(0, 0, &syn());
    assert_eq!(read(&[first.bytes, second.bytes].concat()).good_lines(), [SYN_LINE; 2]);
}

#[test]
fn pcapng_is_read_past_what_is_unknown() {
    let capture = Pcapng::new(Order::Little)
        .interface(249, 0, &[(2, b"usb")])
        .interface(101, 0, &[])
        .enhanced(0, 0, b"urb")
        .block(0x0bad_beef, b"what?")
        .enhanced(7, 0, &syn())
        .block(2, &[0; 20])
        .enhanced(1, 0, &syn());
    let run = read(&capture.bytes);
    assert_eq!(run.lines(), [SYN_LINE]);
    let left_out = "interface without description, obsolete Packet Block, unknown link type 249 (USB) ";
    assert!(run.error().starts_with(&format!("packets left out: {left_out}")), "{}", run.stderr);
}

#[test]
fn a_simple_packet_ends_at_the_snap_length() {
    // 54 bytes of 60, padded to 56; of TCP, the header alone.
    let packet = ethernet(&segment(0x02, b"cut it"));
    let capture = Pcapng::new(Order::Little).interface(1, 54, &[]).simple(60, &packet[..54]);
    let line = "192.0.2.1.36050 > 198.51.100.2.80: Flags [S], seq 522224616:522224622, win 1024, length 6  ->  \
                reset: Flags [R.], seq 0, ack 522224623, win 0, length 0  (cut: TCP checksum trusted)";
    assert_eq!(read(&capture.bytes).lines(), [line]);
}

#[test]
fn standard_input_is_a_capture_as_well() {
    let capture = raw([&syn()]);
    let mut child = resets().arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // In two parts, the first shorter than a header, with time to read it alone.
    let (first, second) = capture.split_at(7);
    stdin.write_all(first).unwrap();
    thread::sleep(Duration::from_millis(300));
    stdin.write_all(second).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let (syn, _) = SYN_LINE.split_once("  ->  ").unwrap();
    assert!(output.stdout.starts_with(format!("1 0.000000 {syn}\n").as_bytes()));
}
