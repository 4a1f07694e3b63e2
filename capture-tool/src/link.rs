//! From a captured frame to the IP packet in it, and to its answer.

use std::fmt;

use tcp_reset::{Config, NoReset, Reset, ethernet};

/// The link-layer header of a capture's frames.
#[derive(Clone, Copy)]
pub enum Link {
    /// None: the frame begins with the IP header.
    Raw,
    /// Ethernet, with or without VLAN tags.
    Ethernet,
    /// Linux's cooked header of the `any` device, version 1.
    LinuxCooked,
    /// Linux's cooked header, version 2.
    LinuxCooked2,
    /// BSD's loopback header: four bytes for the address family.
    Loopback,
    /// PPP (RFC 1661), with or without the address and control bytes of HDLC (RFC 1662).
    Ppp,
}

/// The link types that [`Link::from_number`] knows.
pub const SUPPORTED: &str = "Ethernet, raw IP, Linux cooked, BSD loopback, PPP";

impl Link {
    /// The link by its number in the registry of link types (<https://www.tcpdump.org/linktypes.html>).
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            0 | 108 => Some(Self::Loopback),
            1 => Some(Self::Ethernet),
            9 | 50 => Some(Self::Ppp),
            // LINKTYPE_RAW, what some systems write for it, LINKTYPE_IPV4 and LINKTYPE_IPV6.
            101 | 12 | 14 | 228 | 229 => Some(Self::Raw),
            113 => Some(Self::LinuxCooked),
            276 => Some(Self::LinuxCooked2),
            _ => None,
        }
    }

    /// The IP packet in a frame; bytes that pad the frame are left at its end.
    pub fn ip_packet(self, frame: &[u8]) -> Result<&[u8], NotIp> {
        match self {
            Self::Raw => Ok(frame),
            Self::Ethernet => untagged(after_type::<12>(frame)?),
            Self::LinuxCooked => untagged(after_type::<14>(frame)?),
            Self::LinuxCooked2 => {
                let (ether_type, _) = after_type::<0>(frame)?;
                untagged((ether_type, frame.get(20..).ok_or(NotIp::Short)?))
            }
            Self::Loopback => match frame.split_first_chunk().ok_or(NotIp::Short)? {
                // AF_INET and AF_INET6, whose number differs between systems, in the byte order of the writer.
                ([2 | 10 | 24 | 28 | 30, 0, 0, 0] | [0, 0, 0, 2 | 10 | 24 | 28 | 30], packet) => Ok(packet),
                (family, _) => Err(NotIp::Family(*family)),
            },
            Self::Ppp => match frame {
                // Cisco HDLC: address, control, EtherType (RFC 1547 §4.3.1).
                [0x0f | 0x8f, 0, ..] => untagged(after_type::<2>(frame)?),
                [0xff, 0x03, rest @ ..] | rest => after_ppp(rest),
            },
        }
    }

    /// The answer to the IP packet in a frame. Where packet and frame both draw silence, the packet's reason is given.
    pub fn answer(self, frame: &[u8], packet: &[u8], config: &Config) -> Result<Reset, NoReset> {
        match self {
            Self::Ethernet => ethernet::Reset::in_reply_to(frame, config)
                .map(|reset| reset.packet())
                .map_err(|reason| Reset::in_reply_to(packet, config).err().unwrap_or(reason)),
            _ => Reset::in_reply_to(packet, config),
        }
    }
}

/// The type field after the first `OFFSET` bytes, and everything after it.
fn after_type<const OFFSET: usize>(frame: &[u8]) -> Result<(u16, &[u8]), NotIp> {
    let (ether_type, rest) = frame.get(OFFSET..).and_then(<[u8]>::split_first_chunk).ok_or(NotIp::Short)?;
    Ok((u16::from_be_bytes(*ether_type), rest))
}

/// The IP packet after a type field and any number of VLAN tags.
fn untagged((mut ether_type, mut rest): (u16, &[u8])) -> Result<&[u8], NotIp> {
    // 802.1Q, 802.1ad (QinQ) and its predecessor: two bytes of tag, then the next EtherType.
    while matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
        (ether_type, rest) = after_type::<2>(rest)?;
    }
    match ether_type {
        0x0800 | 0x86dd => Ok(rest),
        _ => Err(NotIp::EtherType(ether_type)),
    }
}

/// The IP packet after a PPP protocol number. The number has one byte if that byte is odd (RFC 1661 §6.5).
fn after_ppp(frame: &[u8]) -> Result<&[u8], NotIp> {
    let (protocol, rest) = match frame {
        [protocol, rest @ ..] if protocol & 1 == 1 => (u16::from(*protocol), rest),
        _ => after_type::<0>(frame)?,
    };
    match protocol {
        0x0021 | 0x0057 => Ok(rest),
        _ => Err(NotIp::Ppp(protocol)),
    }
}

/// What a frame without an IP packet holds.
pub enum NotIp {
    EtherType(u16),
    /// Another address family of BSD.
    Family([u8; 4]),
    /// Another protocol over PPP.
    Ppp(u16),
    /// The frame ends before its protocol is known.
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
            Self::Ppp(number) => write!(formatter, "PPP protocol {number:#06x}"),
            Self::Short => formatter.write_str("short frame"),
        }
    }
}

/// The number of a link type that is not supported, with its name where the type is common.
pub fn describe_unsupported(number: u32) -> String {
    let name = match number {
        8 => "SLIP",
        51 => "PPPoE",
        104 => "Cisco HDLC",
        105 | 119 | 127 | 163 => "IEEE 802.11",
        107 => "Frame Relay",
        147..=162 => "reserved for private use",
        187 | 201 | 251 => "Bluetooth",
        189 | 220 | 249 => "USB",
        195 | 215 | 230 => "IEEE 802.15.4",
        227 => "CAN",
        239 => "Linux NFLOG",
        253 => "Linux netlink",
        _ => return number.to_string(),
    };
    format!("{number} ({name})")
}
