//! Resets over IPv6 (RFC 8200).

use core::fmt;
use core::net::{IpAddr, Ipv6Addr};

use crate::checksum::Sum;
use crate::chunks::chunks_mut;
use crate::config::{Checksum, Config, Profile};
use crate::no_reset::{NoReset, ensure, refuse};
use crate::tcp::{self, Fate, Found, Towards};

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

/// The reset that answers an IPv6 packet: a small value that borrows nothing. `Display` prints it as tcpdump does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reset {
    /// The address it comes from: the offender's destination, or its source in a reset for the destination.
    pub source: Ipv6Addr,
    /// The address it goes to.
    pub destination: Ipv6Addr,
    /// Traffic class: zero, or what [`Profile::TcpStack`] reflects.
    pub traffic_class: u8,
    /// Hop limit, from [`Config::hop_limit`].
    pub hop_limit: u8,
    /// Whose reset it is; it decides how a zero TCP checksum is written.
    pub profile: Profile,
    /// Whether its TCP checksum is left partial: [`Config::partial_checksum`].
    pub partial_checksum: bool,
    /// Ports and numbers.
    pub tcp: tcp::Reset,
}

impl Reset {
    /// Decides whether a reset answers `packet`, an IPv6 packet. Bytes past its payload are ignored. Of `config`, the
    /// IPv4 checksum does not count.
    ///
    /// # Errors
    ///
    /// Why no reset is sent: [`NoReset`] lists the reasons in their order.
    #[inline(always)]
    pub fn in_reply_to(packet: &[u8], config: &Config) -> Result<Self, NoReset> {
        Self::decide(packet, config, Towards::Source)
    }

    /// Decides whether a reset ends the connection of `packet`, an IPv6 packet, at its destination: see
    /// [`reset_for_destination`](crate::reset_for_destination).
    ///
    /// # Errors
    ///
    /// Why no reset is sent.
    #[inline(always)]
    pub fn for_destination(packet: &[u8], fate: Fate, config: &Config) -> Result<Self, NoReset> {
        Self::decide(packet, config, Towards::Destination(fate))
    }

    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(not(target_pointer_width = "64"), inline)]
    pub(crate) fn decide(packet: &[u8], config: &Config, towards: Towards) -> Result<Self, NoReset> {
        let ((traffic_class, addresses), segment, len, sum) = check(packet, config)?;
        let tcp = tcp::decide(segment, len, sum, config, towards)?;
        let [source, destination] = towards.turn([&addresses[..16], &addresses[16..]]);
        Ok(Self {
            source: address(source),
            destination: address(destination),
            traffic_class,
            hop_limit: config.hop_limit,
            profile: config.profile,
            partial_checksum: config.partial_checksum,
            tcp,
        })
    }

    /// Writes the reset and returns it.
    #[inline(always)]
    pub fn emit<'a>(&self, buffer: &'a mut [u8; RESET_LEN]) -> &'a mut [u8; RESET_LEN] {
        let (source, destination) = (self.source.octets(), self.destination.octets());
        let addresses = Sum::of(&source).plus(Sum::of(&destination));
        let [.., segment] = chunks_mut::<20, 3, RESET_LEN>(buffer);
        self.tcp.write(addresses, self.profile.completion(self.partial_checksum, 6), segment);
        write(self.traffic_class, self.hop_limit, &source, &destination, buffer);
        buffer
    }

    /// Writes the reset to the front of a slice of any length and returns what was written; `None`, with `buffer`
    /// untouched, if it does not fit. The slice may be the offending packet itself, in which it always fits.
    #[inline(always)]
    #[must_use]
    pub fn emit_to_slice<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a mut [u8]> {
        Some(self.emit(buffer.first_chunk_mut()?))
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, tcp, .. } = self;
        write!(formatter, "IP6 {source}.{} > {destination}.{}: {tcp}", tcp.source_port, tcp.destination_port)
    }
}

/// Decides and writes, the addresses copied from packet to packet: copied once more they would cost 600 bytes on small
/// machines, by a linked `memcpy`. Out of line, so that the IPv4 side keeps its registers.
#[inline(never)]
pub(crate) fn reset_with(
    packet: &[u8],
    config: &Config,
    towards: Towards,
    buffer: &mut [u8; RESET_LEN],
) -> Result<(), NoReset> {
    config.specialized(
        #[inline(always)]
        |config| {
            let ((traffic_class, addresses), segment, len, sum) = check(packet, config)?;
            let [.., reset] = chunks_mut::<20, 3, RESET_LEN>(buffer);
            tcp::answer(
                segment,
                len,
                sum,
                config,
                towards,
                config.profile.completion(config.partial_checksum, 6),
                reset,
            )?;
            let [source, destination] = towards.turn([&addresses[..16], &addresses[16..]]);
            write(traffic_class, config.hop_limit, source, destination, buffer);
            Ok(())
        },
    )
}

/// Checks all that is IPv6's, in the order of the contract, and finds the segment.
#[inline(always)]
fn check<'a>(packet: &'a [u8], config: &Config) -> Result<Found<'a, (u8, &'a [u8; 32])>, NoReset> {
    let Some((header, payload)) = packet.split_first_chunk::<HEADER_LEN>() else { return refuse(NoReset::Truncated) };
    let &[version, class, _, _, l0, l1, next_header, _, ref addresses @ ..] = header;
    ensure(version >> 4 == 6, NoReset::Version)?;
    // Zero says that a hop-by-hop option holds the real length (RFC 2675 §3). Jumbograms are not answered.
    let payload_len = u16::from_be_bytes([l0, l1]);
    ensure(payload_len != 0, NoReset::Jumbogram)?;
    let payload = match payload.get(..usize::from(payload_len)) {
        Some(payload) => payload,
        None if config.tcp_checksum == Checksum::Trust => payload,
        None => return refuse(NoReset::Truncated),
    };
    ensure(is_unicast(&addresses[..16]), NoReset::Source)?;
    ensure(is_unicast(&addresses[16..]), NoReset::Destination)?;
    let (segment, len) = match next_header {
        tcp::PROTOCOL => (payload, payload_len),
        _ => walk(next_header, payload, payload_len)?,
    };
    Ok((
        (config.traffic_class(version << 4 | class >> 4), addresses),
        segment,
        usize::from(len),
        Sum::of_tail(addresses, addresses),
    ))
}

/// Source, destination and, if no check up to it fails, segment.
pub(crate) fn read(packet: &[u8]) -> Option<(IpAddr, IpAddr, Option<&[u8]>)> {
    let [source, destination] = *packet.get(8..)?.as_chunks().0.first_chunk()?;
    let segment = check(packet, &Config::TRUST).ok().map(|(_, segment, ..)| segment);
    Some((Ipv6Addr::from(source).into(), Ipv6Addr::from(destination).into(), segment))
}

/// Writes the header of a reset.
#[inline]
fn write(traffic_class: u8, hop_limit: u8, source: &[u8], destination: &[u8], packet: &mut [u8; RESET_LEN]) {
    [packet[0], packet[1], packet[2], packet[3]] = [0x60 | traffic_class >> 4, traffic_class << 4, 0, 0];
    [packet[4], packet[5], packet[6], packet[7]] = [0, 20, tcp::PROTOCOL, hop_limit];
    copy(source, &mut packet[8..24]);
    copy(destination, &mut packet[24..40]);
}

/// The address as a value of its own.
#[inline(always)]
fn address(octets: &[u8]) -> Ipv6Addr {
    let mut copied = [0; 16];
    copy(octets, &mut copied);
    copied.into()
}

/// Copies an address, word by word: whole, it is a call of `memcpy` on small machines, which takes 600 bytes.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks().0) {
        *to = *from;
    }
}

/// Walks past the extension headers to the TCP segment, as far as it is there, and its length.
#[inline]
fn walk(mut next_header: u8, mut payload: &[u8], mut len: u16) -> Result<(&[u8], u16), NoReset> {
    while next_header != tcp::PROTOCOL {
        let known = matches!(next_header, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS);
        ensure(known, NoReset::NotTcp)?;
        // Eight bytes are the least that an extension header has.
        ensure(len >= 8, NoReset::ExtensionHeader)?;
        let Some(&[next, units, o0, o1, ..]) = payload.first_chunk::<8>() else { return refuse(NoReset::Truncated) };
        let header_len = match next_header {
            // The offset counts 8-byte units in the upper 13 bits, so that masking the rest away leaves bytes.
            FRAGMENT if u16::from_be_bytes([o0, o1]) & 0xfff8 != 0 => return refuse(NoReset::Fragment),
            FRAGMENT => 8,
            // In 4-byte units, less two (RFC 4302 §2.2).
            AUTHENTICATION => (u16::from(units) << 2).wrapping_add(8),
            // In 8-byte units, less one.
            _ => (u16::from(units) << 3).wrapping_add(8),
        };
        len = len.checked_sub(header_len).ok_or(NoReset::ExtensionHeader)?;
        payload = payload.get(usize::from(header_len)..).ok_or(NoReset::Truncated)?;
        next_header = next;
    }
    Ok((payload, len))
}

/// Whether a reset may come from the address or go to it, in Linux's sense (`ipv6_addr_type`): loopback, link-local
/// and IPv4-compatible addresses are unicast, IPv4-mapped ones are not.
#[inline]
fn is_unicast(address: &[u8]) -> bool {
    match address.split_first_chunk::<10>() {
        // What nearly every packet has: 20 instructions of a SYN's.
        Some(([0x01..=0xfe, ..], _)) => true,
        Some(([0xff, ..], _)) => false,
        Some((zeros, [0, 0, 0, 0, 0, 0] | [0xff, 0xff, ..])) => zeros.iter().any(|octet| *octet != 0),
        _ => true,
    }
}
