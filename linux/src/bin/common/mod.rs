//! Shared by `queue`, a firewall, and `sniff`, a passive monitor: matching of data, and sending of resets.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use anyhow::{Result, anyhow};
use etherparse::err::packet::SliceError;
use etherparse::{SlicedPacket, TransportSlice};
use regex::bytes::Regex;
use socket2::{Domain, Protocol, Socket, Type};
use tcp_reset::Reset;

/// Parses the argument of `--payload`. Unlike the message of `regex`, the error has one line.
pub(crate) fn parse_payload(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let error = error.to_string();
        let last = error.lines().next_back().unwrap_or_default();
        anyhow!("bad REGEX {pattern:?}: {}", last.trim_start_matches("error: "))
    })
}

/// Whether a packet, as read by etherparse, is a TCP segment whose data matches.
///
/// Each segment is searched alone: a word that two segments share is not found. A program that has to find it
/// reassembles the stream first.
pub(crate) fn matches(payload: &Regex, packet: Result<SlicedPacket<'_>, SliceError>) -> bool {
    match packet.map(|packet| packet.transport) {
        Ok(Some(TransportSlice::Tcp(segment))) => payload.is_match(segment.payload()),
        _ => false,
    }
}

/// Sends whole packets, headers included, of both IP versions.
pub(crate) struct Sender {
    v4: Socket,
    v6: Socket,
}

impl Sender {
    /// Its packets carry the firewall mark, if one is given.
    pub(crate) fn new(mark: Option<u32>) -> io::Result<Self> {
        // IPPROTO_RAW: what is written begins with its IP header, and nothing is ever received (raw(7), ipv6(7)).
        let raw = |domain| {
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(255)))?;
            if let Some(mark) = mark {
                socket.set_mark(mark)?;
            }
            Ok::<_, io::Error>(socket)
        };
        Ok(Self { v4: raw(Domain::IPV4)?, v6: raw(Domain::IPV6)? })
    }

    /// `device` is where the offender was seen; a link-local address needs it.
    pub(crate) fn send(&self, reset: &Reset, device: u32) -> io::Result<usize> {
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
