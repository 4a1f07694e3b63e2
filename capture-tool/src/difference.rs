//! The header fields in which a reset of the capture differs from ours.

use std::fmt;

use tcp_reset::Reset;

use crate::packet::Flags;

/// A header field in which a reset of the capture differs from ours.
#[derive(Clone, Copy)]
pub struct Difference {
    pub field: &'static str,
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
    pub fn all(reset: &Reset, packet: &[u8], trust_checksums: bool) -> Vec<Self> {
        let is_ipv6 = reset.source().is_ipv6();
        let (ip, tcp) = if is_ipv6 { (IPV6, 40) } else { (IPV4, 20) };
        let checksums: &[_] = match is_ipv6 {
            _ if trust_checksums => &[],
            false => &[(TCP_CHECKSUM, tcp), (IPV4_CHECKSUM, 0)],
            true => &[(TCP_CHECKSUM, tcp)],
        };
        let fields = ip.iter().map(|field| (*field, 0)).chain(TCP.iter().map(|field| (*field, tcp)));
        let differ = |((field, offset, bits), header): (Field, usize)| {
            let value = |packet: &[u8]| {
                let word = packet.get(header + offset..)?.first_chunk()?;
                Some((u32::from_be_bytes(*word) & bits) >> bits.trailing_zeros())
            };
            let (theirs, ours) = (value(packet)?, value(reset.as_bytes())?);
            (theirs != ours).then_some(Self { field, theirs, ours })
        };
        fields.chain(checksums.iter().copied()).filter_map(differ).collect()
    }

    /// Whether a receiver sees another reset. It ignores the acknowledgment number of a RST without ACK.
    pub fn is_of_a_number(&self) -> bool {
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
