//! Prints the packets of a capture, each with the TCP reset that answers it or the reason why none is sent.
//!
//! `cargo run --release -p tcp-reset-capture` reads a real capture that is built in (testdata/captures/README.md says how it was
//! recorded); `… -- IN.pcap -w OUT.pcap` reads another one and writes the resets.

mod answer;
mod arguments;
mod capture;
mod comparison;
mod entry;
mod interfaces;
mod lines;
mod link;
mod packet;
mod progress;
mod resets_file;
mod summary;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{process, thread};

use indicatif::ProgressBar;
use serde::Serialize;
use tcp_reset::{Checksum, Config, NoReset};

use crate::answer::{Answer, Notes};
use crate::arguments::{Arguments, Command, Filter, Shown};
use crate::capture::{Capture, Event};
use crate::comparison::{Comparison, Outcome};
use crate::entry::{Entry, Fields};
use crate::lines::Lines;
use crate::link::{Found, Frame};
use crate::packet::Packet;
use crate::resets_file::ResetsFile;
use crate::summary::{Silence, Summary};

/// Recorded by testdata/captures/record.sh.
const BUNDLED: &[u8] = include_bytes!("../../testdata/captures/resets.pcap");
/// In a second.
const NANOSECONDS: u64 = 1_000_000_000;
/// Ctrl-C also ends the program that writes into the pipe, usually tcpdump. So long is waited for the last that it writes.
const LAST_PACKETS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let (result, failure) = match arguments::parse() {
        Ok(Command::Run(arguments)) => (run(&arguments), ExitCode::FAILURE),
        Ok(Command::Print(text)) => (print(text), ExitCode::FAILURE),
        Err(error) => (Err(format!("{error} (see --help)")), ExitCode::from(2)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            print_error(&message);
            failure
        }
    }
}

fn print_error(message: &str) {
    // If this fails too, the exit code still shows the failure.
    let _ = writeln!(io::stderr(), "{}: {message}", env!("CARGO_PKG_NAME"));
}

fn print(text: &str) -> Result<(), String> {
    let mut lines = Lines::stdout();
    lines.push(text)?;
    lines.flush()
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let start = Instant::now();
    let (name, source, bar) = open(arguments)?;
    let mut capture = Capture::new(name, source)?;
    let output = arguments.output.as_deref().map(|path| ResetsFile::create(path, arguments.input.as_deref()));
    let checksum = if arguments.trust_checksums { Checksum::Trust } else { Checksum::Verify };
    let to_stdout = arguments.writes_to_stdout();
    let answers = Answers {
        start,
        first_time: None,
        config: Config::new().ipv4_checksum(checksum).tcp_checksum(checksum),
        comparison: Comparison::new(arguments.trust_checksums),
        summary: Summary::default(),
        filter: arguments.filter,
        shown: if to_stdout { Shown::Nothing } else { arguments.shown },
        json: arguments.json,
        lines: if to_stdout { Lines::stderr() } else { Lines::stdout() },
        output: output.transpose()?,
        is_finished: false,
    };
    let shared = Arc::new(Mutex::new(answers));
    finish_on_ctrl_c(Arc::clone(&shared), bar.clone())?;

    // Locked except while more is read: then nobody is in the middle of a line.
    let mut locked = None;
    let read = capture.for_each(|event| match event {
        Event::Frame(number, frame) => locked.get_or_insert_with(|| lock(&shared)).add_frame(number, &frame),
        Event::Reading => {
            if let Some(mut answers) = locked.take() {
                answers.flush()?;
            }
            Ok(ControlFlow::Continue(()))
        }
    });
    let mut answers = locked.unwrap_or_else(|| lock(&shared));
    bar.finish_and_clear();
    // After an error, everything before it is still printed and written.
    read.and(answers.finish())
}

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// On Ctrl-C, and on SIGTERM and SIGHUP, prints the summary of what was read and ends the program.
fn finish_on_ctrl_c(answers: Arc<Mutex<Answers>>, bar: ProgressBar) -> Result<(), String> {
    let finish = move || {
        thread::sleep(LAST_PACKETS);
        let finished = lock(&answers).finish();
        bar.finish_and_clear();
        process::exit(match finished {
            Ok(()) => 0,
            Err(message) => {
                print_error(&message);
                1
            }
        });
    };
    ctrlc::set_handler(finish).map_err(|error| format!("no handler for Ctrl-C: {error}"))
}

/// The name of the capture, its bytes, and the bar that shows how many have been read.
fn open(arguments: &Arguments) -> Result<(String, Box<dyn Read + Send>, ProgressBar), String> {
    let hidden = ProgressBar::hidden();
    let Some(path) = &arguments.input else {
        return Ok(("the bundled capture".to_owned(), Box::new(BUNDLED), hidden));
    };
    let name = path.display().to_string();
    if name == "-" {
        return Ok(("standard input".to_owned(), Box::new(io::stdin()), hidden));
    }
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let (source, bar) = progress::with_bar(file, arguments.shown != Shown::Nothing && !arguments.writes_to_stdout());
    Ok((name, source, bar))
}

/// Makes the answers, compares, prints, counts and writes them.
struct Answers {
    start: Instant,
    /// The time of the first packet.
    first_time: Option<u64>,
    config: Config,
    comparison: Comparison,
    summary: Summary,
    filter: Filter,
    shown: Shown,
    json: bool,
    lines: Lines,
    output: Option<ResetsFile>,
    is_finished: bool,
}

impl Answers {
    /// Breaks off when nobody reads the lines and no file is written.
    fn add_frame(&mut self, number: u64, frame: &Frame<'_>) -> Result<ControlFlow<()>, String> {
        self.first_time = self.first_time.or(frame.time);
        match frame.link.ip_packet(frame.data) {
            Ok(found) => self.add_packet(number, frame, found)?,
            Err(_) if self.filter.is_set() => {}
            Err(not_ip) => {
                let silence = Err(Silence::NotIp);
                self.summary.count(silence, false, None);
                if self.shows(false, None) {
                    let (time, first_time) = (frame.time, self.first_time);
                    let notes = Notes::default();
                    self.print(&Entry {
                        number,
                        time,
                        first_time,
                        packet: &not_ip,
                        answer: silence,
                        notes,
                        outcome: None,
                    })?;
                }
            }
        }
        let is_in_vain = self.lines.is_closed() && self.output.is_none();
        Ok(if is_in_vain { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn add_packet(&mut self, number: u64, frame: &Frame<'_>, found: Found<'_>) -> Result<(), String> {
        let Answer { result, config, notes } = Answer::new(frame, found, self.config);
        let (packet, _) = Packet::new(found.packet, result);
        if !self.filter.takes(&packet) {
            return Ok(());
        }
        let outcome = match (&packet, result) {
            (Packet::Tcp(segment), Err(NoReset::Rst)) => self.comparison.reset(found.packet, segment),
            (Packet::Tcp(segment), _) if !segment.is_reset() => {
                self.comparison.offender(found.packet, segment, result, config);
                None
            }
            _ => None,
        };
        let outcome = outcome.as_ref();
        let answer = result.as_ref().map_err(|reason| Silence::Packet(*reason));
        self.summary.count(answer, notes.is_partial, outcome);
        if self.shows(answer.is_ok(), outcome) {
            let (time, first_time) = (frame.time, self.first_time);
            self.print(&Entry { number, time, first_time, packet: &packet, answer, notes, outcome })?;
        }
        match (&mut self.output, answer) {
            (Some(output), Ok(reset)) => output.push(frame.time.unwrap_or(0), reset.as_bytes()),
            _ => Ok(()),
        }
    }

    /// Whether a packet is printed.
    fn shows(&self, is_answered: bool, outcome: Option<&Outcome>) -> bool {
        match self.shown {
            Shown::All => true,
            Shown::Resets => is_answered,
            Shown::Silences => !is_answered,
            Shown::Different => outcome.is_some_and(|outcome| !matches!(outcome, Outcome::Same(_))),
            Shown::Nothing => false,
        }
    }

    fn print<P: Display + Fields>(&mut self, entry: &Entry<'_, P>) -> Result<(), String> {
        if self.json { self.lines.push(json(entry)?) } else { self.lines.push(entry) }
    }

    /// Hands over everything so far, before more is read.
    fn flush(&mut self) -> Result<(), String> {
        self.output.as_mut().map_or(Ok(()), ResetsFile::flush)?;
        self.lines.flush()
    }

    /// Prints the summary; a second time, nothing.
    fn finish(&mut self) -> Result<(), String> {
        if self.is_finished {
            return Ok(());
        }
        self.is_finished = true;
        let summary = &mut self.summary;
        summary.unmatched = self.comparison.unmatched();
        summary.time = self.start.elapsed();
        let printed = if self.json {
            json(&LastLine { summary }).and_then(|line| self.lines.push(line))
        } else if self.shown == Shown::Nothing {
            self.lines.push(&*summary)
        } else {
            self.lines.push(format_args!("\n{summary}"))
        };
        let printed = printed.and_then(|()| self.lines.flush());
        let written = self.output.as_mut().map_or(Ok(()), ResetsFile::flush);
        printed.and(written)
    }
}

/// The last line of JSON.
#[derive(Serialize)]
struct LastLine<'a> {
    summary: &'a Summary,
}

fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| format!("JSON: {error}"))
}

impl Filter {
    fn is_set(&self) -> bool {
        self.host.is_some() || self.port.is_some()
    }

    fn takes(&self, packet: &Packet) -> bool {
        let (addresses, ports) = match packet {
            Packet::Tcp(segment) => {
                let ends = [segment.source, segment.destination];
                (Some(ends.map(|end| end.ip())), Some(ends.map(|end: SocketAddr| end.port())))
            }
            Packet::Other { source, destination, .. } => (Some([*source, *destination]), None),
            Packet::NoIp(_) => (None, None),
        };
        self.host.is_none_or(|host| addresses.is_some_and(|addresses| addresses.contains(&host)))
            && self.port.is_none_or(|port| ports.is_some_and(|ports| ports.contains(&port)))
    }
}
