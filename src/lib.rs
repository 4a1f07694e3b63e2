#![doc = include_str!("../README.md")]
#![no_std]
#![allow(clippy::inline_always, reason = "what is inlined into what was measured, not guessed")]

pub mod checksum;
pub mod ipv4;
pub mod ipv6;
pub mod tcp;

use core::error::Error;
use core::fmt;

use crate::checksum::Sum;

/// The length in bytes of the longest reset [`reset`] writes.
pub const MAX_LEN: usize = ipv6::RESET_LEN;

/// TCP's number among the IP protocols.
const TCP: u8 = 6;

/// Writes the reset that answers `packet` into `buffer` and returns the prefix of `buffer` that was written.
///
/// `packet` begins with its IP header; bytes past the length that this header states, such as Ethernet padding, are
/// ignored. What netfilter's REJECT target would send is written ([`Config::new`]).
///
/// # Errors
///
/// The reason for silence; `buffer` is then untouched.
#[inline]
pub fn reset<'buffer>(packet: &[u8], buffer: &'buffer mut [u8; MAX_LEN]) -> Result<&'buffer mut [u8], NoReset> {
    // The IPv4 side looks at the version, so that nobody else has to before it.
    match ipv4::offender(packet, &Config::new()) {
        Ok(offender) => {
            ipv4::answer(&offender, buffer)?;
            Ok(buffer.get_mut(..ipv4::RESET_LEN).unwrap_or_default())
        }
        Err(NoReset::Version) if is_ipv6(packet) => {
            ipv6::reset(packet, buffer)?;
            Ok(buffer)
        }
        Err(reason) => Err(reason),
    }
}

/// Whether the version, the first half of the first byte, is 6. What it is otherwise is for the IPv4 side to judge.
#[inline]
const fn is_ipv6(packet: &[u8]) -> bool {
    matches!(packet, [0x60..=0x6f, ..])
}

/// The 32-bit words of a header without options, IPv4's or TCP's. There are always five.
#[inline]
fn words(header: &[u8; 20]) -> &[[u8; 4]; 5] {
    header.as_chunks().0.first_chunk().unwrap_or(&[[0; 4]; 5])
}

/// The same, to be written in place.
#[inline]
fn words_mut(header: &mut [u8; 20]) -> Option<&mut [[u8; 4]; 5]> {
    header.as_chunks_mut().0.first_chunk_mut()
}

/// An offending packet, as far as its IP version is concerned: what TCP has to decide on.
struct Offender<'packet, Header> {
    /// The IP header without options or extension headers.
    header: &'packet Header,
    /// The TCP segment, as far as it is there.
    segment: &'packet [u8],
    /// Its length by the IP header: all of it is there, unless the TCP checksum is trusted.
    segment_len: usize,
    /// The sum of source and destination address.
    addresses: Sum,
}

/// The reason, marked as what seldom happens, where that is measured to pay: the compiler moves what leads there out of
/// the way of a reset.
#[cold]
#[inline(always)]
const fn silence(reason: NoReset) -> NoReset {
    reason
}

/// A reset over either version of IP, decided but not yet written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reset {
    /// It answers an IPv4 packet.
    V4(ipv4::Reset),
    /// It answers an IPv6 packet.
    V6(ipv6::Reset),
}

impl Reset {
    /// Decides whether `packet`, of either IP version, is answered by a reset.
    ///
    /// # Errors
    ///
    /// The reason for silence: see [`ipv4::Reset::in_reply_to`] and [`ipv6::Reset::in_reply_to`].
    #[inline(always)]
    pub fn in_reply_to(packet: &[u8], config: &Config) -> Result<Self, NoReset> {
        if is_ipv6(packet) {
            Ok(Self::V6(ipv6::Reset::in_reply_to(packet, config)?))
        } else {
            Ok(Self::V4(ipv4::Reset::in_reply_to(packet, config)?))
        }
    }

    /// Writes the reset and returns the prefix of `buffer` that was written; `None`, with `buffer` untouched, where it
    /// does not fit. It always fits over the offending packet itself.
    #[inline(always)]
    pub fn emit<'buffer>(&self, buffer: &'buffer mut [u8]) -> Option<&'buffer mut [u8]> {
        match self {
            Self::V4(reset) => {
                let packet = buffer.first_chunk_mut()?;
                reset.emit(packet);
                Some(packet)
            }
            Self::V6(reset) => {
                let packet = buffer.first_chunk_mut()?;
                reset.emit(packet);
                Some(packet)
            }
        }
    }

    /// The numbers and ports, whatever carries them.
    #[inline]
    #[must_use]
    pub const fn tcp(&self) -> &tcp::Reset {
        match self {
            Self::V4(reset) => &reset.tcp,
            Self::V6(reset) => &reset.tcp,
        }
    }
}

/// What may be set. [`Config::new`] answers as `iptables -j REJECT --reject-with tcp-reset` does.
///
/// ```
/// use tcp_reset::{Checksum, Config};
///
/// const SNIFFED: Config = Config::new().hop_limit(255).tcp_checksum(Checksum::Trust);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Config {
    profile: Profile,
    hop_limit: u8,
    ipv4_checksum: Checksum,
    tcp_checksum: Checksum,
}

impl Config {
    /// The netfilter profile, a hop limit of 64, both checksums verified.
    #[inline]
    pub const fn new() -> Self {
        Self {
            profile: Profile::Netfilter,
            hop_limit: 64,
            ipv4_checksum: Checksum::Verify,
            tcp_checksum: Checksum::Verify,
        }
    }

    /// Whose answer to give.
    #[inline]
    pub const fn profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The reset's time to live or hop limit; 64 unless told otherwise, Linux's default (`net.ipv4.ip_default_ttl`).
    #[inline]
    pub const fn hop_limit(self, hop_limit: u8) -> Self {
        Self { hop_limit, ..self }
    }

    /// What to do with the offender's IPv4 header checksum.
    #[inline]
    pub const fn ipv4_checksum(self, checksum: Checksum) -> Self {
        Self { ipv4_checksum: checksum, ..self }
    }

    /// What to do with the offender's TCP checksum.
    ///
    /// Under [`Checksum::Trust`] only the headers of the packet need be in the buffer, up to the twentieth byte of
    /// TCP's: enough for a snap length, a copy range or a data plane that shows no more. The length of the data comes
    /// from the IP header either way.
    #[inline]
    pub const fn tcp_checksum(self, checksum: Checksum) -> Self {
        Self { tcp_checksum: checksum, ..self }
    }

    /// The reset's type of service or traffic class, for an offender's.
    #[inline]
    const fn traffic_class(&self, offender: u8) -> u8 {
        match self.profile {
            Profile::Netfilter => 0,
            // All but the two ECN bits (RFC 3168 §5) come back.
            Profile::TcpStack => offender & !0x03,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// Which of Linux's two resets to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// A firewall's: the netfilter REJECT target (`nf_send_reset`, `nf_send_reset6`).
    Netfilter,
    /// A host's, for a port nobody listens on: the TCP stack itself (`tcp_v4_send_reset`, `tcp_v6_send_response`).
    ///
    /// It is silent on a data offset that cannot be, and reflects the type of service or traffic class without its ECN
    /// bits. The IP options that Linux echoes here and the segments it signs (TCP MD5, TCP-AO) are not reproduced.
    TcpStack,
}

/// What to do with one of the offender's checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// Verify it: a wrong one is a silence.
    Verify,
    /// Trust it unread: somebody else has verified it or, as on a host that offloads, has yet to fill it in.
    Trust,
}

/// Why a packet is answered with silence, which is correct behaviour: hence no `Error` in the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)] // As wide as the numbers it stands beside in a `Result`, which is then copied by whole words.
pub enum NoReset {
    /// The buffer ends before the packet does, or before its headers where the TCP checksum is trusted.
    Truncated,
    /// The IP version is neither 4 nor 6, or not the one asked for.
    Version,
    /// The IPv4 header length is below 20 bytes (RFC 791 §3.1).
    HeaderLength,
    /// The IPv4 total length is below the header length, or a TCP segment is longer than any IP packet.
    TotalLength,
    /// The IPv4 header checksum is wrong.
    HeaderChecksum,
    /// The IPv6 payload length is zero, as in a jumbogram (RFC 2675), which no reset answers.
    Jumbogram,
    /// An IPv6 extension header runs past the packet.
    ExtensionHeader,
    /// A fragment that is not the first one: it has no TCP header.
    Fragment,
    /// The protocol is not TCP.
    NotTcp,
    /// The source address is not unicast, so nobody is there to be answered.
    Source,
    /// The destination address is not unicast, so nobody could answer from it.
    Destination,
    /// The packet ends before a TCP header does.
    TcpHeader,
    /// The segment is a reset: "an incoming segment containing a RST is discarded" (RFC 9293 §3.10.7.1).
    Rst,
    /// The TCP checksum is wrong.
    TcpChecksum,
    /// The TCP data offset is below 5 or past the segment ([`Profile::TcpStack`] alone checks it).
    DataOffset,
}

impl fmt::Display for NoReset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
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
        })
    }
}

impl Error for NoReset {}
