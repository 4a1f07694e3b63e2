//! Prints the packets of a capture, each with the TCP reset that answers it or the reason why none is sent.
//!
//! `cargo run --release -p tcp-reset-capture` reads a real capture that is built in (testdata/captures/README.md says how it was
//! recorded); `… -- IN.pcap -w OUT.pcap` reads another one and writes the resets.

mod arguments;
mod capture;
mod comparison;
mod difference;
mod interfaces;
mod lines;
mod link;
mod packet;
mod progress;
mod resets_file;
mod summary;

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use tcp_reset::{Checksum, Config, NoReset};

use crate::arguments::{Arguments, Command};
use crate::capture::Capture;
use crate::comparison::Comparison;
use crate::interfaces::Frame;
use crate::lines::Lines;
use crate::packet::Packet;
use crate::progress::Progress;
use crate::resets_file::ResetsFile;
use crate::summary::{Silence, Summary};

/// Recorded by testdata/captures/record.sh.
const BUNDLED: &[u8] = include_bytes!("../../testdata/captures/resets.pcap");
/// In a second.
const NANOSECONDS: u64 = 1_000_000_000;

fn main() -> ExitCode {
    let (result, failure) = match arguments::parse() {
        Ok(Command::Run(arguments)) => (run(&arguments), ExitCode::FAILURE),
        Ok(Command::Help) => (print_help(), ExitCode::FAILURE),
        Err(error) => (Err(format!("{error} (see --help)")), ExitCode::from(2)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // If this fails too, the exit code still shows the failure.
            let _ = writeln!(io::stderr(), "resets: {message}");
            failure
        }
    }
}

fn print_help() -> Result<(), String> {
    let mut lines = Lines::new();
    lines.push(arguments::HELP)?;
    lines.finish()
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let start = Instant::now();
    let (name, source) = open(arguments.input.as_deref())?;
    let mut capture = Capture::new(name, source)?;
    let output = arguments.output.as_deref().map(|path| ResetsFile::create(path, arguments.input.as_deref()));
    let checksum = if arguments.trust_checksums { Checksum::Trust } else { Checksum::Verify };
    let mut answers = Answers {
        config: Config::new().ipv4_checksum(checksum).tcp_checksum(checksum),
        comparison: Comparison::new(arguments.trust_checksums),
        summary: Summary::default(),
        lines: Lines::new(),
        output: output.transpose()?,
    };
    let read = capture.for_each(|frame| answers.add_frame(&frame));
    // After an error, everything before it is still printed and written.
    answers.summary.time = start.elapsed();
    read.and(answers.finish())
}

/// The name of the capture, and its bytes.
fn open(input: Option<&Path>) -> Result<(String, Box<dyn Read + Send>), String> {
    let Some(path) = input else { return Ok(("the bundled capture".to_owned(), Box::new(BUNDLED))) };
    let name = path.display().to_string();
    if name == "-" {
        return Ok(("standard input".to_owned(), Box::new(io::stdin())));
    }
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    Ok((name, Box::new(Progress::new(file))))
}

/// Makes the answers, compares, prints, counts and writes them.
struct Answers {
    config: Config,
    comparison: Comparison,
    summary: Summary,
    lines: Lines,
    output: Option<ResetsFile>,
}

impl Answers {
    /// Breaks off when nobody reads the lines and no file is written.
    fn add_frame(&mut self, frame: &Frame<'_>) -> Result<ControlFlow<()>, String> {
        match frame.link.ip_packet(frame.data) {
            Ok(packet) => self.add_packet(frame, packet)?,
            Err(not_ip) => {
                let silence = Silence::NotIp;
                self.summary.count(Err(silence), None);
                self.lines.push(format_args!("{not_ip}  ->  silence: {silence}"))?;
            }
        }
        let is_in_vain = self.lines.is_closed() && self.output.is_none();
        Ok(if is_in_vain { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn add_packet(&mut self, frame: &Frame<'_>, packet: &[u8]) -> Result<(), String> {
        // The TCP checksum covers all data, so that of a cut packet cannot be verified.
        let config = if frame.is_cut { self.config.tcp_checksum(Checksum::Trust) } else { self.config };
        let answer = frame.link.answer(frame.data, packet, &config);

        let offender = Packet::new(packet, answer);
        let outcome = match (&offender, answer) {
            (Packet::Tcp(segment), Err(NoReset::Rst)) => self.comparison.reset(packet, segment),
            (Packet::Tcp(segment), _) if !segment.is_reset() => {
                self.comparison.offender(packet, segment, answer, config);
                None
            }
            _ => None,
        };
        self.summary.count(answer.map_err(Silence::Packet), outcome);
        match answer {
            Ok(reset) => {
                let note = if frame.is_cut { "  (cut: TCP checksum trusted)" } else { "" };
                self.lines.push(format_args!("{offender}  ->  {}{note}", reset.tcp()))?;
                let Some(output) = &mut self.output else { return Ok(()) };
                output.push(frame.time, reset.as_bytes())
            }
            Err(reason) => {
                let note = outcome.map(|outcome| outcome.to_string()).unwrap_or_default();
                self.lines.push(format_args!("{offender}  ->  silence: {reason}{note}"))
            }
        }
    }

    fn finish(mut self) -> Result<(), String> {
        self.summary.unmatched = self.comparison.unmatched();
        let summary = self.summary;
        let printed = self.lines.push(format_args!("\n{summary}")).and_then(|()| self.lines.finish());
        let written = self.output.map_or(Ok(()), ResetsFile::finish);
        printed.and(written)
    }
}
