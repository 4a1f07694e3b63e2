//! Resets over IPv4 (RFC 791).

use core::net::Ipv4Addr;

use crate::checksum::Sum;
use crate::{Checksum, Config, MAX_LEN, NoReset, Offender, Profile, silence, tcp, words, words_mut};

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
        let Offender { header, segment, segment_len, addresses } = offender(packet, config)?;
        let &[[_, tos, ..], _, _, source, destination] = words(header);
        Ok(Self {
            source: destination.into(),
            destination: source.into(),
            tos: config.traffic_class(tos),
            hop_limit: config.hop_limit,
            profile: config.profile,
            tcp: tcp::Reset::decide(segment, segment_len, addresses, config)?,
        })
    }

    /// Writes the reset, which may go over the offender's own bytes.
    #[inline(always)]
    pub fn emit(&self, packet: &mut [u8; RESET_LEN]) {
        let ([header, segment], _) = packet.as_chunks_mut() else { return };
        let addresses = [self.source.octets(), self.destination.octets()];
        self.tcp.emit_with(Sum::of_words(addresses), zero(self.profile), segment);
        write(self.tos, self.hop_limit, addresses, header);
    }
}

/// Decides as netfilter does on what [`offender`] has found under [`Config::new`], and writes the reset.
#[inline(always)]
pub(crate) fn answer(offender: &Offender<'_, [u8; HEADER_LEN]>, buffer: &mut [u8; MAX_LEN]) -> Result<(), NoReset> {
    let config = Config::new();
    let ([ip, tcp, ..], _) = buffer.as_chunks_mut() else { return Err(silence(NoReset::Truncated)) };
    tcp::answer(offender.segment, offender.addresses, zero(config.profile), tcp)?;
    let &[.., source, destination] = words(offender.header);
    write(0, config.hop_limit, [destination, source], ip);
    Ok(())
}

/// Looks at all that is IPv4's in `packet`.
#[inline(always)]
pub(crate) fn offender<'packet>(
    packet: &'packet [u8],
    config: &Config,
) -> Result<Offender<'packet, [u8; HEADER_LEN]>, NoReset> {
    let Some(header) = packet.first_chunk() else { return Err(silence(NoReset::Truncated)) };
    let &[[version_ihl, _, l0, l1], identification_fragment, [_, protocol, ..], ref addresses @ ..] = words(header);
    // The header length counts 32-bit words (RFC 791 §3.1), and the header itself has five.
    match version_ihl {
        0x45..=0x4f => (),
        0x40..=0x44 => return Err(silence(NoReset::HeaderLength)),
        _ => return Err(silence(NoReset::Version)),
    }
    let header_len = usize::from(version_ihl & 0x0f) << 2;
    let total_len = usize::from(u16::from_be_bytes([l0, l1]));
    let Some(segment_len) = total_len.checked_sub(header_len) else { return Err(silence(NoReset::TotalLength)) };
    if packet.len() < total_len && config.tcp_checksum == Checksum::Verify {
        return Err(silence(NoReset::Truncated));
    }
    let Some(segment) = packet.get(header_len..total_len.min(packet.len())) else {
        return Err(silence(NoReset::Truncated));
    };

    // ip_rcv() drops a packet with a bad header checksum before any hook sees it.
    if config.ipv4_checksum == Checksum::Verify {
        let mut sum = Sum::of_header(words(header));
        if header_len > HEADER_LEN {
            sum = sum.plus(of_options(packet.get(..header_len).unwrap_or_default()));
        }
        if !sum.is_valid() {
            return Err(silence(NoReset::HeaderChecksum));
        }
    }
    // A first fragment goes on, more of them to come or not: the TCP checksum tells whether it is whole.
    if u32::from_be_bytes(identification_fragment) & 0x1fff != 0 {
        return Err(silence(NoReset::Fragment));
    }
    if protocol != crate::TCP {
        return Err(silence(NoReset::NotTcp));
    }
    let &[source, destination] = addresses;
    if !is_unicast(source.into()) {
        return Err(silence(NoReset::Source));
    }
    if !is_unicast(destination.into()) {
        return Err(silence(NoReset::Destination));
    }
    Ok(Offender { header, segment, segment_len, addresses: Sum::of_header(addresses) })
}

/// Sums the options, behind the five words that every header has. Cold, for few packets have any; inlined, for a call
/// would cost the others more.
#[cold]
#[inline(always)]
fn of_options(header: &[u8]) -> Sum {
    Sum::of_rest(header, header.get(HEADER_LEN..).unwrap_or_default())
}

/// Writes the header of a reset.
#[inline]
fn write(tos: u8, hop_limit: u8, addresses: [[u8; 4]; 2], header: &mut [u8; HEADER_LEN]) {
    let Some([length, fragment, ttl, both @ ..]) = words_mut(header) else { return };
    // Whole words: a sum would wait for words put together from bytes.
    *length = (0x4500_0028 | u32::from(tos) << 16).to_be_bytes();
    *fragment = 0x0000_4000_u32.to_be_bytes();
    *ttl = (u32::from(hop_limit) << 24 | u32::from(crate::TCP) << 16).to_be_bytes();
    *both = addresses;
    let sum = Sum::of_header(words(header));
    let [_, _, _, _, _, _, _, _, _, _, c0, c1, ..] = header;
    [*c0, *c1] = sum.checksum();
}

/// What a TCP checksum of zero is written as: where Linux leaves it to its offload helper, as 0xFFFF, as for UDP.
#[inline]
const fn zero(profile: Profile) -> u16 {
    match profile {
        Profile::Netfilter => 0xffff,
        Profile::TcpStack => 0x0000,
    }
}

/// Whether a reset may come from the address or go to it. A broadcast address of some subnet passes: only the caller's
/// routing table knows it.
#[inline]
const fn is_unicast(address: Ipv4Addr) -> bool {
    match address.octets() {
        [1..=223, ..] => true,
        _ => is_rare_unicast(address),
    }
}

/// The same for what hardly any packet has: an address of 0.0.0.0/8, of multicast or of the class above it.
#[cold]
#[inline(always)]
const fn is_rare_unicast(address: Ipv4Addr) -> bool {
    !address.is_multicast() && !address.is_unspecified() && !address.is_broadcast()
}
