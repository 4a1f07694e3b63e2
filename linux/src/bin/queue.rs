//! Rejects the packets of netfilter queues: drops each packet, and answers it with a reset.
//!
//! With a pattern, it drops only the segments that match, and from then on all segments of their connections; with
//! `--both-ends`, it resets both ends. The resets carry a mark, so that the rule that fills the queue can exclude them.

mod common;

use std::cell::Cell;
use std::fs;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use lexopt::prelude::*;
use nfq::{Message, Queue, Verdict};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::{Domain, Protocol, SockRef};
use tcp_reset::{Checksum, Config, Towards};
use tcp_reset_linux::cut::End;
use tcp_reset_linux::program;
use tcp_reset_linux::realtime::become_realtime;

use common::Firewall;
use common::options::{Options, common_options};
use common::read::{Read, Tcp, is_link_local};
use common::report::Count;
use common::resets::{Answer, Link, Sender, packet_reset};

const USAGE: &str = concat!(
    "usage: queue [OPTIONS] NUMBER[-NUMBER]
Drops the packets of a netfilter queue, or of several, and answers them with TCP resets.
  --payload REGEX          drop only connections of which a TCP segment has data that matches, and accept all others
  --both-ends              reset the other end of a connection as well, not only the one that sent what is dropped
  --mark MARK              the firewall mark of the resets, 29299 (0x7273) unless given; do not queue what carries it
  --pass-unreadable        with --payload: accept fragments and other packets that cannot be read, instead of dropping them
  --fail-open              if the queue is full, the kernel accepts packets instead of dropping them",
    common_options!()
);

/// The firewall mark of our resets, unless another is given: "rs" in ASCII.
const MARK: u32 = 0x7273;

/// How many bytes of packets may wait in a socket; the queue has room for 1,024 packets unless a program says otherwise.
const BACKLOG: usize = 32 << 20;

/// A socket that only fails does not recover. With a packet in between, it is an error of one packet.
const FAILURES: u32 = 1000;

fn main() -> ExitCode {
    program("queue", USAGE, arguments(), reject)
}

/// Runs until a signal or an error ends it.
fn reject(arguments: Arguments) -> Result<()> {
    let Arguments { numbers, both_ends, mark, is_open, fail_open, options } = arguments;
    let sender: &Sender = Box::leak(Box::new(
        Sender::new(Some(mark)).context("cannot open a raw socket, which takes CAP_NET_RAW and CAP_NET_ADMIN")?,
    ));
    let firewall = Firewall::new("queue", [both_ends, true], options)?;
    let mut queues = Vec::new();
    for number in numbers.clone() {
        queues.push((open(number, true, fail_open)?, number));
    }
    let mut segments = None;
    if firewall.options.payload.is_some() {
        // The last number that no program uses.
        let mut free = (0..=u16::MAX).rev().filter_map(|number| Some((open(number, false, fail_open).ok()?, number)));
        let queue = free.next().context("no queue is left for the segments of large packets")?;
        segments = Some(queue.1);
        queues.push(queue);
    }
    let bound: Vec<_> = queues.iter().map(|(_, number)| *number).collect();
    let workers = queues.into_iter().map(|(queue, number)| -> Box<dyn FnOnce() -> Result<()> + Send> {
        let mut worker = Worker { firewall, sender, queue, number, segments, mark, is_open, both_ends };
        Box::new(move || worker.work())
    });
    let workers = workers.collect();
    let (first, last) = numbers.into_inner();
    let numbers = if first == last { format!("queue {first}") } else { format!("queues {first}-{last}") };
    if let Err(error) = enlarge_buffers() {
        firewall.report.error("enlarge the buffers of the netfilter sockets", &error);
    }
    let missed = Missed::new(bound);
    // All packets of the rule wait for this program. It does without if it may not.
    let _ = become_realtime();
    writeln!(io::stdout(), "queue: answering {numbers}, resets are marked {mark:#x}")?;
    firewall.run(workers, |answer| send(sender, answer), || missed.since_last())
}

/// With `whole`, large packets are not split: one packet of many segments gets one reset, as from REJECT.
fn open(number: u16, whole: bool, fail_open: bool) -> Result<Queue> {
    let mut queue = Queue::open().context("cannot open a netfilter socket")?;
    queue.bind(number).with_context(|| {
        format!("cannot bind queue {number}: this needs CAP_NET_ADMIN, and no other program may use the queue")
    })?;
    queue.set_recv_gso(number, whole)?;
    queue.set_fail_open(number, fail_open)?;
    Ok(queue)
}

/// Enlarges the receive buffer of each netfilter socket of this process: the kernel drops packets that find no room, and the
/// default has room for a hundred. `nfq` does not give its sockets away, so this takes copies of them.
fn enlarge_buffers() -> io::Result<()> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in fs::read_dir("/proc/self/fd")? {
        let Ok(number) = entry?.file_name().to_string_lossy().parse() else { continue };
        // The folder itself is open no more.
        let Ok(file) = pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) else { continue };
        let socket = SockRef::from(&file);
        // What is no socket has neither.
        let is_netlink = socket.domain().is_ok_and(|domain| domain == Domain::from(libc::AF_NETLINK));
        if is_netlink && socket.protocol().ok() == Some(Some(Protocol::from(libc::NETLINK_NETFILTER))) {
            // A plain user's is limited by the system (net.core.rmem_max).
            setsockopt(&file, sockopt::RcvBufForce, &BACKLOG)
                .or_else(|_| setsockopt(&file, sockopt::RcvBuf, &BACKLOG))?;
        }
    }
    Ok(())
}

/// Counts the packets that found no room in the queues.
struct Missed {
    queues: Vec<u16>,
    last: Cell<u64>,
}

impl Missed {
    fn new(queues: Vec<u16>) -> Self {
        Self { queues, last: Cell::new(0) }
    }

    /// A line of the file is a queue: its number, ..., in the sixth and seventh column what was dropped because the queue or
    /// the buffer of the socket was full.
    fn since_last(&self) -> u64 {
        let Ok(file) = fs::read_to_string("/proc/thread-self/net/netfilter/nfnetlink_queue") else { return 0 };
        let mut missed = 0;
        for line in file.lines() {
            let columns: Vec<u64> = line.split_whitespace().filter_map(|column| column.parse().ok()).collect();
            if let [number, _, _, _, _, full_queue, full_buffer, ..] = columns[..]
                && self.queues.iter().any(|queue| u64::from(*queue) == number)
            {
                missed += full_queue + full_buffer;
            }
        }
        // The kernel counts in 32 bits.
        missed.saturating_sub(self.last.replace(missed))
    }
}

fn send(sender: &Sender, answer: &Answer) -> io::Result<usize> {
    match &answer.reset {
        Link::Packet(reset) => sender.send(reset, answer.device),
        Link::Frame(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// One queue.
struct Worker {
    firewall: &'static Firewall,
    sender: &'static Sender,
    queue: Queue,
    number: u16,
    /// The queue that has the kernel split packets that are too large to be read whole.
    segments: Option<u16>,
    mark: u32,
    /// Whether what cannot be read is accepted.
    is_open: bool,
    both_ends: bool,
}

impl Worker {
    fn work(&mut self) -> Result<()> {
        let report = &self.firewall.report;
        let mut failures = 0;
        loop {
            let mut message = match self.queue.recv() {
                Ok(message) => message,
                // The kernel's answers to our verdicts arrive here too: the packet of a verdict may be gone.
                Err(error) if !ends(&error) && failures < FAILURES => {
                    report.error("decide on a packet", &error);
                    failures += 1;
                    continue;
                }
                Err(error) => return Err(error).with_context(|| format!("cannot read from queue {}", self.number)),
            };
            failures = 0;
            if let Some(segments) = self.segments.filter(|_| is_cut_off(&message) && message.is_seg_offloaded()) {
                message.set_verdict(Verdict::Queue(segments));
                if let Err(error) = self.queue.verdict(message) {
                    report.error("decide on a packet", &error);
                }
                continue;
            }
            report.count(Count::Packets);
            let (is_accepted, resets) = self.decide(&message);
            let is_accepted = is_accepted || self.firewall.options.is_dry_run;
            report.count(if is_accepted { Count::Passed } else { Count::Dropped });
            message.set_verdict(if is_accepted { Verdict::Accept } else { Verdict::Drop });
            if let Err(error) = self.queue.verdict(message) {
                report.error("decide on a packet", &error);
            }
            self.firewall.send(&resets, |answer| send(self.sender, answer));
            self.firewall.send_due(Instant::now(), |answer| send(self.sender, answer));
        }
    }

    /// Whether a packet is accepted, and the reset that it gets alone, without its connection.
    fn decide(&self, message: &Message) -> (bool, Vec<Answer>) {
        // One of our own resets. A mark of 0 is on every packet that has none.
        if self.mark != 0 && message.get_nfmark() == self.mark {
            return (true, Vec::new());
        }
        let device = match message.get_indev() {
            0 => message.get_outdev(),
            device => device,
        };
        let packet = message.get_payload();
        let mut read = Read::packet(packet, is_cut_off(message));
        if let Some(tcp) = &mut read.tcp {
            let is_local = is_link_local(tcp.segment.source.ip()) || is_link_local(tcp.segment.destination.ip());
            tcp.segment.scope = if is_local { device.into() } else { 0 };
        }
        let read = read;
        let options = &self.firewall.options;
        let is_policy = options.payload.is_some();
        let reset = |end, tcp: &Tcp| {
            let towards = match end {
                End::Source => Towards::Source,
                End::Destination => Towards::DestinationOfDropped,
            };
            let reset = packet_reset(packet, tcp, self.config(message, device).towards(towards))?;
            Some(Answer { reset: Link::Packet(reset), device, end })
        };
        // As from REJECT, one reset for each packet: if the rule alone decides, and for a SYN, which its sender repeats.
        if let Some(tcp) = &read.tcp {
            let is_simple = !is_policy && !self.both_ends || tcp.segment.opens && self.why(tcp).is_some();
            if is_simple && options.concerns(&tcp.segment) {
                return (false, self.firewall.refuse(&tcp.segment, device, [reset(End::Source, tcp), None]));
            }
        }
        let answers = |end, _| [read.tcp.as_ref().and_then(|tcp| reset(end, tcp)), None];
        let is_cut = self.firewall.decide(&read, device, |tcp| self.why(tcp), answers);
        // A packet that gets no reset is dropped too, as by REJECT: the rule has already rejected it.
        let is_concerned = read.tcp.as_ref().is_none_or(|tcp| options.concerns(&tcp.segment));
        let is_hidden = read.unreadable.is_some() && !self.is_open && is_concerned;
        let is_dropped = is_cut || if is_policy { is_hidden } else { is_concerned };
        (!is_dropped, Vec::new())
    }

    /// Why a segment is forbidden.
    fn why(&self, tcp: &Tcp) -> Option<String> {
        let options = &self.firewall.options;
        if options.payload.is_none() {
            return Some(format!("queue {}", self.number));
        }
        let found = options.forbidden(tcp.data)?;
        Some(format!("the data matches: \"{}\"", found.escape_ascii()))
    }

    fn config(&self, message: &Message, device: u32) -> Config {
        // The network card of a local or virtual sender may compute the checksum later. The kernel says so. Then the
        // packet has not been on a wire, and cannot be damaged.
        let checksum = if message.is_checksum_ready() { Checksum::Verify } else { Checksum::Trust };
        let is_ipv4 = message.get_payload().first().is_some_and(|byte| byte >> 4 == 4);
        Config::new().tcp_checksum(checksum).hop_limit(self.firewall.hop_limits.of(is_ipv4, device))
    }
}

/// Whether the kernel gives us a part of the packet only: it copies 65,531 bytes at most (`NFQNL_MAX_COPY_RANGE`).
fn is_cut_off(message: &Message) -> bool {
    message.get_original_len() > message.get_payload().len()
}

/// Whether the queue is of no more use after an error. All others are errors of one packet, such as ENOENT: the device of a
/// waiting packet has gone down, and the kernel has dropped the packet.
fn ends(error: &io::Error) -> bool {
    let ends = [Errno::EBADF, Errno::ENOTSOCK, Errno::ENODEV];
    error.raw_os_error().is_some_and(|error| ends.contains(&Errno::from_raw(error)))
}

struct Arguments {
    numbers: RangeInclusive<u16>,
    mark: u32,
    both_ends: bool,
    is_open: bool,
    fail_open: bool,
    options: Options,
}

/// The arguments, or `None` when help is asked for.
fn arguments() -> Result<Option<Arguments>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut numbers, mut mark, mut options) = (None, MARK, Options::new());
    let [mut both_ends, mut is_open, mut fail_open] = [false; 3];
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("mark") => mark = parser.value()?.parse_with(parse_mark)?,
            Long("both-ends") => both_ends = true,
            Long("pass-unreadable") => is_open = true,
            Long("fail-open") => fail_open = true,
            Long(name) => {
                let name = name.to_owned();
                options.take(&name, &mut parser)?;
            }
            Value(value) if numbers.is_none() => numbers = Some(value.parse_with(parse_numbers)?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let numbers = numbers.context("no queue NUMBER given, see --help")?;
    ensure!(!numbers.is_empty(), "the first queue's number is greater than the last one's");
    Ok(Some(Arguments { numbers, mark, both_ends, is_open, fail_open, options }))
}

/// One queue or several, such as `0-3`.
fn parse_numbers(numbers: &str) -> Result<RangeInclusive<u16>, std::num::ParseIntError> {
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    Ok(first.parse()?..=last.parse()?)
}

/// Marks are often written in hexadecimal.
fn parse_mark(mark: &str) -> Result<u32, std::num::ParseIntError> {
    mark.strip_prefix("0x").map_or_else(|| mark.parse(), |digits| u32::from_str_radix(digits, 16))
}
