//! Names the fields in which a reset of another stack differs from this crate's: for tests and fuzz targets of that stack.
//!
//! ```
//! use support::difference::{differences, list};
//! use tcp_reset::{Config, Profile, Reset};
//!
//! const HOST: Config = Config::new().profile(Profile::TcpStack);
//!
//! /// Panics if the stack does not answer as Linux does for a port on which nobody listens.
//! fn check(packet: &[u8], theirs: Option<&[u8]>) {
//!     match (Reset::in_reply_to(packet, &HOST), theirs) {
//!         (Ok(ours), Some(theirs)) => {
//!             let differences = differences(ours.as_bytes(), theirs);
//!             // To allow for what a receiver ignores: differences.iter().all(|difference| !difference.is_seen)
//!             assert!(differences.is_empty(), "{}, for {packet:02x?}", list(&differences));
//!         }
//!         (Ok(ours), None) => panic!("no answer (ours {ours}), for {packet:02x?}"),
//!         (Err(reason), Some(theirs)) => panic!("{theirs:02x?} (ours is silence: {reason}), for {packet:02x?}"),
//!         (Err(_), None) => {}
//!     }
//! }
//!
//! // A reset that does not acknowledge the SYN, with a hop limit of its own.
//! let syn = support::packet::V4::default().bytes();
//! let ours = Reset::in_reply_to(&syn, &HOST).unwrap();
//! let mut theirs = ours.as_bytes().to_vec();
//! (theirs[8], theirs[31]) = (255, theirs[31] - 1);
//! support::packet::repair(&mut theirs);
//! let found = differences(ours.as_bytes(), &theirs);
//! assert_eq!(list(&found), "acknowledgment number 522224616 (ours 522224617), TTL 255 (ours 64)");
//!
//! check(&syn, Some(ours.as_bytes()));
//! std::panic::catch_unwind(|| check(&syn, Some(&theirs))).expect_err("they differ");
//! ```

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::{extension_headers, pseudo_header, sum, word};
use crate::protocol::{self, Flags};
use tcp_reset::tcp::ACK;

/// A field in which a packet differs from the reset that this crate writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub field: &'static str,
    /// Its value in the other packet.
    pub theirs: u128,
    /// Its value in ours.
    pub ours: u128,
    /// Whether a receiver takes the packet for another reset, or for none.
    pub is_seen: bool,
    format: Format,
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Decimal,
    Hex,
    Letters,
    Ipv4,
    Ipv6,
}
use Format::{Decimal, Hex, Letters};

/// A field: its name, the first of its bits in the header, how many it has, how they are printed, and whether a receiver
/// looks at them.
type Field = (&'static str, usize, usize, Format, bool);

const ACKNOWLEDGMENT_NUMBER: &str = "acknowledgment number";
const NEXT_HEADER: &str = "next header";
const FRAGMENT_FIELD: &str = "fragment field";
/// The field of TCP's checksum.
pub const TCP_CHECKSUM: &str = "TCP checksum";
/// The field of the IPv4 header's checksum.
pub const HEADER_CHECKSUM: &str = "header checksum";

const NUMBERS: &[Field] = &[
    ("flags", 104, 8, Letters, true),
    ("sequence number", 32, 32, Decimal, true),
    (ACKNOWLEDGMENT_NUMBER, 64, 32, Decimal, true),
    ("source port", 0, 16, Decimal, true),
    ("destination port", 16, 16, Decimal, true),
];
const IPV4: &[Field] = &[
    ("protocol", 72, 8, Decimal, true),
    ("source address", 96, 32, Format::Ipv4, true),
    ("destination address", 128, 32, Format::Ipv4, true),
    ("type of service", 8, 8, Decimal, false),
    ("identification", 32, 16, Decimal, false),
    (FRAGMENT_FIELD, 48, 16, Hex, false),
    ("TTL", 64, 8, Decimal, false),
];
const IPV6: &[Field] = &[
    ("source address", 64, 128, Format::Ipv6, true),
    ("destination address", 192, 128, Format::Ipv6, true),
    ("traffic class", 4, 8, Decimal, false),
    ("flow label", 12, 20, Decimal, false),
    (NEXT_HEADER, 48, 8, Decimal, false),
    ("hop limit", 56, 8, Decimal, false),
];
const TCP: &[Field] = &[
    ("reserved bits", 100, 4, Decimal, false),
    ("window", 112, 16, Decimal, false),
    ("urgent pointer", 144, 16, Decimal, false),
];

/// The fields in which `theirs` differs from `ours`. Flags and numbers come first.
///
/// `theirs` is any bytes, from the IP version on. What follows the end of the packet is ignored. If data was cut off, its
/// length is that of the IP header, and the TCP checksum is not verified. A checksum is named if it is wrong, or 0x0000 for
/// 0xFFFF or the reverse.
///
/// # Panics
///
/// If `ours` is not a reset of this crate.
#[must_use]
pub fn differences(ours: &[u8], theirs: &[u8]) -> Vec<Difference> {
    if theirs.starts_with(ours) {
        return Vec::new();
    }
    let version = |packet: &[u8]| packet.first().map_or(0, |first| u128::from(first >> 4));
    if version(theirs) != version(ours) {
        return vec![Difference::new("IP version", version(theirs), version(ours))];
    }
    let is_ipv6 = version(ours) == 6;
    let (our_ip, our_tcp) = ours.split_at(ours.len() - 20);
    let ip_len = if is_ipv6 { 40 } else { usize::from(theirs[0] & 0x0f) * 4 };
    if theirs.len() < ip_len || ip_len < our_ip.len() {
        return vec![Difference::length("length of the IP header", ip_len.min(theirs.len()), our_ip.len())];
    }

    // By the IP header; of a packet that states no length, all bytes.
    let stated = if is_ipv6 { usize::from(word(theirs, 4)) + 40 } else { usize::from(word(theirs, 2)) };
    let is_stated = stated != if is_ipv6 { 40 } else { 0 };
    let end = if is_stated { stated } else { theirs.len() };
    let tcp_at = if is_ipv6 {
        extension_headers(theirs, Some(end)).ok()
    } else {
        let is_tcp = theirs[9] == protocol::TCP && word(theirs, 6) & 0x1fff == 0;
        is_tcp.then_some(ip_len)
    };
    let segment_len = tcp_at.map_or(0, |at| end.saturating_sub(at));
    let segment = tcp_at.and_then(|at| theirs.get(at..end.min(theirs.len()))).filter(|bytes| bytes.len() >= 20);

    let mut all = Vec::new();
    match (segment, tcp_at) {
        (Some(segment), _) => all.extend(compare(NUMBERS, our_tcp, segment)),
        (None, Some(at)) => {
            all.push(Difference::length("length of the TCP segment", segment_len.min(theirs.len() - at), 20));
        }
        (None, None) => {}
    }
    all.extend(compare(if is_ipv6 { IPV6 } else { IPV4 }, our_ip, theirs));
    if ip_len > our_ip.len() {
        all.push(Difference::length("length of IP options", ip_len - our_ip.len(), 0).ignored());
    }
    if let Some(segment) = segment {
        all.extend(compare(TCP, our_tcp, segment));
        let header_len = usize::from(segment[12] >> 4) * 4;
        match header_len {
            20 => {}
            21.. if header_len <= segment_len => {
                all.push(Difference::length("length of TCP options", header_len - 20, 0).ignored());
            }
            _ => all.push(Difference::length("length of the TCP header", header_len, 20)),
        }
        if segment_len > header_len {
            all.push(Difference::length("length of data", segment_len - header_len, 0).ignored());
        }
        let addresses = if is_ipv6 { &theirs[8..40] } else { &theirs[12..20] };
        let is_whole = segment.len() == segment_len;
        let is_wrong = is_whole && sum(&[&pseudo_header(addresses, segment_len), segment].concat()) != 0xffff;
        all.extend(checksum(TCP_CHECKSUM, word(our_tcp, 16), word(segment, 16), is_wrong));
    }
    if !is_ipv6 {
        let is_wrong = sum(&theirs[..ip_len]) != 0xffff;
        all.extend(checksum(HEADER_CHECKSUM, word(our_ip, 10), word(theirs, 10), is_wrong));
    }
    for difference in &mut all {
        match difference.field {
            // Ignored in a RST without ACK.
            ACKNOWLEDGMENT_NUMBER => difference.is_seen = our_tcp[13] & ACK != 0,
            // A fragment is no whole reset.
            FRAGMENT_FIELD => difference.is_seen = difference.theirs & 0x3fff != 0,
            // Extension headers are skipped.
            NEXT_HEADER => difference.is_seen = tcp_at.is_none(),
            _ => {}
        }
    }
    all
}

/// Those of `fields` that differ between two headers.
fn compare(fields: &'static [Field], ours: &[u8], theirs: &[u8]) -> impl Iterator<Item = Difference> {
    fields.iter().filter_map(move |(field, first, bits, format, is_seen)| {
        let end = first + bits;
        let value = |header: &[u8]| {
            let bytes = &header[first / 8..end.div_ceil(8)];
            let value = bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte));
            value >> (end.next_multiple_of(8) - end) & u128::MAX >> (128 - bits)
        };
        let (theirs, ours) = (value(theirs), value(ours));
        let difference = Difference { field, theirs, ours, is_seen: *is_seen, format: *format };
        (theirs != ours).then_some(difference)
    })
}

fn checksum(field: &'static str, ours: u16, theirs: u16, is_wrong: bool) -> Option<Difference> {
    let is_other_zero = matches!((ours, theirs), (0, 0xffff) | (0xffff, 0));
    let difference =
        Difference { is_seen: is_wrong, format: Hex, ..Difference::new(field, theirs.into(), ours.into()) };
    (ours != theirs && (is_wrong || is_other_zero)).then_some(difference)
}

impl Difference {
    fn new(field: &'static str, theirs: u128, ours: u128) -> Self {
        Self { field, theirs, ours, is_seen: true, format: Decimal }
    }

    fn length(field: &'static str, theirs: usize, ours: usize) -> Self {
        Self::new(field, theirs as u128, ours as u128)
    }

    fn ignored(self) -> Self {
        Self { is_seen: false, ..self }
    }

    fn value(&self, value: u128) -> String {
        match self.format {
            Format::Decimal => value.to_string(),
            Format::Hex => format!("{value:#06x}"),
            Format::Letters => format!("[{}]", Flags(value as u8)),
            Format::Ipv4 => Ipv4Addr::from_bits(value as u32).to_string(),
            Format::Ipv6 => Ipv6Addr::from_bits(value).to_string(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, theirs, ours, .. } = *self;
        write!(formatter, "{field} {} (ours {})", self.value(theirs), self.value(ours))
    }
}

/// The differences in one line, with commas between them.
#[must_use]
pub fn list(differences: &[Difference]) -> String {
    differences.iter().map(Difference::to_string).collect::<Vec<_>>().join(", ")
}
