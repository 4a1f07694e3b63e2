//! The reset rule of TCP, and the 20 bytes that carry it.

use core::fmt;

use crate::checksum::Sum;
use crate::chunks::chunks_mut;
use crate::config::{Checksum, Completion, Config, Profile};
use crate::no_reset::{NoReset, ensure, refuse};

/// TCP's number among the IP protocols.
pub(crate) const PROTOCOL: u8 = 6;

/// FIN, the bit that ends the sender's data and takes one sequence number (RFC 9293 §3.1).
pub const FIN: u8 = 0x01;
/// SYN, the bit that opens a connection and takes one sequence number (RFC 9293 §3.1).
pub const SYN: u8 = 0x02;
/// RST, the bit that resets a connection (RFC 9293 §3.1).
pub const RST: u8 = 0x04;
/// ACK, the bit that makes the acknowledgment number count (RFC 9293 §3.1).
pub const ACK: u8 = 0x10;

/// The length in bytes of a TCP header without options, and so of a reset.
pub const HEADER_LEN: usize = 20;

/// What became of the offending segment: it decides which sequence number its destination expects next.
///
/// The numbers of the variants may change.
// Exhaustive: a segment is dropped or delivered. Numbered from 1, which leaves 0 to `Towards::Source`: saves 32 bytes of
// code for both IP versions on small machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It was dropped, as by a firewall: the destination still expects SEG.SEQ.
    Dropped = 1,
    /// It was delivered, as past a passive monitor: the destination expects SEG.SEQ + SEG.LEN.
    Delivered = 2,
}

/// Which end of the offender's connection a reset goes to.
#[derive(Clone, Copy)]
pub(crate) enum Towards {
    Source,
    Destination(Fate),
}

impl Towards {
    /// Source and destination of the reset, from the offender's.
    #[inline(always)]
    pub(crate) const fn source_and_destination<T: Copy>(self, [source, destination]: [T; 2]) -> [T; 2] {
        match self {
            Self::Source => [destination, source],
            Self::Destination(_) => [source, destination],
        }
    }
}

/// What the reset rule has to know of an offending segment.
///
/// A stack with its own headers fills it in and takes the answer's numbers:
///
/// ```
/// use tcp_reset::tcp::{Reset, SYN, Segment};
///
/// let syn = Segment { source_port: 36050, destination_port: 80, seq: 522224616, ack: 0, flags: SYN, data_len: 0 };
/// const fn or_silence(segment: Segment) -> Option<Reset> {
///     match segment.reset() {
///         Ok(reset) => Some(reset),
///         Err(_) => None,
///     }
/// }
/// let reset = Reset { source_port: 80, destination_port: 36050, seq: 0, ack: Some(522224617) };
/// assert_eq!(or_silence(syn), Some(reset));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The port it came from.
    pub source_port: u16,
    /// The port it went to.
    pub destination_port: u16,
    /// SEG.SEQ, the sequence number.
    pub seq: u32,
    /// SEG.ACK, the acknowledgment number; it counts only under [`ACK`].
    pub ack: u32,
    /// The eight flag bits from CWR down to [`FIN`].
    pub flags: u8,
    /// How many bytes of data follow the header, without SYN and FIN.
    pub data_len: u32,
}

impl Segment {
    /// SEG.LEN: the sequence numbers the segment takes, one for each byte of data, for SYN and for FIN (RFC 9293 §3.4).
    pub const fn seg_len(&self) -> u32 {
        let syn = if self.flags & SYN != 0 { 1 } else { 0 };
        let fin = if self.flags & FIN != 0 { 1 } else { 0 };
        self.data_len.wrapping_add(syn).wrapping_add(fin)
    }

    /// The reset that answers the segment where no connection exists (RFC 9293 §3.10.7.1).
    ///
    /// # Errors
    ///
    /// [`NoReset::Rst`] for a segment that is itself a reset.
    #[inline]
    pub const fn reset(&self) -> Result<Reset, NoReset> {
        let (seq, ack) = match (self.flags & RST != 0, self.flags & ACK != 0) {
            // "An incoming segment containing a RST is discarded."
            (true, _) => return Err(NoReset::Rst),
            // <SEQ=SEG.ACK><CTL=RST>
            (false, true) => (self.ack, None),
            // <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
            (false, false) => (0, Some(self.seq.wrapping_add(self.seg_len()))),
        };
        Ok(Reset { source_port: self.destination_port, destination_port: self.source_port, seq, ack })
    }

    /// The reset that ends the connection at the segment's destination, in the name of its source.
    ///
    /// The destination takes a reset with the sequence number that it expects next (RFC 9293 §3.10.7.4, RFC 5961 §3.2),
    /// in SYN-SENT one that acknowledges its SYN (§3.10.7.3). See [`reset_for_destination`](crate::reset_for_destination)
    /// for what one segment cannot show.
    ///
    /// # Errors
    ///
    /// [`NoReset::Rst`] for a segment that is itself a reset, [`NoReset::NoConnection`] for a SYN without ACK that was
    /// dropped.
    #[inline]
    pub const fn reset_for_destination(&self, fate: Fate) -> Result<Reset, NoReset> {
        if self.flags & RST != 0 {
            return Err(NoReset::Rst);
        }
        let seq = match fate {
            Fate::Dropped if self.flags & (SYN | ACK) == SYN => return Err(NoReset::NoConnection),
            Fate::Dropped => self.seq,
            Fate::Delivered => self.seq.wrapping_add(self.seg_len()),
        };
        let ack = if self.flags & ACK != 0 { Some(self.ack) } else { None };
        Ok(Reset { source_port: self.source_port, destination_port: self.destination_port, seq, ack })
    }
}

/// A reset segment: everything that is not fixed in its 20 bytes. `Display` prints it as tcpdump does.
// Exhaustive, as `Segment` is: a stack may build one, and RFC 9293 will not add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reset {
    /// The port it comes from: the offender's destination port, or its source port in a reset for the destination.
    pub source_port: u16,
    /// The port it goes to.
    pub destination_port: u16,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number of a RST/ACK; `None` makes a plain RST, whose field is zero.
    pub ack: Option<u32>,
}

impl Reset {
    /// Decides on a TCP segment whose IP header the caller has dealt with.
    ///
    /// `addresses` is the sum of its source and destination address, of either IP version; the rest of the
    /// pseudo-header (RFC 9293 §3.1) is added here. `segment` is the whole segment, as long as the IP header says. Of
    /// `config`, the profile and the TCP checksum count.
    ///
    /// # Errors
    ///
    /// In this order: [`NoReset::TotalLength`] when no IP packet is that long, [`NoReset::TcpHeader`],
    /// [`NoReset::Rst`], [`NoReset::TcpChecksum`], [`NoReset::DataOffset`].
    #[inline]
    pub fn in_reply_to(segment: &[u8], addresses: Sum, config: &Config) -> Result<Self, NoReset> {
        decide((segment, segment.len(), addresses), config, Towards::Source)
    }

    /// The same, for the reset that goes to the segment's destination: [`Segment::reset_for_destination`].
    ///
    /// # Errors
    ///
    /// The same, and last of all [`NoReset::NoConnection`].
    #[inline]
    pub fn for_destination(segment: &[u8], addresses: Sum, fate: Fate, config: &Config) -> Result<Self, NoReset> {
        decide((segment, segment.len(), addresses), config, Towards::Destination(fate))
    }

    /// The flag bits of the reset: [`RST`], with [`ACK`] where it acknowledges.
    pub const fn flags(&self) -> u8 {
        if self.ack.is_some() { RST | ACK } else { RST }
    }

    /// Writes the segment and returns it. `addresses` is the sum of source and destination address, the same in both
    /// directions.
    ///
    /// The checksum is complete; one that computes to zero is written as 0x0000, whatever the profile.
    #[inline]
    pub fn emit<'a>(&self, addresses: Sum, buffer: &'a mut [u8; HEADER_LEN]) -> &'a mut [u8; HEADER_LEN] {
        self.write(addresses, Completion::Full, buffer);
        buffer
    }

    /// Writes the segment.
    #[inline(always)]
    pub(crate) fn write(&self, addresses: Sum, completion: Completion, segment: &mut [u8; HEADER_LEN]) {
        let [head @ .., checksum] = chunks_mut::<4, 5, HEADER_LEN>(segment);
        // Store whole words: avoids a store-forwarding stall when they are summed.
        let [ports, seq, ack, offset_flags] = &mut *head;
        *ports = (u32::from(self.source_port) << 16 | u32::from(self.destination_port)).to_be_bytes();
        *seq = self.seq.to_be_bytes();
        *ack = self.ack.unwrap_or(0).to_be_bytes();
        // Data offset 5.
        *offset_flags = (0x5000_0000 | u32::from(self.flags()) << 16).to_be_bytes();
        let addresses = pseudo_header(addresses, 20);
        let [c0, c1] = match (completion, u16::from_be_bytes(addresses.plus(Sum::of_words(head)).checksum())) {
            (Completion::Partial, _) => (!u16::from_be_bytes(addresses.checksum())).to_be_bytes(),
            (Completion::NonZero, 0) => [0xff, 0xff],
            (_, checksum) => checksum.to_be_bytes(),
        };
        *checksum = [c0, c1, 0, 0];
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ack {
            Some(ack) => write!(formatter, "Flags [R.], seq {}, ack {ack}, win 0, length 0", self.seq),
            None => write!(formatter, "Flags [R], seq {}, win 0, length 0", self.seq),
        }
    }
}

/// What the IP side finds: the segment as far as the buffer holds it, its length by the IP header, and the sum of source
/// and destination address.
pub(crate) type Found<'a> = (&'a [u8], usize, Sum);

/// Decides on a segment. The buffer holds all of it, unless the TCP checksum is trusted.
#[inline(always)]
pub(crate) fn decide((segment, len, addresses): Found, config: &Config, towards: Towards) -> Result<Reset, NoReset> {
    let Some(header) = segment.as_chunks().0.first_chunk() else {
        return refuse(if len < HEADER_LEN { NoReset::TcpHeader } else { NoReset::Truncated });
    };
    let Ok(len) = u16::try_from(len) else { return refuse(NoReset::TotalLength) };
    let [[s0, s1, d0, d1], seq, ack, [offset, flags, ..], _] = header;
    ensure(flags & RST == 0, NoReset::Rst)?;
    if config.tcp_checksum == Checksum::Verify {
        // Sum the rest first: lower register pressure.
        let Some(rest) = segment.get(HEADER_LEN..) else { return refuse(NoReset::Truncated) };
        let rest = Sum::of_tail(segment, rest);
        let sum = pseudo_header(addresses, len).plus(Sum::of_words(header)).plus(rest);
        ensure(sum.is_valid(), NoReset::TcpChecksum)?;
    }
    // The data offset counts 32-bit words. netfilter does not check it: past the segment it makes the length of the data
    // wrap, and below 5 it counts header bytes as data.
    let header_len = u16::from(offset >> 4) << 2;
    if config.profile == Profile::TcpStack {
        ensure((HEADER_LEN..=usize::from(len)).contains(&usize::from(header_len)), NoReset::DataOffset)?;
    }
    let segment = Segment {
        source_port: u16::from_be_bytes([*s0, *s1]),
        destination_port: u16::from_be_bytes([*d0, *d1]),
        seq: u32::from_be_bytes(*seq),
        ack: u32::from_be_bytes(*ack),
        flags: *flags,
        data_len: u32::from(len).wrapping_sub(u32::from(header_len)),
    };
    match towards {
        Towards::Source => segment.reset(),
        Towards::Destination(fate) => segment.reset_for_destination(fate),
    }
}

/// Decides and writes the reset. On small machines both IP versions share this function, which saves 200 to 370 bytes: that
/// is why each has an `answer` beside `decide` and `emit`. On 64-bit machines it is inlined into each, which saves 55
/// instructions for a SYN.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub(crate) fn answer(
    segment: &[u8],
    len: usize,
    addresses: Sum,
    config: &Config,
    towards: Towards,
    completion: Completion,
    reset: &mut [u8; HEADER_LEN],
) -> Result<(), NoReset> {
    decide((segment, len, addresses), config, towards)?.write(addresses, completion, reset);
    Ok(())
}

/// Completes the pseudo-header: the addresses, the protocol number and the length of the segment (RFC 9293 §3.1,
/// RFC 8200 §8.1; the two layouts hold the same words, so they have the same sum).
#[inline]
const fn pseudo_header(addresses: Sum, segment_len: u16) -> Sum {
    let [l0, l1] = segment_len.to_be_bytes();
    addresses.plus(Sum::of_word([0, PROTOCOL, l0, l1]))
}
