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
//! These draw silence, in this order, before the packet is looked at:
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

use crate::chunks::{chunks_mut, split_mut};
use crate::config::Config;
use crate::no_reset::{NoReset, ensure, refuse};
use crate::tcp::{Fate, Towards};
use crate::{ipv4, ipv6};

/// The length in bytes of a header without tags: two addresses and the EtherType.
const HEADER_LEN: usize = 14;

/// The length in bytes of a VLAN tag (IEEE 802.1Q §9.6).
const TAG_LEN: usize = 4;

/// The most VLAN tags that are copied: a service tag and a customer tag (IEEE 802.1ad).
pub const MAX_TAGS: usize = 2;

/// The length in bytes of a header with one tag.
const ONE_TAG_HEADER_LEN: usize = HEADER_LEN + TAG_LEN;

/// The length in bytes of the longest header.
const MAX_HEADER_LEN: usize = HEADER_LEN + TAG_LEN * MAX_TAGS;

/// The length in bytes of the longest reply: an IPv6 reset behind [`MAX_TAGS`] tags.
pub const MAX_LEN: usize = MAX_HEADER_LEN + crate::MAX_LEN;

/// Writes the frame that answers `frame` into `buffer` and returns the prefix of `buffer` that was written.
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched.
#[inline]
pub fn reset<'a>(frame: &[u8], buffer: &'a mut [u8; MAX_LEN]) -> Result<&'a mut [u8], NoReset> {
    reset_with(frame, const { &Config::new() }, buffer)
}

/// The same as [`reset`], under a [`Config`].
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched.
#[inline(always)]
pub fn reset_with<'a>(frame: &[u8], config: &Config, buffer: &'a mut [u8; MAX_LEN]) -> Result<&'a mut [u8], NoReset> {
    reset_towards(Towards::Source, frame, config, buffer)
}

/// Writes the frame that ends the connection at the destination of `frame`, its addresses not swapped: see
/// [`reset_for_destination`](crate::reset_for_destination).
///
/// # Errors
///
/// Why no reset is sent; `buffer` is then untouched.
#[inline(always)]
pub fn reset_for_destination<'a>(
    frame: &[u8],
    fate: Fate,
    config: &Config,
    buffer: &'a mut [u8; MAX_LEN],
) -> Result<&'a mut [u8], NoReset> {
    reset_towards(Towards::Destination(fate), frame, config, buffer)
}

/// Decides and writes: the same as the two steps, without a value in between.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn reset_towards<'a>(
    towards: Towards,
    frame: &[u8],
    config: &Config,
    buffer: &'a mut [u8; MAX_LEN],
) -> Result<&'a mut [u8], NoReset> {
    let (header, tag_count, version, packet) = check(frame)?;
    let reply = packet_mut(tag_count, buffer);
    let len = match version {
        Version::V4 => {
            ipv4::reset_with(packet, config, towards, reply)?;
            ipv4::RESET_LEN
        }
        Version::V6 => {
            ipv6::reset_with(packet, config, towards, reply)?;
            ipv6::RESET_LEN
        }
    };
    Ok(write(turn(header, towards), tag_count, len, buffer))
}

/// The IP version that an EtherType stands for.
#[derive(Clone, Copy)]
enum Version {
    V4,
    V6,
}

/// A header as words of two bytes: three for each address, then tags and EtherType, as many as there are.
type Words = [[u8; 2]; MAX_HEADER_LEN / 2];

/// Checks all that is Ethernet's; finds the header, the number of its tags, and the packet behind it.
#[inline(always)]
fn check(frame: &[u8]) -> Result<(&Words, u8, Version, &[u8]), NoReset> {
    let Some(header): Option<&Words> = frame.as_chunks().0.first_chunk() else { return refuse(NoReset::Truncated) };
    // The lowest bit of an address' first byte marks a group (IEEE 802 §8.2.2).
    ensure((header[0][0] | header[3][0]) & 1 == 0, NoReset::GroupAddress)?;
    let (tag_count, ether_type) = if !is_tag(header[6]) {
        (0, header[6])
    } else if !is_tag(header[8]) {
        (1, header[8])
    } else if !is_tag(header[10]) {
        (2, header[10])
    } else {
        return refuse(NoReset::VlanTags);
    };
    let version = match u16::from_be_bytes(ether_type) {
        0x0800 => Version::V4,
        0x86dd => Version::V6,
        _ => return refuse(NoReset::EtherType),
    };
    let Some(packet) = frame.get(header_len(tag_count)..) else { return refuse(NoReset::Truncated) };
    Ok((header, tag_count, version, packet))
}

/// The length of a header with so many tags.
const fn header_len(tag_count: u8) -> usize {
    match tag_count {
        0 => HEADER_LEN,
        1 => ONE_TAG_HEADER_LEN,
        _ => MAX_HEADER_LEN,
    }
}

/// Where the packet goes.
#[inline(always)]
const fn packet_mut(tag_count: u8, frame: &mut [u8; MAX_LEN]) -> &mut [u8; crate::MAX_LEN] {
    match tag_count {
        0 => split_mut::<HEADER_LEN, { crate::MAX_LEN }, MAX_LEN>(frame).1,
        1 => split_mut::<ONE_TAG_HEADER_LEN, { crate::MAX_LEN }, MAX_LEN>(frame).1,
        _ => split_mut::<MAX_HEADER_LEN, { crate::MAX_LEN }, MAX_LEN>(frame).1,
    }
}

/// The header of the reset, from the offender's.
#[inline(always)]
const fn turn(&[d0, d1, d2, s0, s1, s2, t0, t1, t2, t3, t4]: &Words, towards: Towards) -> Words {
    let [[s0, s1, s2], [d0, d1, d2]] = towards.turn([[s0, s1, s2], [d0, d1, d2]]);
    [d0, d1, d2, s0, s1, s2, t0, t1, t2, t3, t4]
}

/// Writes the header, and returns the frame.
#[inline(always)]
fn write(header: Words, tag_count: u8, packet_len: usize, frame: &mut [u8; MAX_LEN]) -> &mut [u8] {
    let [d0, d1, d2, s0, s1, s2, t0, t1, t2, t3, t4] = header;
    let words: &mut Words = chunks_mut(frame);
    [words[0], words[1], words[2], words[3], words[4], words[5], words[6]] = [d0, d1, d2, s0, s1, s2, t0];
    if tag_count > 0 {
        [words[7], words[8]] = [t1, t2];
    }
    if tag_count > 1 {
        [words[9], words[10]] = [t3, t4];
    }
    match (tag_count, packet_len) {
        (0, ipv4::RESET_LEN) => prefix::<{ HEADER_LEN + ipv4::RESET_LEN }>(frame),
        (0, _) => prefix::<{ HEADER_LEN + ipv6::RESET_LEN }>(frame),
        (1, ipv4::RESET_LEN) => prefix::<{ ONE_TAG_HEADER_LEN + ipv4::RESET_LEN }>(frame),
        (1, _) => prefix::<{ ONE_TAG_HEADER_LEN + ipv6::RESET_LEN }>(frame),
        (_, ipv4::RESET_LEN) => prefix::<{ MAX_HEADER_LEN + ipv4::RESET_LEN }>(frame),
        (..) => frame,
    }
}

/// The first `N` bytes.
#[inline(always)]
const fn prefix<const N: usize>(frame: &mut [u8; MAX_LEN]) -> &mut [u8] {
    split_mut::<N, 0, MAX_LEN>(frame).0
}

/// A reset in its frame, decided but not yet written: a small value that borrows nothing. `Display` prints
/// addresses and VLAN identifiers, then the packet as tcpdump does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reset {
    header: Words,
    tag_count: u8,
    /// The IP packet in the frame.
    pub packet: crate::Reset,
}

#[expect(clippy::len_without_is_empty, reason = "a reset is never empty")]
impl Reset {
    /// Decides whether a reset answers the packet in `frame`.
    ///
    /// # Errors
    ///
    /// Why no reset is sent.
    #[inline(always)]
    pub fn in_reply_to(frame: &[u8], config: &Config) -> Result<Self, NoReset> {
        Self::decide(frame, config, Towards::Source)
    }

    /// Decides whether a reset ends the connection of the packet in `frame` at its destination: see
    /// [`reset_for_destination`](crate::reset_for_destination).
    ///
    /// # Errors
    ///
    /// Why no reset is sent.
    #[inline(always)]
    pub fn for_destination(frame: &[u8], fate: Fate, config: &Config) -> Result<Self, NoReset> {
        Self::decide(frame, config, Towards::Destination(fate))
    }

    #[inline(always)]
    fn decide(frame: &[u8], config: &Config, towards: Towards) -> Result<Self, NoReset> {
        let (header, tag_count, version, packet) = check(frame)?;
        let packet = match version {
            Version::V4 => ipv4::Reset::decide(packet, config, towards)?.into(),
            Version::V6 => ipv6::Reset::decide(packet, config, towards)?.into(),
        };
        Ok(Self { header: turn(header, towards), tag_count, packet })
    }

    /// Writes the frame and returns the prefix of `buffer` that was written.
    #[inline(always)]
    pub fn emit<'a>(&self, buffer: &'a mut [u8; MAX_LEN]) -> &'a mut [u8] {
        self.packet.emit(packet_mut(self.tag_count, buffer));
        write(self.header, self.tag_count, self.packet.len(), buffer)
    }

    /// Writes the frame to the front of a slice of any length and returns what was written; `None`, with `buffer`
    /// untouched, if it does not fit. The slice may be the offending frame itself, in which it always fits.
    #[inline(always)]
    #[must_use]
    pub fn emit_to_slice<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let frame = buffer.get_mut(..self.len())?;
        for (to, from) in frame.iter_mut().zip(self.emit(&mut [0; MAX_LEN])) {
            *to = *from;
        }
        Some(frame)
    }

    /// The length of the frame in bytes, without padding and without the frame check sequence.
    pub const fn len(&self) -> usize {
        header_len(self.tag_count).saturating_add(self.packet.len())
    }

    /// The address it goes to.
    pub const fn destination(&self) -> [u8; 6] {
        let [[d0, d1], [d2, d3], [d4, d5], ..] = self.header;
        [d0, d1, d2, d3, d4, d5]
    }

    /// The address it comes from.
    pub const fn source(&self) -> [u8; 6] {
        let [_, _, _, [s0, s1], [s2, s3], [s4, s5], ..] = self.header;
        [s0, s1, s2, s3, s4, s5]
    }

    /// Its VLAN tags from the outermost on: tag protocol identifier, then priority, DEI and VLAN identifier, each two
    /// bytes.
    pub fn vlan_tags(&self) -> impl Iterator<Item = [u8; TAG_LEN]> {
        let [_, _, _, _, _, _, [a0, a1], [a2, a3], [b0, b1], [b2, b3], _] = self.header;
        [[a0, a1, a2, a3], [b0, b1, b2, b3]].into_iter().take(self.tag_count.into())
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [s0, s1, s2, s3, s4, s5] = self.source();
        let [d0, d1, d2, d3, d4, d5] = self.destination();
        write!(formatter, "{s0:02x}:{s1:02x}:{s2:02x}:{s3:02x}:{s4:02x}:{s5:02x} > ")?;
        write!(formatter, "{d0:02x}:{d1:02x}:{d2:02x}:{d3:02x}:{d4:02x}:{d5:02x}, ")?;
        for [_, _, high, low] in self.vlan_tags() {
            write!(formatter, "vlan {}, ", u16::from_be_bytes([high, low]) & 0x0fff)?;
        }
        self.packet.fmt(formatter)
    }
}

/// Whether a VLAN tag begins with this: 802.1Q, 802.1ad, or what was in use before 802.1ad.
const fn is_tag(tag_protocol: [u8; 2]) -> bool {
    matches!(u16::from_be_bytes(tag_protocol), 0x8100 | 0x88a8 | 0x9100)
}
