//! What the programs say: counters, errors by kind, and a line for each connection that is cut.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tcp_reset_linux::cut::Segment;

/// What is counted, in the order in which it is printed.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    Packets,
    Passed,
    Matched,
    Dropped,
    Connections,
    AtSource,
    AtDestination,
    NotAnswered,
    Unreadable,
    Missed,
    Limited,
    LinesLost,
}

const NAMES: [&str; 12] = [
    "packets",
    "passed",
    "matched",
    "dropped",
    "connections cut",
    "resets to sources",
    "resets to destinations",
    "without a reset for their addresses",
    "unreadable",
    "missed",
    "resets over the rate",
    "log lines lost",
];

/// Counters, and the log. All threads share it.
pub(crate) struct Report {
    program: &'static str,
    counters: [AtomicU64; NAMES.len()],
    /// By kind: what was done, and the error.
    errors: Mutex<BTreeMap<String, u64>>,
    /// To the thread that writes the lines: a terminal or a pipe that is not read must not stop the program.
    lines: SyncSender<Line>,
    is_json: bool,
}

/// A line for standard output, or for standard error.
struct Line {
    text: String,
    is_error: bool,
    /// Told when the line is written.
    written: Option<Sender<()>>,
}

impl Report {
    pub(crate) fn new(program: &'static str, is_json: bool) -> Self {
        let (lines, receiver) = sync_channel::<Line>(1024);
        thread::spawn(move || {
            for Line { text, is_error, written } in receiver {
                // Nobody may read it any more.
                let _ = if is_error { writeln!(io::stderr(), "{text}") } else { writeln!(io::stdout(), "{text}") };
                let _ = written.map(|written| written.send(()));
            }
        });
        Self { program, counters: Default::default(), errors: Mutex::default(), lines, is_json }
    }

    pub(crate) fn count(&self, count: Count) {
        self.add(count, 1);
    }

    pub(crate) fn add(&self, count: Count, number: u64) {
        self.counters[count as usize].fetch_add(number, Ordering::Relaxed);
    }

    /// How much has been counted.
    pub(crate) fn counted(&self, count: Count) -> u64 {
        self.counters[count as usize].load(Ordering::Relaxed)
    }

    /// Counts an error of one packet. The first one of each kind gets a line too.
    pub(crate) fn error(&self, doing: &str, error: &io::Error) {
        let kind = format!("cannot {doing}: {error}");
        let Ok(mut errors) = self.errors.lock() else { return };
        let count = errors.entry(kind.clone()).or_default();
        *count += 1;
        if *count == 1 {
            self.line(format!("{}: {kind}", self.program), true, None);
        }
    }

    /// Writes a line for a connection that is cut from now on, by a segment of it.
    pub(crate) fn cut(&self, segment: &Segment, why: &str, is_dry_run: bool) {
        let [source, destination] = [segment.source, segment.destination];
        let line = if self.is_json {
            let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            let end = |end: std::net::SocketAddr| json!({ "address": end.ip(), "port": end.port() });
            let [source, destination] = [source, destination].map(end);
            let cut = json!({ "time": time, "program": self.program, "event": if is_dry_run { "would cut" } else { "cut" },
                "source": source, "destination": destination, "why": why });
            cut.to_string()
        } else {
            let [source, destination] = [source, destination].map(|end| format!("{}.{}", end.ip(), end.port()));
            let verb = if is_dry_run { "would cut" } else { "cut" };
            format!("{}: {verb} {source} > {destination}: {why}", self.program)
        };
        self.line(line, false, None);
    }

    fn line(&self, text: String, is_error: bool, written: Option<Sender<()>>) {
        if self.lines.try_send(Line { text, is_error, written }).is_err() {
            self.count(Count::LinesLost);
        }
    }

    /// Says what it has counted, on one line.
    pub(crate) fn say(&self) {
        // A line among the lines of JSON would be none.
        self.line(self.to_string(), self.is_json, None);
    }

    /// The same at the end, after all other lines; a second is enough for whoever reads them.
    pub(crate) fn finish(&self) {
        let (written, is_written) = channel();
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut line = Line { text: self.to_string(), is_error: self.is_json, written: Some(written) };
        while let Err(TrySendError::Full(full)) = self.lines.try_send(line) {
            if Instant::now() > deadline {
                return;
            }
            line = full;
            thread::sleep(Duration::from_millis(10));
        }
        let _ = is_written.recv_timeout(Duration::from_secs(1));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = self.counters.each_ref().map(|counter| counter.load(Ordering::Relaxed));
        let counted = NAMES.iter().zip(counters).filter(|(_, counter)| *counter > 0);
        let mut parts: Vec<_> = counted.map(|(name, counter)| format!("{name} {counter}")).collect();
        if let Ok(errors) = self.errors.lock() {
            parts.extend(errors.iter().map(|(kind, count)| format!("{kind} {count}")));
        }
        let parts = if parts.is_empty() { "no packets".into() } else { parts.join(", ") };
        write!(formatter, "{}: {parts}", self.program)
    }
}

/// Says what a report has counted, once a second on a terminal.
pub(crate) struct EachSecond {
    next: Instant,
    last: String,
    is_terminal: bool,
}

impl EachSecond {
    pub(crate) fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self { next: Instant::now() + Duration::from_secs(1), last: String::new(), is_terminal }
    }

    pub(crate) fn tick(&mut self, report: &Report) {
        if !self.is_terminal || Instant::now() < self.next {
            return;
        }
        self.next += Duration::from_secs(1);
        let now = report.to_string();
        if now != self.last {
            report.say();
            self.last = now;
        }
    }
}
