//! Compares the resets that the capture itself holds with ours.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use lru::LruCache;
use tcp_reset::{Checksum, Config, NoReset, Profile, Reset};

use crate::difference::Difference;
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
#[derive(Clone, Copy)]
pub enum Outcome {
    /// The same bytes.
    Same(Profile),
    /// The same but for the hop limit, which routers decrement, and the header checksum over it.
    Routed(Difference),
    /// Other bytes.
    Differs(Difference),
    /// It answers a packet that we do not answer.
    Unexpected,
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
        // The answer in the other profile has verified the checksum.
        let config = config.profile(Profile::TcpStack).tcp_checksum(Checksum::Trust);
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

        // Compare with the most similar of our resets.
        let trust_checksums = self.trust_checksums;
        let best = offenders.iter_mut().flat_map(|Offender { netfilter, tcp_stack, unmatched }| {
            let ours = [(Profile::Netfilter, *netfilter), (Profile::TcpStack, *tcp_stack)];
            let unmatched = Cell::from_mut(unmatched);
            ours.into_iter().filter_map(move |(profile, reset)| {
                Some((profile, Difference::all(&reset?, packet, trust_checksums), unmatched))
            })
        });
        let best = best.min_by_key(|(profile, differences, _)| {
            let has_other_numbers = differences.iter().any(Difference::is_of_a_number);
            (!is_routed(differences), has_other_numbers, differences.len(), *profile == Profile::TcpStack)
        });
        let Some((profile, differences, unmatched)) = best else { return (!has_sent).then_some(Outcome::Unexpected) };
        if has_sent && differences.iter().any(Difference::is_of_a_number) {
            return None;
        }
        if unmatched.get() > 0 {
            unmatched.update(|count| count - 1);
            self.unmatched -= 1;
        }
        Some(match differences.first() {
            None => Outcome::Same(profile),
            Some(first) if is_routed(&differences) => Outcome::Routed(*first),
            Some(first) => Outcome::Differs(*first),
        })
    }
}

/// Whether routers on the path can have made all differences.
fn is_routed(differences: &[Difference]) -> bool {
    differences.iter().all(|difference| matches!(difference.field, "TTL" | "hop limit" | "header checksum"))
}

/// The end of the line for such a reset.
impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(Profile::Netfilter) => formatter.write_str(", the same as ours"),
            Self::Same(_) => formatter.write_str(", the same as ours in the TCP-stack profile"),
            Self::Routed(difference) | Self::Differs(difference) => {
                write!(formatter, ", differs from ours in: {difference}")
            }
            Self::Unexpected => formatter.write_str(", ours is silence"),
        }
    }
}
