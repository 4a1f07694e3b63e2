//! Turns an IP packet, IPv4 or IPv6, into the TCP reset that answers it, or says why none is sent. The reset is, bit for
//! bit, the one that Linux sends for `iptables -j REJECT --reject-with tcp-reset`.
//!
//! # Answer a packet
//!
//! ```
//! use tcp_reset::{Config, NoReset, Reset};
//!
//! // A SYN from 192.0.2.1 port 36050 to 198.51.100.2
//! // port 80, SEQ 522224616.
//! let syn = b"\x45\0\0\x28\x12\x34\x40\0\x40\x06\
//!             \x3c\x65\xc0\0\x02\x01\xc6\x33\x64\x02\
//!             \x8c\xd2\0\x50\x1f\x20\x83\xe8\0\0\0\0\
//!             \x50\x02\x04\0\x8f\x80\0\0";
//! let reset = Reset::in_reply_to(syn, &Config::new())?;
//! assert_eq!(
//!     reset.to_string(),
//!     "IP 198.51.100.2.80 > 192.0.2.1.36050: \
//!      Flags [R.], seq 0, ack 522224617, \
//!      win 0, length 0",
//! );
//! // The whole packet: send these bytes.
//! let reply = reset.as_bytes();
//! assert_eq!(reply.len(), 40);
//!
//! // A reset is never answered.
//! let again = Reset::in_reply_to(reply, &Config::new());
//! assert_eq!(again, Err(NoReset::Rst));
//! # Ok::<(), NoReset>(())
//! ```
//!
//! The packet begins with its IP header. [`Reset`] is the finished packet: look at it, log it, count it against a rate limit;
//! then send it, or write it over the offending packet. [`Config`] says whose reset it is, which checksums are verified, and
//! to which end of the connection it goes. [`NoReset`] lists the reasons why none is sent, in their order.
//!
//! [`reset`] and [`reset_with`] write into the caller's buffer, without a value in between. [`ethernet`] takes Ethernet frames.
//! Where only one IP version is used, [`ipv4::reset_with`] and [`ipv6::reset_with`] take less code.
//!
//! # Inside a network stack
//!
//! A stack that has parsed the segment needs only the numbers: [`tcp::reset_numbers`] and [`tcp::seg_len`]. One that has dealt
//! with the IP header hands over the segment and its addresses, and gets the 20 bytes of the reply's segment:
//!
//! ```
//! use core::net::Ipv4Addr;
//! use tcp_reset::{Config, NoReset, Profile, tcp};
//!
//! /// Linux's stack, unlike its firewall, refuses an impossible data offset.
//! const STACK: Config = Config::new().profile(Profile::TcpStack);
//!
//! fn refuse(addresses: [Ipv4Addr; 2], segment: &[u8], reply: &mut [u8; 20]) -> Result<(), NoReset> {
//!     let addresses = addresses.into();
//!     tcp::Reset::in_reply_to(segment, addresses, &STACK)?.write_to(addresses, reply);
//!     Ok(())
//! }
//! # assert_eq!(refuse([[10, 0, 0, 1].into(), [10, 0, 0, 2].into()], &[0; 19], &mut [0; 20]), Err(NoReset::TcpHeader));
//! ```
//!
//! [`tcp::Reset::in_reply_to_header`] takes a header and a length, for a segment that is not in one piece.
//!
//! # To test your own stack
//!
//! [`Profile::TcpStack`] answers as Linux does for a port on which nobody listens. This finds segments that `your_stack` answers in
//! another way:
//!
//! ```
//! use proptest::{collection::vec, prelude::*};
//! use tcp_reset::{Config, MAX_LEN, Profile, checksum::Sum, reset_with};
//!
//! # fn your_stack(packet: &[u8]) -> Option<Vec<u8>> {
//! #     let reply = tcp_reset::Reset::in_reply_to(packet, &Config::new()).ok()?;
//! #     Some(reply.as_bytes().to_vec())
//! # }
//! const HOST: Config = Config::new().profile(Profile::TcpStack);
//!
//! proptest!(|(tcp: [u8; 20], data in vec(any::<u8>(), 0..9))| {
//!     let ip = b"\x45\0\0\x28\0\0\x40\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02"; // 10.0.0.1 to 10.0.0.2
//!     let mut packet = [&ip[..], &tcp, &data].concat();
//!     packet[3] = packet.len() as u8;
//!     packet[32] = 0x50; // a data offset of 5
//!     let ip_sum = Sum::of(&packet[..20]).checksum();
//!     packet[10..12].copy_from_slice(&ip_sum);
//!     packet[36..38].fill(0);
//!     let pseudo_header = Sum::of(&packet[12..20]).plus(Sum::of(&[0, 6, 0, packet[3] - 20]));
//!     let tcp_sum = pseudo_header.plus(Sum::of(&packet[20..])).checksum();
//!     packet[36..38].copy_from_slice(&tcp_sum);
//!     let linux = reset_with(&packet, &HOST, &mut [0; MAX_LEN]).ok().map(|reply| reply.to_vec());
//!     prop_assert_eq!(your_stack(&packet), linux, "{:02x?}", packet);
//! });
//! ```
//!
//! The repository has more for such a test in `tests/support`, which is a crate: `difference::differences` names the fields in
//! which another reset differs and says which of them its receiver looks at, `packet` builds packets, and `random` has
//! nearly correct ones for a fuzzer. `fuzz/` compares smoltcp so.
//!
//! ```toml
//! [dev-dependencies]
//! # The repository of this crate; then `use support::…`.
//! support = { git = "…", features = ["random"] }
//! ```
//!
//! Addresses, ports and numbers depend on the offender. These fields of every reset are fixed:
//!
//! | header | fields |
//! |---|---|
//! | IPv4 | 20 bytes, type of service 0 (under [`Profile::TcpStack`] the offender's without ECN), total length 40, identification 0, DF, the time to live of [`Config`] |
//! | IPv6 | 40 bytes, traffic class 0 (as above), flow label 0, payload length 20, the hop limit of [`Config`] |
//! | TCP | 20 bytes, RST or RST and ACK, reserved bits 0, window 0, urgent pointer 0, no options, no data |
//!
//! # What is left to the caller
//!
//! - What becomes of the packet. An error means that no reset is sent, not that the packet is let pass.
//! - The routing table, which alone knows a subnet's broadcast address. [`NoReset`] has no reason for it.
//! - The rate limit: source addresses are easily forged, and each reset goes to whoever is named there.
//! - Whether the connection is the caller's to reset (RFC 3360).
//! - Reassembly: of a first fragment whose TCP checksum is trusted, only its own data is counted, as by REJECT.
//! - Packets that Linux drops before REJECT sees them: some IPv4 options, and a hop limit that forwarding uses up. This
//!   crate answers them.
#![no_std]

pub mod checksum;
mod chunks;
mod config;
mod endpoints;
pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
mod no_reset;
pub mod tcp;

use core::fmt;
use core::net::IpAddr;

use chunks::{copy, part};
pub use config::{Checksum, Config, Profile, Towards};
pub use endpoints::Endpoints;
pub use no_reset::NoReset;
use no_reset::ensure;

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
    answer(packet, const { &Config::new() }, buffer)
}

/// The same as [`reset`], under a [`Config`].
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched.
pub fn reset_with<'a>(packet: &[u8], config: &Config, buffer: &'a mut [u8; MAX_LEN]) -> Result<&'a mut [u8], NoReset> {
    // Compiled twice on 64-bit machines: once for settings of which only the hop limit is not the default.
    let default = Config::new().hop_limit(config.hop_limit);
    if cfg!(target_pointer_width = "64") && *config == default {
        answer(packet, &default, buffer)
    } else {
        answer(packet, config, buffer)
    }
}

#[cfg_attr(target_pointer_width = "64", inline(always))]
fn answer<'a>(packet: &[u8], config: &Config, buffer: &'a mut [u8; MAX_LEN]) -> Result<&'a mut [u8], NoReset> {
    // The shorter of both headers. The version is then there to be looked at.
    ensure(packet.len() >= 20, NoReset::Truncated)?;
    if is_ipv6(packet) {
        ipv6::answer(packet, config, buffer)?;
        Ok(buffer)
    } else {
        ipv4::answer(packet, config, buffer)?;
        Ok(&mut buffer[..ipv4::RESET_LEN])
    }
}

/// Whether the IP version, the upper half of the first byte, is 6.
const fn is_ipv6(packet: &[u8]) -> bool {
    matches!(packet, [0x60..=0x6f, ..])
}

/// A reset as a value: the finished packet, of either version of IP. `Display` prints it as tcpdump does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reset {
    /// The packet, and zeros after it.
    bytes: [u8; MAX_LEN],
}

impl Reset {
    /// The reset for `packet`, of either IP version.
    ///
    /// If the compiler does not know the settings, [`reset_with`] is a third faster.
    ///
    /// # Errors
    ///
    /// Why no reset is sent.
    // Inlined: a call would end in a copy of what was just written in other widths, which is a store-forwarding stall.
    #[inline]
    pub fn in_reply_to(packet: &[u8], config: &Config) -> Result<Self, NoReset> {
        let mut bytes = [0; MAX_LEN];
        answer(packet, config, &mut bytes)?;
        Ok(Self { bytes })
    }

    /// The packet: 40 bytes over IPv4, 60 over IPv6.
    #[inline]
    pub const fn as_bytes(&self) -> &[u8] {
        if is_ipv6(&self.bytes) { &self.bytes } else { part::<0, { ipv4::RESET_LEN }, MAX_LEN>(&self.bytes) }
    }

    /// Copies the packet to the front of a slice of any length and returns the copy; `None`, with `buffer` untouched, if
    /// it does not fit. The slice may be the offending packet itself, in which it always fits.
    #[inline]
    #[must_use]
    pub fn write_to<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let reply = buffer.get_mut(..self.as_bytes().len())?;
        copy(self.as_bytes(), reply);
        Some(reply)
    }

    /// The address it comes from: the offender's destination, or its source in a reset for the destination.
    pub fn source(&self) -> IpAddr {
        if is_ipv6(&self.bytes) {
            (*part::<8, 16, MAX_LEN>(&self.bytes)).into()
        } else {
            (*part::<12, 4, MAX_LEN>(&self.bytes)).into()
        }
    }

    /// The address it goes to.
    pub fn destination(&self) -> IpAddr {
        if is_ipv6(&self.bytes) {
            (*part::<24, 16, MAX_LEN>(&self.bytes)).into()
        } else {
            (*part::<16, 4, MAX_LEN>(&self.bytes)).into()
        }
    }

    /// Ports and numbers.
    pub const fn tcp(&self) -> tcp::Reset {
        tcp::Reset::read(if is_ipv6(&self.bytes) {
            part::<40, { tcp::HEADER_LEN }, MAX_LEN>(&self.bytes)
        } else {
            part::<20, { tcp::HEADER_LEN }, MAX_LEN>(&self.bytes)
        })
    }
}

impl AsRef<[u8]> for Reset {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, destination, tcp) = (self.source(), self.destination(), self.tcp());
        let version = if source.is_ipv6() { "6" } else { "" };
        write!(formatter, "IP{version} {source}.{} > {destination}.{}: {tcp}", tcp.source_port, tcp.destination_port)
    }
}
