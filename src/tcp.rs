//! The reset rule of TCP, and the 20 bytes that carry it.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::checksum::Sum;
use crate::chunks::chunks_mut;
use crate::config::{Checksum, Config, Profile, Towards};
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

/// The rule (RFC 9293 §3.10.7.1), for a stack that has parsed the segment: sequence and acknowledgment number of the reset
/// that answers it. With an acknowledgment number the reset is a RST/ACK; `None` makes it a plain RST.
///
/// `seq` is SEG.SEQ; `ack` is SEG.ACK, `None` where the bit ACK is not set; `seg_len` is SEG.LEN: [`seg_len`].
///
/// A segment with RST must not be answered: leaving it alone is up to the caller.
///
/// ```
/// use tcp_reset::tcp::reset_numbers;
///
/// assert_eq!(reset_numbers(7, None, 11), (0, Some(18))); // RST/ACK for ten bytes of data and a FIN
/// assert_eq!(reset_numbers(7, Some(99), 11), (99, None)); // a plain RST
/// ```
#[inline]
pub const fn reset_numbers(seq: u32, ack: Option<u32>, seg_len: u32) -> (u32, Option<u32>) {
    match ack {
        // <SEQ=SEG.ACK><CTL=RST>
        Some(ack) => (ack, None),
        // <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
        None => (0, Some(seq.wrapping_add(seg_len))),
    }
}

/// The same for either end of the connection: the numbers that [`reset_numbers`] gives, or those that the destination
/// accepts (RFC 9293 §3.10.7.4, RFC 5961 §3.2; in SYN-SENT it wants its SYN acknowledged, §3.10.7.3).
///
/// A segment with RST, and towards its destination a SYN without ACK that was dropped, must not be answered: leaving them
/// alone is up to the caller.
///
/// ```
/// use tcp_reset::{Towards, tcp::reset_numbers_towards};
///
/// assert_eq!(reset_numbers_towards(Towards::DestinationOfDropped, 7, Some(99), 11), (7, Some(99)));
/// assert_eq!(reset_numbers_towards(Towards::DestinationOfDelivered, 7, Some(99), 11), (18, Some(99)));
/// ```
#[inline]
pub const fn reset_numbers_towards(towards: Towards, seq: u32, ack: Option<u32>, seg_len: u32) -> (u32, Option<u32>) {
    match towards {
        Towards::Source => reset_numbers(seq, ack, seg_len),
        Towards::DestinationOfDropped => (seq, ack),
        Towards::DestinationOfDelivered => (seq.wrapping_add(seg_len), ack),
    }
}

/// SEG.LEN, the sequence numbers that a segment takes (RFC 9293 §3.4): one for each byte of data, for SYN and for FIN.
#[inline]
pub const fn seg_len(flags: u8, data_len: u32) -> u32 {
    let syn = if flags & SYN != 0 { 1 } else { 0 };
    let fin = if flags & FIN != 0 { 1 } else { 0 };
    data_len.wrapping_add(syn).wrapping_add(fin)
}

/// The source and the destination address of a segment, as its checksum covers them: their sum. It is the same in both
/// directions.
///
/// ```
/// use core::net::Ipv4Addr;
/// use tcp_reset::tcp::Addresses;
///
/// let addresses = Addresses::from([Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 2)]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Addresses(pub(crate) Sum);

impl Addresses {
    /// The sum of the pseudo-header: the addresses, the protocol number and the length of the segment (RFC 9293 §3.1,
    /// RFC 8200 §8.1). Both layouts hold the same words. A length over 65,535 is carried into the next word, as in Linux.
    #[inline]
    const fn pseudo_header(self, segment_len: u32) -> Sum {
        self.0.plus(Sum::of_word(segment_len.wrapping_add(0x0006_0000).to_be_bytes()))
    }
}

impl From<[Ipv4Addr; 2]> for Addresses {
    #[inline]
    fn from(addresses: [Ipv4Addr; 2]) -> Self {
        Self(Sum::of_words(&addresses.map(|address| address.octets())))
    }
}

impl From<[Ipv6Addr; 2]> for Addresses {
    #[inline]
    fn from(addresses: [Ipv6Addr; 2]) -> Self {
        let [source, destination] = addresses.map(|address| address.octets());
        Self(Sum::of_words(source.as_chunks().0).plus(Sum::of_words(destination.as_chunks().0)))
    }
}

/// A reset segment: everything that is not fixed in its 20 bytes. `Display` prints it as tcpdump does.
// Exhaustive: a stack may build one, and RFC 9293 will not add to it.
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
    /// The reset for a whole TCP segment whose IP header the caller has dealt with.
    ///
    /// `segment` is as long as the IP header says. Of `config`, the profile, the TCP checksum and the end count.
    ///
    /// # Errors
    ///
    /// In this order: [`NoReset::TcpHeader`], [`NoReset::Rst`], [`NoReset::TooLong`], [`NoReset::TcpChecksum`],
    /// [`NoReset::DataOffset`], [`NoReset::NoConnection`].
    #[inline]
    pub fn in_reply_to(segment: &[u8], addresses: Addresses, config: &Config) -> Result<Self, NoReset> {
        check(segment, Some(0), addresses, config)
    }

    /// The reset for the segment with this TCP header, its options left out. `segment_len` is its length with header,
    /// options and data, by the IP header; both checksums are the caller's to verify. Of `config`, the profile and the end
    /// count.
    ///
    /// # Errors
    ///
    /// In this order: [`NoReset::Rst`], [`NoReset::DataOffset`], [`NoReset::NoConnection`].
    #[inline]
    pub fn in_reply_to_header(header: &[u8; HEADER_LEN], segment_len: u32, config: &Config) -> Result<Self, NoReset> {
        ensure(header[13] & RST == 0, NoReset::Rst)?;
        Self::decide(header, segment_len, true, config)
    }

    /// Decides on a segment that is no reset.
    #[inline(always)]
    fn decide(header: &[u8; HEADER_LEN], len: u32, is_stated: bool, config: &Config) -> Result<Self, NoReset> {
        let (towards, flags) = (config.towards, header[13]);
        // The data offset counts 32-bit words. netfilter does not check it: past the segment it makes the length of the
        // data wrap, and below 5 it counts header bytes as data.
        let header_len = u32::from(header[12] >> 4) << 2;
        if config.profile == Profile::TcpStack {
            ensure(header_len >= 20 && (header_len <= len || !is_stated), NoReset::DataOffset)?;
        }
        match towards {
            Towards::DestinationOfDropped => ensure(flags & (SYN | ACK) != SYN, NoReset::NoConnection)?,
            // Its numbers do not depend on the length.
            Towards::Source if flags & ACK != 0 => (),
            _ => ensure(is_stated, NoReset::UnknownLength)?,
        }
        let (ports, seq, ack) = read(header);
        let seg_len = seg_len(flags, len.wrapping_sub(header_len));
        let (seq, ack) = reset_numbers_towards(towards, seq, ack, seg_len);
        let [source_port, destination_port] = towards.source_and_destination(ports);
        Ok(Self { source_port, destination_port, seq, ack })
    }

    /// The flag bits of the reset: [`RST`], with [`ACK`] where it acknowledges.
    pub const fn flags(&self) -> u8 {
        if self.ack.is_some() { RST | ACK } else { RST }
    }

    /// Writes the segment.
    ///
    /// The checksum is complete; one that computes to zero is written as 0x0000, whatever the profile.
    #[inline]
    pub fn write_to(&self, addresses: Addresses, segment: &mut [u8; HEADER_LEN]) {
        self.write(addresses, false, 0, segment);
    }

    /// Writes the segment; `zero`, 0 or 0xFFFF, in place of a checksum that computes to zero.
    #[inline(always)]
    fn write(&self, addresses: Addresses, partial_checksum: bool, zero: u16, segment: &mut [u8; HEADER_LEN]) {
        let [head @ .., checksum] = chunks_mut::<4, 5, HEADER_LEN>(segment);
        let [ports, seq, ack, offset_flags] = &mut *head;
        // Whole words: byte by byte would be a store-forwarding stall when they are summed.
        *ports = (u32::from(self.source_port) << 16 | u32::from(self.destination_port)).to_be_bytes();
        *seq = self.seq.to_be_bytes();
        *ack = self.ack.unwrap_or(0).to_be_bytes();
        // Data offset 5.
        *offset_flags = (0x5000_0000 | u32::from(self.flags()) << 16).to_be_bytes();
        let pseudo_header = addresses.pseudo_header(20);
        let sum = match u16::from_ne_bytes(pseudo_header.plus(Sum::of_words(head)).checksum()) {
            _ if partial_checksum => u16::from_ne_bytes(pseudo_header.partial()),
            0 => zero,
            sum => sum,
        };
        let [c0, c1] = sum.to_ne_bytes();
        *checksum = [c0, c1, 0, 0];
    }

    /// Reads a reset.
    pub(crate) const fn read(segment: &[u8; HEADER_LEN]) -> Self {
        let ([source_port, destination_port], seq, ack) = read(segment);
        Self { source_port, destination_port, seq, ack }
    }
}

/// Ports, sequence number and, where the bit ACK is set, acknowledgment number of a header.
#[inline(always)]
const fn read(header: &[u8; HEADER_LEN]) -> ([u16; 2], u32, Option<u32>) {
    let &[s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, _, flags, ..] = header;
    let ports = [u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])];
    let ack = if flags & ACK != 0 { Some(u32::from_be_bytes([a0, a1, a2, a3])) } else { None };
    (ports, u32::from_be_bytes([q0, q1, q2, q3]), ack)
}

impl fmt::Display for Reset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ack {
            Some(ack) => write!(formatter, "Flags [R.], seq {}, ack {ack}, win 0, length 0", self.seq),
            None => write!(formatter, "Flags [R], seq {}, win 0, length 0", self.seq),
        }
    }
}

/// Checks a segment and decides. `missing` counts its bytes that the buffer lacks, which only a trusted TCP checksum allows; it
/// is `None` where the IP header does not state the length.
#[inline(always)]
fn check(segment: &[u8], missing: Option<usize>, addresses: Addresses, config: &Config) -> Result<Reset, NoReset> {
    let Ok(len) = u32::try_from(segment.len().wrapping_add(missing.unwrap_or(0))) else {
        return refuse(NoReset::TooLong);
    };
    let Some((header, rest)) = segment.split_first_chunk() else {
        return refuse(if len < 20 { NoReset::TcpHeader } else { NoReset::Truncated });
    };
    // A reset's checksum is not looked at.
    ensure(header[13] & RST == 0, NoReset::Rst)?;
    let sum = addresses.pseudo_header(len);
    let is_trusted = match config.tcp_checksum {
        Checksum::Verify => false,
        Checksum::VerifyOrPartial => header[16..18] == sum.partial(),
        Checksum::Trust => true,
    };
    if !is_trusted {
        // No IP header states more, and on 32-bit machines the sum of more is not exact.
        ensure(len <= 0xffff, NoReset::TooLong)?;
        let rest = Sum::of_tail(segment, rest);
        let sum = sum.plus(Sum::of_words(header.as_chunks().0)).plus(rest);
        ensure(sum.is_valid(), NoReset::TcpChecksum)?;
    }
    Reset::decide(header, len, missing.is_some(), config)
}

/// Checks a segment and writes the reset; `zero`, 0 or 0xFFFF, in place of a checksum that computes to zero.
#[inline(always)]
pub(crate) fn answer(
    segment: &[u8],
    missing: Option<usize>,
    addresses: Addresses,
    config: &Config,
    zero: u16,
    to: &mut [u8; HEADER_LEN],
) -> Result<(), NoReset> {
    check(segment, missing, addresses, config)?.write(addresses, config.partial_checksum, zero, to);
    Ok(())
}

/// The same for both IP versions, which share it on small machines. The compiler follows constants through arguments, but not
/// through a structure.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub(crate) fn answer_shared(
    segment: &[u8],
    missing: Option<usize>,
    addresses: Addresses,
    config: &Config,
    zero: u16,
    to: &mut [u8; HEADER_LEN],
) -> Result<(), NoReset> {
    answer(segment, missing, addresses, config, zero, to)
}
