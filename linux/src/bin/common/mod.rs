//! Shared by `queue`, a firewall, `sniff`, a passive monitor, and `responder`.
#![allow(dead_code, unused_imports, unused_macros, reason = "each program uses most of it")]

pub(crate) mod options;
pub(crate) mod read;
pub(crate) mod report;
pub(crate) mod resets;

use std::io;
use std::mem;
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::net::if_::if_nametoindex;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tcp_reset_linux::cut::{Answers, Cutter, End, Segment, Settings, Verdict};

use options::Options;
use read::{Read, is_martian};
use report::{Count, EachSecond, Report};
use resets::{Answer, HopLimits};

/// How often to look for resets that are due, and for a signal.
const TICK: Duration = Duration::from_millis(10);

/// What `queue` and `sniff` have in common: it decides, remembers, counts and logs. It has no sockets.
pub(crate) struct Firewall {
    pub(crate) options: Options,
    pub(crate) report: Report,
    pub(crate) hop_limits: HopLimits,
    cutter: Mutex<Cutter<Answer>>,
    /// Only packets of this device may have loopback addresses.
    loopback: u32,
    signals: SignalFd,
}

impl Firewall {
    /// To be called before the first thread starts. It lives as long as the process does.
    pub(crate) fn new(program: &'static str, [both_ends, drops]: [bool; 2], options: Options) -> Result<&'static Self> {
        let signals = signals()?;
        let settings = Settings { connections: options.connections, both_ends, drops, rate: options.rate };
        let (report, hop_limits) = (Report::new(program, options.is_json), HopLimits::new(options.hop_limit));
        let loopback = if_nametoindex("lo").unwrap_or(1);
        let cutter = Mutex::new(Cutter::new(settings));
        Ok(Box::leak(Box::new(Self { options, report, hop_limits, cutter, loopback, signals })))
    }

    /// Whether a packet that was seen on a device is forbidden, or belongs to a connection that is being cut. `why` says why
    /// its segment is forbidden; `answers` makes the resets, which [`send_due`](Self::send_due) sends.
    pub(crate) fn decide(
        &self,
        read: &Read,
        device: u32,
        why: impl FnOnce(&read::Tcp) -> Option<String>,
        answers: impl FnMut(End, Verdict) -> Answers<Answer>,
    ) -> bool {
        if read.unreadable.is_some() {
            self.report.count(Count::Unreadable);
        }
        let Some(tcp) = read.tcp.as_ref().filter(|tcp| self.options.concerns(&tcp.segment)) else { return false };
        let segment = &tcp.segment;
        let why = why(tcp);
        let is_forbidden = why.is_some();
        if is_forbidden {
            self.report.count(Count::Matched);
        }
        if self.is_forged(segment, device) {
            self.report.add(Count::NotAnswered, is_forbidden.into());
            return is_forbidden;
        }
        let Ok(mut cutter) = self.cutter.lock() else { return is_forbidden };
        let verdict = cutter.segment(segment, is_forbidden, Instant::now(), answers);
        drop(cutter);
        if let (Verdict::First, Some(why)) = (verdict, why) {
            self.report.count(Count::Connections);
            self.report.cut(segment, &why, self.options.is_dry_run);
        }
        is_forbidden || verdict != Verdict::Pass
    }

    /// Cuts the connection of a segment from the next one on that is seen.
    pub(crate) fn begin(&self, segment: &Segment) {
        if let Ok(mut cutter) = self.cutter.lock() {
            cutter.begin(segment, Instant::now());
        }
    }

    /// The reset for a connection that does not exist yet: once, without a repeat, since its SYN is repeated.
    pub(crate) fn refuse(&self, segment: &Segment, device: u32, answers: Answers<Answer>) -> Vec<Answer> {
        self.report.count(Count::Matched);
        if self.is_forged(segment, device) {
            self.report.count(Count::NotAnswered);
            return Vec::new();
        }
        let Ok(mut cutter) = self.cutter.lock() else { return Vec::new() };
        let now = Instant::now();
        answers.into_iter().flatten().filter(|_| cutter.may_send(now)).collect()
    }

    /// Whether a segment has come from a wire with an address that no wire has.
    fn is_forged(&self, segment: &Segment, device: u32) -> bool {
        device != self.loopback && [segment.source, segment.destination].iter().any(|end| is_martian(end.ip()))
    }

    /// Sends the resets that were due at a time. To be called with the present time when all packets that have arrived are
    /// decided.
    pub(crate) fn send_due(&self, at: Instant, send: impl Fn(&Answer) -> io::Result<usize>) {
        let Ok(mut cutter) = self.cutter.lock() else { return };
        if cutter.next().is_none_or(|next| next > at) {
            return;
        }
        let mut resets = Vec::new();
        cutter.due(at, &mut resets);
        self.report.add(Count::Limited, mem::take(&mut cutter.limited));
        drop(cutter);
        self.send(&resets, send);
    }

    /// Sends resets. An error is counted, and ends nothing: a lost reset is like any lost packet.
    pub(crate) fn send(&self, resets: &[Answer], send: impl Fn(&Answer) -> io::Result<usize>) {
        if self.options.is_dry_run {
            return;
        }
        for answer in resets {
            match send(answer) {
                Ok(_) if answer.end == End::Source => self.report.count(Count::AtSource),
                Ok(_) => self.report.count(Count::AtDestination),
                Err(error) => self.report.error("send a reset", &error),
            }
        }
    }

    /// Runs the workers, each in a thread of its own, and sends the resets that are due later, until a signal comes or a
    /// worker fails.
    pub(crate) fn run(
        &'static self,
        workers: Vec<Box<dyn FnOnce() -> Result<()> + Send>>,
        send: impl Fn(&Answer) -> io::Result<usize>,
        missed: impl Fn() -> u64,
    ) -> Result<()> {
        let (sender, ended) = channel();
        for worker in workers {
            let sender = sender.clone();
            thread::spawn(move || sender.send(worker()));
        }
        let mut each_second = EachSecond::new();
        let result = loop {
            match ended.recv_timeout(TICK) {
                Ok(result) => break result,
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // A worker that has packets to read sends what is due itself, with the numbers of the latest one.
            if let Some(at) = Instant::now().checked_sub(TICK) {
                self.send_due(at, &send);
            }
            self.report.add(Count::Missed, missed());
            each_second.tick(&self.report);
            if self.signals.read_signal().context("cannot read signals")?.is_some() {
                break Ok(());
            }
        };
        self.report.finish();
        result
    }
}

/// SIGINT and SIGTERM, which do not end the process any more.
pub(crate) fn signals() -> Result<SignalFd> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGINT);
    mask.add(Signal::SIGTERM);
    mask.thread_block().context("cannot block signals")?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).context("cannot receive signals")
}
