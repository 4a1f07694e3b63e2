//! Compares the resets that the capture itself holds with ours.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use lru::LruCache;
use support::difference::{self, Difference, HEADER_CHECKSUM, TCP_CHECKSUM, differences};
use tcp_reset::{Checksum, Config, NoReset, Profile, Reset};

use crate::packet::Segment;

/// How many directions of connections are remembered.
const DIRECTIONS: NonZeroUsize = NonZeroUsize::new(1 << 15).expect("not zero");
/// How many offenders are remembered in each.
const OFFENDERS: usize = 4;

pub struct Comparison {
    /// The last offenders that one end of a connection has sent to the other.
    sent: LruCache<(SocketAddr, SocketAddr), VecDeque<Offender>>,
    trust_checksums: bool,
    unmatched: u64,
}

/// The resets that answer an offender. Both are `None` where none is sent.
struct Offender {
    netfilter: Option<Reset>,
    tcp_stack: Option<Reset>,
    /// How often it was sent without a reset of the capture so far.
    unmatched: u64,
}

/// How a reset of the capture compares with ours.
pub enum Outcome {
    /// The same bytes.
    Same(Profile),
    /// Other bytes, but the same reset to its receiver.
    SameToReceiver(Vec<Difference>),
    /// Other numbers or flags, or a wrong checksum.
    OtherNumbers(Vec<Difference>),
    /// It answers a packet that we do not answer.
    Unexpected,
}

impl Outcome {
    /// The class in which it is counted.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Same(_) => "same bytes",
            Self::SameToReceiver(_) => "same to a receiver",
            Self::OtherNumbers(_) => "other numbers",
            Self::Unexpected => "ours is silence",
        }
    }

    /// The fields that differ.
    pub fn differences(&self) -> &[Difference] {
        match self {
            Self::SameToReceiver(differences) | Self::OtherNumbers(differences) => differences,
            Self::Same(_) | Self::Unexpected => &[],
        }
    }
}

impl Comparison {
    /// If checksums are trusted, those of the resets are not compared either.
    pub fn new(trust_checksums: bool) -> Self {
        Self { sent: LruCache::new(DIRECTIONS), trust_checksums, unmatched: 0 }
    }

    /// How many of our resets have no counterpart in the capture.
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// Remembers an offender and the answer to it.
    pub fn offender(&mut self, packet: &[u8], segment: &Segment, answer: Result<Reset, NoReset>, config: Config) {
        let netfilter = answer.ok();
        // The answer in the other profile has verified the checksums.
        let config = config.profile(Profile::TcpStack).ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
        let tcp_stack = netfilter.and_then(|_| Reset::in_reply_to(packet, &config).ok());
        let count = u64::from(netfilter.is_some());
        self.unmatched += count;

        let offenders = self.sent.get_or_insert_mut((segment.source, segment.destination), VecDeque::new);
        // A retransmission is answered by the same reset.
        let known = offenders.iter_mut().find(|known| (known.netfilter, known.tcp_stack) == (netfilter, tcp_stack));
        if let Some(known) = known {
            known.unmatched += count;
        } else {
            offenders.truncate(OFFENDERS - 1);
            offenders.push_front(Offender { netfilter, tcp_stack, unmatched: count });
        }
    }

    /// Compares a reset with ours, if it answers an offender.
    ///
    /// An end that aborts its connection sends a reset as well. This end has sent something before, and the numbers of
    /// its reset are not those of an answer: a reset for which both are true is not compared.
    pub fn reset(&mut self, packet: &[u8], segment: &Segment) -> Option<Outcome> {
        let has_sent = self.sent.contains(&(segment.source, segment.destination));
        let offenders = self.sent.get_mut(&(segment.destination, segment.source))?;

        let (trust_checksums, partial) = (self.trust_checksums, segment.partial_checksum());
        let is_compared = move |difference: &Difference| match difference.field {
            TCP_CHECKSUM => !trust_checksums && difference.theirs != partial.into(),
            HEADER_CHECKSUM => false, // It was verified, or is trusted.
            _ => true,
        };
        // Compare with the most similar of our resets.
        let best = offenders.iter_mut().flat_map(|Offender { netfilter, tcp_stack, unmatched }| {
            let ours = [(Profile::Netfilter, *netfilter), (Profile::TcpStack, *tcp_stack)];
            let unmatched = Cell::from_mut(unmatched);
            ours.into_iter().filter_map(move |(profile, reset)| {
                let mut differences = differences(reset?.as_bytes(), packet);
                differences.retain(is_compared);
                Some((profile, differences, unmatched))
            })
        });
        let best = best.min_by_key(|(profile, differences, _)| {
            (differences.iter().any(is_seen), differences.len(), *profile == Profile::TcpStack)
        });
        let Some((profile, differences, unmatched)) = best else { return (!has_sent).then_some(Outcome::Unexpected) };
        let is_other = differences.iter().any(is_seen);
        // A wrong checksum may be a mistake of the sender as well as damage on the way: it is reported.
        if has_sent && differences.iter().any(|it| is_seen(it) && it.field != TCP_CHECKSUM) {
            return None;
        }
        if unmatched.get() > 0 {
            unmatched.update(|count| count - 1);
            self.unmatched -= 1;
        }
        Some(match differences {
            differences if differences.is_empty() => Outcome::Same(profile),
            differences if is_other => Outcome::OtherNumbers(differences),
            differences => Outcome::SameToReceiver(differences),
        })
    }
}

fn is_seen(difference: &Difference) -> bool {
    difference.is_seen
}

/// The end of the line.
impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Same(Profile::Netfilter) => "; the same bytes as ours",
            Self::Same(_) => "; the same bytes as ours for a closed port",
            Self::SameToReceiver(_) => "; to a receiver the same as ours, but ",
            Self::OtherNumbers(_) => "; not ours: ",
            Self::Unexpected => "; ours is silence",
        })?;
        formatter.write_str(&difference::list(self.differences()))
    }
}
