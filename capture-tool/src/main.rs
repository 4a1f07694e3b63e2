//! Prints the packets of a capture, each with the TCP reset that answers it or the reason why none does.
//!
//! `cargo run --release -p tcp-reset-capture` reads a real capture that is built in (captures/README.md tells how it was
//! recorded); `… -- IN.pcap -w OUT.pcap` reads another, and writes the resets.

mod arguments;
mod capture;
mod comparison;
mod interfaces;
mod lines;
mod link;
mod packet;
mod recent;
mod resets_file;
mod source;
mod summary;

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use tcp_reset::{Checksum, Config, NoReset, Reset};

use crate::arguments::{Arguments, Command};
use crate::capture::Capture;
use crate::comparison::{Comparison, Verdict};
use crate::interfaces::Frame;
use crate::lines::Lines;
use crate::packet::{Answer, Packet};
use crate::resets_file::ResetsFile;
use crate::summary::{Silence, Summary};

/// Recorded by captures/record.sh.
const BUNDLED: &[u8] = include_bytes!("../../captures/resets.pcap");
/// Files of so many bytes are read before anybody looks for a progress bar.
const SHORT: u64 = 1 << 20;

fn main() -> ExitCode {
    let (result, failure) = match arguments::parse() {
        Ok(Command::Run(arguments)) => (run(&arguments), ExitCode::FAILURE),
        Ok(Command::Help) => (print_help(), ExitCode::FAILURE),
        Err(error) => (Err(format!("{error} (see --help)")), ExitCode::from(2)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Where even that cannot be written, the exit code says it.
            let _ = writeln!(io::stderr(), "resets: {message}");
            failure
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let start = Instant::now();
    let (name, source, progress) = open(arguments.input.as_deref())?;
    let mut capture = Capture::new(name, progress.wrap_read(source))?;
    let output = arguments.output.as_deref().map(|path| ResetsFile::create(path, arguments.input.as_deref()));
    let mut answers = Answers {
        trust_checksums: arguments.trust_checksums,
        comparison: Comparison::new(arguments.trust_checksums),
        summary: Summary::default(),
        lines: Lines::new(progress),
        output: output.transpose()?,
    };
    let read = capture.for_each(|frame| answers.add_frame(&frame));
    // Whatever went wrong, what was read until then is printed and written.
    answers.summary.time = start.elapsed();
    read.and(answers.finish())
}

/// What to call the capture, and its bytes.
fn open(input: Option<&Path>) -> Result<(String, Box<dyn Read + Send>, ProgressBar), String> {
    let Some(path) = input else {
        return Ok(("the bundled capture".to_owned(), Box::new(BUNDLED), ProgressBar::hidden()));
    };
    let name = path.display().to_string();
    if name == "-" {
        return Ok(("standard input".to_owned(), Box::new(io::stdin()), ProgressBar::hidden()));
    }
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    // It hides itself unless standard error is a terminal.
    let progress = if length < SHORT { ProgressBar::hidden() } else { ProgressBar::new(length) };
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left");
    Ok((name, Box::new(file), progress.with_style(style.map_err(|error| error.to_string())?)))
}

/// Makes the answers, and all that becomes of them.
struct Answers {
    trust_checksums: bool,
    comparison: Comparison,
    summary: Summary,
    lines: Lines,
    output: Option<ResetsFile>,
}

impl Answers {
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
        // The checksum of a packet that was cut cannot be verified: not all of it is there.
        let is_trusted = frame.is_cut || self.trust_checksums;
        let config = Config::new().tcp_checksum(if is_trusted { Checksum::Trust } else { Checksum::Verify });
        let answer = Reset::in_reply_to(packet, &config);

        let offender = Packet::new(packet, answer);
        let verdict = match (&offender, answer) {
            (Packet::Tcp(segment), Err(NoReset::Rst)) => self.comparison.reset(packet, segment),
            (Packet::Tcp(segment), _) if !segment.is_reset() => {
                self.comparison.offender(packet, segment, answer, config);
                None
            }
            _ => None,
        };
        self.summary.count(answer.map_err(Silence::Packet), verdict);
        match answer {
            Ok(reset) => {
                let note = if frame.is_cut { "  (cut: TCP checksum trusted)" } else { "" };
                self.lines.push(format_args!("{offender}  ->  {}{note}", Answer(reset.tcp())))?;
                self.write(frame.time, reset)
            }
            Err(reason) => {
                let note = verdict.map_or("", Verdict::describe);
                self.lines.push(format_args!("{offender}  ->  silence: {reason}{note}"))
            }
        }
    }

    fn write(&mut self, time: u64, reset: Reset) -> Result<(), String> {
        let mut buffer = [0; tcp_reset::MAX_LEN];
        match (&mut self.output, reset.emit(&mut buffer)) {
            (Some(output), Some(packet)) => output.push(time, packet),
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> Result<(), String> {
        let summary = self.summary;
        let printed = self.lines.push(format_args!("\n{summary}")).and_then(|()| self.lines.finish());
        let written = self.output.map_or(Ok(()), ResetsFile::finish);
        printed.and(written)
    }
}

fn print_help() -> Result<(), String> {
    match io::stdout().write_all(arguments::HELP.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}
