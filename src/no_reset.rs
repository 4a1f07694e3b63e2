//! The reasons why no reset is sent.

use core::error::Error;
use core::fmt;

/// Why a packet draws no reset. Silence is usually correct behaviour, hence no `Error` in the name.
///
/// Each reason has a number, `reason as usize`, that no later version changes: for a C header or an array of counters.
/// Zero is never used, and new reasons get the numbers that follow. The size of the type may change.
///
/// The first reason in this order is given. `Trust` in it is [`Checksum::Trust`](crate::Checksum::Trust) for the TCP
/// checksum.
///
/// | reason | IPv4 | IPv6 |
/// |---|---|---|
/// | `Truncated` | fewer than 20 bytes | fewer than 40 bytes |
/// | `Version` | not 4 | not 6 |
/// | `HeaderLength` | IHL below 5 | |
/// | `TotalLength` | below the header length | |
/// | `Jumbogram` | | payload length 0 |
/// | `Truncated` | the buffer ends before the packet or, under `Trust`, before its options do | the buffer ends before the packet; not under `Trust` |
/// | `HeaderChecksum` | wrong, unless trusted | |
/// | `Fragment` | fragment offset not 0 | (below) |
/// | `NotTcp` | protocol not 6 | (below) |
/// | `Source`, `Destination` | unspecified, multicast or limited broadcast | unspecified, multicast or IPv4-mapped |
/// | `NotTcp`, `ExtensionHeader`, `Truncated`, `Fragment` | | for each extension header, as listed below |
/// | `TcpHeader` | fewer than 20 bytes of TCP | the same |
/// | `Truncated` | under `Trust`, the buffer ends before the 20 bytes of TCP | the same |
/// | `Rst` | a reset itself | the same |
/// | `TcpChecksum` | wrong, unless trusted | the same |
/// | `DataOffset` | below 5 or past the segment, under [`Profile::TcpStack`](crate::Profile::TcpStack) alone | the same |
/// | `NoConnection` | only towards the destination: a SYN without ACK that was dropped | the same |
///
/// IPv6's extension headers are checked one after the other, each in this order:
///
/// - `NotTcp`: neither TCP nor an extension header that is walked past
/// - `ExtensionHeader`: fewer than 8 bytes of the packet are left
/// - `Truncated`: under `Trust`, fewer than 8 bytes of the buffer are left
/// - `Fragment`: a fragment header with an offset other than 0
/// - `ExtensionHeader`: it runs past the packet
/// - `Truncated`: under `Trust`, it runs past the buffer
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
    /// The IPv4 total length is below the header length, or a TCP segment is longer than an IP packet can carry.
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
}

impl NoReset {
    /// Not part of the interface: all reasons, by their numbers, for tests and for tables in other languages.
    #[doc(hidden)]
    pub const ALL: [Self; 19] = {
        let all = [
            Self::Truncated,
            Self::Version,
            Self::HeaderLength,
            Self::TotalLength,
            Self::HeaderChecksum,
            Self::Jumbogram,
            Self::ExtensionHeader,
            Self::Fragment,
            Self::NotTcp,
            Self::Source,
            Self::Destination,
            Self::TcpHeader,
            Self::Rst,
            Self::TcpChecksum,
            Self::DataOffset,
            Self::NoConnection,
            Self::GroupAddress,
            Self::VlanTags,
            Self::EtherType,
        ];
        // A new reason does not compile until it is in this pattern: add it to the list as well.
        let (Self::Truncated
        | Self::Version
        | Self::HeaderLength
        | Self::TotalLength
        | Self::HeaderChecksum
        | Self::Jumbogram
        | Self::ExtensionHeader
        | Self::Fragment
        | Self::NotTcp
        | Self::Source
        | Self::Destination
        | Self::TcpHeader
        | Self::Rst
        | Self::TcpChecksum
        | Self::DataOffset
        | Self::NoConnection
        | Self::GroupAddress
        | Self::VlanTags
        | Self::EtherType) = all[0];
        all
    };

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
        }
    }
}

impl fmt::Display for NoReset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Error for NoReset {}

/// Refuses a packet. Cold: the compiler places the code that leads here after the code of a reset. Saves 4 to 7
/// instructions for a SYN.
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
