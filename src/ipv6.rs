//! Resets over IPv6 (RFC 8200).

use core::net::Ipv6Addr;

use crate::checksum::Sum;
use crate::{Checksum, Config, NoReset, Offender, Profile, silence, tcp};

/// The length in bytes of an IPv6 header.
const HEADER_LEN: usize = 40;

/// The length in bytes of a whole reset: IPv6 header and TCP header, without extension headers or options.
pub const RESET_LEN: usize = HEADER_LEN + tcp::HEADER_LEN;

/// The extension headers that are walked past, by their protocol numbers (RFC 8200 §4, RFC 4302 for authentication).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// The reset that answers an IPv6 packet: a small value that owns what it says and borrows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reset {
    /// The address it comes from, the offender's destination.
    pub source: Ipv6Addr,
    /// The address it goes to, the offender's source.
    pub destination: Ipv6Addr,
    /// Traffic class: zero, or what [`Profile::TcpStack`] reflects.
    pub traffic_class: u8,
    /// Hop limit, from [`Config::hop_limit`].
    pub hop_limit: u8,
    /// Whose answer it is; it decides how a zero TCP checksum is written.
    pub profile: Profile,
    /// Ports and numbers.
    pub tcp: tcp::Reset,
}

impl Reset {
    /// Decides whether `packet`, an IPv6 packet with or without bytes behind its end, is answered by a reset.
    ///
    /// # Errors
    ///
    /// The reason for silence, the first of: [`NoReset::Truncated`] (no IPv6 header), [`NoReset::Version`],
    /// [`NoReset::Jumbogram`], [`NoReset::Truncated`] (shorter than its payload length), [`NoReset::Source`],
    /// [`NoReset::Destination`]; then, header by header, [`NoReset::NotTcp`], [`NoReset::ExtensionHeader`],
    /// [`NoReset::Fragment`]; then [`NoReset::TcpHeader`], [`NoReset::Rst`], [`NoReset::TcpChecksum`],
    /// [`NoReset::DataOffset`].
    #[inline(always)]
    pub fn in_reply_to(packet: &[u8], config: &Config) -> Result<Self, NoReset> {
        let Offender { header, segment, segment_len, addresses: sum } = offender(packet, config)?;
        let tcp = tcp::Reset::decide(segment, segment_len, sum, config)?;
        let [source, destination] = addresses(header);
        Ok(Self {
            source: address(destination),
            destination: address(source),
            traffic_class: config.traffic_class(traffic_class(header)),
            hop_limit: config.hop_limit,
            profile: config.profile,
            tcp,
        })
    }

    /// Writes the reset, which may go over the offender's own bytes.
    #[inline(always)]
    pub fn emit(&self, packet: &mut [u8; RESET_LEN]) {
        let Some((header, segment)) = parts(packet) else { return };
        let fixed = fixed(self.traffic_class, self.hop_limit);
        let addresses = write(fixed, &self.source.octets(), &self.destination.octets(), header);
        self.tcp.emit_with(addresses, zero(self.profile), segment);
    }
}

/// Decides as netfilter does and writes the reset: its addresses go from packet to packet, with no copy in between. Out
/// of line, so that the IPv4 side keeps its registers.
#[inline(never)]
pub(crate) fn reset(packet: &[u8], buffer: &mut [u8; RESET_LEN]) -> Result<(), NoReset> {
    let config = Config::new();
    let Offender { header, segment, addresses: sum, .. } = offender(packet, &config)?;
    let Some((ip, tcp)) = parts(buffer) else { return Err(silence(NoReset::Truncated)) };
    tcp::answer(segment, sum, zero(config.profile), tcp)?;
    let [source, destination] = addresses(header);
    write(fixed(0, config.hop_limit), destination, source, ip);
    Ok(())
}

/// Looks at all that is IPv6's in `packet`.
#[inline]
fn offender<'packet>(packet: &'packet [u8], config: &Config) -> Result<Offender<'packet, [u8; HEADER_LEN]>, NoReset> {
    let Some((header, payload)) = packet.split_first_chunk::<HEADER_LEN>() else {
        return Err(silence(NoReset::Truncated));
    };
    let &[version, _, _, _, l0, l1, next_header, _, ref both @ ..] = header;
    if version >> 4 != 6 {
        return Err(silence(NoReset::Version));
    }
    let payload_len = u16::from_be_bytes([l0, l1]);
    // A length of zero says that a hop-by-hop option holds the real one (RFC 2675 §3); no reset offender needs it.
    if payload_len == 0 {
        return Err(silence(NoReset::Jumbogram));
    }
    let payload = match payload.get(..usize::from(payload_len)) {
        Some(payload) => payload,
        None if config.tcp_checksum == Checksum::Trust => payload,
        None => return Err(silence(NoReset::Truncated)),
    };
    let [source, destination] = addresses(header);
    if !is_unicast(source) {
        return Err(silence(NoReset::Source));
    }
    if !is_unicast(destination) {
        return Err(silence(NoReset::Destination));
    }
    let (segment, segment_len) = match next_header {
        crate::TCP => (payload, payload_len),
        _ => skip_extension_headers(next_header, payload, payload_len)?,
    };
    let addresses = Sum::of_rest(both, both).narrow();
    Ok(Offender { header, segment, segment_len: usize::from(segment_len), addresses })
}

/// A reset's header and segment.
#[inline]
fn parts(packet: &mut [u8; RESET_LEN]) -> Option<(&mut [u8; HEADER_LEN], &mut [u8; tcp::HEADER_LEN])> {
    let (header, segment) = packet.split_first_chunk_mut()?;
    Some((header, segment.first_chunk_mut()?))
}

/// Writes the header of a reset and returns the sum of its addresses.
#[inline]
fn write(fixed: [u8; 8], source: &[u8; 16], destination: &[u8; 16], header: &mut [u8; HEADER_LEN]) -> Sum {
    let [f0, f1, f2, f3, f4, f5, f6, f7, both @ ..] = header;
    [*f0, *f1, *f2, *f3, *f4, *f5, *f6, *f7] = fixed;
    let ([from, to], _) = both.as_chunks_mut() else { return Sum::of_words([]) };
    Sum::of_copied(source, from).plus(Sum::of_copied(destination, to))
}

/// What a TCP checksum of zero is written as: the reverse of IPv4, for here the TCP stack's meets the offload helper.
#[inline]
const fn zero(profile: Profile) -> u16 {
    match profile {
        Profile::Netfilter => 0x0000,
        Profile::TcpStack => 0xffff,
    }
}

/// All of the header that stands before the addresses.
#[inline]
const fn fixed(traffic_class: u8, hop_limit: u8) -> [u8; 8] {
    [0x60 | traffic_class >> 4, traffic_class << 4, 0, 0, 0, 20, crate::TCP, hop_limit]
}

/// The offender's traffic class.
#[inline]
const fn traffic_class(header: &[u8; HEADER_LEN]) -> u8 {
    let [high, low, ..] = header;
    *high << 4 | *low >> 4
}

/// Source and destination, where they lie.
#[inline]
fn addresses(header: &[u8; HEADER_LEN]) -> [&[u8; 16]; 2] {
    let [_, _, _, _, _, _, _, _, addresses @ ..] = header;
    match addresses.as_chunks().0 {
        [source, destination] => [source, destination],
        _ => [&[0; 16]; 2],
    }
}

/// The address as a value of its own. Inlined, or the result would be copied once more.
#[inline(always)]
fn address(octets: &[u8; 16]) -> Ipv6Addr {
    let mut copy = [0; 16];
    let _ = Sum::of_copied(octets, &mut copy);
    copy.into()
}

/// Walks past the extension headers to the TCP segment, as far as it is there, and its length.
#[inline]
fn skip_extension_headers(
    mut next_header: u8,
    mut payload: &[u8],
    mut payload_len: u16,
) -> Result<(&[u8], u16), NoReset> {
    while next_header != crate::TCP {
        if !matches!(next_header, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS) {
            return Err(silence(NoReset::NotTcp));
        }
        // None is shorter than eight bytes.
        let &[next, len, o0, o1, ..] = match payload.first_chunk::<8>() {
            Some(header) => header,
            None if payload_len < 8 => return Err(silence(NoReset::ExtensionHeader)),
            None => return Err(silence(NoReset::Truncated)),
        };
        let header_len = match next_header {
            // The offset counts 8-byte units in the upper 13 bits, so that masking the rest away leaves bytes.
            FRAGMENT if u16::from_be_bytes([o0, o1]) & 0xfff8 != 0 => return Err(silence(NoReset::Fragment)),
            FRAGMENT => 8,
            // In 4-byte units, less two (RFC 4302 §2.2).
            AUTHENTICATION => (u16::from(len) << 2).wrapping_add(8),
            // In 8-byte units, less one.
            _ => (u16::from(len) << 3).wrapping_add(8),
        };
        payload_len = payload_len.checked_sub(header_len).ok_or(NoReset::ExtensionHeader)?;
        payload = payload.get(usize::from(header_len)..).ok_or(NoReset::Truncated)?;
        next_header = next;
    }
    Ok((payload, payload_len))
}

/// Whether a reset may come from the address or go to it, in Linux's sense (`ipv6_addr_type`): loopback, link-local
/// and IPv4-compatible addresses are unicast, IPv4-mapped ones are not.
#[inline]
fn is_unicast(address: &[u8; 16]) -> bool {
    match address.split_first_chunk::<10>() {
        Some(([0xff, ..], _)) => false,
        Some((zeros, [0, 0, 0, 0, 0, 0] | [0xff, 0xff, ..])) => zeros.iter().any(|octet| *octet != 0),
        _ => true,
    }
}
