//! Resets over IPv4 (RFC 791).

use core::net::Ipv4Addr;

use crate::checksum::Sum;
use crate::{Checksum, Config, MAX_LEN, NoReset, Profile, tcp, words, words_mut};

/// The length in bytes of an IPv4 header without options.
const HEADER_LEN: usize = 20;

/// The length in bytes of a whole reset: IPv4 header and TCP header, neither with options.
pub const RESET_LEN: usize = HEADER_LEN + tcp::HEADER_LEN;

/// The reset that answers an IPv4 packet: a small value that owns what it says and borrows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reset {
    /// The address it comes from, the offender's destination.
    pub source: Ipv4Addr,
    /// The address it goes to, the offender's source.
    pub destination: Ipv4Addr,
    /// Type of service: zero, or what [`Profile::TcpStack`] reflects.
    pub tos: u8,
    /// Time to live, from [`Config::hop_limit`].
    pub hop_limit: u8,
    /// Whose answer it is; it decides how a zero TCP checksum is written.
    pub profile: Profile,
    /// Ports and numbers.
    pub tcp: tcp::Reset,
}

impl Reset {
    /// Decides whether `packet`, an IPv4 packet with or without bytes behind its end, is answered by a reset.
    ///
    /// # Errors
    ///
    /// The reason for silence, the first of: [`NoReset::Truncated`] (no IPv4 header), [`NoReset::Version`],
    /// [`NoReset::HeaderLength`], [`NoReset::TotalLength`], [`NoReset::Truncated`] (shorter than its total length),
    /// [`NoReset::HeaderChecksum`], [`NoReset::Fragment`], [`NoReset::NotTcp`], [`NoReset::Source`],
    /// [`NoReset::Destination`], [`NoReset::TcpHeader`], [`NoReset::Rst`], [`NoReset::TcpChecksum`],
    /// [`NoReset::DataOffset`].
    #[inline(always)]
    pub fn in_reply_to(packet: &[u8], config: &Config) -> Result<Self, NoReset> {
        let header = packet.first_chunk::<HEADER_LEN>().ok_or(NoReset::Truncated)?;
        let &[[version_ihl, tos, l0, l1], [_, _, f0, f1], [_, protocol, ..], ref addresses @ ..] = words(header);
        // The header length counts 32-bit words (RFC 791 §3.1), and the header itself has five.
        match version_ihl {
            0x45..=0x4f => (),
            0x40..=0x44 => return Err(NoReset::HeaderLength),
            _ => return Err(NoReset::Version),
        }
        let header_len = usize::from(version_ihl & 0x0f) << 2;
        let total_len = usize::from(u16::from_be_bytes([l0, l1]));
        let segment_len = total_len.checked_sub(header_len).ok_or(NoReset::TotalLength)?;
        let segment = match packet.get(header_len..total_len) {
            Some(segment) => segment,
            None if config.tcp_checksum == Checksum::Verify => return Err(NoReset::Truncated),
            None => packet.get(header_len..).ok_or(NoReset::Truncated)?,
        };
        let options = packet.get(HEADER_LEN..header_len).unwrap_or_default();

        // ip_rcv() drops a packet with a bad header checksum before any hook sees it.
        if config.ipv4_checksum == Checksum::Verify {
            let mut sum = Sum::of_header(words(header));
            if !options.is_empty() {
                sum = sum.plus(Sum::of_header(options.as_chunks().0));
            }
            if !sum.is_valid() {
                return Err(NoReset::HeaderChecksum);
            }
        }
        // A first fragment goes on, more of them to come or not: the TCP checksum tells whether it is whole.
        if u16::from_be_bytes([f0, f1]) & 0x1fff != 0 {
            return Err(NoReset::Fragment);
        }
        if protocol != crate::TCP {
            return Err(NoReset::NotTcp);
        }
        let &[source, destination] = addresses;
        let source = Ipv4Addr::from(source);
        if !is_unicast(source) {
            return Err(NoReset::Source);
        }
        let destination = Ipv4Addr::from(destination);
        if !is_unicast(destination) {
            return Err(NoReset::Destination);
        }
        Ok(Self {
            source: destination,
            destination: source,
            tos: config.traffic_class(tos),
            hop_limit: config.hop_limit,
            profile: config.profile,
            tcp: tcp::Reset::decide(segment, segment_len, Sum::of_header(addresses), config)?,
        })
    }

    /// Writes the reset, which may go over the offender's own bytes.
    #[inline(always)]
    pub fn emit(&self, packet: &mut [u8; RESET_LEN]) {
        // Where Linux leaves the checksum to its offload helper, a computed zero leaves as 0xFFFF, as it does for UDP.
        let zero = match self.profile {
            Profile::Netfilter => 0xffff,
            Profile::TcpStack => 0x0000,
        };
        let ([header, segment], _) = packet.as_chunks_mut::<HEADER_LEN>() else { return };
        let Some([length, fragment, ttl, addresses @ ..]) = words_mut(header) else { return };
        // Whole words: a sum would wait for words put together from bytes.
        *length = (0x4500_0028 | u32::from(self.tos) << 16).to_be_bytes();
        *fragment = 0x0000_4000_u32.to_be_bytes();
        *ttl = (u32::from(self.hop_limit) << 24 | u32::from(crate::TCP) << 16).to_be_bytes();
        *addresses = [self.source.octets(), self.destination.octets()];
        let addresses = Sum::of_header(addresses);
        let sum = Sum::of_header(words(header));
        let [_, _, _, _, _, _, _, _, _, _, c0, c1, ..] = header;
        [*c0, *c1] = sum.checksum();
        self.tcp.emit_with(addresses, zero, segment);
    }
}

/// Decides as netfilter does and writes the reset. On a small machine out of line, as its IPv6 sister is.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub(crate) fn reset(packet: &[u8], buffer: &mut [u8; MAX_LEN]) -> Result<(), NoReset> {
    let buffer = buffer.first_chunk_mut().ok_or(NoReset::Truncated)?;
    Reset::in_reply_to(packet, &Config::new())?.emit(buffer);
    Ok(())
}

/// Whether a reset may come from the address or go to it. A broadcast address of some subnet passes: only the caller's
/// routing table knows it.
#[inline]
const fn is_unicast(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    // Below multicast, 224.0.0.0/4, but not 0.0.0.0, which wraps; or above it, but not 255.255.255.255.
    bits.wrapping_sub(1) < 0xdfff_ffff || matches!(bits, 0xf000_0000..=0xffff_fffe)
}
