//! Resets over IPv4 (RFC 791).

use core::net::{IpAddr, Ipv4Addr};

use crate::checksum::Sum;
use crate::chunks::chunks_mut;
use crate::config::{Checksum, Config, Profile};
use crate::no_reset::{NoReset, ensure, refuse};
use crate::tcp::{self, Addresses};

/// The length in bytes of an IPv4 header without options.
const HEADER_LEN: usize = 20;

/// The length in bytes of a whole reset: IPv4 header and TCP header, neither with options.
pub const RESET_LEN: usize = HEADER_LEN + tcp::HEADER_LEN;

/// Writes the reset for `packet`, an IPv4 packet, into `reset`. Bytes past its total length are ignored.
///
/// # Errors
///
/// Why no reset is sent; `reset` is then untouched. [`NoReset`] lists the reasons in their order.
#[inline]
pub fn reset_with(packet: &[u8], config: &Config, reset: &mut [u8; RESET_LEN]) -> Result<(), NoReset> {
    answer(packet, config, reset)
}

/// The same, at the front of any array that is long enough.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn answer<const N: usize>(packet: &[u8], config: &Config, reset: &mut [u8; N]) -> Result<(), NoReset> {
    let (&[[_, tos, ..], _, _, source, destination], segment, missing) = parse(packet, config)?;
    ensure(is_unicast(source.into()), NoReset::Source)?;
    ensure(is_unicast(destination.into()), NoReset::Destination)?;
    let sum = Addresses(Sum::of_words(&[source, destination]));
    let [header, reply] = chunks_mut(reset);
    // Where Linux completes the checksum by its helper for offload, a zero becomes 0xFFFF.
    let zero = if matches!(config.profile, Profile::Netfilter) { 0xffff } else { 0 };
    // A buffer for both versions is the caller's who uses both.
    let tcp = if N == RESET_LEN { tcp::answer } else { tcp::answer_shared };
    tcp(segment, missing, sum, config, zero, reply)?;

    let words = chunks_mut::<4, 5, HEADER_LEN>(header);
    let [length, fragment, ttl_checksum, addresses @ ..] = words;
    // Version 4, five words of header, 40 bytes; no identification, Don't Fragment.
    *length = (0x4500_0028 | u32::from(config.traffic_class(tos)) << 16).to_be_bytes();
    *fragment = 0x0000_4000_u32.to_be_bytes();
    *ttl_checksum = (u32::from(config.hop_limit) << 24 | u32::from(tcp::PROTOCOL) << 16).to_be_bytes();
    *addresses = config.towards.source_and_destination([source, destination]);
    [header[10], header[11]] = Sum::of_words(words).checksum();
    Ok(())
}

/// The header, the segment, and how many bytes of it the buffer lacks: `None` if its length is not stated.
type Parsed<'a> = (&'a [[u8; 4]; 5], &'a [u8], Option<usize>);

/// Checks the header but for its addresses, in the documented order, and finds the segment.
#[inline(always)]
fn parse<'a>(packet: &'a [u8], config: &Config) -> Result<Parsed<'a>, NoReset> {
    let Some(header) = packet.as_chunks::<4>().0.first_chunk::<5>() else { return refuse(NoReset::Truncated) };
    let &[[version_ihl, _, l0, l1], [_, _, f0, f1], [_, protocol, ..], ..] = header;
    // The header length counts 32-bit words (RFC 791 §3.1).
    match version_ihl {
        0x45..=0x4f => (),
        0x40..=0x44 => return refuse(NoReset::HeaderLength),
        _ => return refuse(NoReset::Version),
    }
    let header_len = u16::from(version_ihl & 0x0f) << 2;
    let (packet, missing) = match u16::from_be_bytes([l0, l1]) {
        // Not stated: the packet ends where the buffer does.
        0 if config.tcp_checksum != Checksum::Verify => (packet, None),
        total_len => {
            ensure(total_len >= header_len, NoReset::TotalLength)?;
            config.cut(packet, total_len)?
        }
    };
    let Some((with_options, segment)) = packet.split_at_checked(header_len.into()) else {
        return refuse(NoReset::Truncated);
    };

    // ip_rcv() drops a packet with a wrong header checksum before any hook sees it.
    if config.ipv4_checksum != Checksum::Trust {
        let sum = Sum::of_words(header);
        let sum = if with_options.len() > HEADER_LEN { Sum::of_words(with_options.as_chunks().0) } else { sum };
        ensure(sum.is_valid(), NoReset::HeaderChecksum)?;
    }
    // A first fragment passes, whether more follow or not: the TCP checksum shows whether the segment is whole.
    // The upper three bits are flags (RFC 791 §3.1).
    ensure(u16::from_be_bytes([f0, f1]) << 3 == 0, NoReset::Fragment)?;
    ensure(protocol == tcp::PROTOCOL, NoReset::NotTcp)?;
    Ok((header, segment, missing))
}

/// Source, destination and, if no check of the header fails, segment.
pub(crate) fn read(packet: &[u8]) -> Option<(IpAddr, IpAddr, Option<&[u8]>)> {
    let [_, _, _, source, destination] = *packet.as_chunks().0.first_chunk()?;
    let segment = parse(packet, &Config::TRUST).ok().map(|(_, segment, _)| segment);
    Some((Ipv4Addr::from(source).into(), Ipv4Addr::from(destination).into(), segment))
}

/// Whether a reset may come from the address or go to it. A broadcast address of some subnet passes: only the caller's
/// routing table knows it.
const fn is_unicast(address: Ipv4Addr) -> bool {
    // The first test takes what nearly every packet has.
    matches!(address.octets(), [1..=223, ..])
        || !(address.is_multicast() || address.is_unspecified() || address.is_broadcast())
}
