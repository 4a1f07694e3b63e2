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
    /// Cisco HDLC: address, control, EtherType (RFC 1547 §4.3.1).
    CiscoHdlc,
    /// A PPPoE session without Ethernet header (RFC 2516).
    Pppoe,
    /// MPLS labels without Ethernet header (RFC 3032).
    Mpls,
    /// What Linux's NFLOG target recorded.
    Nflog,
    /// What a rule with `log` of BSD's pf recorded.
    Pflog,
}

/// A captured frame.
pub struct Frame<'a> {
    /// Its link-layer header.
    pub link: Link,
    /// Its bytes, as far as they were captured.
    pub data: &'a [u8],
    /// Whether the capture holds less than the whole frame.
    pub is_cut: bool,
    /// When it was captured, in nanoseconds since 1970; `None` where the capture does not say.
    pub time: Option<u64>,
}

/// The link types that [`Link::from_number`] knows.
pub const SUPPORTED: &str = "Ethernet, raw IP, Linux cooked, BSD loopback, PPP, PPPoE, Cisco HDLC, MPLS, NFLOG, pflog";

/// An IP packet, found in a frame.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// The packet; bytes that pad the frame are left at its end.
    pub packet: &'a [u8],
    /// What it was wrapped in, besides the link-layer header and VLAN tags.
    pub inside: Option<Inside>,
}

/// What an IP packet was wrapped in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    Pppoe,
    Mpls,
}

impl fmt::Display for Inside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pppoe => "in a PPPoE session",
            Self::Mpls => "under an MPLS label",
        })
    }
}

impl Link {
    /// The link by its number in the registry of link types (<https://www.tcpdump.org/linktypes.html>).
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            0 | 108 => Some(Self::Loopback),
            1 => Some(Self::Ethernet),
            9 | 50 => Some(Self::Ppp),
            // LINKTYPE_RAW, what some systems write for it, LINKTYPE_IPV4 and LINKTYPE_IPV6.
            101 | 12 | 14 | 228 | 229 => Some(Self::Raw),
            51 => Some(Self::Pppoe),
            104 => Some(Self::CiscoHdlc),
            113 => Some(Self::LinuxCooked),
            117 => Some(Self::Pflog),
            219 => Some(Self::Mpls),
            239 => Some(Self::Nflog),
            276 => Some(Self::LinuxCooked2),
            _ => None,
        }
    }

    /// The IP packet in a frame.
    pub fn ip_packet(self, frame: &[u8]) -> Result<Found<'_>, NotIp> {
        match self {
            Self::Raw => Ok(plain(frame)),
            Self::Ethernet => untagged(after_type::<12>(frame)?),
            Self::LinuxCooked => untagged(after_type::<14>(frame)?),
            Self::LinuxCooked2 => {
                let (ether_type, _) = after_type::<0>(frame)?;
                untagged((ether_type, frame.get(20..).ok_or(NotIp::Short)?))
            }
            Self::Loopback => match frame.split_first_chunk().ok_or(NotIp::Short)? {
                // AF_INET and AF_INET6, whose number differs between systems, in the byte order of the writer.
                ([2 | 10 | 24 | 28 | 30, 0, 0, 0] | [0, 0, 0, 2 | 10 | 24 | 28 | 30], packet) => Ok(plain(packet)),
                (family, _) => Err(NotIp::Family(*family)),
            },
            Self::Ppp => match frame {
                [0x0f | 0x8f, 0, ..] => Self::CiscoHdlc.ip_packet(frame),
                [0xff, 0x03, rest @ ..] | rest => Ok(plain(after_ppp(rest)?)),
            },
            Self::CiscoHdlc => untagged(after_type::<2>(frame)?),
            Self::Pppoe => after_pppoe(frame),
            Self::Mpls => after_mpls(frame),
            Self::Nflog => Ok(plain(nflog_payload(frame)?)),
            Self::Pflog => {
                // The first byte is the length of the header without the bytes that pad it to a multiple of four.
                let header_len = frame.first().map(|length| usize::from(*length).next_multiple_of(4));
                Ok(plain(header_len.and_then(|length| frame.get(length..)).ok_or(NotIp::Short)?))
            }
        }
    }

    /// The answer to the IP packet in a frame. Where neither packet nor frame is answered, the packet's reason is given.
    pub fn answer(self, frame: &[u8], packet: &[u8], config: &Config) -> Result<Reset, NoReset> {
        match self {
            Self::Ethernet => match ethernet::Reset::in_reply_to(frame, config) {
                Ok(reset) => Ok(reset.packet()),
                // PPPoE or MPLS, since an IP packet was found.
                Err(NoReset::EtherType) => Reset::in_reply_to(packet, config),
                // A reason of the frame alone.
                Err(reason @ (NoReset::GroupAddress | NoReset::VlanTags | NoReset::Version | NoReset::Truncated)) => {
                    Err(Reset::in_reply_to(packet, config).err().unwrap_or(reason))
                }
                Err(reason) => Err(reason),
            },
            _ => Reset::in_reply_to(packet, config),
        }
    }
}

/// A packet that is not wrapped in anything else.
fn plain(packet: &[u8]) -> Found<'_> {
    Found { packet, inside: None }
}

/// The type field after the first `OFFSET` bytes, and everything after it.
fn after_type<const OFFSET: usize>(frame: &[u8]) -> Result<(u16, &[u8]), NotIp> {
    let (ether_type, rest) = frame.get(OFFSET..).and_then(<[u8]>::split_first_chunk).ok_or(NotIp::Short)?;
    Ok((u16::from_be_bytes(*ether_type), rest))
}

/// The IP packet after a type field and any number of VLAN tags.
fn untagged((mut ether_type, mut rest): (u16, &[u8])) -> Result<Found<'_>, NotIp> {
    // 802.1Q, 802.1ad (QinQ) and its predecessor: two bytes of tag, then the next EtherType.
    while matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
        (ether_type, rest) = after_type::<2>(rest)?;
    }
    match ether_type {
        0x0800 | 0x86dd => Ok(plain(rest)),
        0x8864 => after_pppoe(rest),
        0x8847 | 0x8848 => after_mpls(rest),
        _ => Err(NotIp::EtherType(ether_type)),
    }
}

/// The IP packet in a PPPoE session (RFC 2516 §4): version and type, code, session, length, then PPP.
fn after_pppoe(frame: &[u8]) -> Result<Found<'_>, NotIp> {
    let (_, rest) = frame.split_first_chunk::<6>().ok_or(NotIp::Short)?;
    Ok(Found { packet: after_ppp(rest)?, inside: Some(Inside::Pppoe) })
}

/// The IP packet after MPLS labels (RFC 3032 §2.1): the lowest bit of a label's third byte marks the last label.
fn after_mpls(mut rest: &[u8]) -> Result<Found<'_>, NotIp> {
    loop {
        let ([_, _, bottom, _], next) = rest.split_first_chunk().ok_or(NotIp::Short)?;
        rest = next;
        if bottom & 1 == 1 {
            break;
        }
    }
    // No field says what follows; a control word (RFC 4385) begins with 0.
    match rest {
        [0x40..=0x6f, ..] => Ok(Found { packet: rest, inside: Some(Inside::Mpls) }),
        [] => Err(NotIp::Short),
        _ => Err(NotIp::Mpls),
    }
}

/// The packet of an NFLOG record: family, version and two bytes of group, then attributes. Each has its length and type in
/// the byte order of the host that recorded it, and is padded to a multiple of four bytes.
fn nflog_payload(frame: &[u8]) -> Result<&[u8], NotIp> {
    const PAYLOAD: u16 = 9;
    let (_, attributes) = frame.split_first_chunk::<4>().ok_or(NotIp::Short)?;
    let find = |number: fn([u8; 2]) -> u16| {
        let mut rest = attributes;
        loop {
            let (&[l0, l1, t0, t1], values) = rest.split_first_chunk()?;
            let length = usize::from(number([l0, l1])).checked_sub(4)?;
            if number([t0, t1]) == PAYLOAD {
                // Less than the stated length if the capture was cut.
                return Some(values.get(..length).unwrap_or(values));
            }
            rest = values.get(length.next_multiple_of(4)..)?;
        }
    };
    find(u16::from_le_bytes).or_else(|| find(u16::from_be_bytes)).ok_or(NotIp::Nflog)
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
    /// Something else under MPLS labels.
    Mpls,
    /// An NFLOG record without a packet.
    Nflog,
    /// The frame ends before its protocol is known.
    Short,
}

impl fmt::Display for NotIp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Below 1536, the field is a length (IEEE 802.3).
            Self::EtherType(length @ ..1536) => write!(formatter, "802.3 frame of {length} bytes"),
            Self::EtherType(number) => match ether_type_name(*number) {
                Some(name) => formatter.write_str(name),
                None => write!(formatter, "EtherType {number:#06x}"),
            },
            Self::Family([a, b, c, d]) => write!(formatter, "address family {a:02x}{b:02x}{c:02x}{d:02x}"),
            Self::Ppp(number) => match ppp_name(*number) {
                Some(name) => write!(formatter, "PPP {name}"),
                None => write!(formatter, "PPP protocol {number:#06x}"),
            },
            Self::Mpls => formatter.write_str("MPLS without an IP packet"),
            Self::Nflog => formatter.write_str("NFLOG record without a packet"),
            Self::Short => formatter.write_str("short frame"),
        }
    }
}

fn ether_type_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x8035 => "RARP",
        0x8809 => "LACP or another slow protocol",
        0x8863 => "PPPoE discovery",
        0x888e => "802.1X",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x88f7 => "PTP",
        0x8902 => "Ethernet OAM",
        0x9000 => "Ethernet loopback",
        _ => return None,
    })
}

fn ppp_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x002d => "Van Jacobson compressed TCP",
        0x003d => "multilink",
        0x00fd => "compressed datagram",
        0x8021 => "IPCP",
        0x8057 => "IPV6CP",
        0x80fd => "CCP",
        0xc021 => "LCP",
        0xc023 => "PAP",
        0xc223 => "CHAP",
        _ => return None,
    })
}

/// A link type that is not supported: its name where the type is common, and its number.
pub fn describe_unsupported(number: u32) -> String {
    let name = match number {
        6 => "Token Ring",
        7 => "ARCNET",
        8 => "SLIP",
        10 => "FDDI",
        19 | 100 | 106 | 123 => "ATM",
        105 | 119 | 127 | 163 => "IEEE 802.11",
        107 => "Frame Relay",
        109 => "IPsec of OpenBSD",
        138 => "IEEE 1394",
        147..=162 => "reserved for private use",
        187 | 201 | 251 | 254 => "Bluetooth",
        189 | 220 | 249 => "USB",
        195 | 215 | 230 => "IEEE 802.15.4",
        224 => "Fibre Channel",
        227 => "CAN",
        247 => "InfiniBand",
        253 => "Linux netlink",
        _ => return number.to_string(),
    };
    format!("{number} ({name})")
}
