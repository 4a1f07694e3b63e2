//! Resets over IPv4 (RFC 791).

use core::net::Ipv4Addr;

use crate::checksum::Sum;
use crate::{Checksum, Config, NoReset, Profile, copy_words, tcp};

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
    #[inline]
    pub fn in_reply_to(packet: &[u8], config: &Config) -> Result<Self, NoReset> {
        let header = packet.first_chunk::<HEADER_LEN>().ok_or(NoReset::Truncated)?;
        let words = header.as_chunks::<4>().0;
        let &[
            [version_ihl, tos, ref total_len @ ..],
            [_, _, ref fragment @ ..],
            [_, protocol, ..],
            source,
            destination,
        ] = words
        else {
            return Err(NoReset::Truncated);
        };
        if version_ihl >> 4 != 4 {
            return Err(NoReset::Version);
        }
        // The header length counts 32-bit words (RFC 791 §3.1).
        let header_len = u16::from(version_ihl & 0x0f) << 2;
        if usize::from(header_len) < HEADER_LEN {
            return Err(NoReset::HeaderLength);
        }
        let total_len = u16::from_be_bytes(*total_len);
        let segment_len = total_len.checked_sub(header_len).ok_or(NoReset::TotalLength)?;
        let segment = match packet.get(usize::from(header_len)..usize::from(total_len)) {
            Some(segment) => segment,
            None if config.tcp_checksum == Checksum::Verify => return Err(NoReset::Truncated),
            None => packet.get(usize::from(header_len)..).ok_or(NoReset::Truncated)?,
        };
        let options = packet.get(HEADER_LEN..usize::from(header_len)).unwrap_or_default();

        let addresses = Sum::of_header(words.get(3..).unwrap_or_default());
        // ip_rcv() drops a packet with a bad header checksum before any hook sees it.
        if config.ipv4_checksum == Checksum::Verify
            && !Sum::of_header(words).plus(Sum::of_header(options.as_chunks().0)).is_valid()
        {
            return Err(NoReset::HeaderChecksum);
        }
        // A first fragment goes on, more of them to come or not: the TCP checksum tells whether it is whole.
        if u16::from_be_bytes(*fragment) & 0x1fff != 0 {
            return Err(NoReset::Fragment);
        }
        if protocol != crate::TCP {
            return Err(NoReset::NotTcp);
        }
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
            tcp: tcp::Reset::decide(segment, segment_len, addresses, config)?,
        })
    }

    /// Writes the reset, which may go over the offender's own bytes.
    #[inline]
    pub fn emit(&self, packet: &mut [u8; RESET_LEN]) {
        // Where Linux leaves the checksum to its offload helper, a computed zero leaves as 0xFFFF, as it does for UDP.
        let zero = match self.profile {
            Profile::Netfilter => 0xffff,
            Profile::TcpStack => 0x0000,
        };
        let (source, destination) = (self.source.octets(), self.destination.octets());
        let addresses = Sum::of_header(&[source, destination]);
        let ([header, segment], _) = packet.as_chunks_mut::<HEADER_LEN>() else { return };
        let mut words =
            [[0x45, self.tos, 0, 40], [0, 0, 0x40, 0], [self.hop_limit, crate::TCP, 0, 0], source, destination];
        let [c0, c1] = Sum::of_header(&words).checksum();
        let [_, _, [.., z0, z1], ..] = &mut words;
        (*z0, *z1) = (c0, c1);
        copy_words(header.as_chunks_mut().0, &words);
        self.tcp.emit_with(addresses, zero, segment);
    }
}

/// Whether a reset may come from the address or go to it. A broadcast address of some subnet passes: only the caller's
/// routing table knows it.
#[inline]
const fn is_unicast(address: Ipv4Addr) -> bool {
    !(address.is_multicast() || address.is_unspecified() || address.is_broadcast())
}
