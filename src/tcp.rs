//! The reset rule of TCP, and the 20 bytes that carry it.

use crate::checksum::{Sum, shared_where_small};
use crate::{Checksum, Config, NoReset, Profile, silence, words, words_mut};

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
    #[inline]
    #[must_use]
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
}

/// A reset segment: everything that is not fixed in its 20 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reset {
    /// The port it comes from, the offender's destination.
    pub source_port: u16,
    /// The port it goes to, the offender's source.
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
    /// pseudo-header (RFC 9293 §3.1) is added here. `segment` is the whole segment, as long as the IP header says.
    ///
    /// # Errors
    ///
    /// In this order: [`NoReset::TotalLength`] when no IP packet is that long, [`NoReset::TcpHeader`],
    /// [`NoReset::Rst`], [`NoReset::TcpChecksum`], [`NoReset::DataOffset`].
    #[inline]
    pub fn in_reply_to(segment: &[u8], addresses: Sum, config: &Config) -> Result<Self, NoReset> {
        Self::decide(segment, segment.len(), addresses, config)
    }

    /// Decides on a segment of `segment_len` bytes. All of them are in `segment`, unless the checksum is trusted.
    #[inline(always)]
    pub(crate) fn decide(segment: &[u8], segment_len: usize, addresses: Sum, config: &Config) -> Result<Self, NoReset> {
        let segment_len = u16::try_from(segment_len).map_err(|_| NoReset::TotalLength)?;
        if usize::from(segment_len) < HEADER_LEN {
            return Err(silence(NoReset::TcpHeader));
        }
        let Some((header, rest)) = segment.split_first_chunk::<HEADER_LEN>() else {
            return Err(silence(NoReset::Truncated));
        };
        let &[.., flags, _, _, _, _, _, _] = header;
        if flags & RST != 0 {
            return Err(silence(NoReset::Rst));
        }
        if config.tcp_checksum == Checksum::Verify {
            // The rest first: the header's words, wanted below as well, then need not be kept during it.
            let rest = Sum::of_rest(segment, rest);
            let sum = pseudo_header(addresses, segment_len).plus(Sum::of_header(words(header))).plus(rest);
            if !sum.is_valid() {
                return Err(silence(NoReset::TcpChecksum));
            }
        }
        let [[s0, s1, d0, d1], seq, ack, [offset, ..], _] = words(header);
        // The data offset counts 32-bit words. Linux's netfilter does not check it: an offset past the segment makes
        // the length of the data wrap, as it does there, and one below 5 makes data of header bytes.
        let header_len = u16::from(offset >> 4) << 2;
        if config.profile == Profile::TcpStack && (usize::from(header_len) < HEADER_LEN || header_len > segment_len) {
            return Err(silence(NoReset::DataOffset));
        }
        Segment {
            source_port: u16::from_be_bytes([*s0, *s1]),
            destination_port: u16::from_be_bytes([*d0, *d1]),
            seq: u32::from_be_bytes(*seq),
            ack: u32::from_be_bytes(*ack),
            flags,
            data_len: u32::from(segment_len).wrapping_sub(u32::from(header_len)),
        }
        .reset()
    }

    /// The flag bits of the reset: [`RST`], with [`ACK`] where it acknowledges.
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> u8 {
        match self.ack {
            Some(_) => RST | ACK,
            None => RST,
        }
    }

    /// Writes the segment. `addresses` is the sum of source and destination address, the same in both directions.
    #[inline]
    pub fn emit(&self, addresses: Sum, segment: &mut [u8; HEADER_LEN]) {
        self.emit_with(addresses, 0, segment);
    }

    /// Writes the segment, a checksum that computes to zero as `zero`.
    #[inline]
    pub(crate) fn emit_with(&self, addresses: Sum, zero: u16, segment: &mut [u8; HEADER_LEN]) {
        let Some([head @ .., checksum]) = words_mut(segment) else { return };
        let [ports, seq, ack, offset_flags] = &mut *head;
        // Whole words: a sum would wait for words put together from bytes.
        *ports = (u32::from(self.source_port) << 16 | u32::from(self.destination_port)).to_be_bytes();
        *seq = self.seq.to_be_bytes();
        *ack = self.ack.unwrap_or(0).to_be_bytes();
        // Data offset 5.
        *offset_flags = (0x5000_0000 | u32::from(self.flags()) << 16).to_be_bytes();
        let [c0, c1] = match u16::from_ne_bytes(pseudo_header(addresses, 20).plus(Sum::of_header(head)).checksum()) {
            0 => zero.to_ne_bytes(),
            checksum => checksum.to_ne_bytes(),
        };
        // Written whole: a checksum stored into a word stored just before holds up the processor.
        *checksum = [c0, c1, 0, 0];
    }
}

shared_where_small! {
    /// Decides on a whole segment as netfilter does and writes the reset, a checksum that computes to zero as `zero`.
    pub(crate) fn answer(
        segment: &[u8],
        addresses: Sum,
        zero: u16,
        reset: &mut [u8; HEADER_LEN],
    ) -> Result<(), NoReset> {
        Reset::decide(segment, segment.len(), addresses, &Config::new())?.emit_with(addresses, zero, reset);
        Ok(())
    }
}

/// Completes the pseudo-header: the addresses, the protocol number and the length of the segment (RFC 9293 §3.1,
/// RFC 8200 §8.1; the two layouts hold the same words, so they have the same sum).
#[inline]
const fn pseudo_header(addresses: Sum, segment_len: u16) -> Sum {
    let [l0, l1] = segment_len.to_be_bytes();
    addresses.plus(Sum::of_word([0, crate::TCP, l0, l1]))
}
