//! Shared by `queue`, a firewall, `sniff`, a passive monitor, and `responder`.
#![allow(dead_code, unused_imports, unused_macros, reason = "each program uses most of it")]

pub(crate) mod options;
pub(crate) mod read;
pub(crate) mod report;
pub(crate) mod resets;

use std::io;
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

/// What is decided about a packet.
pub(crate) struct Decision {
    /// It is forbidden, or belongs to a connection that is being cut.
    pub(crate) is_cut: bool,
    pub(crate) resets: Vec<Answer>,
}

impl Firewall {
    /// To be called before the first thread starts. It lives as long as the process does.
    pub(crate) fn new(program: &'static str, both_ends: bool, options: Options) -> Result<&'static Self> {
        let signals = signals()?;
        let settings = Settings { connections: options.connections, both_ends, rate: options.rate };
        let (report, hop_limits) = (Report::new(program, options.is_json), HopLimits::new(options.hop_limit));
        let loopback = if_nametoindex("lo").unwrap_or(1);
        let cutter = Mutex::new(Cutter::new(settings));
        Ok(Box::leak(Box::new(Self { options, report, hop_limits, cutter, loopback, signals })))
    }

    /// Decides about a packet that was seen on a device. `why` says why its segment is forbidden; `answers` makes the
    /// resets.
    pub(crate) fn decide(
        &self,
        read: &Read,
        device: u32,
        why: impl FnOnce(&read::Tcp) -> Option<String>,
        mut answers: impl FnMut(End, Verdict) -> Answers<Answer>,
    ) -> Decision {
        let mut decision = Decision { is_cut: false, resets: Vec::new() };
        if read.unreadable.is_some() {
            self.report.count(Count::Unreadable);
        }
        let Some(tcp) = read.tcp.as_ref().filter(|tcp| self.options.concerns(&tcp.segment)) else { return decision };
        let segment = &tcp.segment;
        let why = why(tcp);
        decision.is_cut = why.is_some();
        if why.is_some() {
            self.report.count(Count::Matched);
        }
        if self.is_forged(segment, device) {
            self.report.add(Count::NotAnswered, why.is_some().into());
            return decision;
        }
        let Ok(mut cutter) = self.cutter.lock() else { return decision };
        let verdict = cutter.segment(segment, why.is_some(), Instant::now(), &mut answers, &mut decision.resets);
        drop(cutter);
        decision.is_cut |= verdict != Verdict::Pass;
        if let (Verdict::First, Some(why)) = (verdict, why) {
            self.report.count(Count::Connections);
            self.report.cut(segment, &why, self.options.is_dry_run);
        }
        decision
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
        let (mut each_second, mut resets) = (EachSecond::new(), Vec::new());
        let result = loop {
            match ended.recv_timeout(TICK) {
                Ok(result) => break result,
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Ok(mut cutter) = self.cutter.lock() {
                cutter.due(Instant::now(), &mut resets);
                self.report.add(Count::Limited, std::mem::take(&mut cutter.limited));
            }
            self.send(&resets, &send);
            resets.clear();
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
