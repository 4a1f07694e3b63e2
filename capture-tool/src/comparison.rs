//! Compares the resets that the capture itself holds with ours.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use lru::LruCache;
use tcp_reset::{Checksum, Config, NoReset, Profile, Reset};

use crate::packet::{Flags, Segment};

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
pub enum Verdict {
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
    /// its reset are not those of an answer: a reset for which both is true is not compared.
    pub fn reset(&mut self, packet: &[u8], segment: &Segment) -> Option<Verdict> {
        let has_sent = self.sent.contains(&(segment.source, segment.destination));
        let offenders = self.sent.get_mut(&(segment.destination, segment.source))?;

        // Compare with the most similar of our resets, in the netfilter profile if both are equally similar.
        let mut best: Option<(Rank, Verdict, &mut u64)> = None;
        for offender in offenders {
            let ours = [(Profile::Netfilter, offender.netfilter), (Profile::TcpStack, offender.tcp_stack)];
            let ranked = ours.into_iter().filter_map(|(profile, reset)| {
                let differences = Difference::all(&reset?, packet, self.trust_checksums);
                Some(rank(&differences, profile))
            });
            if let Some((rank, verdict)) = ranked.min_by_key(|(rank, _)| *rank)
                && best.as_ref().is_none_or(|(best, ..)| rank < *best)
            {
                best = Some((rank, verdict, &mut offender.unmatched));
            }
        }
        let Some((rank, verdict, unmatched)) = best else { return (!has_sent).then_some(Verdict::Unexpected) };
        if rank.has_other_numbers && has_sent {
            return None;
        }
        if *unmatched > 0 {
            *unmatched -= 1;
            self.unmatched -= 1;
        }
        Some(verdict)
    }
}

/// The lower, the more similar. The fields are compared in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_different: bool,
    has_other_numbers: bool,
    count: usize,
    is_tcp_stack: bool,
}

fn rank(differences: &[Difference], profile: Profile) -> (Rank, Verdict) {
    let is_of_a_hop = |difference: &Difference| matches!(difference.field, "TTL" | "hop limit" | "header checksum");
    let verdict = match differences {
        [] => Verdict::Same(profile),
        [first, rest @ ..] if is_of_a_hop(first) && rest.iter().all(is_of_a_hop) => Verdict::Routed(*first),
        [first, ..] => Verdict::Differs(*first),
    };
    let rank = Rank {
        is_different: matches!(verdict, Verdict::Differs(_)),
        has_other_numbers: differences.iter().any(Difference::is_of_a_number),
        count: differences.len(),
        is_tcp_stack: profile == Profile::TcpStack,
    };
    (rank, verdict)
}

/// A header field in which a reset of the capture differs from ours.
#[derive(Clone, Copy)]
pub struct Difference {
    field: &'static str,
    theirs: u32,
    ours: u32,
}

/// A field by its name, the offset of the 32-bit word that holds it, and the bits in this word.
type Field = (&'static str, usize, u32);

// The addresses and ports of an answer are known to be the same, the protocol to be TCP.
const IPV4: &[Field] = &[
    ("header length", 0, 0x0f00_0000),
    ("type of service", 0, 0x00ff_0000),
    ("total length", 0, 0x0000_ffff),
    ("identification", 4, 0xffff_0000),
    ("fragment field", 4, 0x0000_ffff),
    ("TTL", 8, 0xff00_0000),
];
const IPV6: &[Field] = &[
    ("traffic class", 0, 0x0ff0_0000),
    ("flow label", 0, 0x000f_ffff),
    ("payload length", 4, 0xffff_0000),
    ("next header", 4, 0x0000_ff00),
    ("hop limit", 4, 0x0000_00ff),
];
const TCP: &[Field] = &[
    ("sequence number", 4, u32::MAX),
    ("acknowledgment number", 8, u32::MAX),
    ("data offset", 12, 0xf000_0000),
    ("reserved bits", 12, 0x0f00_0000),
    ("flags", 12, 0x00ff_0000),
    ("window", 12, 0x0000_ffff),
    ("urgent pointer", 16, 0x0000_ffff),
];
// Last: they differ if another field does.
const TCP_CHECKSUM: Field = ("TCP checksum", 16, 0xffff_0000);
const IPV4_CHECKSUM: Field = ("header checksum", 8, 0x0000_ffff);

impl Difference {
    /// The fields in which `packet` differs from `reset`, in their order in the packet.
    fn all(reset: &Reset, packet: &[u8], trust_checksums: bool) -> Vec<Self> {
        let mut buffer = [0; tcp_reset::MAX_LEN];
        let ours = crate::emit(reset, &mut buffer);
        let (ip, tcp) = match reset {
            Reset::V4(_) => (IPV4, 20),
            Reset::V6(_) => (IPV6, 40),
        };
        let checksums: &[_] = match reset {
            _ if trust_checksums => &[],
            Reset::V4(_) => &[(TCP_CHECKSUM, tcp), (IPV4_CHECKSUM, 0)],
            Reset::V6(_) => &[(TCP_CHECKSUM, tcp)],
        };
        let fields = ip.iter().map(|field| (*field, 0)).chain(TCP.iter().map(|field| (*field, tcp)));
        let differ = |((field, offset, bits), header): (Field, usize)| {
            let value = |packet: &[u8]| {
                let word = packet.get(header + offset..)?.first_chunk()?;
                Some((u32::from_be_bytes(*word) & bits) >> bits.trailing_zeros())
            };
            let (theirs, ours) = (value(packet)?, value(ours)?);
            (theirs != ours).then_some(Self { field, theirs, ours })
        };
        fields.chain(checksums.iter().copied()).filter_map(differ).collect()
    }

    /// Whether a receiver sees another reset. It ignores the acknowledgment number of a RST without ACK.
    fn is_of_a_number(&self) -> bool {
        match self.field {
            "sequence number" | "flags" => true,
            "acknowledgment number" => self.ours != 0,
            _ => false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, theirs, ours } = self;
        match *field {
            "flags" => {
                let [theirs, ours] = [theirs, ours].map(|bits| Flags(u8::try_from(*bits).unwrap_or(0)));
                write!(formatter, "flags [{theirs}], ours [{ours}]")
            }
            "fragment field" | "header checksum" | "TCP checksum" => {
                write!(formatter, "{field} {theirs:#06x}, ours {ours:#06x}")
            }
            _ => write!(formatter, "{field} {theirs}, ours {ours}"),
        }
    }
}

/// The end of the line for such a reset.
impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(Profile::Netfilter) => formatter.write_str(", the same as ours"),
            Self::Same(Profile::TcpStack) => formatter.write_str(", the same as ours in the TCP-stack profile"),
            Self::Routed(difference) | Self::Differs(difference) => {
                write!(formatter, ", differs from ours in: {difference}")
            }
            Self::Unexpected => formatter.write_str(", ours is silence"),
        }
    }
}
