//! Ends connections that it only watches: a segment that matches passes, and both ends of its connection are reset.

mod firewall;

use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{setsockopt, sockopt};
use regex::bytes::Regex;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tcp_reset::{Checksum, Config, Fate, Reset};

use firewall::Sender;

const USAGE: &str = "usage: sniff DEVICE --payload REGEX
Watches the packets of network device DEVICE, and resets both ends of each TCP connection in which the data of one
segment matches REGEX.";

/// How many bytes may wait to be looked at. What finds no room is not seen.
const BACKLOG: usize = 64 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sniff: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match arguments()? {
        Some((device, payload)) => watch(&device, &payload),
        None => Ok(writeln!(io::stdout(), "{USAGE}")?),
    }
}

/// Runs until a signal or an error ends it.
fn watch(device: &str, payload: &Regex) -> Result<()> {
    let index = if_nametoindex(device).with_context(|| format!("no network device {device}"))?;
    let resets = Sender::new(None).context("cannot open a raw socket, which takes CAP_NET_RAW")?;
    let mut packets = open(index).context("cannot open a packet socket, which takes CAP_NET_RAW")?;
    writeln!(io::stdout(), "sniff: watching {device}")?;

    // The checksum of what a local or virtual sender has just sent is for its network card to fill in, and segments
    // that were joined on their way in (GRO) may have a stale one. Both have to be answered.
    let config = Config::new().tcp_checksum(Checksum::Trust);
    let mut packet = vec![0; 1 << 17];
    loop {
        let len = match packets.read(&mut packet) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => match if_nametoindex(device) {
                Ok(now) if now == index => continue,
                _ => bail!("{device} is gone"),
            },
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot read from {device}")),
        };
        let Some(packet) = packet.get(..len).filter(|packet| firewall::matches(payload, packet)) else { continue };
        // Our own resets are seen here too, and draw none.
        let decided = [
            // On its way by another processor, the segment may arrive after them: until then its destination takes what
            // fits a dropped one, and ignores that afterwards.
            Reset::for_destination(packet, Fate::Dropped, &config),
            Reset::for_destination(packet, Fate::Delivered, &config),
            Reset::in_reply_to(packet, &config),
        ];
        for reset in decided.iter().flatten() {
            if let Err(error) = resets.send(reset, index) {
                eprintln!("sniff: cannot send a reset: {error}");
            }
        }
    }
}

/// Opens a packet socket that gives each packet of a device, in and out, without its link-layer header (packet(7)).
///
/// A filter (socket(7)) chooses the device, as `bind` would: its address type takes unsafe code.
fn open(device: u32) -> io::Result<Socket> {
    let all = u16::try_from(libc::ETH_P_ALL).map_err(io::Error::other)?.to_be();
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(i32::from(all))))?;
    // First refuse everything, and remove what has come from other devices before.
    let refuse = || SockFilter::new(RETURN, 0, 0, 0);
    socket.attach_filter(&[refuse()])?;
    socket.set_nonblocking(true)?;
    while (&socket).read(&mut [0]).is_ok() {}
    socket.set_nonblocking(false)?;

    // Beyond the system's limit (net.core.rmem_max) with CAP_NET_ADMIN, else up to it.
    if setsockopt(&socket, sockopt::RcvBufForce, &BACKLOG).is_err() {
        socket.set_recv_buffer_size(BACKLOG)?;
    }
    // How often to see whether a device that is silent is still there.
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let accept = SockFilter::new(RETURN, 0, 0, u32::MAX);
    let load_device = SockFilter::new(LOAD, 0, 0, (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX).cast_unsigned());
    socket.attach_filter(&[load_device, SockFilter::new(SKIP_UNLESS_EQUAL, 0, 1, device), accept, refuse()])?;
    Ok(socket)
}

// Operation codes of the filter machine.
const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const SKIP_UNLESS_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// The device's name and what to look for, or `None` when help is asked for.
fn arguments() -> Result<Option<(String, Regex)>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut device, mut payload) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("payload") => payload = Some(firewall::parse_payload(&parser.value()?.string()?)?),
            Value(value) if device.is_none() => device = Some(value.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let device = device.context("no DEVICE given, see --help")?;
    Ok(Some((device, payload.context("no --payload REGEX given, see --help")?)))
}
