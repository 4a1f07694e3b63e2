//! What goes wrong is one line on standard error, and what went right before is not lost.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::captures::{Order, Pcap, Pcapng, records};
use crate::packets::{SYN_LINE, syn};
use crate::program::{Run, Scratch, read, resets};

#[test]
fn a_file_is_missing() {
    let run = Run::of(resets().arg("no/such/file.pcap"));
    assert!(run.stderr.starts_with("resets: no/such/file.pcap: "), "{}", run.stderr);
    assert_ne!(run.error(), "");
    assert_eq!(run.stdout, "");
}

#[test]
fn a_file_is_a_directory() {
    let run = Run::of(resets().arg(env::temp_dir()));
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.lines().count()), (1, "", 1));
}

#[test]
fn a_file_is_no_capture() {
    let header = Pcap::new(1).bytes;
    let section = Pcapng::new(Order::Little).bytes;
    for bytes in [b"", &b"Not a capture, but long enough to be one."[..], &header[..23], &section[..27]] {
        let run = read(bytes);
        assert_eq!((run.error(), run.stdout.as_str()), ("not a pcap or pcapng capture", ""));
    }
}

/// Cut anywhere, a capture gives what is whole, and an error unless the cut is between two records.
#[test]
fn a_record_is_truncated() {
    let pcap = Pcap::new(101).frame(&syn()).bytes;
    let pcapng = Pcapng::new(Order::Big).interface(101, 0, &[]).enhanced(0, 0, &syn()).bytes;
    for (first, length) in [(pcap, 16 + 40), (pcapng, 32 + 40)] {
        let begin = first.len();
        let record = &first[begin - length..];
        for cut in 0..=length {
            let output = Scratch::new("truncated-out.pcap", b"");
            let input = Scratch::new("truncated.pcap", &[&first[..], &record[..cut]].concat());
            let run = Run::of(resets().arg(&input.0).arg("-w").arg(&output.0));
            let count = if cut == length { 2 } else { 1 };
            assert_eq!(run.lines(), vec![SYN_LINE; count]);
            assert_eq!(run.summary("packets"), count.to_string());
            assert_eq!(records(&output.contents()).len(), count);
            if cut == 0 || cut == length {
                assert_eq!((run.code, run.stderr.as_str()), (0, ""));
            } else {
                assert_eq!(run.error(), format!("truncated or damaged record at byte {begin}"));
            }
        }
    }
}

#[test]
fn a_record_is_longer_than_any_packet() {
    for length in [1 << 30, u32::MAX] {
        let run = read(&Pcap::new(101).frame(&syn()).record([0, 0, length, length], b"").bytes);
        assert_eq!(run.error(), "truncated or damaged record at byte 80");
        assert_eq!(run.lines(), [SYN_LINE]);
    }
}

#[test]
fn the_output_is_the_input() {
    let capture = Pcap::new(101).frame(&syn()).bytes;
    let file = Scratch::new("in-and-out.pcap", &capture);
    assert_eq!(Run::of(resets().arg(&file.0).arg("-w").arg(&file.0)).error(), "is the capture that is read");
    assert_eq!(file.contents(), capture);
}

#[test]
fn the_output_cannot_be_made() {
    let run = Run::of(resets().args(["-w", "no/such/directory/out.pcap"]));
    assert!(run.stderr.starts_with("resets: no/such/directory/out.pcap: "), "{}", run.stderr);
    assert_ne!(run.error(), "");
}

#[test]
fn nothing_is_overwritten_for_a_file_that_is_no_capture() {
    let [input, output] = [Scratch::new("none.pcap", b"no capture"), Scratch::new("kept.pcap", b"precious")];
    let run = Run::of(resets().arg(&input.0).arg("-w").arg(&output.0));
    assert_eq!(run.error(), "not a pcap or pcapng capture");
    assert_eq!(output.contents(), b"precious");
}

#[test]
fn an_argument_is_wrong() {
    for arguments in [&["--no-such-option"][..], &["-w"], &["one.pcap", "two.pcap"]] {
        let run = Run::of(resets().args(arguments));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.lines().count()), (2, "", 1), "{arguments:?}");
        assert!(run.stderr.ends_with(" (see --help)\n"), "{}", run.stderr);
    }
    for argument in ["-h", "--help"] {
        let run = Run::of(resets().arg(argument));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(run.stdout.contains("Usage: resets [OPTIONS] [IN.pcap]\n"), "{}", run.stdout);
    }
}

/// A capture whose lines are more than any pipe holds.
const LONG: usize = 20_000;

fn long_capture() -> Scratch {
    let capture = (0..LONG).fold(Pcap::new(101), |capture, _| capture.frame(&syn()));
    Scratch::new("long.pcap", &capture.bytes)
}

/// Runs the program, reads one line, and closes the pipe.
fn read_one_line(command: &mut Command) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), SYN_LINE);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
}

#[test]
fn a_broken_pipe_ends_it_quietly() {
    let input = long_capture();
    read_one_line(resets().arg(&input.0));
}

#[test]
fn a_broken_pipe_does_not_keep_the_resets_from_being_written() {
    let [input, output] = [long_capture(), Scratch::new("long-out.pcap", b"")];
    read_one_line(resets().arg(&input.0).arg("-w").arg(&output.0));
    assert_eq!(records(&output.contents()).len(), LONG);
}
