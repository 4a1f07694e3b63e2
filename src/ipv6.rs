//! Resets over IPv6 (RFC 8200).

use core::fmt;
use core::net::{IpAddr, Ipv6Addr};

use crate::checksum::Sum;
use crate::chunks::{chunks_mut, copy, split_mut};
use crate::config::{Config, specialized};
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
///
/// Its layout in memory may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(C)] // As in IPv4.
pub struct Reset {
    /// Ports and numbers.
    pub tcp: tcp::Reset,
    /// Traffic class: zero, or what [`Profile::TcpStack`](crate::Profile::TcpStack) reflects.
    pub traffic_class: u8,
    /// Hop limit, from [`Config::hop_limit`].
    pub hop_limit: u8,
    config: Config,
    /// Of `config`, as in IPv4.
    is_default: bool,
    /// The address it comes from: the offender's destination, or its source in a reset for the destination.
    pub source: Ipv6Addr,
    /// The address it goes to.
    pub destination: Ipv6Addr,
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
    /// [`reset_for_destination`](crate::reset_for_destination). Of `config`, the IPv4 checksum does not count.
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
            let (traffic_class, addresses, found) = check(packet, config)?;
            // Field by field, as in IPv4.
            let tcp = tcp::Reset { ..tcp::decide(found, config, towards)? };
            let [source, destination] = towards.source_and_destination([&addresses[..4], &addresses[4..]]);
            let (hop_limit, is_default) = (config.hop_limit, config.is_default());
            // Not by `map`, which the compiler does not inline into large functions: saves 90 instructions for a SYN.
            let (source, destination) = (address(source), address(destination));
            Ok(Self { tcp, traffic_class, hop_limit, config: *config, is_default, source, destination })
        })
    }

    /// Writes the reset and returns it.
    #[inline(always)]
    pub fn emit<'a>(&self, buffer: &'a mut [u8; RESET_LEN]) -> &'a mut [u8; RESET_LEN] {
        let (source, destination) = (self.source.octets(), self.destination.octets());
        let config = &self.config;
        specialized!(self.is_default, config, {
            // In the offender's order: the compiler can use the sum again that `check` took.
            let addresses = [destination, source];
            let addresses = Sum::of_tail(addresses.as_flattened(), addresses.as_flattened());
            let (header, segment) = split_mut(buffer);
            self.tcp.write(addresses, config.completion(6), segment);
            write(self.traffic_class, self.hop_limit, [source.as_chunks().0, destination.as_chunks().0], header);
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
        write!(formatter, "IP6 {source}.{} > {destination}.{}: {tcp}", tcp.source_port, tcp.destination_port)
    }
}

/// Decides and writes without a value in between: see [`tcp::answer`].
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn answer(
    packet: &[u8],
    config: &Config,
    towards: Towards,
    buffer: &mut [u8; RESET_LEN],
) -> Result<(), NoReset> {
    let (traffic_class, addresses, (segment, len, sum)) = check(packet, config)?;
    let (header, reset) = split_mut(buffer);
    tcp::answer(segment, len, sum, config, towards, config.completion(6), reset)?;
    write(traffic_class, config.hop_limit, towards.source_and_destination([&addresses[..4], &addresses[4..]]), header);
    Ok(())
}

/// Writes the header of a reset.
#[inline]
fn write(traffic_class: u8, hop_limit: u8, addresses: [&[[u8; 4]]; 2], header: &mut [u8; HEADER_LEN]) {
    let [first, second, both @ ..] = chunks_mut::<4, 10, HEADER_LEN>(header);
    *first = (0x6000_0000 | u32::from(traffic_class) << 20).to_be_bytes();
    // 20 bytes of payload.
    *second = (0x0014_0000 | u32::from(tcp::PROTOCOL) << 8 | u32::from(hop_limit)).to_be_bytes();
    copy(addresses[0], &mut both[..4]);
    copy(addresses[1], &mut both[4..]);
}

/// Source and destination in words.
type Addresses = [[u8; 4]; 8];

/// Checks all that is IPv6's, in the order of the contract, and finds the segment.
#[inline(always)]
fn check<'a>(packet: &'a [u8], config: &Config) -> Result<(u8, &'a Addresses, Found<'a>), NoReset> {
    let (Some(header), Some(rest)) = (packet.as_chunks::<4>().0.first_chunk::<10>(), packet.get(HEADER_LEN..)) else {
        return refuse(NoReset::Truncated);
    };
    let &[[version, class, ..], [l0, l1, next_header, _], ref addresses @ ..] = header;
    ensure(version >> 4 == 6, NoReset::Version)?;
    // Zero says that a hop-by-hop option holds the real length (RFC 2675 §3). Jumbograms are not answered.
    let len = u16::from_be_bytes([l0, l1]);
    ensure(len != 0, NoReset::Jumbogram)?;
    let payload = config.cut(rest, len.into())?;
    ensure(is_unicast(&addresses[..4]), NoReset::Source)?;
    ensure(is_unicast(&addresses[4..]), NoReset::Destination)?;
    let (segment, len) = match next_header {
        tcp::PROTOCOL => (payload, len),
        _ => walk(next_header, payload, len)?,
    };
    let sum = Sum::of_tail(addresses.as_flattened(), addresses.as_flattened());
    Ok((config.traffic_class(version << 4 | class >> 4), addresses, (segment, len.into(), sum)))
}

/// Source, destination and, if no check up to it fails, segment.
pub(crate) fn read(packet: &[u8]) -> Option<(IpAddr, IpAddr, Option<&[u8]>)> {
    let [source, destination] = *packet.get(8..)?.as_chunks().0.first_chunk()?;
    let segment = check(packet, &Config::TRUST).ok().map(|(_, _, (segment, ..))| segment);
    Some((Ipv6Addr::from(source).into(), Ipv6Addr::from(destination).into(), segment))
}

/// The address as a value of its own.
#[inline(always)]
fn address(words: &[[u8; 4]]) -> Ipv6Addr {
    let mut octets = [0; 16];
    copy(words, octets.as_chunks_mut().0);
    octets.into()
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
            // The offset counts 8-byte units in the upper 13 bits, so the masked value is the offset in bytes.
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
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn is_unicast(address: &[[u8; 4]]) -> bool {
    const ZEROS: [u8; 4] = [0; 4];
    !matches!(address, [[0xff, ..], ..] | [ZEROS, ZEROS, [0, 0, 0xff, 0xff], _] | [ZEROS, ZEROS, ZEROS, ZEROS])
}
