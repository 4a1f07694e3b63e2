//! Rejects the packets of a netfilter queue: drops each packet, and answers it with a reset.
//!
//! With a pattern, it drops only the segments that match; with `--both-ends`, it resets their destination as well. The
//! resets carry a mark, so that the rule that fills the queue can exclude them.

mod common;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use etherparse::SlicedPacket;
use lexopt::prelude::*;
use nfq::{Message, Queue, Verdict};
use regex::bytes::Regex;
use tcp_reset::{Checksum, Config, Fate, Reset};
use tcp_reset_linux::program;

use common::Sender;

const USAGE: &str = "usage: queue [--payload REGEX] [--both-ends] [--mark MARK] NUMBER
Drops the packets of netfilter queue NUMBER and answers them with TCP resets.
  --payload REGEX  drop only the TCP segments whose data matches, and accept all other packets
  --both-ends      reset the destination of what is dropped as well, not its source alone
  --mark MARK      the firewall mark of the resets, 29299 (0x7273) unless given; do not queue what carries it";

/// The firewall mark of our resets, unless another is given: "rs" in ASCII.
const MARK: u32 = 0x7273;

fn main() -> ExitCode {
    program("queue", USAGE, arguments(), |arguments| reject(&arguments))
}

/// Runs until a signal or an error ends it.
fn reject(arguments: &Arguments) -> Result<()> {
    let &Arguments { number, mark, .. } = arguments;
    let resets =
        Sender::new(Some(mark)).context("cannot open a raw socket, which takes CAP_NET_RAW and CAP_NET_ADMIN")?;
    let mut queue = Queue::open().context("cannot open a netfilter socket")?;
    queue.bind(number).with_context(|| {
        format!("cannot bind queue {number}: this needs CAP_NET_ADMIN, and no other program may use the queue")
    })?;
    // Do not split large packets: one packet of many segments draws one reset, as from REJECT.
    queue.set_recv_gso(number, true)?;
    writeln!(io::stdout(), "queue: answering queue {number}, resets are marked {mark:#x}")?;

    loop {
        let mut message = queue.recv().with_context(|| format!("cannot read from queue {number}"))?;
        let device = match message.get_indev() {
            0 => message.get_outdev(),
            device => device,
        };
        let (verdict, decided) = if arguments.accepts(&message) {
            (Verdict::Accept, [None, None])
        } else {
            // A packet that draws no reset is dropped too, as by REJECT: the rule has already rejected it.
            (Verdict::Drop, decide(&message, arguments.both_ends))
        };
        message.set_verdict(verdict);
        queue.verdict(message).with_context(|| format!("cannot decide on a packet of queue {number}"))?;
        for reset in decided.into_iter().flatten() {
            // A lost reset is like any lost packet: the peer sends again, and is answered again.
            if let Err(error) = resets.send(&reset, device) {
                eprintln!("queue: cannot send a reset: {error}");
            }
        }
    }
}

/// The resets that a dropped packet draws: for its source, and for its destination.
fn decide(message: &Message, both_ends: bool) -> [Option<Reset>; 2] {
    // The network card of a local or virtual sender may compute the checksum later. The kernel says so. Then the packet
    // has not been on a wire, and cannot be damaged.
    let checksum = if message.is_checksum_ready() { Checksum::Verify } else { Checksum::Trust };
    let (packet, config) = (message.get_payload(), Config::new().tcp_checksum(checksum));
    // No reset is no failure: for example, a dropped SYN has not opened a connection at its destination.
    let destination = || Reset::for_destination(packet, Fate::Dropped, &config).ok();
    [Reset::in_reply_to(packet, &config).ok(), both_ends.then(destination).flatten()]
}

struct Arguments {
    number: u16,
    mark: u32,
    payload: Option<Regex>,
    both_ends: bool,
}

impl Arguments {
    /// Whether a packet is accepted: it is one of our own resets, or does not match.
    fn accepts(&self, message: &Message) -> bool {
        // A mark of 0 is on every packet that has none.
        let ours = self.mark != 0 && message.get_nfmark() == self.mark;
        let matches = |payload| common::matches(payload, SlicedPacket::from_ip(message.get_payload()));
        ours || self.payload.as_ref().is_some_and(|payload| !matches(payload))
    }
}

/// The arguments, or `None` when help is asked for.
fn arguments() -> Result<Option<Arguments>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut number, mut mark, mut payload, mut both_ends) = (None, MARK, None, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("mark") => mark = parser.value()?.parse_with(parse_mark)?,
            Long("payload") => payload = Some(common::parse_payload(&parser.value()?.string()?)?),
            Long("both-ends") => both_ends = true,
            Value(value) if number.is_none() => number = Some(value.parse()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let number = number.context("no queue NUMBER given, see --help")?;
    Ok(Some(Arguments { number, mark, payload, both_ends }))
}

/// Marks are often written in hexadecimal.
fn parse_mark(mark: &str) -> Result<u32, std::num::ParseIntError> {
    mark.strip_prefix("0x").map_or_else(|| mark.parse(), |digits| u32::from_str_radix(digits, 16))
}
