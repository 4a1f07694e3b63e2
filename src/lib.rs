//! Turns an IP packet, IPv4 or IPv6, into the TCP reset that answers it, or says why none is sent. The reset is, bit for
//! bit, the one that Linux sends for `iptables -j REJECT --reject-with tcp-reset`.
//!
//! # Answer a packet
//!
//! ```
//! # fn send(_: &[u8]) {}
//! # fn log(_: tcp_reset::NoReset) {}
//! fn reject(packet: &[u8]) {
//!     let mut buffer = [0; tcp_reset::MAX_LEN];
//!     match tcp_reset::reset(packet, &mut buffer) {
//!         Ok(reply) => send(reply),
//!         Err(reason) => log(reason),
//!     }
//! }
//! ```
//!
//! The packet begins with its IP header. [`NoReset`] lists the reasons for silence, in their order. [`reset_with`] does the
//! same under a [`Config`]. [`reset_for_destination`] ends the connection at its other end.
//! [`ethernet`] takes Ethernet frames.
//!
//! # Decide first, write later
//!
//! A decision is a small value that borrows nothing. Look at it, log it, count it against a rate limit; then write it, over
//! the offending packet itself if you like:
//!
//! ```
//! use tcp_reset::{Config, NoReset, Reset};
//!
//! /// Overwrites the packet in `frame` with its reset and returns the reset, `None` if we leave it to the mail server.
//! fn reset_in_place(frame: &mut [u8]) -> Result<Option<&mut [u8]>, NoReset> {
//!     const CONFIG: Config = Config::new().hop_limit(255);
//!
//!     let reset = Reset::in_reply_to(frame, &CONFIG)?;
//!     if reset.tcp().source_port == 25 {
//!         return Ok(None); // The offender was sent to port 25: the mail server answers it.
//!     }
//!     Ok(reset.emit_to_slice(frame))
//! }
//! # assert_eq!(reset_in_place(&mut []), Err(NoReset::Truncated));
//! ```
//!
//! Where only one IP version is used, [`ipv4::Reset`] and [`ipv6::Reset`] do the same.
//!
//! # Inside a network stack
//!
//! A stack that has dealt with the IP header hands over the TCP segment and the sum of the two addresses, and gets the 20
//! bytes of the reply's segment:
//!
//! ```
//! use tcp_reset::{Config, NoReset, checksum::Sum, tcp};
//!
//! fn refuse(source: [u8; 4], destination: [u8; 4], segment: &[u8]) -> Result<[u8; 20], NoReset> {
//!     let addresses = Sum::of_words(&[source, destination]);
//!     let reset = tcp::Reset::in_reply_to(segment, addresses, &Config::new())?;
//!     Ok(*reset.emit(addresses, &mut [0; tcp::HEADER_LEN]))
//! }
//! # assert_eq!(refuse([10, 0, 0, 1], [10, 0, 0, 2], &[0; 19]), Err(NoReset::TcpHeader));
//! ```
//!
//! One that has parsed the segment too needs just the numbers. They are `const`:
//!
//! ```
//! use tcp_reset::tcp::{ACK, FIN, Segment};
//!
//! let segment = Segment { source_port: 443, destination_port: 50000, seq: 7, ack: 0, flags: FIN, data_len: 10 };
//! let reset = segment.reset()?;
//! assert_eq!((reset.seq, reset.ack), (0, Some(18))); // RST/ACK for 10 bytes of data and the FIN
//!
//! let reset = Segment { ack: 99, flags: ACK | FIN, ..segment }.reset()?;
//! assert_eq!((reset.seq, reset.ack), (99, None)); // a plain RST
//! # Ok::<(), tcp_reset::NoReset>(())
//! ```
//!
//! # What is left to the caller
//!
//! - The routing table, which alone knows a subnet's broadcast address. [`NoReset`] has no reason for it.
//! - The rate limit: source addresses are easily forged, and each reset goes to whoever is named there.
//! - Whether the connection is the caller's to reset (RFC 3360).
//! - Packets that Linux drops before REJECT sees them: some IPv4 options, and a hop limit that forwarding uses up. This
//!   crate answers them.
#![no_std]
// `inline(always)` is limited to 64-bit machines where it would make the code of small machines larger.
#![allow(clippy::inline_always, reason = "chosen by measurement: 242 instructions for a SYN without, 173 with")]

pub mod checksum;
mod chunks;
mod config;
pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
mod no_reset;
mod offender;
pub mod tcp;

use core::fmt;
use core::net::IpAddr;

use chunks::split_mut;
use config::specialized;
pub use config::{Checksum, Config, Profile};
pub use no_reset::NoReset;
pub use offender::Offender;
pub use tcp::Fate;
use tcp::Towards;

/// README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The length in bytes of the longest reset, which is IPv6's.
pub const MAX_LEN: usize = ipv6::RESET_LEN;

/// Writes the reset that answers `packet` into `buffer` and returns the prefix of `buffer` that was written.
///
/// `packet` begins with its IP header. Bytes past the length that this header states, such as Ethernet padding, are
/// ignored. The reset is what netfilter's REJECT target would send ([`Config::new`]).
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched.
#[inline]
pub fn reset<'a>(packet: &[u8], buffer: &'a mut [u8; MAX_LEN]) -> Result<&'a mut [u8], NoReset> {
    // A constant, so that the compiler removes code for other settings.
    reset_with(packet, const { &Config::new() }, buffer)
}

/// The same as [`reset`], under a [`Config`].
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched.
#[inline(always)]
pub fn reset_with<'a>(packet: &[u8], config: &Config, buffer: &'a mut [u8; MAX_LEN]) -> Result<&'a mut [u8], NoReset> {
    answer(packet, config, Towards::Source, buffer)
}

/// Writes the reset that ends the connection of `packet` at its destination, in the name of its source.
///
/// [`reset_with`] answers the source alone; the destination then keeps a dead connection until its timers end it. With
/// this second reset, a firewall or an intrusion prevention system ends both sides at once. The reset carries SEG.SEQ if
/// the packet was [dropped](Fate::Dropped) and SEG.SEQ + SEG.LEN if it was [delivered](Fate::Delivered); it acknowledges
/// what the packet acknowledges.
///
/// ```
/// use tcp_reset::{Config, Fate, MAX_LEN, NoReset, reset, reset_for_destination};
///
/// /// Cuts the connection of a packet that the firewall drops: `send` sends to the source, then to the destination.
/// fn cut(packet: &[u8], mut send: impl FnMut(&[u8])) -> Result<(), NoReset> {
///     let mut buffer = [0; MAX_LEN];
///     send(reset(packet, &mut buffer)?);
///     send(reset_for_destination(packet, Fate::Dropped, &Config::new(), &mut buffer)?);
///     Ok(())
/// }
/// # assert_eq!(cut(&[], |_| ()), Err(NoReset::Truncated));
/// ```
///
/// One segment does not show the whole state of a connection:
///
/// - After a retransmission, or a gap before the segment, the destination expects another number: it ignores the reset, or
///   answers it with a challenge ACK (RFC 5961 §3.2). The next segment gives another chance.
/// - FreeBSD and its descendants compare with the last acknowledgment number that they sent. While a delayed ACK is
///   pending, the reset after a delivered segment draws a challenge ACK; a second reset, sent later, fits.
/// - After a delivered segment, the reset may arrive before the segment does, on another processor. A passive monitor sends
///   the reset for [`Fate::Dropped`] first, then the one for [`Fate::Delivered`]: one of them fits.
/// - After a delivered SYN, the reset must arrive before the SYN/ACK has been answered, and usually comes too late. Reset
///   the SYN/ACK instead: its destination, in SYN-SENT, refuses the connection at once.
/// - Reset only connections that you may reset. RFC 3360 describes the harm of resets that mean anything but "this
///   connection is over".
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched. Only resets towards the destination give [`NoReset::NoConnection`].
#[inline(always)]
pub fn reset_for_destination<'a>(
    packet: &[u8],
    fate: Fate,
    config: &Config,
    buffer: &'a mut [u8; MAX_LEN],
) -> Result<&'a mut [u8], NoReset> {
    answer(packet, config, Towards::Destination(fate), buffer)
}

/// Decides and writes.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn answer<'a>(
    packet: &[u8],
    config: &Config,
    towards: Towards,
    buffer: &'a mut [u8; MAX_LEN],
) -> Result<&'a mut [u8], NoReset> {
    specialized!(config.is_default(), config, {
        // IPv4 looks at the version: checking first would cost 6 instructions for a SYN.
        match ipv4::answer(packet, config, towards, buffer) {
            Err(NoReset::Version) if is_ipv6(packet) => ipv6::answer(packet, config, towards, buffer)?,
            answered => return answered.map(|()| &mut buffer[..ipv4::RESET_LEN]),
        }
        Ok(buffer)
    })
}

/// Whether the IP version, the upper half of the first byte, is 6.
const fn is_ipv6(packet: &[u8]) -> bool {
    matches!(packet, [0x60..=0x6f, ..])
}

/// A reset over either version of IP, decided but not yet written: a small value that borrows nothing.
///
/// `Display` prints it as tcpdump does. Two are equal if they write the same bytes and were decided under the same
/// [`Config`]. The layout in memory may change.
// Exhaustive: IP has these two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
// Saves 24 instructions for a SYN whose decision is read before it is written, with settings that the compiler does not
// know; costs 12 with constant ones.
#[repr(u32)]
pub enum Reset {
    /// It answers an IPv4 packet.
    V4(ipv4::Reset),
    /// It answers an IPv6 packet.
    V6(ipv6::Reset),
}

#[expect(clippy::len_without_is_empty, reason = "a reset is never empty")]
impl Reset {
    /// Decides whether a reset answers `packet`, of either IP version.
    ///
    /// # Errors
    ///
    /// Why no reset is sent.
    #[inline(always)]
    pub fn in_reply_to(packet: &[u8], config: &Config) -> Result<Self, NoReset> {
        Self::decide(packet, config, Towards::Source)
    }

    /// Decides whether a reset ends the connection of `packet`, of either IP version, at its destination: see
    /// [`reset_for_destination`].
    ///
    /// # Errors
    ///
    /// Why no reset is sent.
    #[inline(always)]
    pub fn for_destination(packet: &[u8], fate: Fate, config: &Config) -> Result<Self, NoReset> {
        Self::decide(packet, config, Towards::Destination(fate))
    }

    #[inline(always)]
    fn decide(packet: &[u8], config: &Config, towards: Towards) -> Result<Self, NoReset> {
        // IPv4 looks at the version, as in `answer`.
        specialized!(config.is_default(), config, {
            match ipv4::Reset::decide(packet, config, towards) {
                Err(NoReset::Version) if is_ipv6(packet) => ipv6::Reset::decide(packet, config, towards).map(Self::V6),
                answered => answered.map(Self::V4),
            }
        })
    }

    /// Writes the reset and returns the prefix of `buffer` that was written.
    #[inline(always)]
    pub fn emit<'a>(&self, buffer: &'a mut [u8; MAX_LEN]) -> &'a mut [u8] {
        match self {
            Self::V4(reset) => reset.emit(split_mut::<{ ipv4::RESET_LEN }, 0, MAX_LEN>(buffer).0),
            Self::V6(reset) => reset.emit(buffer),
        }
    }

    /// Writes the reset to the front of a slice of any length and returns what was written; `None`, with `buffer`
    /// untouched, if it does not fit. The slice may be the offending packet itself, in which it always fits.
    #[inline(always)]
    #[must_use]
    pub fn emit_to_slice<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a mut [u8]> {
        match self {
            Self::V4(reset) => reset.emit_to_slice(buffer),
            Self::V6(reset) => reset.emit_to_slice(buffer),
        }
    }

    /// The length of the reset in bytes: 40 over IPv4, 60 over IPv6.
    pub const fn len(&self) -> usize {
        if matches!(self, Self::V4(_)) { ipv4::RESET_LEN } else { ipv6::RESET_LEN }
    }

    /// The address it comes from.
    pub const fn source(&self) -> IpAddr {
        match self {
            Self::V4(reset) => IpAddr::V4(reset.source),
            Self::V6(reset) => IpAddr::V6(reset.source),
        }
    }

    /// The address it goes to.
    pub const fn destination(&self) -> IpAddr {
        match self {
            Self::V4(reset) => IpAddr::V4(reset.destination),
            Self::V6(reset) => IpAddr::V6(reset.destination),
        }
    }

    /// Ports and numbers.
    pub const fn tcp(&self) -> &tcp::Reset {
        match self {
            Self::V4(reset) => &reset.tcp,
            Self::V6(reset) => &reset.tcp,
        }
    }
}

impl From<ipv4::Reset> for Reset {
    fn from(reset: ipv4::Reset) -> Self {
        Self::V4(reset)
    }
}

impl From<ipv6::Reset> for Reset {
    fn from(reset: ipv6::Reset) -> Self {
        Self::V6(reset)
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(reset) => reset.fmt(formatter),
            Self::V6(reset) => reset.fmt(formatter),
        }
    }
}
