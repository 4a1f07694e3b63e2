//! The fields in which a reset of the capture differs from ours.

use std::fmt;

use tcp_reset::Reset;
use tcp_reset::checksum::Sum;

use crate::packet::{Flags, Segment};

/// A field in which a reset of the capture differs from ours.
#[derive(Clone, Copy)]
pub struct Difference {
    pub field: &'static str,
    pub theirs: u32,
    pub ours: u32,
    /// Whether a receiver takes it for another reset, or for none.
    pub is_seen: bool,
}

/// A field by its name, the offset of the 32-bit word that holds it, and the bits in this word.
type Field = (&'static str, usize, u32);

// The addresses and ports of an answer are known to be the same. Lengths follow from options and data.
const NUMBERS: &[Field] =
    &[(FLAGS, 12, 0x00ff_0000), ("sequence number", 4, u32::MAX), (ACKNOWLEDGMENT_NUMBER, 8, u32::MAX)];
const IPV4: &[Field] = &[
    ("type of service", 0, 0x00ff_0000),
    ("identification", 4, 0xffff_0000),
    (FRAGMENT_FIELD, 4, 0x0000_ffff),
    ("TTL", 8, 0xff00_0000),
];
const IPV6: &[Field] = &[
    ("traffic class", 0, 0x0ff0_0000),
    ("flow label", 0, 0x000f_ffff),
    ("next header", 4, 0x0000_ff00),
    ("hop limit", 4, 0x0000_00ff),
];
const TCP: &[Field] =
    &[("reserved bits", 12, 0x0f00_0000), ("window", 12, 0x0000_ffff), ("urgent pointer", 16, 0x0000_ffff)];
const FLAGS: &str = "flags";
const ACKNOWLEDGMENT_NUMBER: &str = "acknowledgment number";
const FRAGMENT_FIELD: &str = "fragment field";
const TCP_CHECKSUM: &str = "TCP checksum";

impl Difference {
    /// The fields in which a segment in `packet` differs from `reset`: flags and numbers first.
    pub fn all(reset: &Reset, packet: &[u8], segment: &Segment<'_>, trust_checksums: bool) -> Vec<Self> {
        let is_ipv6 = reset.source().is_ipv6();
        let our_tcp = reset.as_bytes().get(if is_ipv6 { 40 } else { 20 }..).unwrap_or_default();
        let compare = |fields: &'static [Field], theirs, ours| {
            fields.iter().filter_map(move |field| Self::new(field, theirs, ours))
        };
        let mut all: Vec<_> = compare(NUMBERS, segment.bytes, our_tcp).collect();
        all.extend(compare(if is_ipv6 { IPV6 } else { IPV4 }, packet, reset.as_bytes()));
        all.extend(compare(TCP, segment.bytes, our_tcp));

        let ip_options = match packet.first() {
            Some(first) if !is_ipv6 => usize::from(first & 0x0f).saturating_mul(4).saturating_sub(20),
            _ => 0,
        };
        let lengths = [
            ("length of IP options", ip_options),
            ("length of TCP options", segment.header_len.saturating_sub(20)),
            ("length of data", segment.length.saturating_sub(segment.header_len)),
        ];
        all.extend(lengths.into_iter().filter(|(_, length)| *length > 0).map(|(field, length)| {
            let theirs = u32::try_from(length).unwrap_or(u32::MAX);
            Self { field, theirs, ours: 0, is_seen: false }
        }));
        if !trust_checksums {
            all.extend(Self::of_checksum(our_tcp, segment, all.is_empty()));
        }
        all
    }

    /// Whether it is of a number or a flag, which tell an answer from the reset that aborts a connection.
    pub fn is_number(&self) -> bool {
        self.field != TCP_CHECKSUM
    }

    fn new((field, offset, bits): &Field, theirs: &[u8], ours: &[u8]) -> Option<Self> {
        let value = |header: &[u8]| {
            let word = header.get(*offset..)?.first_chunk()?;
            Some((u32::from_be_bytes(*word) & bits) >> bits.trailing_zeros())
        };
        let (theirs, ours) = (value(theirs)?, value(ours)?);
        let is_seen = match *field {
            FLAGS | "sequence number" => true,
            // Ignored in a RST without ACK.
            ACKNOWLEDGMENT_NUMBER => ours != 0,
            _ => false,
        };
        (theirs != ours).then_some(Self { field, theirs, ours, is_seen })
    }

    /// The checksum, if it is wrong, or alone other than ours: as 0x0000 for 0xFFFF. A partial one, which the network card
    /// completes later, is not compared.
    fn of_checksum(our_tcp: &[u8], segment: &Segment<'_>, is_same_otherwise: bool) -> Option<Self> {
        let value = |tcp: &[u8]| tcp.get(16..)?.first_chunk().map(|field| u16::from_be_bytes(*field));
        let (theirs, ours) = (value(segment.bytes)?, value(our_tcp)?);
        let pseudo_header = segment.pseudo_header();
        let is_partial = theirs == !u16::from_be_bytes(pseudo_header.checksum());
        let is_whole = segment.bytes.len() == segment.length;
        let is_wrong = is_whole && !pseudo_header.plus(Sum::of(segment.bytes)).is_valid();
        let is_named = theirs != ours && !is_partial && (is_wrong || is_same_otherwise);
        is_named.then_some(Self { field: TCP_CHECKSUM, theirs: theirs.into(), ours: ours.into(), is_seen: is_wrong })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, theirs, ours, .. } = self;
        match *field {
            FLAGS => {
                let [theirs, ours] = [theirs, ours].map(|bits| Flags(u8::try_from(*bits).unwrap_or(0)));
                write!(formatter, "flags [{theirs}] (ours [{ours}])")
            }
            FRAGMENT_FIELD | TCP_CHECKSUM => write!(formatter, "{field} {theirs:#06x} (ours {ours:#06x})"),
            _ => write!(formatter, "{field} {theirs} (ours {ours})"),
        }
    }
}
