//! Resets over IPv6 (RFC 8200).

use core::net::{IpAddr, Ipv6Addr};

use crate::checksum::Sum;
use crate::chunks::{chunks_mut, split_mut};
use crate::config::{Checksum, Config, Profile, Towards};
use crate::no_reset::{NoReset, ensure, refuse};
use crate::tcp::{self, Addresses};

/// The length in bytes of an IPv6 header.
const HEADER_LEN: usize = 40;

/// The length in bytes of a whole reset: IPv6 header and TCP header, without extension headers or options.
pub const RESET_LEN: usize = HEADER_LEN + tcp::HEADER_LEN;

/// How many bytes of an address are copied at a time. Small machines would call `memcpy`, of 600 bytes, for more.
const WORD: usize = if cfg!(target_pointer_width = "64") { 16 } else { 4 };

/// The extension headers that are walked past, by their protocol numbers (RFC 8200 §4, RFC 4302 for authentication).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// Writes the reset for `packet`, an IPv6 packet, into `reset`. Bytes past its payload are ignored. Of `config`, the IPv4
/// checksum does not count.
///
/// # Errors
///
/// Why no reset is sent; `reset` is then untouched. [`NoReset`] lists the reasons in their order.
#[inline]
pub fn reset_with(packet: &[u8], config: &Config, reset: &mut [u8; RESET_LEN]) -> Result<(), NoReset> {
    answer(packet, config, reset)
}

/// The same.
#[inline(always)]
pub(crate) fn answer(packet: &[u8], config: &Config, reset: &mut [u8; RESET_LEN]) -> Result<(), NoReset> {
    let (&[[version, class, ..], [_, _, next_header, _], ref addresses @ ..], payload, missing) =
        parse(packet, config)?;
    ensure(is_unicast(&addresses[..4]), NoReset::Source)?;
    ensure(is_unicast(&addresses[4..]), NoReset::Destination)?;
    let segment = if next_header == tcp::PROTOCOL { payload } else { walk(next_header, payload, missing)? };
    let sum = Sum::of_tail(addresses.as_flattened(), addresses.as_flattened());
    let (to_header, reply) = split_mut(reset);
    // As in IPv4; here it is the other profile.
    let zero = if config.profile == Profile::TcpStack { 0xffff } else { 0 };
    tcp::answer_shared(segment, missing, Addresses(sum), config, zero, reply)?;

    let [first, second, to_addresses @ ..] = chunks_mut::<4, 10, HEADER_LEN>(to_header);
    *first = (0x6000_0000 | u32::from(config.traffic_class(version << 4 | class >> 4)) << 20).to_be_bytes();
    // 20 bytes of payload.
    *second = [0, 20, tcp::PROTOCOL, config.hop_limit];
    let addresses = addresses.as_flattened().as_chunks::<WORD>().0;
    // Either address begins where this bit of a word's index says.
    let other = if config.towards == Towards::Source { addresses.len() / 2 } else { 0 };
    for (index, to) in (0..addresses.len()).zip(to_addresses.as_flattened_mut().as_chunks_mut::<WORD>().0) {
        if let Some(from) = addresses.get(index ^ other) {
            *to = *from;
        }
    }
    Ok(())
}

/// The header, the payload, and how many bytes of it the buffer lacks: `None` if its length is not stated.
type Parsed<'a> = (&'a [[u8; 4]; 10], &'a [u8], Option<usize>);

/// Checks the header but for its addresses, in the documented order, and finds the payload.
#[inline(always)]
fn parse<'a>(packet: &'a [u8], config: &Config) -> Result<Parsed<'a>, NoReset> {
    let (Some(header), Some(rest)) = (packet.as_chunks::<4>().0.first_chunk::<10>(), packet.get(HEADER_LEN..)) else {
        return refuse(NoReset::Truncated);
    };
    let &[[version, ..], [l0, l1, ..], ..] = header;
    ensure(version >> 4 == 6, NoReset::Version)?;
    let (payload, missing) = match u16::from_be_bytes([l0, l1]) {
        // Not stated, as in IPv4.
        0 if config.tcp_checksum != Checksum::Verify => (rest, None),
        // A hop-by-hop option holds the real length (RFC 2675 §3). Jumbograms are not answered.
        0 => return refuse(NoReset::Jumbogram),
        len => config.cut(rest, len)?,
    };
    Ok((header, payload, missing))
}

/// Source, destination and, if no check of the headers fails, segment.
pub(crate) fn read(packet: &[u8]) -> Option<(IpAddr, IpAddr, Option<&[u8]>)> {
    let [source, destination] = *packet.get(8..)?.as_chunks().0.first_chunk()?;
    let segment =
        parse(packet, &Config::TRUST).and_then(|(header, payload, missing)| walk(header[1][2], payload, missing));
    Some((Ipv6Addr::from(source).into(), Ipv6Addr::from(destination).into(), segment.ok()))
}

/// Walks past the extension headers to the TCP segment, as far as it is there.
fn walk(mut next_header: u8, mut payload: &[u8], missing: Option<usize>) -> Result<&[u8], NoReset> {
    while next_header != tcp::PROTOCOL {
        let known = matches!(next_header, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS);
        ensure(known, NoReset::NotTcp)?;
        // Eight bytes are the least that an extension header has.
        let Some(&[next, units, o0, o1, ..]) = payload.first_chunk::<8>() else {
            return refuse(too_short(8, payload, missing));
        };
        let header_len = match next_header {
            // The offset counts 8-byte units in the upper 13 bits, so the masked value is the offset in bytes.
            FRAGMENT if u16::from_be_bytes([o0, o1]) & 0xfff8 != 0 => return refuse(NoReset::Fragment),
            FRAGMENT => 8,
            // In 4-byte units, less two (RFC 4302 §2.2).
            AUTHENTICATION => (usize::from(units) << 2).wrapping_add(8),
            // In 8-byte units, less one.
            _ => (usize::from(units) << 3).wrapping_add(8),
        };
        let Some(rest) = payload.get(header_len..) else { return refuse(too_short(header_len, payload, missing)) };
        (next_header, payload) = (next, rest);
    }
    Ok(payload)
}

/// Why an extension header of this length is not there: the packet ends before it does, or only the buffer.
fn too_short(header_len: usize, payload: &[u8], missing: Option<usize>) -> NoReset {
    match missing {
        Some(missing) if header_len > payload.len().wrapping_add(missing) => NoReset::ExtensionHeader,
        _ => NoReset::Truncated,
    }
}

/// Whether a reset may come from the address or go to it, in Linux's sense (`ipv6_addr_type`): loopback, link-local
/// and IPv4-compatible addresses are unicast, IPv4-mapped ones are not.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn is_unicast(address: &[[u8; 4]]) -> bool {
    const ZEROS: [u8; 4] = [0; 4];
    !matches!(address, [[0xff, ..], ..] | [ZEROS, ZEROS, [0, 0, 0xff, 0xff], _] | [ZEROS, ZEROS, ZEROS, ZEROS])
}
