//! The resets that the capture itself holds, beside those that are made here.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tcp_reset::{Checksum, Config, NoReset, Profile, Reset};

use crate::packet::Segment;
use crate::recent::Recent;

/// How many directions of connections are remembered, or twice as many at the most.
const DIRECTIONS: usize = 1 << 14;
/// How many offenders are remembered in each.
const OFFENDERS: usize = 4;

/// What has been sent so far.
pub struct Comparison {
    /// The last offenders that one end of a connection sent to the other.
    sent: Recent<(SocketAddr, SocketAddr), VecDeque<Expected>>,
    trust_checksums: bool,
}

/// The resets that would answer an offender; `None` is silence.
#[derive(PartialEq)]
struct Expected {
    netfilter: Option<Reset>,
    tcp_stack: Option<Reset>,
}

/// How a reset of the capture compares with ours.
#[derive(Clone, Copy)]
pub enum Verdict {
    /// The same bytes.
    Same(Profile),
    /// The same bytes but for the hop limit, which routers count down, and the header checksum that goes with it.
    Routed,
    /// Other bytes.
    Other,
}

impl Verdict {
    /// What it adds to the line of such a reset.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Same(Profile::Netfilter) => ", the same as ours",
            Self::Same(Profile::TcpStack) => ", the same as ours in the TCP-stack profile",
            Self::Routed => ", the same as ours but for the hop limit",
            Self::Other => ", other than ours",
        }
    }
}

impl Comparison {
    /// Nothing seen yet. Where checksums are trusted, those of the resets are not compared either.
    pub fn new(trust_checksums: bool) -> Self {
        Self { sent: Recent::new(DIRECTIONS), trust_checksums }
    }

    /// Remembers an offender and the answer to it.
    pub fn offender(&mut self, packet: &[u8], segment: &Segment, answer: Result<Reset, NoReset>, config: Config) {
        let netfilter = answer.ok();
        // What has been verified for the one profile need not be for the other.
        let config = config.profile(Profile::TcpStack).tcp_checksum(Checksum::Trust);
        let tcp_stack = netfilter.and_then(|_| Reset::in_reply_to(packet, &config).ok());
        let expected = Expected { netfilter, tcp_stack };

        let offenders = self.sent.entry((segment.source, segment.destination));
        // A retransmission draws the same reset again.
        if !offenders.contains(&expected) {
            offenders.truncate(OFFENDERS - 1);
            offenders.push_front(expected);
        }
    }

    /// Compares a reset with ours, if it answers an offender.
    ///
    /// It may also be sent by an end that gives its connection up. That end has sent something else before, and its
    /// numbers are none that an answer would have; a reset is left out where both is so.
    pub fn reset(&self, packet: &[u8], segment: &Segment) -> Option<Verdict> {
        let offenders = self.sent.get(&(segment.destination, segment.source))?;
        let has_spoken = self.sent.get(&(segment.source, segment.destination)).is_some();

        let seen = Seen { packet, segment, trust_checksum: self.trust_checksums };
        let netfilter = || offenders.iter().filter_map(|expected| expected.netfilter);
        let tcp_stack = || offenders.iter().filter_map(|expected| expected.tcp_stack);
        if netfilter().any(|reset| seen.is(reset)) {
            Some(Verdict::Same(Profile::Netfilter))
        } else if tcp_stack().any(|reset| seen.is(reset)) {
            Some(Verdict::Same(Profile::TcpStack))
        } else if netfilter().chain(tcp_stack()).any(|reset| seen.is_routed(reset)) {
            Some(Verdict::Routed)
        } else if !has_spoken || netfilter().any(|reset| seen.has_numbers_of(reset)) {
            Some(Verdict::Other)
        } else {
            None
        }
    }
}

/// A reset of the capture.
struct Seen<'a> {
    packet: &'a [u8],
    segment: &'a Segment,
    trust_checksum: bool,
}

impl Seen<'_> {
    /// Whether it is `reset`, byte for byte. The frame may be padded behind it.
    fn is(&self, reset: Reset) -> bool {
        let mut buffer = [0; tcp_reset::MAX_LEN];
        let Some(ours) = reset.emit(&mut buffer) else { return false };
        match (&*ours, self.packet.get(..ours.len())) {
            // The TCP checksum is the last word but one.
            ([ours @ .., _, _, a, b], Some([theirs @ .., _, _, c, d])) if self.trust_checksum => {
                ours == theirs && [a, b] == [c, d]
            }
            (ours, theirs) => Some(ours) == theirs,
        }
    }

    /// Whether it is `reset` after some routers.
    fn is_routed(&self, mut reset: Reset) -> bool {
        match (&mut reset, self.packet) {
            (Reset::V4(reset), &[_, _, _, _, _, _, _, _, hop_limit, ..]) => reset.hop_limit = hop_limit,
            (Reset::V6(reset), &[_, _, _, _, _, _, _, hop_limit, ..]) => reset.hop_limit = hop_limit,
            _ => return false,
        }
        self.is(reset)
    }

    /// Whether it follows from the same offender.
    fn has_numbers_of(&self, reset: Reset) -> bool {
        let reset = reset.tcp();
        let is_acknowledged = reset.ack.is_none_or(|ack| ack == self.segment.ack);
        self.segment.flags == reset.flags() && self.segment.seq == reset.seq && is_acknowledged
    }
}
