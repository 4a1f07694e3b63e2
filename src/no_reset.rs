//! The reasons why no reset is sent.

use core::error::Error;
use core::fmt;

/// Why a packet gets no reset. That is usually correct behaviour, hence no `Error` in the name. It says nothing about the
/// packet's own fate: whether it is dropped or let pass is the caller's decision.
///
/// Each reason has a number, `reason as usize`, that no later version changes: for a C header or an array of counters.
/// Zero is never used, and new reasons get the numbers that follow. The size of the type may change.
///
/// The first reason in this order is given. `Trust` in it is [`Checksum::Trust`](crate::Checksum::Trust) for the TCP
/// checksum. A length is *not stated* if it is 0 and the TCP checksum is not just verified: see
/// [`Config::tcp_checksum`](crate::Config::tcp_checksum).
///
/// | reason | IPv4 | IPv6 |
/// |---|---|---|
/// | `Truncated` | fewer than 20 bytes | fewer than 40 bytes |
/// | `Version` | not 4 | not 6 |
/// | `HeaderLength` | IHL below 5 | |
/// | `TotalLength` | below the header length, unless not stated | |
/// | `Jumbogram` | | payload length 0, unless not stated |
/// | `Truncated` | the buffer ends before the packet; under `Trust` or if not stated, before its options do | the buffer ends before the packet; not under `Trust` |
/// | `HeaderChecksum` | wrong, unless trusted | |
/// | `Fragment` | fragment offset not 0 | (below) |
/// | `NotTcp` | protocol not 6 | (below) |
/// | `Source`, `Destination` | unspecified, multicast or limited broadcast | unspecified, multicast or IPv4-mapped |
/// | `NotTcp`, `ExtensionHeader`, `Truncated`, `Fragment` | | for each extension header, as listed below |
/// | `TcpHeader` | fewer than 20 bytes of TCP, by a stated length or else in the buffer | the same |
/// | `Truncated` | under `Trust`, the buffer ends before the 20 bytes of TCP that a stated length includes | the same |
/// | `Rst` | a reset itself | the same |
/// | `TooLong` | more than 65,535 bytes of TCP, unless trusted or with a partial checksum that is accepted | the same |
/// | `TcpChecksum` | wrong, unless trusted | the same |
/// | `DataOffset` | below 5 or past the segment, under [`Profile::TcpStack`](crate::Profile::TcpStack) alone | the same |
/// | `UnknownLength` | not stated, and the numbers of the reset depend on it | the same |
/// | `NoConnection` | only towards the destination: a SYN without ACK that was dropped | the same |
///
/// IPv6's extension headers are checked one after the other, each in this order:
///
/// - `NotTcp`: neither TCP nor an extension header that is walked past
/// - `ExtensionHeader`: fewer than 8 bytes of the packet are left, by a stated length
/// - `Truncated`: fewer than 8 bytes of the buffer are left; if the length is stated, under `Trust` alone
/// - `Fragment`: a fragment header with an offset other than 0
/// - `ExtensionHeader`: it runs past the packet, by a stated length
/// - `Truncated`: it runs past the buffer; if the length is stated, under `Trust` alone
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
// Aligned to four bytes, like the value beside it in `Result`. Otherwise the compiler copies that value with `memcpy`: 600
// bytes on small machines.
#[repr(u32)]
pub enum NoReset {
    /// The buffer ends before the packet does or, where the TCP checksum is trusted, before its headers do.
    Truncated = 1,
    /// The IP version is neither 4 nor 6, or not the one asked for.
    Version = 2,
    /// The IPv4 header length is below 20 bytes (RFC 791 §3.1).
    HeaderLength = 3,
    /// The IPv4 total length is below the header length.
    TotalLength = 4,
    /// The IPv4 header checksum is wrong.
    HeaderChecksum = 5,
    /// The IPv6 payload length is zero, as in a jumbogram (RFC 2675). Jumbograms are not answered.
    Jumbogram = 6,
    /// An IPv6 extension header runs past the packet.
    ExtensionHeader = 7,
    /// A fragment other than the first: it holds no TCP header.
    Fragment = 8,
    /// The protocol is not TCP.
    NotTcp = 9,
    /// The source address is not unicast, so it is no end of a connection (RFC 1122 §4.2.3.10).
    Source = 10,
    /// The destination address is not unicast, so it is no end of a connection (RFC 1122 §4.2.3.10).
    Destination = 11,
    /// The packet ends before a TCP header does.
    TcpHeader = 12,
    /// The segment is a reset: "an incoming segment containing a RST is discarded" (RFC 9293 §3.10.7.1).
    Rst = 13,
    /// The TCP checksum is wrong.
    TcpChecksum = 14,
    /// The TCP data offset is below 5 or past the segment; only [`Profile::TcpStack`](crate::Profile::TcpStack) checks it.
    DataOffset = 15,
    /// A SYN that was dropped: its destination has no connection yet, so that there is nothing to reset there.
    NoConnection = 16,
    /// The source or the destination of an Ethernet frame is a group address, broadcast or multicast: what is not meant
    /// for one host is not answered (RFC 1122 §3.2.1.3, §4.2.3.10).
    GroupAddress = 17,
    /// An Ethernet frame has more VLAN tags than [`MAX_TAGS`](crate::ethernet::MAX_TAGS).
    VlanTags = 18,
    /// The EtherType of a frame is neither IPv4's nor IPv6's.
    EtherType = 19,
    /// The IP header does not state the packet's length, and the numbers of the reset depend on it: see
    /// [`Config::tcp_checksum`](crate::Config::tcp_checksum).
    UnknownLength = 20,
    /// More than 65,535 bytes of TCP, whose checksum would have to be verified.
    TooLong = 21,
}

impl NoReset {
    /// Not part of the interface: all reasons, by their numbers, for tests and for tables in other languages. A test compares it
    /// with the variants; `as_str` does not compile without one of them.
    #[doc(hidden)]
    #[rustfmt::skip]
    pub const ALL: [Self; 21] = [
        Self::Truncated, Self::Version, Self::HeaderLength, Self::TotalLength, Self::HeaderChecksum,
        Self::Jumbogram, Self::ExtensionHeader, Self::Fragment, Self::NotTcp, Self::Source, Self::Destination,
        Self::TcpHeader, Self::Rst, Self::TcpChecksum, Self::DataOffset, Self::NoConnection, Self::GroupAddress,
        Self::VlanTags, Self::EtherType, Self::UnknownLength, Self::TooLong,
    ];

    /// The reason in a few words, without a period: what `Display` writes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated packet",
            Self::Version => "bad IP version",
            Self::HeaderLength => "bad IPv4 header length",
            Self::TotalLength => "bad total length",
            Self::HeaderChecksum => "wrong IPv4 header checksum",
            Self::Jumbogram => "IPv6 payload length of zero",
            Self::ExtensionHeader => "bad IPv6 extension header",
            Self::Fragment => "not a first fragment",
            Self::NotTcp => "not TCP",
            Self::Source => "source address not unicast",
            Self::Destination => "destination address not unicast",
            Self::TcpHeader => "short TCP header",
            Self::Rst => "a reset itself",
            Self::TcpChecksum => "wrong TCP checksum",
            Self::DataOffset => "bad TCP data offset",
            Self::NoConnection => "no connection at the destination",
            Self::GroupAddress => "group address in an Ethernet frame",
            Self::VlanTags => "too many VLAN tags",
            Self::EtherType => "neither IPv4 nor IPv6 in an Ethernet frame",
            Self::UnknownLength => "unknown length",
            Self::TooLong => "TCP segment too long to verify",
        }
    }
}

impl fmt::Display for NoReset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Error for NoReset {}

/// Refuses a packet. Cold: the code that leads here is placed after the code of a reset.
#[cold]
#[inline(always)]
pub(crate) const fn refuse<T>(reason: NoReset) -> Result<T, NoReset> {
    Err(reason)
}

/// Refuses a packet unless a condition holds.
#[inline(always)]
pub(crate) const fn ensure(condition: bool, reason: NoReset) -> Result<(), NoReset> {
    if condition { Ok(()) } else { refuse(reason) }
}
