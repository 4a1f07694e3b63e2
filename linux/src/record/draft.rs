//! A packet in parts, put together with lengths and checksums that are right.

use std::ops::Range;

use tcp_reset::checksum::Sum;

use crate::Family;

/// An offender before its lengths and checksums are filled in.
#[derive(Clone)]
pub(super) struct Draft {
    family: Family,
    /// The IP header, with options or extension headers.
    pub(super) ip: Vec<u8>,
    /// The TCP header with options, and data.
    pub(super) tcp: Vec<u8>,
}

impl Draft {
    /// The textbook's SYN: from port 36050 to port 80, sequence number 522224616.
    pub(super) fn new(family: Family) -> Self {
        let ip = match family {
            Family::V4 => vec![0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2],
            Family::V6 => {
                let mut ip = vec![0x60, 0, 0, 0, 0, 0, 6, 64];
                ip.extend(0x2001_0db8_0001_0000_0000_0000_0000_0001_u128.to_be_bytes());
                ip.extend(0x2001_0db8_0002_0000_0000_0000_0000_0002_u128.to_be_bytes());
                ip
            }
        };
        let mut tcp = Vec::new();
        tcp.extend([36050_u16.to_be_bytes(), 80_u16.to_be_bytes()].concat());
        tcp.extend([522_224_616_u32.to_be_bytes(), 1_406_759_780_u32.to_be_bytes()].concat());
        tcp.extend([0x50, 0x02, 0xfa, 0xf0, 0, 0, 0, 0]);
        Self { family, ip, tcp }
    }

    pub(super) fn seq(mut self, seq: u32) -> Self {
        self.tcp[4..8].copy_from_slice(&seq.to_be_bytes());
        self
    }

    pub(super) fn ack(mut self, ack: u32) -> Self {
        self.tcp[8..12].copy_from_slice(&ack.to_be_bytes());
        self
    }

    pub(super) fn flags(mut self, flags: u8) -> Self {
        self.tcp[13] = flags;
        self
    }

    pub(super) fn data_offset(mut self, words: u8) -> Self {
        self.tcp[12] = words << 4;
        self
    }

    /// Sets byte `at` of the IP header.
    pub(super) fn ip_byte(mut self, at: usize, byte: u8) -> Self {
        self.ip[at] = byte;
        self
    }

    /// Adds `len` bytes of data that are easy to tell apart.
    pub(super) fn data(mut self, len: usize) -> Self {
        self.tcp.extend((1..=251).cycle().take(len));
        self
    }

    /// Puts extension headers of IPv6, or options of IPv4, behind the IP header; `next_header` names the first.
    pub(super) fn behind_ip(mut self, next_header: u8, bytes: &[u8]) -> Self {
        self.ip.extend_from_slice(bytes);
        match self.family {
            Family::V4 => self.ip[0] = 0x40 | u8::try_from(self.ip.len() / 4).expect("options are short"),
            Family::V6 => self.ip[6] = next_header,
        }
        self
    }

    /// Where the addresses stand in the IP header: source, destination.
    pub(super) const fn addresses(&self) -> [Range<usize>; 2] {
        match self.family {
            Family::V4 => [12..16, 16..20],
            Family::V6 => [8..24, 24..40],
        }
    }

    /// The packet, with all lengths and checksums right.
    pub(super) fn packet(&self) -> Vec<u8> {
        let mut tcp = self.tcp.clone();
        if tcp.len() >= 20 {
            let checksum = self.pseudo_header(tcp.len()).plus(Sum::of(&tcp)).checksum();
            tcp[16..18].copy_from_slice(&checksum);
        }
        let mut packet = [self.ip.as_slice(), &tcp].concat();
        match self.family {
            Family::V4 => {
                let total_len = u16::try_from(packet.len()).expect("it fits IPv4");
                packet[2..4].copy_from_slice(&total_len.to_be_bytes());
                seal_ipv4(&mut packet);
            }
            Family::V6 => {
                let payload_len = u16::try_from(packet.len() - 40).expect("it fits IPv6");
                packet[4..6].copy_from_slice(&payload_len.to_be_bytes());
            }
        }
        packet
    }

    /// Sum of the pseudo-header of a segment of `len` bytes.
    pub(super) fn pseudo_header(&self, len: usize) -> Sum {
        let len = u32::try_from(len).expect("a segment is short");
        self.addresses()
            .into_iter()
            .fold(Sum::of_words(&[(len + 6).to_be_bytes()]), |sum, range| sum.plus(Sum::of(&self.ip[range])))
    }
}

/// Writes the checksum of an IPv4 header of the length that it states, or of all there is.
pub(super) fn seal_ipv4(packet: &mut [u8]) {
    let header_len = packet.len().min(usize::from(packet[0] & 15) * 4).max(20);
    packet[10..12].fill(0);
    let checksum = Sum::of(&packet[..header_len]).checksum();
    packet[10..12].copy_from_slice(&checksum);
}
