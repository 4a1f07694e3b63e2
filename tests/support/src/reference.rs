//! The reference model: a second, slow and plain implementation of the crate's whole contract, to compare the crate with.
//!
//! It shares only the names of the settings and reasons with the crate: bytes are indexed, numbers are wide, the checksum
//! is RFC 1071's own loop. The checks are in the order of the table in the documentation of [`NoReset`]: the first that fails
//! gives the reason.

use crate::protocol::{AUTHENTICATION, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TAGS, EXTENSIONS, FRAGMENT, TCP};
use core::net::IpAddr;
use tcp_reset::{Checksum, Config, NoReset, Profile};

/// A reset, or why there is none.
pub type Answer = Result<Vec<u8>, NoReset>;

/// Which end of the offender's connection gets the reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    Source,
    DestinationOfDropped,
    DestinationOfDelivered,
}

pub use Towards::{DestinationOfDelivered, DestinationOfDropped, Source};

impl Towards {
    pub const ALL: [Self; 3] = [Source, DestinationOfDropped, DestinationOfDelivered];

    /// Two addresses or ports of the offender, in the order that the reset has.
    fn order(self, [source, destination]: [&[u8]; 2]) -> Vec<u8> {
        if self == Source { [destination, source].concat() } else { [source, destination].concat() }
    }
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

fn verifies_tcp(config: &Config) -> bool {
    config.tcp_checksum == Checksum::Verify
}

/// The reset that a packet of either version of IP draws.
pub fn packet(packet: &[u8], config: &Config, towards: Towards) -> Answer {
    let is_ipv6 = !packet.is_empty() && packet[0] >> 4 == 6;
    if is_ipv6 { ipv6(packet, config, towards) } else { ipv4(packet, config, towards) }
}

/// The frame that a frame draws.
pub fn frame(frame: &[u8], config: &Config, towards: Towards) -> Answer {
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
        ETHERTYPE_IPV4 => ipv4(&frame[at..], config, towards)?,
        ETHERTYPE_IPV6 => ipv6(&frame[at..], config, towards)?,
        _ => return Err(NoReset::EtherType),
    };
    // A frame has the destination first.
    Ok([&towards.order([destination, source])[..], &frame[12..at], &reply].concat())
}

/// The 20 bytes that a segment draws, where the caller deals with IP. Its checksum is complete, and 0 stays 0.
pub fn segment(segment: &[u8], addresses: &[u8], config: &Config, towards: Towards) -> Answer {
    if segment.len() > 0xffff {
        return Err(NoReset::TotalLength);
    }
    tcp(segment, segment.len(), addresses, Field::Complete(0x0000), config, towards)
}

/// The reset that an IPv4 packet draws.
pub fn ipv4(packet: &[u8], config: &Config, towards: Towards) -> Answer {
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
    if total_len < header_len {
        return Err(NoReset::TotalLength);
    }
    if packet.len() < header_len {
        return Err(NoReset::Truncated);
    }
    if packet.len() < total_len && verifies_tcp(config) {
        return Err(NoReset::Truncated);
    }
    // 3. The header checksum.
    if config.ipv4_checksum == Checksum::Verify && sum(&packet[..header_len]) != 0xffff {
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
    let addresses = towards.order([source, destination]);
    let field = Field::of(config, config.profile == Profile::Netfilter);
    let segment = &packet[header_len..packet.len().min(total_len)];
    let segment = tcp(segment, total_len - header_len, &addresses, field, config, towards)?;

    let tos = if config.profile == Profile::Netfilter { 0 } else { packet[1] & 0b1111_1100 };
    let mut header = vec![0x45, tos, 0, 40, 0, 0, 0x40, 0, config.hop_limit, TCP, 0, 0];
    header.extend(addresses);
    let checksum = !sum(&header);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    Ok([header, segment].concat())
}

/// The reset that an IPv6 packet draws.
pub fn ipv6(packet: &[u8], config: &Config, towards: Towards) -> Answer {
    if packet.len() < 40 {
        return Err(NoReset::Truncated);
    }
    if packet[0] >> 4 != 6 {
        return Err(NoReset::Version);
    }
    let end = 40 + usize::from(word(packet, 4));
    if end == 40 {
        return Err(NoReset::Jumbogram);
    }
    if packet.len() < end && verifies_tcp(config) {
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
    let addresses = towards.order([source, destination]);
    let field = Field::of(config, config.profile == Profile::TcpStack);
    let segment = &packet[at..packet.len().min(end)];
    let segment = tcp(segment, end - at, &addresses, field, config, towards)?;

    let traffic_class = word(packet, 0) >> 4 & 0xff;
    let traffic_class = if config.profile == Profile::Netfilter { 0 } else { traffic_class & 0b1111_1100 };
    let mut header = (6 << 28 | u32::from(traffic_class) << 20).to_be_bytes().to_vec();
    header.extend([0, 20, TCP, config.hop_limit]);
    Ok([header, addresses, segment].concat())
}

/// Where the TCP header begins in an IPv6 packet that ends there by its own length.
fn extension_headers(packet: &[u8], end: usize) -> Result<usize, NoReset> {
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

/// The 20 bytes that answer a segment of `segment_len` bytes, of which `segment` holds as many as are there.
fn tcp(
    segment: &[u8],
    segment_len: usize,
    addresses: &[u8],
    field: Field,
    config: &Config,
    towards: Towards,
) -> Answer {
    // 7. The header.
    if segment_len < 20 {
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
    if verifies_tcp(config) && sum(&[&pseudo_header(addresses, segment_len)[..], segment].concat()) != 0xffff {
        return Err(NoReset::TcpChecksum);
    }
    // 10. The data offset: Linux's stack looks at it, netfilter does not.
    let header_len = usize::from(segment[12] >> 4) * 4;
    if config.profile == Profile::TcpStack && (header_len < 20 || header_len > segment_len) {
        return Err(NoReset::DataOffset);
    }
    // The numbers.
    let data_len = i64::try_from(segment_len).unwrap() - i64::try_from(header_len).unwrap();
    let next = i64::from(long(segment, 4)) + i64::from(syn) + i64::from(fin) + data_len;
    let next = u32::try_from(next.rem_euclid(1 << 32)).unwrap();
    let (seq_field, ack_field, control) = match towards {
        Source if ack == 1 => (long(segment, 8), 0, 0b0_0100),
        Source => (0, next, 0b1_0100),
        DestinationOfDropped if syn == 1 && ack == 0 => return Err(NoReset::NoConnection),
        DestinationOfDropped | DestinationOfDelivered => {
            let seq = if towards == DestinationOfDropped { long(segment, 4) } else { next };
            if ack == 1 { (seq, long(segment, 8), 0b1_0100) } else { (seq, 0, 0b0_0100) }
        }
    };
    // The bytes.
    let mut reply = towards.order([&segment[0..2], &segment[2..4]]);
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

/// Who sent a packet to whom, for a log. The ports are read if all IP headers are right but for a checksum.
pub fn offender(bytes: &[u8]) -> Option<Ends> {
    let (source, destination, tcp_at) = match bytes.first()? >> 4 {
        4 if bytes.len() >= 20 => {
            let address = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap());
            (address(12), address(16), Some(usize::from(bytes[0] & 0x0f) * 4))
        }
        6 if bytes.len() >= 40 => {
            let address = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&bytes[at..at + 16]).unwrap());
            (address(8), address(24), extension_headers(bytes, end(bytes)).ok())
        }
        _ => return None,
    };
    let trusting = Config::new().ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
    let is_found = match packet(bytes, &trusting, Source) {
        Ok(_) | Err(NoReset::Rst) => true,
        // Of a TCP header that is short or cut, the ports suffice.
        Err(NoReset::TcpHeader | NoReset::Truncated) => true,
        Err(_) => false,
    };
    let ports_at = tcp_at.filter(|at| is_found && at + 4 <= bytes.len().min(end(bytes)));
    Some((source, destination, ports_at.map(|at| (word(bytes, at), word(bytes, at + 2)))))
}

/// Where the packet ends by its own length.
fn end(packet: &[u8]) -> usize {
    if packet[0] >> 4 == 4 { word(packet, 2).into() } else { 40 + usize::from(word(packet, 4)) }
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
