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

use crate::chunks::{chunks_mut, copy, split_mut};
use crate::config::{Config, specialized};
use crate::no_reset::{NoReset, ensure, refuse};
use crate::tcp::{Fate, Towards};
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

/// The length in bytes of a header with one tag.
const ONE_TAG_HEADER_LEN: usize = HEADER_LEN + TAG_LEN;

/// The length in bytes of the longest header.
const MAX_HEADER_LEN: usize = HEADER_LEN + TAG_LEN * MAX_TAGS;

/// The length in bytes of the longest reply: an IPv6 reset after [`MAX_TAGS`] tags.
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
    answer(frame, config, Towards::Source, buffer)
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
    answer(frame, config, Towards::Destination(fate), buffer)
}

/// Decides and writes.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn answer<'a>(
    frame: &[u8],
    config: &Config,
    towards: Towards,
    buffer: &'a mut [u8; MAX_LEN],
) -> Result<&'a mut [u8], NoReset> {
    specialized!(config.is_default(), config, {
        let (header, packet) = check(frame, towards)?;
        header.specialized(
            #[inline(always)]
            |header| {
                let reply = packet_mut(header.tag_count, buffer);
                if header.is_ipv6 {
                    ipv6::answer(packet, config, towards, reply)?;
                } else {
                    ipv4::answer(packet, config, towards, reply)?;
                }
                Ok(header.write(buffer))
            },
        )
    })
}

/// The header of a reset, its parts where they stand: in the offender or in a [`Reset`].
struct Header<'a> {
    /// Three words of address and the word after them, which is overwritten later: one store of eight bytes copies all four.
    /// Saves 5 instructions.
    destination: &'a [[u8; 2]],
    /// The source in the same way.
    source: &'a [[u8; 2]],
    /// Tags and EtherType; what comes after them does not count.
    tags: &'a [[u8; 2]],
    tag_count: u8,
    is_ipv6: bool,
}

/// A header in words of two bytes: three for each address, then tags and EtherType.
type Words = [[u8; 2]; MAX_HEADER_LEN / 2];

/// Checks all that is Ethernet's; finds the header and the packet.
#[inline(always)]
fn check(frame: &[u8], towards: Towards) -> Result<(Header<'_>, &[u8]), NoReset> {
    let Some(words): Option<&Words> = frame.as_chunks().0.first_chunk() else { return refuse(NoReset::Truncated) };
    // The lowest bit of an address' first byte marks a group (IEEE 802 §8.2.2).
    ensure((words[0][0] | words[3][0]) & 1 == 0, NoReset::GroupAddress)?;
    let (tag_count, ether_type) = if !is_tag(words[6]) {
        (0, words[6])
    } else if !is_tag(words[8]) {
        (1, words[8])
    } else if !is_tag(words[10]) {
        (2, words[10])
    } else {
        return refuse(NoReset::VlanTags);
    };
    let is_ipv6 = match ether_type {
        IPV4 => false,
        IPV6 => true,
        _ => return refuse(NoReset::EtherType),
    };
    let Some(packet) = frame.get(header_len(tag_count)..) else { return refuse(NoReset::Truncated) };
    let [source, destination] = towards.source_and_destination([&words[3..7], &words[..4]]);
    Ok((Header { destination, source, tags: &words[6..], tag_count, is_ipv6 }, packet))
}

/// The length of a header with so many tags.
const fn header_len(tag_count: u8) -> usize {
    match tag_count {
        0 => HEADER_LEN,
        1 => ONE_TAG_HEADER_LEN,
        _ => MAX_HEADER_LEN,
    }
}

/// The part of the frame that holds the packet.
#[inline(always)]
const fn packet_mut(tag_count: u8, frame: &mut [u8; MAX_LEN]) -> &mut [u8; crate::MAX_LEN] {
    match tag_count {
        0 => split_mut::<HEADER_LEN, { crate::MAX_LEN }, MAX_LEN>(frame).1,
        1 => split_mut::<ONE_TAG_HEADER_LEN, { crate::MAX_LEN }, MAX_LEN>(frame).1,
        _ => split_mut::<MAX_HEADER_LEN, { crate::MAX_LEN }, MAX_LEN>(frame).1,
    }
}

impl Header<'_> {
    /// Calls `job` with this header. On 64-bit machines, the number of tags is a constant there if it is 0: saves 19
    /// instructions for a SYN.
    #[inline(always)]
    fn specialized<T>(self, job: impl FnOnce(Self) -> T) -> T {
        if cfg!(target_pointer_width = "64") && self.tag_count == 0 {
            let Self { destination, source, tags, is_ipv6, .. } = self;
            job(Self { destination, source, tags, tag_count: 0, is_ipv6 })
        } else {
            job(self)
        }
    }

    /// Writes the header, and returns the frame.
    #[inline(always)]
    fn write(self, frame: &mut [u8; MAX_LEN]) -> &mut [u8] {
        self.copy(chunks_mut(frame));
        match (self.tag_count, self.is_ipv6) {
            (0, false) => &mut frame[..HEADER_LEN + ipv4::RESET_LEN],
            (0, true) => &mut frame[..HEADER_LEN + ipv6::RESET_LEN],
            (1, false) => &mut frame[..ONE_TAG_HEADER_LEN + ipv4::RESET_LEN],
            (1, true) => &mut frame[..ONE_TAG_HEADER_LEN + ipv6::RESET_LEN],
            (_, false) => &mut frame[..MAX_HEADER_LEN + ipv4::RESET_LEN],
            (_, true) => frame,
        }
    }

    #[inline(always)]
    fn copy(&self, to: &mut Words) {
        let Self { destination, source, tags, tag_count, .. } = self;
        copy(destination, &mut to[..4]);
        copy(source, &mut to[3..7]);
        match tag_count {
            0 => copy(tags, &mut to[6..7]),
            1 => copy(tags, &mut to[6..9]),
            _ => copy(tags, &mut to[6..]),
        }
    }
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
        let (header, packet) = check(frame, towards)?;
        let packet = if header.is_ipv6 {
            ipv6::Reset::decide(packet, config, towards)?.into()
        } else {
            ipv4::Reset::decide(packet, config, towards)?.into()
        };
        let mut words = [[0; 2]; MAX_HEADER_LEN / 2];
        header.copy(&mut words);
        Ok(Self { header: words, tag_count: header.tag_count, packet })
    }

    /// Writes the frame and returns the prefix of `buffer` that was written.
    #[inline(always)]
    pub fn emit<'a>(&self, buffer: &'a mut [u8; MAX_LEN]) -> &'a mut [u8] {
        let Self { header, tag_count, packet } = self;
        packet.emit(packet_mut(*tag_count, buffer));
        let (destination, source, tags) = (&header[..4], &header[3..7], &header[6..]);
        let is_ipv6 = matches!(packet, crate::Reset::V6(_));
        Header { destination, source, tags, tag_count: *tag_count, is_ipv6 }.write(buffer)
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

/// Whether a VLAN tag begins with this: 802.1Q, 802.1ad, or 0x9100, in use before 802.1ad.
#[inline(always)]
fn is_tag(protocol: [u8; 2]) -> bool {
    // The first test takes what nearly every frame has: saves 9 instructions for a SYN.
    protocol != IPV4 && [[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00]].contains(&protocol)
}
