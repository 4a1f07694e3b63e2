//! From a captured frame to the IP packet in it.

use std::fmt;

/// What a capture's frames begin with.
#[derive(Clone, Copy)]
pub enum Link {
    /// Nothing: the IP header is the first.
    Raw,
    /// Ethernet, with or without VLAN tags.
    Ethernet,
    /// Linux's cooked header of the `any` device, version 1.
    LinuxCooked,
    /// Linux's cooked header, version 2.
    LinuxCooked2,
    /// BSD's loopback header: four bytes for the address family.
    Loopback,
}

impl Link {
    /// Tells the link by its number in the registry of link types (<https://www.tcpdump.org/linktypes.html>), or hands
    /// the number back.
    pub fn from_number(number: u32) -> Result<Self, u32> {
        match number {
            0 | 108 => Ok(Self::Loopback),
            1 => Ok(Self::Ethernet),
            // LINKTYPE_RAW, what some systems write for it, LINKTYPE_IPV4 and LINKTYPE_IPV6.
            101 | 12 | 14 | 228 | 229 => Ok(Self::Raw),
            113 => Ok(Self::LinuxCooked),
            276 => Ok(Self::LinuxCooked2),
            _ => Err(number),
        }
    }

    /// The IP packet in a frame, with whatever pads the frame behind it.
    pub fn ip_packet(self, frame: &[u8]) -> Result<&[u8], NotIp> {
        match self {
            Self::Raw => Ok(frame),
            Self::Ethernet => untagged(after_type::<12>(frame)?),
            Self::LinuxCooked => untagged(after_type::<14>(frame)?),
            Self::LinuxCooked2 => {
                let (ether_type, _) = after_type::<0>(frame)?;
                untagged((ether_type, frame.get(20..).ok_or(NotIp::Short)?))
            }
            Self::Loopback => match frame.split_first_chunk() {
                // AF_INET and, differing from system to system, AF_INET6, in the byte order of whoever wrote it.
                Some(([2 | 10 | 24 | 28 | 30, 0, 0, 0] | [0, 0, 0, 2 | 10 | 24 | 28 | 30], packet)) => Ok(packet),
                Some((family, _)) => Err(NotIp::Family(*family)),
                None => Err(NotIp::Short),
            },
        }
    }
}

/// The type field behind the first `OFFSET` bytes, and all that follows it.
fn after_type<const OFFSET: usize>(frame: &[u8]) -> Result<(u16, &[u8]), NotIp> {
    let (ether_type, rest) = frame.get(OFFSET..).and_then(<[u8]>::split_first_chunk).ok_or(NotIp::Short)?;
    Ok((u16::from_be_bytes(*ether_type), rest))
}

/// What a type field of IP announces, behind any number of VLAN tags.
fn untagged((mut ether_type, mut rest): (u16, &[u8])) -> Result<&[u8], NotIp> {
    // 802.1Q, 802.1ad (QinQ) and what served for it before: two bytes of tag, then the next EtherType.
    while matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
        (ether_type, rest) = after_type::<2>(rest)?;
    }
    match ether_type {
        0x0800 | 0x86dd => Ok(rest),
        _ => Err(NotIp::EtherType(ether_type)),
    }
}

/// A frame that holds no IP packet.
pub enum NotIp {
    /// It holds something else.
    EtherType(u16),
    /// It holds something else, by BSD's address families.
    Family([u8; 4]),
    /// It ends before that is told.
    Short,
}

impl fmt::Display for NotIp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EtherType(0x0806) => formatter.write_str("ARP"),
            // Below 1536, the field is a length (IEEE 802.3).
            Self::EtherType(length @ ..1536) => write!(formatter, "802.3 frame of {length} bytes"),
            Self::EtherType(number) => write!(formatter, "EtherType {number:#06x}"),
            Self::Family([a, b, c, d]) => write!(formatter, "address family {a:02x}{b:02x}{c:02x}{d:02x}"),
            Self::Short => formatter.write_str("short frame"),
        }
    }
}
