//! A packet of the shared builder in parts, which may lie, put together with lengths and checksums that are right.

use std::ops::Range;

use support::packet::{Tcp, V4, V6};
use support::reference::{pseudo_header, sum};

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
        let tcp = Tcp { ack: 1_406_759_780, window: 0xfaf0, ..Tcp::default() };
        let (packet, header_len) = match family {
            Family::V4 => (V4 { ttl: 64, ..V4::with(tcp) }.bytes(), 20),
            Family::V6 => {
                let [source, destination] =
                    [1, 2].map(|net| [0x20, 1, 0x0d, 0xb8, 0, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, net]);
                let ip = V6 { flow_label: 0, hop_limit: 64, source, destination, ..V6::with(tcp) };
                (ip.bytes(), 40)
            }
        };
        let (ip, tcp) = packet.split_at(header_len);
        let mut draft = Self { family, ip: ip.to_vec(), tcp: tcp.to_vec() };
        draft.tcp[16..18].fill(0);
        draft
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
            let checksum = self.tcp_checksum(tcp.len(), &tcp);
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

    /// The checksum of a segment of `len` bytes, of which all that are not zero are given.
    pub(super) fn tcp_checksum(&self, len: usize, bytes: &[u8]) -> [u8; 2] {
        let addresses = self.addresses().map(|range| &self.ip[range]).concat();
        (!sum(&[&pseudo_header(&addresses, len)[..], bytes].concat())).to_be_bytes()
    }
}

/// Writes the checksum of an IPv4 header of the length that it states, or of all there is.
pub(super) fn seal_ipv4(packet: &mut [u8]) {
    let header_len = packet.len().min(usize::from(packet[0] & 15) * 4).max(20);
    packet[10..12].fill(0);
    let checksum = !sum(&packet[..header_len]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
}
