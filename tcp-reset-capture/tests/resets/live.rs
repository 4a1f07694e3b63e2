//! A capture that is still being made: standard input is a pipe into which tcpdump writes packet after packet.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::captures::{Order, Pcap, Pcapng, raw};
use crate::packets::{SYN_LINE, syn};
use crate::program::{Run, Scratch, resets};

fn start() -> (Child, ChildStdin, BufReader<ChildStdout>) {
    let mut child = resets().arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, BufReader::new(stdout))
}

fn expect_packet(number: usize, stdout: &mut BufReader<ChildStdout>) {
    let (packet, answer) = SYN_LINE.split_once("  ->  ").unwrap();
    let mut lines = String::new();
    stdout.read_line(&mut lines).unwrap();
    stdout.read_line(&mut lines).unwrap();
    assert_eq!(lines, format!("{number} 0.000000 {packet}\n      -> {answer}\n"));
}

#[test]
fn each_packet_is_printed_as_it_comes() {
    let pcap = Pcap::new(101).bytes;
    let record = raw([&syn()])[pcap.len()..].to_vec();
    let pcapng = Pcapng::new(Order::Little).interface(101, 0, &[]).bytes;
    let block = Pcapng::new(Order::Little).interface(101, 0, &[]).enhanced(0, 0, &syn()).bytes[pcapng.len()..].to_vec();
    for (header, packet) in [(pcap, record), (pcapng, block)] {
        let (mut child, mut stdin, mut stdout) = start();
        stdin.write_all(&header).unwrap();
        for number in 1..=3 {
            stdin.write_all(&packet).unwrap();
            expect_packet(number, &mut stdout);
        }
        drop(stdin);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert!(rest.starts_with("\npackets: 3\n"), "{rest}");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn ctrl_c_prints_the_summary() {
    for signal in ["-INT", "-TERM"] {
        let (mut child, mut stdin, mut stdout) = start();
        // One packet and a half.
        let capture = raw([&syn(), &syn()]);
        stdin.write_all(&capture[..capture.len() - 20]).unwrap();
        expect_packet(1, &mut stdout);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert!(rest.starts_with("\npackets: 1\nresets: 1 (RST 0, RST/ACK 1)\n"), "{rest}");
        assert_eq!(child.wait().unwrap().code(), Some(0));
        drop(stdin);
    }
}

#[test]
fn resets_are_written_to_standard_output() {
    let input = Scratch::new("to-stdout.pcap", &raw([&syn(), &syn()]));
    let output = resets().arg(&input.0).args(["-w", "-"]).output().unwrap();
    let file = Scratch::new("written.pcap", b"");
    let run = Run::of(resets().arg(&input.0).arg("-w").arg(&file.0));
    assert_eq!((run.code, output.status.code()), (0, Some(0)));
    assert_eq!(output.stdout, file.contents());
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("packets: 2\nresets: 2 "));
}
