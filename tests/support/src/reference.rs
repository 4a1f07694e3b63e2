//! The reference model: a second, slow and plain implementation of the crate's whole contract, to compare the crate with.
//!
//! It shares only the names of the settings and reasons with the crate: bytes are indexed, numbers are wide, the checksum
//! is RFC 1071's own loop. The checks are in their order: the first that fails gives the reason.

use crate::protocol::{AUTHENTICATION, EXTENSIONS, FRAGMENT, TCP};
use tcp_reset::{Checksum, Config, Fate, NoReset, Profile};

/// The settings of [`Config`], with public fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub profile: Profile,
    pub hop_limit: u8,
    pub ipv4_checksum: Checksum,
    pub tcp_checksum: Checksum,
}

impl Rules {
    pub const NETFILTER: Self = Self {
        profile: Profile::Netfilter,
        hop_limit: 64,
        ipv4_checksum: Checksum::Verify,
        tcp_checksum: Checksum::Verify,
    };
    pub const TCP_STACK: Self = Self { profile: Profile::TcpStack, ..Self::NETFILTER };

    /// All combinations of settings, with one hop limit.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for profile in [Profile::Netfilter, Profile::TcpStack] {
            for ipv4_checksum in [Checksum::Verify, Checksum::Trust] {
                for tcp_checksum in [Checksum::Verify, Checksum::Trust] {
                    all.push(Self { profile, hop_limit: 64, ipv4_checksum, tcp_checksum });
                }
            }
        }
        all
    }

    /// The same settings for the crate.
    pub fn config(&self) -> Config {
        Config::new()
            .profile(self.profile)
            .hop_limit(self.hop_limit)
            .ipv4_checksum(self.ipv4_checksum)
            .tcp_checksum(self.tcp_checksum)
    }
}

/// The reset that answers `packet`, or why there is none.
pub fn reset(packet: &[u8], rules: &Rules) -> Result<Vec<u8>, NoReset> {
    either(packet, None, rules)
}

/// The reset that ends the connection of `packet` at its destination, or why there is none.
pub fn reset_for_destination(packet: &[u8], fate: Fate, rules: &Rules) -> Result<Vec<u8>, NoReset> {
    either(packet, Some(fate), rules)
}

/// `fate` is that of a packet whose destination gets the reset; `None` if the source gets it.
fn either(packet: &[u8], fate: Option<Fate>, rules: &Rules) -> Result<Vec<u8>, NoReset> {
    if !packet.is_empty() && packet[0] >> 4 == 6 {
        reset_v6(packet, fate, rules)
    } else {
        reset_v4(packet, fate, rules)
    }
}

fn reset_v4(packet: &[u8], fate: Option<Fate>, rules: &Rules) -> Result<Vec<u8>, NoReset> {
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
    if packet.len() < total_len && rules.tcp_checksum == Checksum::Verify {
        return Err(NoReset::Truncated);
    }
    // 3. The header checksum.
    if rules.ipv4_checksum == Checksum::Verify && sum(&packet[..header_len]) != 0xffff {
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
    let addresses = if fate.is_none() { [destination, source] } else { [source, destination] }.concat();
    let zero = if rules.profile == Profile::Netfilter { 0xffff } else { 0x0000 };
    let segment = &packet[header_len..packet.len().min(total_len)];
    let segment = reset_tcp(segment, total_len - header_len, &addresses, zero, fate, rules)?;

    let tos = if rules.profile == Profile::Netfilter { 0 } else { packet[1] & 0b1111_1100 };
    let mut header = vec![0x45, tos, 0, 40, 0, 0, 0x40, 0, rules.hop_limit, TCP, 0, 0];
    header.extend(addresses);
    let checksum = !sum(&header);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    Ok([header, segment].concat())
}

fn reset_v6(packet: &[u8], fate: Option<Fate>, rules: &Rules) -> Result<Vec<u8>, NoReset> {
    // The version is known here: `reset` has looked.
    if packet.len() < 40 {
        return Err(NoReset::Truncated);
    }
    let end = 40 + usize::from(word(packet, 4));
    if end == 40 {
        return Err(NoReset::Jumbogram);
    }
    if packet.len() < end && rules.tcp_checksum == Checksum::Verify {
        return Err(NoReset::Truncated);
    }
    let (source, destination) = (&packet[8..24], &packet[24..40]);
    if !is_unicast_v6(source) {
        return Err(NoReset::Source);
    }
    if !is_unicast_v6(destination) {
        return Err(NoReset::Destination);
    }
    // The extension headers.
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
    // TCP.
    let addresses = if fate.is_none() { [destination, source] } else { [source, destination] }.concat();
    let zero = if rules.profile == Profile::Netfilter { 0x0000 } else { 0xffff };
    let segment = &packet[at..packet.len().min(end)];
    let segment = reset_tcp(segment, end - at, &addresses, zero, fate, rules)?;

    let traffic_class = word(packet, 0) >> 4 & 0xff;
    let traffic_class = if rules.profile == Profile::Netfilter { 0 } else { traffic_class & 0b1111_1100 };
    let mut header = (6 << 28 | u32::from(traffic_class) << 20).to_be_bytes().to_vec();
    header.extend([0, 20, TCP, rules.hop_limit]);
    Ok([header, addresses, segment].concat())
}

/// The 20 bytes that answer a segment of `segment_len` bytes, of which `segment` holds as many as are there.
fn reset_tcp(
    segment: &[u8],
    segment_len: usize,
    addresses: &[u8],
    zero: u16,
    fate: Option<Fate>,
    rules: &Rules,
) -> Result<Vec<u8>, NoReset> {
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
    if rules.tcp_checksum == Checksum::Verify
        && sum(&[&pseudo_header(addresses, segment_len)[..], segment].concat()) != 0xffff
    {
        return Err(NoReset::TcpChecksum);
    }
    // 10. The data offset: Linux's stack looks at it, netfilter does not.
    let header_len = usize::from(segment[12] >> 4) * 4;
    if rules.profile == Profile::TcpStack && (header_len < 20 || header_len > segment_len) {
        return Err(NoReset::DataOffset);
    }
    // The numbers.
    let data_len = i64::try_from(segment_len).unwrap() - i64::try_from(header_len).unwrap();
    let next = i64::from(long(segment, 4)) + i64::from(syn) + i64::from(fin) + data_len;
    let next = u32::try_from(next.rem_euclid(1 << 32)).unwrap();
    let (seq_field, ack_field, control) = match fate {
        None if ack == 1 => (long(segment, 8), 0, 0b0_0100),
        None => (0, next, 0b1_0100),
        Some(Fate::Dropped) if syn == 1 && ack == 0 => return Err(NoReset::NoConnection),
        Some(fate) => {
            let seq = if fate == Fate::Dropped { long(segment, 4) } else { next };
            if ack == 1 { (seq, long(segment, 8), 0b1_0100) } else { (seq, 0, 0b0_0100) }
        }
    };
    // The bytes.
    let mut reply = if fate.is_none() { [&segment[2..4], &segment[0..2]].concat() } else { segment[0..4].to_vec() };
    reply.extend(seq_field.to_be_bytes());
    reply.extend(ack_field.to_be_bytes());
    reply.extend([0x50, control, 0, 0, 0, 0, 0, 0]);
    let checksum = match !sum(&[&pseudo_header(addresses, 20)[..], &reply].concat()) {
        0 => zero,
        checksum => checksum,
    };
    reply[16..18].copy_from_slice(&checksum.to_be_bytes());
    Ok(reply)
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

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
