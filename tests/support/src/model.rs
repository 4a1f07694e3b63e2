//! The model: a second, slow and plain implementation of the crate's whole contract, to compare the crate with.
//!
//! It shares only the names of the settings and reasons with the crate: bytes are indexed, numbers are wide, the checksum
//! is RFC 1071's own loop. The checks are in the order of the table in the documentation of [`NoReset`]: the first that fails
//! gives the reason.

use crate::protocol::{AUTHENTICATION, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TAGS, EXTENSIONS, FRAGMENT, TCP};
use core::net::IpAddr;
use tcp_reset::{Checksum, Config, NoReset, Profile};

/// A reset, or why there is none.
pub type Answer = Result<Vec<u8>, NoReset>;

pub use tcp_reset::Towards::{self, DestinationOfDelivered, DestinationOfDropped, Source};

/// All directions.
pub const DIRECTIONS: [Towards; 3] = [Source, DestinationOfDropped, DestinationOfDelivered];

/// Two addresses or ports of the offender, in the order that the reset has.
fn order(config: &Config, [source, destination]: [&[u8]; 2]) -> Vec<u8> {
    if config.towards == Source { [destination, source].concat() } else { [source, destination].concat() }
}

/// What stands in the reset's TCP checksum field.
#[derive(Clone, Copy)]
enum Field {
    /// The checksum; this where it is 0.
    Complete(u16),
    /// The sum of the pseudo-header.
    Partial,
}

impl Field {
    /// Linux's helper for checksum offload writes 0xffff instead of 0, the other code does not.
    fn of(config: &Config, is_helper: bool) -> Self {
        match (config.partial_checksum, is_helper) {
            (true, _) => Self::Partial,
            (false, true) => Self::Complete(0xffff),
            (false, false) => Self::Complete(0x0000),
        }
    }
}

/// Whether the whole segment must be there.
fn verifies_tcp(config: &Config) -> bool {
    config.tcp_checksum != Checksum::Trust
}

/// Whether a length of 0 in the IP header means that it is not stated.
fn takes_no_length(config: &Config) -> bool {
    config.tcp_checksum != Checksum::Verify
}

/// The reset that a packet of either version of IP gets.
pub fn packet(packet: &[u8], config: &Config) -> Answer {
    let is_ipv6 = !packet.is_empty() && packet[0] >> 4 == 6;
    if is_ipv6 { ipv6(packet, config) } else { ipv4(packet, config) }
}

/// The frame that a frame gets.
pub fn frame(frame: &[u8], config: &Config) -> Answer {
    if frame.len() < 22 {
        return Err(NoReset::Truncated);
    }
    let (destination, source) = (&frame[..6], &frame[6..12]);
    if destination[0] % 2 == 1 || source[0] % 2 == 1 {
        return Err(NoReset::GroupAddress);
    }
    let tags = (0..).take_while(|nth| *nth < 3 && ETHERTYPE_TAGS.contains(&word(frame, 12 + 4 * nth))).count();
    if tags == 3 {
        return Err(NoReset::VlanTags);
    }
    let at = 14 + 4 * tags;
    let reply = match word(frame, at - 2) {
        ETHERTYPE_IPV4 => ipv4(&frame[at..], config)?,
        ETHERTYPE_IPV6 => ipv6(&frame[at..], config)?,
        _ => return Err(NoReset::EtherType),
    };
    // A frame has the destination first.
    Ok([&order(config, [destination, source])[..], &frame[12..at], &reply].concat())
}

/// The 20 bytes that a segment gets, where the caller deals with IP. Its checksum is complete, and 0 stays 0.
pub fn segment(segment: &[u8], addresses: &[u8], config: &Config) -> Answer {
    tcp(segment, Some(segment.len()), addresses, Field::Complete(0x0000), config)
}

/// The reset that an IPv4 packet gets.
pub fn ipv4(packet: &[u8], config: &Config) -> Answer {
    // 1. The buffer holds an IPv4 header.
    if packet.len() < 20 {
        return Err(NoReset::Truncated);
    }
    if packet[0] >> 4 != 4 {
        return Err(NoReset::Version);
    }
    // 2. The lengths; of a packet whose TCP checksum is trusted, the headers suffice.
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let total_len = usize::from(word(packet, 2));
    if header_len < 20 {
        return Err(NoReset::HeaderLength);
    }
    let is_stated = total_len != 0 || !takes_no_length(config);
    if is_stated && total_len < header_len {
        return Err(NoReset::TotalLength);
    }
    if packet.len() < header_len {
        return Err(NoReset::Truncated);
    }
    if packet.len() < total_len && verifies_tcp(config) {
        return Err(NoReset::Truncated);
    }
    // 3. The header checksum.
    if config.ipv4_checksum != Checksum::Trust && sum(&packet[..header_len]) != 0xffff {
        return Err(NoReset::HeaderChecksum);
    }
    // 4. A fragment other than the first.
    if word(packet, 6) & 0x1fff != 0 {
        return Err(NoReset::Fragment);
    }
    // 5. The protocol.
    if packet[9] != TCP {
        return Err(NoReset::NotTcp);
    }
    // 6. The addresses.
    let (source, destination) = (&packet[12..16], &packet[16..20]);
    if !is_unicast_v4(source) {
        return Err(NoReset::Source);
    }
    if !is_unicast_v4(destination) {
        return Err(NoReset::Destination);
    }
    // 7 to 10. TCP.
    let addresses = order(config, [source, destination]);
    let field = Field::of(config, config.profile == Profile::Netfilter);
    let end = if is_stated { packet.len().min(total_len) } else { packet.len() };
    let segment_len = if is_stated { Some(total_len - header_len) } else { None };
    let segment = tcp(&packet[header_len..end], segment_len, &addresses, field, config)?;

    let tos = if config.profile == Profile::Netfilter { 0 } else { packet[1] & 0b1111_1100 };
    let mut header = vec![0x45, tos, 0, 40, 0, 0, 0x40, 0, config.hop_limit, TCP, 0, 0];
    header.extend(addresses);
    let checksum = !sum(&header);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    Ok([header, segment].concat())
}

/// The reset that an IPv6 packet gets.
pub fn ipv6(packet: &[u8], config: &Config) -> Answer {
    if packet.len() < 40 {
        return Err(NoReset::Truncated);
    }
    if packet[0] >> 4 != 6 {
        return Err(NoReset::Version);
    }
    let payload_len = usize::from(word(packet, 4));
    if payload_len == 0 && !takes_no_length(config) {
        return Err(NoReset::Jumbogram);
    }
    let end = if payload_len == 0 { None } else { Some(40 + payload_len) };
    if end.is_some_and(|end| packet.len() < end) && verifies_tcp(config) {
        return Err(NoReset::Truncated);
    }
    let (source, destination) = (&packet[8..24], &packet[24..40]);
    if !is_unicast_v6(source) {
        return Err(NoReset::Source);
    }
    if !is_unicast_v6(destination) {
        return Err(NoReset::Destination);
    }
    let at = extension_headers(packet, end)?;
    // TCP.
    let addresses = order(config, [source, destination]);
    let field = Field::of(config, config.profile == Profile::TcpStack);
    let segment = &packet[at..end.unwrap_or(usize::MAX).min(packet.len())];
    let segment = tcp(segment, end.map(|end| end - at), &addresses, field, config)?;

    let traffic_class = word(packet, 0) >> 4 & 0xff;
    let traffic_class = if config.profile == Profile::Netfilter { 0 } else { traffic_class & 0b1111_1100 };
    let mut header = (6 << 28 | u32::from(traffic_class) << 20).to_be_bytes().to_vec();
    header.extend([0, 20, TCP, config.hop_limit]);
    Ok([header, addresses, segment].concat())
}

/// Where the TCP header begins in an IPv6 packet that ends there by its own length, if it states one.
pub(crate) fn extension_headers(packet: &[u8], end: Option<usize>) -> Result<usize, NoReset> {
    let end = end.unwrap_or(usize::MAX);
    let (mut next_header, mut at) = (packet[6], 40);
    while next_header != TCP {
        if !EXTENSIONS.contains(&next_header) {
            return Err(NoReset::NotTcp);
        }
        if at + 8 > end {
            return Err(NoReset::ExtensionHeader);
        }
        if at + 8 > packet.len() {
            return Err(NoReset::Truncated);
        }
        let header_len = match next_header {
            FRAGMENT if word(packet, at + 2) / 8 != 0 => return Err(NoReset::Fragment),
            FRAGMENT => 8,
            AUTHENTICATION => (usize::from(packet[at + 1]) + 2) * 4,
            _ => (usize::from(packet[at + 1]) + 1) * 8,
        };
        next_header = packet[at];
        at += header_len;
        if at > end {
            return Err(NoReset::ExtensionHeader);
        }
        if at > packet.len() {
            return Err(NoReset::Truncated);
        }
    }
    Ok(at)
}

/// The 20 bytes that answer a segment of `segment_len` bytes, `None` if that is not stated, of which `segment` holds as many as
/// are there.
fn tcp(segment: &[u8], segment_len: Option<usize>, addresses: &[u8], field: Field, config: &Config) -> Answer {
    // 7. The header.
    if segment_len.unwrap_or(segment.len()) < 20 {
        return Err(NoReset::TcpHeader);
    }
    if segment.len() < 20 {
        return Err(NoReset::Truncated);
    }
    // 8. Never a reset for a reset.
    let flags = segment[13];
    let (fin, syn, rst, ack) = (flags & 1, flags >> 1 & 1, flags >> 2 & 1, flags >> 4 & 1);
    if rst == 1 {
        return Err(NoReset::Rst);
    }
    // 9. The checksum, over the pseudo-header and the whole segment.
    let pseudo = pseudo_header(addresses, segment.len());
    let is_partial = config.tcp_checksum == Checksum::VerifyOrPartial && word(segment, 16) == sum(&pseudo);
    if verifies_tcp(config) && !is_partial {
        if segment.len() > 0xffff {
            return Err(NoReset::TooLong);
        }
        if sum(&[&pseudo[..], segment].concat()) != 0xffff {
            return Err(NoReset::TcpChecksum);
        }
    }
    // 10. The data offset: Linux's stack looks at it, netfilter does not.
    let header_len = usize::from(segment[12] >> 4) * 4;
    let is_past = segment_len.is_some_and(|len| header_len > len);
    if config.profile == Profile::TcpStack && (header_len < 20 || is_past) {
        return Err(NoReset::DataOffset);
    }
    // The numbers, of which some need the length.
    let needs_length = match config.towards {
        Source => ack == 0,
        DestinationOfDropped => false,
        DestinationOfDelivered => true,
    };
    if segment_len.is_none() && needs_length {
        return Err(NoReset::UnknownLength);
    }
    let data_len = i64::try_from(segment_len.unwrap_or(0)).unwrap() - i64::try_from(header_len).unwrap();
    let next = i64::from(long(segment, 4)) + i64::from(syn) + i64::from(fin) + data_len;
    let next = u32::try_from(next.rem_euclid(1 << 32)).unwrap();
    let (seq_field, ack_field, control) = match config.towards {
        Source if ack == 1 => (long(segment, 8), 0, 0b0_0100),
        Source => (0, next, 0b1_0100),
        DestinationOfDropped if syn == 1 && ack == 0 => return Err(NoReset::NoConnection),
        DestinationOfDropped | DestinationOfDelivered => {
            let seq = if config.towards == DestinationOfDropped { long(segment, 4) } else { next };
            if ack == 1 { (seq, long(segment, 8), 0b1_0100) } else { (seq, 0, 0b0_0100) }
        }
    };
    // The bytes.
    let mut reply = order(config, [&segment[0..2], &segment[2..4]]);
    reply.extend(seq_field.to_be_bytes());
    reply.extend(ack_field.to_be_bytes());
    reply.extend([0x50, control, 0, 0, 0, 0, 0, 0]);
    let pseudo_header = pseudo_header(addresses, 20);
    let checksum = match (field, !sum(&[&pseudo_header[..], &reply].concat())) {
        (Field::Partial, _) => sum(&pseudo_header),
        (Field::Complete(zero), 0) => zero,
        (Field::Complete(_), checksum) => checksum,
    };
    reply[16..18].copy_from_slice(&checksum.to_be_bytes());
    Ok(reply)
}

/// Source, destination, and the ports of both.
pub type Ends = (IpAddr, IpAddr, Option<(u16, u16)>);

/// Who sent a packet to whom. The ports are read if all IP headers are right but for checksums and addresses.
pub fn endpoints(bytes: &[u8]) -> Option<Ends> {
    // With addresses that pass the check.
    let mut other = bytes.to_vec();
    let (source, destination, tcp_at, end) = match bytes.first()? >> 4 {
        4 if bytes.len() >= 20 => {
            let address = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap());
            other[12..20].fill(1);
            let end = Some(usize::from(word(bytes, 2))).filter(|end| *end != 0);
            (address(12), address(16), Some(usize::from(bytes[0] & 0x0f) * 4), end)
        }
        6 if bytes.len() >= 40 => {
            let address = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&bytes[at..at + 16]).unwrap());
            other[8..40].fill(1);
            let end = Some(40 + usize::from(word(bytes, 4))).filter(|end| *end != 40);
            (address(8), address(24), extension_headers(bytes, end).ok(), end)
        }
        _ => return None,
    };
    let trusting = Config::new().ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
    let is_found = match packet(&other, &trusting) {
        Ok(_) | Err(NoReset::Rst | NoReset::UnknownLength) => true,
        // Of a TCP header that is short or cut, the ports suffice.
        Err(NoReset::TcpHeader | NoReset::Truncated) => true,
        Err(_) => false,
    };
    let end = end.unwrap_or(usize::MAX).min(bytes.len());
    let ports_at = tcp_at.filter(|at| is_found && at + 4 <= end);
    Some((source, destination, ports_at.map(|at| (word(bytes, at), word(bytes, at + 2)))))
}

/// RFC 1071's loop: the folded ones'-complement sum, not yet complemented; 0xffff over bytes whose checksum is right.
pub fn sum(data: &[u8]) -> u16 {
    let (words, odd) = data.as_chunks();
    let mut sum: u64 = words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum();
    if let [byte] = odd {
        sum += u64::from(*byte) << 8;
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap()
}

/// IPv6's pseudo-header (RFC 8200 §8.1). Its sum is that of IPv4's too: zeros and the order of words do not change a sum.
pub fn pseudo_header(addresses: &[u8], segment_len: usize) -> [u8; 40] {
    let mut header = [0; 40];
    header[..addresses.len()].copy_from_slice(addresses);
    header[32..36].copy_from_slice(&u32::try_from(segment_len).unwrap().to_be_bytes());
    header[39] = TCP;
    header
}

fn is_unicast_v4(address: &[u8]) -> bool {
    let multicast = (224..240).contains(&address[0]);
    address != [0, 0, 0, 0] && !multicast && address != [255, 255, 255, 255]
}

fn is_unicast_v6(address: &[u8]) -> bool {
    let mapped = address[..12] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];
    address != [0; 16] && address[0] != 0xff && !mapped
}

/// The 16-bit number at `bytes[at..]`.
pub fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The 32-bit number at `bytes[at..]`.
pub fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
