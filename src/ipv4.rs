//! Resets over IPv4 (RFC 791).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

use crate::checksum::Sum;
use crate::chunks::chunks_mut;
use crate::config::{Checksum, Config, specialized};
use crate::no_reset::{NoReset, ensure, refuse};
use crate::tcp::{self, Fate, Found, Towards};

/// The length in bytes of an IPv4 header without options.
const HEADER_LEN: usize = 20;

/// The length in bytes of a whole reset: IPv4 header and TCP header, neither with options.
pub const RESET_LEN: usize = HEADER_LEN + tcp::HEADER_LEN;

/// The reset that answers an IPv4 packet: a small value that borrows nothing. `Display` prints it as tcpdump does.
///
/// Its layout in memory may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
// Equal offsets in both versions: saves 8 to 20 instructions for a SYN whose decision is read before it is written.
#[repr(C)]
pub struct Reset {
    /// Ports and numbers.
    pub tcp: tcp::Reset,
    /// Type of service: zero, or what [`Profile::TcpStack`](crate::Profile::TcpStack) reflects.
    pub tos: u8,
    /// Time to live, from [`Config::hop_limit`].
    pub ttl: u8,
    config: Config,
    /// `config.is_default()`, one byte that `emit` tests: saves 12 instructions for a SYN in two steps.
    is_default: bool,
    /// The address it comes from: the offender's destination, or its source in a reset for the destination.
    pub source: Ipv4Addr,
    /// The address it goes to.
    pub destination: Ipv4Addr,
}

impl Reset {
    /// Decides whether a reset answers `packet`, an IPv4 packet. Bytes past its total length are ignored.
    ///
    /// # Errors
    ///
    /// Why no reset is sent: [`NoReset`] lists the reasons in their order.
    #[inline(always)]
    pub fn in_reply_to(packet: &[u8], config: &Config) -> Result<Self, NoReset> {
        Self::decide(packet, config, Towards::Source)
    }

    /// Decides whether a reset ends the connection of `packet`, an IPv4 packet, at its destination: see
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
        specialized!(config.is_default(), config, {
            let (&[[_, tos, ..], _, _, source, destination], found) = check(packet, config)?;
            let [source, destination] = towards.source_and_destination([source, destination]);
            // Field by field: saves 6 instructions for a SYN with settings that the compiler does not know.
            let tcp = tcp::Reset { ..tcp::decide(found, config, towards)? };
            let (tos, ttl, is_default) = (config.traffic_class(tos), config.hop_limit, config.is_default());
            let (source, destination) = (source.into(), destination.into());
            Ok(Self { tcp, tos, ttl, config: *config, is_default, source, destination })
        })
    }

    /// Writes the reset and returns it.
    #[inline(always)]
    pub fn emit<'a>(&self, buffer: &'a mut [u8; RESET_LEN]) -> &'a mut [u8; RESET_LEN] {
        let [header, segment] = chunks_mut(buffer);
        let addresses = [self.source.octets(), self.destination.octets()];
        let config = &self.config;
        specialized!(self.is_default, config, {
            self.tcp.write(Sum::of_words(&addresses), config.completion(4), segment);
            write(self.tos, self.ttl, addresses, header);
        });
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
        write!(formatter, "IP {source}.{} > {destination}.{}: {tcp}", tcp.source_port, tcp.destination_port)
    }
}

/// Decides and writes without a value in between: see [`tcp::answer`].
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn answer<const N: usize>(
    packet: &[u8],
    config: &Config,
    towards: Towards,
    buffer: &mut [u8; N],
) -> Result<(), NoReset> {
    let [header, reset] = chunks_mut(buffer);
    let (&[[_, tos, ..], _, _, source, destination], (segment, len, addresses)) = check(packet, config)?;
    tcp::answer(segment, len, addresses, config, towards, config.completion(4), reset)?;
    write(config.traffic_class(tos), config.hop_limit, towards.source_and_destination([source, destination]), header);
    Ok(())
}

/// Checks all that is IPv4's, in the order of the contract, and finds the segment.
#[inline(always)]
fn check<'a>(packet: &'a [u8], config: &Config) -> Result<(&'a [[u8; 4]; 5], Found<'a>), NoReset> {
    let Some(header) = packet.as_chunks::<4>().0.first_chunk::<5>() else { return refuse(NoReset::Truncated) };
    let &[[version_ihl, _, l0, l1], [_, _, f0, f1], [_, protocol, ..], ref addresses @ ..] = header;
    // The header length counts 32-bit words (RFC 791 §3.1).
    match version_ihl {
        0x45..=0x4f => (),
        0x40..=0x44 => return refuse(NoReset::HeaderLength),
        _ => return refuse(NoReset::Version),
    }
    let header_len = usize::from(version_ihl & 0x0f) << 2;
    let total_len = usize::from(u16::from_be_bytes([l0, l1]));
    let Some(len) = total_len.checked_sub(header_len) else { return refuse(NoReset::TotalLength) };
    let packet = config.cut(packet, total_len)?;
    let Some((with_options, segment)) = packet.split_at_checked(header_len) else { return refuse(NoReset::Truncated) };

    // ip_rcv() drops a packet with a wrong header checksum before any hook sees it.
    if config.ipv4_checksum == Checksum::Verify {
        // Before the test for options: saves 6 instructions for a SYN.
        let sum = Sum::of_words(header);
        let sum = if header_len > HEADER_LEN { Sum::of_words(with_options.as_chunks().0) } else { sum };
        ensure(sum.is_valid(), NoReset::HeaderChecksum)?;
    }
    // A first fragment passes, whether more follow or not: the TCP checksum shows whether the segment is whole.
    // The upper three bits are flags (RFC 791 §3.1).
    ensure(u16::from_be_bytes([f0, f1]) << 3 == 0, NoReset::Fragment)?;
    ensure(protocol == tcp::PROTOCOL, NoReset::NotTcp)?;
    ensure(is_unicast(addresses[0].into()), NoReset::Source)?;
    ensure(is_unicast(addresses[1].into()), NoReset::Destination)?;
    Ok((header, (segment, len, Sum::of_words(addresses))))
}

/// Source, destination and, if no check up to them fails, segment.
pub(crate) fn read(packet: &[u8]) -> Option<(IpAddr, IpAddr, Option<&[u8]>)> {
    let [_, _, _, source, destination] = *packet.as_chunks().0.first_chunk()?;
    let segment = check(packet, &Config::TRUST).ok().map(|(_, (segment, ..))| segment);
    Some((Ipv4Addr::from(source).into(), Ipv4Addr::from(destination).into(), segment))
}

/// Writes the header of a reset.
#[inline]
fn write(tos: u8, ttl: u8, addresses: [[u8; 4]; 2], header: &mut [u8; HEADER_LEN]) {
    let words = chunks_mut::<4, 5, HEADER_LEN>(header);
    let [length, fragment, ttl_checksum, both @ ..] = words;
    // Version 4, five words of header, 40 bytes; Don't Fragment.
    *length = (0x4500_0028 | u32::from(tos) << 16).to_be_bytes();
    *fragment = 0x0000_4000_u32.to_be_bytes();
    // Of two words: one array of four bytes would be stored byte by byte, which is a store-forwarding stall.
    *ttl_checksum = (u32::from_ne_bytes([ttl, 0, 0, 0]) | u32::from_ne_bytes([0, tcp::PROTOCOL, 0, 0])).to_ne_bytes();
    *both = addresses;
    [header[10], header[11]] = Sum::of_words(words).checksum();
}

/// Whether a reset may come from the address or go to it. A broadcast address of some subnet passes: only the caller's
/// routing table knows it.
#[inline]
const fn is_unicast(address: Ipv4Addr) -> bool {
    // The first test takes what nearly every packet has: saves 10 instructions for a SYN.
    matches!(address.octets(), [1..=223, ..])
        || !(address.is_multicast() || address.is_unspecified() || address.is_broadcast())
}
