//! Resets in Ethernet II frames (IEEE 802.3), with VLAN tags (IEEE 802.1Q) or without.
//!
//! A frame with an offending packet goes in, the frame with its reset comes out: addresses swapped, VLAN tags and EtherType
//! as they were. Padding does not come back, and the reply is never longer than the offender. To pad it to the least length
//! of a frame, 60 bytes without the frame check sequence, is left to the driver or the network card.
//!
//! ```
//! use tcp_reset::{NoReset, ethernet};
//!
//! /// Writes the frame that resets the connection of `frame`.
//! fn answer(frame: &[u8], buffer: &mut [u8; ethernet::MAX_LEN]) -> Result<usize, NoReset> {
//!     ethernet::reset(frame, buffer).map(|reply| reply.len())
//! }
//! # assert_eq!(answer(&[0; 13], &mut [0; ethernet::MAX_LEN]), Err(NoReset::Truncated));
//! ```
//!
//! These get no reset, in this order, before the packet is looked at:
//!
//! | reason | frame |
//! |---|---|
//! | [`Truncated`](NoReset::Truncated) | fewer than 22 bytes, the longest header |
//! | [`GroupAddress`](NoReset::GroupAddress) | a broadcast or multicast address, as destination or source |
//! | [`VlanTags`](NoReset::VlanTags) | more than [`MAX_TAGS`] tags |
//! | [`EtherType`](NoReset::EtherType) | neither IPv4 nor IPv6; IEEE 802.3 frames, which have a length there, among them |
//!
//! The IP version must be the EtherType's: [`Version`](NoReset::Version) otherwise.

use core::fmt;

use crate::chunks::{chunks_mut, copy};
use crate::config::Config;
use crate::no_reset::{NoReset, ensure, refuse};
use crate::{ipv4, ipv6};

/// The length in bytes of a header without tags: two addresses and the EtherType.
const HEADER_LEN: usize = 14;

/// IPv4 and IPv6 as types of a frame.
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// The length in bytes of a VLAN tag (IEEE 802.1Q §9.6).
const TAG_LEN: usize = 4;

/// The most VLAN tags that are copied: a service tag and a customer tag (IEEE 802.1ad).
pub const MAX_TAGS: usize = 2;

/// The length in bytes of the longest header.
const MAX_HEADER_LEN: usize = HEADER_LEN + TAG_LEN * MAX_TAGS;

/// The length in bytes of the longest reply: an IPv6 reset after [`MAX_TAGS`] tags.
pub const MAX_LEN: usize = MAX_HEADER_LEN + crate::MAX_LEN;

/// Writes the frame that answers `frame` into `buffer` and returns the prefix of `buffer` that was written.
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched.
pub fn reset<'a>(frame: &[u8], buffer: &'a mut [u8; MAX_LEN]) -> Result<&'a mut [u8], NoReset> {
    answer(frame, const { &Config::new() }, buffer).map(|(reply, _)| reply)
}

/// The same as [`reset`], under a [`Config`]. In a reset for the destination, the addresses are not swapped.
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched.
pub fn reset_with<'a>(frame: &[u8], config: &Config, buffer: &'a mut [u8; MAX_LEN]) -> Result<&'a mut [u8], NoReset> {
    answer(frame, config, buffer).map(|(reply, _)| reply)
}

/// Writes the frame; returns it and the length of its header.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn answer<'a>(frame: &[u8], config: &Config, buffer: &'a mut [u8; MAX_LEN]) -> Result<(&'a mut [u8], usize), NoReset> {
    // In words of two bytes: three for each address, then tags and EtherType.
    let Some(words) = frame.as_chunks().0.first_chunk::<{ MAX_HEADER_LEN / 2 }>() else {
        return refuse(NoReset::Truncated);
    };
    // The lowest bit of an address' first byte marks a group (IEEE 802 §8.2.2).
    ensure((words[0][0] | words[3][0]) & 1 == 0, NoReset::GroupAddress)?;
    let (header_len, tags, ether_type) = if !is_tag(words[6]) {
        (HEADER_LEN, &words[6..7], words[6])
    } else if !is_tag(words[8]) {
        (HEADER_LEN + TAG_LEN, &words[6..9], words[8])
    } else if !is_tag(words[10]) {
        (MAX_HEADER_LEN, &words[6..], words[10])
    } else {
        return refuse(NoReset::VlanTags);
    };
    let (Some(packet), Some((_, reply))) = (frame.get(header_len..), buffer.split_at_mut_checked(header_len)) else {
        return refuse(NoReset::Truncated);
    };
    let Some(reply) = reply.first_chunk_mut() else { return refuse(NoReset::Truncated) };
    let len = match ether_type {
        IPV4 => ipv4::answer::<{ crate::MAX_LEN }>(packet, config, reply).map(|()| ipv4::RESET_LEN)?,
        IPV6 => ipv6::answer(packet, config, reply).map(|()| ipv6::RESET_LEN)?,
        _ => return refuse(NoReset::EtherType),
    };
    let header = chunks_mut::<2, { MAX_HEADER_LEN / 2 }, MAX_LEN>(buffer);
    let [source, destination] = config.towards.source_and_destination([&words[3..6], &words[..3]]);
    copy(destination, &mut header[..3]);
    copy(source, &mut header[3..6]);
    copy(tags, &mut header[6..]);
    let frame = buffer.get_mut(..header_len.saturating_add(len)).ok_or(NoReset::Truncated)?;
    Ok((frame, header_len))
}

/// A reset in its frame, as a value: the finished frame. `Display` prints addresses and VLAN identifiers, then the packet as
/// tcpdump does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reset {
    /// The frame, and zeros after it.
    bytes: [u8; MAX_LEN],
    len: usize,
    header_len: usize,
}

impl Reset {
    /// The reset for the packet in `frame`.
    ///
    /// # Errors
    ///
    /// Why no reset is sent.
    pub fn in_reply_to(frame: &[u8], config: &Config) -> Result<Self, NoReset> {
        let mut bytes = [0; MAX_LEN];
        let (reply, header_len) = answer(frame, config, &mut bytes)?;
        let len = reply.len();
        Ok(Self { bytes, len, header_len })
    }

    /// The frame, without padding and without the frame check sequence.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The addresses, destination first, VLAN tags and EtherType.
    #[inline]
    pub fn header(&self) -> &[u8] {
        self.bytes.get(..self.header_len).unwrap_or_default()
    }

    /// The IP packet.
    #[inline]
    pub fn packet(&self) -> crate::Reset {
        let mut bytes = [0; crate::MAX_LEN];
        copy(self.bytes.get(self.header_len..self.len).unwrap_or_default(), &mut bytes);
        crate::Reset { bytes }
    }

    /// Copies the frame to the front of a slice of any length and returns the copy; `None`, with `buffer` untouched, if it
    /// does not fit. The slice may be the offending frame itself, in which it always fits.
    #[inline]
    #[must_use]
    pub fn write_to<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let frame = buffer.get_mut(..self.len)?;
        copy(self.as_bytes(), frame);
        Some(frame)
    }
}

impl AsRef<[u8]> for Reset {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = self.bytes;
        write!(formatter, "{s0:02x}:{s1:02x}:{s2:02x}:{s3:02x}:{s4:02x}:{s5:02x} > ")?;
        write!(formatter, "{d0:02x}:{d1:02x}:{d2:02x}:{d3:02x}:{d4:02x}:{d5:02x}, ")?;
        for [_, _, high, low] in self.header().get(12..).unwrap_or_default().as_chunks().0 {
            write!(formatter, "vlan {}, ", u16::from_be_bytes([*high, *low]) & 0x0fff)?;
        }
        self.packet().fmt(formatter)
    }
}

/// Whether a VLAN tag begins with this: 802.1Q, 802.1ad, or 0x9100, in use before 802.1ad.
const fn is_tag(protocol: [u8; 2]) -> bool {
    matches!(protocol, [0x81 | 0x91, 0x00] | [0x88, 0xa8])
}
