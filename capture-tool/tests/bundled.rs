//! The bundled capture, in which a Linux kernel has answered.

use std::collections::HashMap;
use std::env;

use tcp_reset::Profile;

use crate::captures::records;
use crate::packets::{reply, tcp_header};
use crate::program::{Run, Scratch, resets};

const BUNDLED: &[u8] = include_bytes!("../../captures/resets.pcap");

fn ip_packets() -> impl Iterator<Item = &'static [u8]> {
    let frames = records(BUNDLED).into_iter().map(|(_, frame)| frame);
    frames.filter(|frame| matches!(frame[12..14], [0x08, 0x00] | [0x86, 0xdd])).map(|frame| &frame[14..])
}

#[test]
fn is_answered_as_it_answers_itself_from_any_directory() {
    let run = Run::of(resets().current_dir(env::temp_dir()));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let [rst, rst_ack, silences] = run.counts();
    assert_eq!(run.lines().len(), rst + rst_ack + silences);
    assert_eq!(run.summary("packets"), (rst + rst_ack + silences).to_string());
    assert!(rst > 50 && rst_ack > 50 && silences > 50, "{}", run.stdout);

    // All resets of the capture but the two by which the prober gives a connection up.
    let own = run.lines().iter().filter(|line| line.contains("silence: a reset itself")).count() - 2;
    let same = run.summary("same as the capture's own reset");
    assert!(same.starts_with(&format!("{own} of {own} (in the netfilter profile ")), "{same}");
    assert!(same.contains(", in the TCP-stack profile alone "), "{same}");
}

#[test]
fn is_what_is_read_without_an_argument() {
    let path = Scratch::new("bundled.pcap", BUNDLED);
    assert_eq!(Run::of(resets().arg(&path.0)).lines(), Run::of(&mut resets()).lines());
}

/// The crate against the recorded kernel, without the program between them: the resets of ports where REJECT stands
/// are the netfilter profile's, those of ports where nobody listens the TCP-stack profile's, byte for byte.
#[test]
fn holds_the_resets_that_the_crate_makes() {
    let mut sent: HashMap<_, Vec<&[u8]>> = HashMap::new();
    let (mut netfilter, mut tcp_stack, mut told_apart, mut aborts) = (0, 0, 0, 0);
    for packet in ip_packets() {
        let Some(([source, destination], tcp)) = tcp_header(packet) else { continue };
        let (from, to) = ((source, tcp.source_port()), (destination, tcp.destination_port()));
        if !tcp.rst() {
            sent.entry((from, to)).or_default().push(packet);
            continue;
        }
        let profile = match tcp.source_port() {
            82 | 8082 => Profile::Netfilter,
            // Somebody listens, and is cut off by a rule.
            80 if sent.contains_key(&(from, to)) => Profile::Netfilter,
            // The prober gives its connection up: no answer acknowledges and has a sequence number.
            _ if tcp.ack() && tcp.sequence_number() != 0 => {
                aborts += 1;
                continue;
            }
            // Among them the prober's resets for a SYN/ACK that it, having probed past its TCP stack, did not expect.
            _ => Profile::TcpStack,
        };
        let offender = sent[&(to, from)].last().unwrap();
        assert_eq!(reply(offender, profile), packet, "{from:?} > {to:?}");
        match profile {
            Profile::Netfilter => netfilter += 1,
            Profile::TcpStack => tcp_stack += 1,
        }
        told_apart += i32::from(reply(offender, Profile::Netfilter) != reply(offender, Profile::TcpStack));
    }
    assert!(netfilter >= 50 && tcp_stack >= 50 && told_apart >= 40, "{netfilter} {tcp_stack} {told_apart}");
    assert_eq!(aborts, 2);
}

/// A checksum that computes to zero is written in one way by each profile over each version of IP.
#[test]
fn holds_zero_checksums_of_all_kinds() {
    let mut zeros: Vec<_> = ip_packets()
        .filter_map(|packet| {
            let ([source, _], tcp) = tcp_header(packet)?;
            let is_zero = tcp.rst() && matches!(tcp.checksum(), 0 | 0xffff);
            is_zero.then(|| (source.is_ipv4(), tcp.source_port(), tcp.checksum()))
        })
        .collect();
    zeros.sort_unstable();
    assert_eq!(zeros, [(false, 81, 0xffff), (false, 82, 0), (true, 81, 0), (true, 82, 0xffff)]);
}

#[test]
fn becomes_a_capture_of_resets() {
    let out = Scratch::new("bundled-out.pcap", b"overwritten");
    let run = Run::of(resets().arg("-w").arg(&out.0));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));

    let written = out.contents();
    // Nanoseconds, version 2.4, snap length 65535, LINKTYPE_RAW.
    assert_eq!(&written[..8], b"\x4d\x3c\xb2\xa1\x02\x00\x04\x00");
    assert_eq!(&written[8..24], b"\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x65\x00\x00\x00");
    let expected: Vec<_> = ip_packets()
        .filter_map(|packet| {
            let mut buffer = [0xa5; tcp_reset::MAX_LEN];
            tcp_reset::reset(packet, &mut buffer).map(|reset| reset.to_vec()).ok()
        })
        .collect();
    let packets: Vec<_> = records(&written).into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(packets, expected);

    // The reset of a reset is silence.
    let count = expected.len();
    let again = Run::of(resets().arg(&out.0));
    assert_eq!(again.summary("silences"), format!("{count} (a reset itself {count})"));
}
