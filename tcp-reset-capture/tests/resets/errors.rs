//! An error is one line on standard error, and everything before it is printed and written.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::captures::{Order, Pcap, Pcapng, raw, records};
use crate::packets::{SYN_LINE, syn};
use crate::program::{Run, Scratch, read, read_and_write, resets};

#[test]
fn a_file_cannot_be_opened() {
    let directory = env::temp_dir().display().to_string();
    let [file, nowhere] = ["no/such/file.pcap", "no/such/directory/out.pcap"];
    for (arguments, path) in [(&[file][..], file), (&[&directory], &directory), (&["-w", nowhere], nowhere)] {
        let run = Run::of(resets().args(arguments));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.lines().count()), (1, "", 1), "{}", run.stderr);
        let error = run.stderr.strip_prefix(&format!("tcp-reset-capture: {path}: ")).unwrap();
        assert!(error.contains("(os error "), "{error}");
    }
}

#[test]
fn a_file_is_no_capture_and_nothing_is_overwritten() {
    let (header, section) = (Pcap::new(1).bytes, Pcapng::new(Order::Little).bytes);
    let error = "not a pcap or pcapng capture";
    let cases: [(&[u8], _); _] = [
        (b"", "an empty file"),
        (b"Not a capture, but long enough to be one.", error),
        (&header[..23], error),
        (&section[..27], error),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip-compressed; decompress it first (gunzip -c FILE | tcp-reset-capture -)"),
        (b"\x28\xb5\x2f\xfd\x04\x68", "zstd-compressed; decompress it first (zstd -dc FILE | tcp-reset-capture -)"),
        (b"\xfd7zXZ\0\0\x04", "xz-compressed; decompress it first (xz -dc FILE | tcp-reset-capture -)"),
    ];
    for (bytes, error) in cases {
        let (run, output) = read_and_write(bytes);
        assert_eq!((run.error(), run.stdout.as_str(), &output[..]), (error, "", &b"overwritten"[..]));
    }
}

/// A capture cut anywhere gives its whole records, and an error unless the cut is between two records.
#[test]
fn a_record_is_truncated() {
    let pcap = Pcap::new(101).frame(&syn()).bytes;
    let pcapng = Pcapng::new(Order::Big).interface(101, 0, &[]).enhanced(0, 0, &syn()).bytes;
    for (first, length) in [(pcap, 16 + 40), (pcapng, 32 + 40)] {
        let begin = first.len();
        let record = &first[begin - length..];
        for cut in 0..=length {
            let (run, output) = read_and_write(&[&first[..], &record[..cut]].concat());
            let count = if cut == length { 2 } else { 1 };
            assert_eq!(run.lines(), vec![SYN_LINE; count]);
            assert_eq!(run.summary("packets"), count.to_string());
            assert_eq!(records(&output).len(), count);
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
    let capture = raw([&syn()]);
    let file = Scratch::new("in-and-out.pcap", &capture);
    assert_eq!(Run::of(resets().arg(&file.0).arg("--write").arg(&file.0)).error(), "is the capture that is read");
    assert_eq!(file.contents(), capture);
}

#[test]
fn an_argument_is_wrong() {
    for arguments in [
        &["--no-such-option"][..],
        &["-w"],
        &["one.pcap", "two.pcap"],
        &["--only", "some"],
        &["--host", "a"],
        &["--port", "65536"],
        &["--json", "-w", "-"],
    ] {
        let run = Run::of(resets().args(arguments));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.lines().count()), (2, "", 1), "{arguments:?}");
        assert!(run.stderr.ends_with(" (see --help)\n"), "{}", run.stderr);
    }
    for argument in ["-V", "--version"] {
        let run = Run::of(resets().arg(argument));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert_eq!(run.stdout, concat!("tcp-reset-capture ", env!("CARGO_PKG_VERSION"), "\n"));
    }
    for argument in ["-h", "--help"] {
        let run = Run::of(resets().arg(argument));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(run.stdout.contains("Usage: tcp-reset-capture [OPTIONS] [IN.pcap]\n"), "{}", run.stdout);
    }
}

/// The lines are more than a pipe holds. The program is read for one line, then the pipe is closed.
#[test]
fn a_broken_pipe_is_no_error_and_the_resets_are_still_written() {
    const LONG: usize = 20_000;
    let input = Scratch::new("long.pcap", &raw(&vec![syn(); LONG]));
    let output = Scratch::new("long-out.pcap", b"");
    for command in [resets().arg(&input.0), resets().arg(&input.0).arg("-w").arg(&output.0)] {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), format!("1 0.000000 {}", SYN_LINE.split_once("  ->  ").unwrap().0));
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    }
    assert_eq!(records(&output.contents()).len(), LONG);
}
