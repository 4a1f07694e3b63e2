//! The bundled capture, in which a Linux kernel has answered.

use std::collections::HashMap;
use std::env;

use tcp_reset::Profile;

use crate::captures::records;
use crate::packets::{reply_in, tcp_header};
use crate::program::{Run, read, read_and_write, resets};

const BUNDLED: &[u8] = include_bytes!("../../../testdata/captures/resets.pcap");

fn ip_packets() -> impl Iterator<Item = &'static [u8]> {
    let frames = records(BUNDLED).into_iter().map(|(_, frame)| frame);
    frames.filter(|frame| matches!(frame[12..14], [0x08, 0x00] | [0x86, 0xdd])).map(|frame| &frame[14..])
}

#[test]
fn is_read_without_an_argument_from_any_directory_and_explained() {
    let run = Run::of(resets().current_dir(env::temp_dir()));
    let lines = run.good_lines();
    assert_eq!(lines, read(BUNDLED).good_lines());

    let [resets, rst, rst_ack] = run.numbers("resets")[..] else { panic!("{}", run.stdout) };
    let [silences, ..] = run.numbers("silences")[..] else { panic!("{}", run.stdout) };
    assert!(resets == rst + rst_ack && rst > 50 && rst_ack > 50 && silences > 50, "{}", run.stdout);
    assert_eq!((lines.len(), run.numbers("packets")), (resets + silences, vec![resets + silences]));

    // Every reset of the capture is ours, except the two by which the prober aborts a connection.
    let own = lines.iter().filter(|line| line.contains("silence: a reset itself")).count() - 2;
    let count = |end| lines.iter().filter(|line| line.ends_with(end)).count();
    let (firewall, closed_port) =
        (count("; the same bytes as ours"), count("; the same bytes as ours for a closed port"));
    assert_eq!(run.summary("same as the capture's own reset"), format!("{own} of {own} (same bytes {own})"));
    assert!(firewall > 50 && closed_port > 20 && firewall + closed_port == own, "{firewall} {closed_port}");
    assert_eq!(run.numbers("not compared"), [resets - own, 2]);
}

/// README's sample is what the program prints, line for line.
#[test]
fn is_the_sample_of_readme() {
    const README: &str = include_str!("../../../README.md");
    let (_, sample) = README.split_once("```text\n").unwrap();
    let (sample, _) = sample.split_once("```").unwrap();
    let printed = read(BUNDLED).stdout;
    let mut printed = printed.lines();
    for line in sample.lines().filter(|line| *line != "…") {
        assert!(printed.any(|printed| printed == line), "{line}");
    }
    assert!(sample.contains("-> reset: Flags [R.]") && sample.contains("the same bytes as ours"));
}

/// The crate beside the recorded kernel, without the program: the resets of ports with a REJECT rule are the netfilter
/// profile's, those of ports without a listener the TCP-stack profile's, byte for byte.
#[test]
fn holds_the_resets_that_the_crate_makes() {
    let mut sent: HashMap<_, &[u8]> = HashMap::new();
    let (mut netfilter, mut tcp_stack, mut told_apart, mut aborts) = (0, 0, 0, 0);
    for packet in ip_packets() {
        let Some(([source, destination], tcp)) = tcp_header(packet) else { continue };
        let (from, to) = ((source, tcp.source_port()), (destination, tcp.destination_port()));
        if !tcp.rst() {
            sent.insert((from, to), packet);
            continue;
        }
        let (profile, count) = match tcp.source_port() {
            82 | 8082 => (Profile::Netfilter, &mut netfilter),
            // The port has a listener; a rule inserted later resets the connection.
            80 if sent.contains_key(&(from, to)) => (Profile::Netfilter, &mut netfilter),
            // The prober aborts its connection: no answer has both ACK and a sequence number.
            _ if tcp.ack() && tcp.sequence_number() != 0 => {
                aborts += 1;
                continue;
            }
            // Also the prober's own TCP stack, which answers the SYN/ACK to a SYN that it has not sent.
            _ => (Profile::TcpStack, &mut tcp_stack),
        };
        *count += 1;
        let resets =
            [profile, Profile::Netfilter, Profile::TcpStack].map(|profile| reply_in(profile, sent[&(to, from)]));
        assert_eq!(resets[0], packet, "{from:?} > {to:?}");
        told_apart += i32::from(resets[1] != resets[2]);
    }
    assert!(netfilter >= 50 && tcp_stack >= 50 && told_apart >= 40, "{netfilter} {tcp_stack} {told_apart}");
    assert_eq!(aborts, 2);
}

/// Each profile writes a checksum of zero in its own way, over each version of IP.
#[test]
fn holds_zero_checksums_of_all_kinds() {
    let zero = |packet| {
        let ([source, _], tcp) = tcp_header(packet)?;
        let is_zero = tcp.rst() && matches!(tcp.checksum(), 0 | 0xffff);
        is_zero.then(|| (source.is_ipv4(), tcp.source_port(), tcp.checksum()))
    };
    let mut zeros: Vec<_> = ip_packets().filter_map(zero).collect();
    zeros.sort_unstable();
    assert_eq!(zeros, [(false, 81, 0xffff), (false, 82, 0), (true, 81, 0), (true, 82, 0xffff)]);
}

#[test]
fn becomes_a_capture_of_resets() {
    let (run, written) = read_and_write(BUNDLED);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    // Nanoseconds, version 2.4, snap length 65535, LINKTYPE_RAW.
    assert_eq!(&written[..8], b"\x4d\x3c\xb2\xa1\x02\x00\x04\x00");
    assert_eq!(&written[8..24], b"\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x65\x00\x00\x00");
    let mut buffer = [0xa5; tcp_reset::MAX_LEN];
    let expected: Vec<_> =
        ip_packets().filter_map(|packet| Some(tcp_reset::reset(packet, &mut buffer).ok()?.to_vec())).collect();
    let packets: Vec<_> = records(&written).into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(packets, expected);

    // No reset answers a reset.
    let count = expected.len();
    assert_eq!(read(&written).summary("silences"), format!("{count} (a reset itself {count})"));
}
