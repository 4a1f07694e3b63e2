//! Rejects the packets of a netfilter queue: each is dropped, and answered with the reset it deserves.
//!
//! The resets carry a mark, by which the rule that fills the queue lets them pass.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::prelude::*;
use nfq::{Message, Queue, Verdict};
use socket2::{Domain, Protocol, Socket, Type};
use tcp_reset::{Checksum, Config, Reset};

const USAGE: &str = "usage: queue [--mark MARK] NUMBER
Drops the packets of netfilter queue NUMBER and answers them with TCP resets.
  --mark MARK  the firewall mark of the resets, 29299 (0x7273) unless given; do not queue what carries it";

/// The firewall mark of our resets, unless another is given: "rs" in ASCII.
const MARK: u32 = 0x7273;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("queue: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match arguments()? {
        Some((number, mark)) => reject(number, mark),
        None => Ok(writeln!(io::stdout(), "{USAGE}")?),
    }
}

/// Runs until a signal or an error ends it, and its hold on the queue with it.
fn reject(number: u16, mark: u32) -> Result<()> {
    let resets = Sender::new(mark).context("cannot open a raw socket, which takes CAP_NET_RAW and CAP_NET_ADMIN")?;
    let mut queue = Queue::open().context("cannot open a netfilter socket")?;
    queue.bind(number).with_context(|| {
        format!("cannot bind queue {number}, which takes CAP_NET_ADMIN and that no other program holds it")
    })?;
    // As they are: a large packet of many segments is one packet and draws one reset, as from REJECT.
    queue.set_recv_gso(number, true)?;
    writeln!(io::stdout(), "queue: answering queue {number}, resets are marked {mark:#x}")?;

    loop {
        let mut message = queue.recv().with_context(|| format!("cannot read from queue {number}"))?;
        let reset = decide(&message);
        let device = match message.get_indev() {
            0 => message.get_outdev(),
            device => device,
        };
        // What draws no reset is dropped all the same, as by REJECT: who fills the queue has decided against it.
        message.set_verdict(Verdict::Drop);
        queue.verdict(message).with_context(|| format!("cannot drop a packet of queue {number}"))?;
        // A reset that is lost is lost as any packet may be; its peer asks again.
        if let Some(reset) = reset
            && let Err(error) = resets.send(&reset, device)
        {
            eprintln!("queue: cannot send a reset: {error}");
        }
    }
}

fn decide(message: &Message) -> Option<Reset> {
    // A packet of a local or virtual sender may wait for its network card to fill in the checksum. The kernel says
    // so, and then nothing is on the wire yet that could have been damaged.
    let checksum = if message.is_checksum_ready() { Checksum::Verify } else { Checksum::Trust };
    Reset::in_reply_to(message.get_payload(), &Config::new().tcp_checksum(checksum)).ok()
}

/// Sends whole packets, headers included, of both IP versions.
struct Sender {
    v4: Socket,
    v6: Socket,
}

impl Sender {
    fn new(mark: u32) -> io::Result<Self> {
        // IPPROTO_RAW: what is written begins with its IP header, and nothing is ever received (raw(7), ipv6(7)).
        let raw = |domain| {
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(255)))?;
            socket.set_mark(mark)?;
            Ok::<_, io::Error>(socket)
        };
        Ok(Self { v4: raw(Domain::IPV4)?, v6: raw(Domain::IPV6)? })
    }

    /// `device` is where the offender was seen: a link-local address means nothing without it.
    fn send(&self, reset: &Reset, device: u32) -> io::Result<usize> {
        let mut buffer = [0; tcp_reset::MAX_LEN];
        let packet = reset.emit(&mut buffer);
        match reset {
            Reset::V4(reset) => self.v4.send_to(packet, &SocketAddr::new(IpAddr::V4(reset.destination), 0).into()),
            Reset::V6(reset) => {
                let scope = if reset.destination.is_unicast_link_local() { device } else { 0 };
                self.v6.send_to(packet, &SocketAddrV6::new(reset.destination, 0, 0, scope).into())
            }
        }
    }
}

/// The queue's number and the mark, or `None` when help is asked for.
fn arguments() -> Result<Option<(u16, u32)>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut number, mut mark) = (None, MARK);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("mark") => mark = parser.value()?.parse_with(parse_mark)?,
            Value(value) if number.is_none() => number = Some(value.parse()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let number = number.context("no queue NUMBER given, see --help")?;
    Ok(Some((number, mark)))
}

/// Marks are written in hexadecimal as often as not.
fn parse_mark(mark: &str) -> Result<u32, std::num::ParseIntError> {
    mark.strip_prefix("0x").map_or_else(|| mark.parse(), |digits| u32::from_str_radix(digits, 16))
}
