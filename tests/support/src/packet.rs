//! Builds offending packets that are correct in all fields but those that a test sets.
//!
//! ```text
//! V4 { tos: 0xff, tcp: Tcp { flags: FIN, ..Tcp::default() }, ..V4::default() }.bytes()
//! ```

use crate::model::{pseudo_header, sum};
use crate::protocol::{AUTHENTICATION, EXTENSIONS, FRAGMENT, TCP};

/// A TCP segment: by default a SYN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub source_port: u16,
    pub destination_port: u16,
    pub seq: u32,
    pub ack: u32,
    /// In 32-bit words; `None` for the right value. The field has four bits.
    pub data_offset: Option<u8>,
    /// The four bits between data offset and flags.
    pub reserved: u8,
    pub flags: u8,
    pub window: u16,
    pub urgent: u16,
    /// A multiple of four bytes.
    pub options: Vec<u8>,
    pub data: Vec<u8>,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            source_port: 36050,
            destination_port: 80,
            seq: 522_224_616,
            ack: 0,
            data_offset: None,
            reserved: 0,
            flags: tcp_reset::tcp::SYN,
            window: 1024,
            urgent: 0,
            options: Vec::new(),
            data: Vec::new(),
        }
    }
}

impl Tcp {
    /// The segment, with a checksum of zero.
    fn bytes(&self) -> Vec<u8> {
        let data_offset = self.data_offset.unwrap_or(5 + u8::try_from(self.options.len() / 4).unwrap());
        let mut bytes = Vec::with_capacity(20 + self.options.len() + self.data.len());
        bytes.extend(self.source_port.to_be_bytes());
        bytes.extend(self.destination_port.to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.ack.to_be_bytes());
        bytes.extend([data_offset << 4 | self.reserved & 0x0f, self.flags]);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(self.urgent.to_be_bytes());
        bytes.extend(&self.options);
        bytes.extend(&self.data);
        bytes
    }
}

/// An IPv4 packet: by default without options, from 192.0.2.1 to 198.51.100.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V4 {
    pub tos: u8,
    pub id: u16,
    /// The three flags and the fragment offset.
    pub fragment: u16,
    pub ttl: u8,
    pub protocol: u8,
    pub source: [u8; 4],
    pub destination: [u8; 4],
    /// A multiple of four bytes, forty at most.
    pub options: Vec<u8>,
    pub tcp: Tcp,
}

impl Default for V4 {
    fn default() -> Self {
        Self {
            tos: 0,
            id: 0x1234,
            fragment: 0x4000,
            ttl: 63,
            protocol: TCP,
            source: [192, 0, 2, 1],
            destination: [198, 51, 100, 2],
            options: Vec::new(),
            tcp: Tcp::default(),
        }
    }
}

impl V4 {
    /// A packet that carries `tcp`.
    pub fn with(tcp: Tcp) -> Self {
        Self { tcp, ..Self::default() }
    }

    /// The packet, with correct lengths and checksums.
    pub fn bytes(&self) -> Vec<u8> {
        self.parts().bytes()
    }

    /// The packet in parts.
    pub fn parts(&self) -> Parts {
        let ihl = 5 + u8::try_from(self.options.len() / 4).unwrap();
        let mut ip = Vec::with_capacity(20 + self.options.len());
        ip.extend([0x40 | ihl, self.tos, 0, 0]);
        ip.extend(self.id.to_be_bytes());
        ip.extend(self.fragment.to_be_bytes());
        ip.extend([self.ttl, self.protocol, 0, 0]);
        ip.extend(self.source);
        ip.extend(self.destination);
        ip.extend(&self.options);
        Parts { ip, tcp: self.tcp.bytes() }
    }
}

/// An IPv6 packet: by default without extension headers, from `2001:db8::1` to `2001:db8:1::2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V6 {
    pub traffic_class: u8,
    /// Twenty bits.
    pub flow_label: u32,
    pub hop_limit: u8,
    pub source: [u8; 16],
    pub destination: [u8; 16],
    /// Protocol number and bytes of each; the first byte is replaced by the number of what follows.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// The next header of the last header.
    pub protocol: u8,
    pub tcp: Tcp,
}

impl Default for V6 {
    fn default() -> Self {
        Self {
            traffic_class: 0,
            flow_label: 0x12345,
            hop_limit: 63,
            source: [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            destination: [0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
            extensions: Vec::new(),
            protocol: TCP,
            tcp: Tcp::default(),
        }
    }
}

impl V6 {
    /// A packet that carries `tcp`.
    pub fn with(tcp: Tcp) -> Self {
        Self { tcp, ..Self::default() }
    }

    /// The packet, with correct length and checksum.
    pub fn bytes(&self) -> Vec<u8> {
        self.parts().bytes()
    }

    /// The packet in parts.
    pub fn parts(&self) -> Parts {
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0x000f_ffff;
        let mut ip = Vec::with_capacity(40);
        ip.extend(first.to_be_bytes());
        ip.extend([0, 0, 0, self.hop_limit]);
        ip.extend(self.source);
        ip.extend(self.destination);
        let mut next_header = 6;
        for (kind, extension) in &self.extensions {
            ip[next_header] = *kind;
            next_header = ip.len();
            ip.extend(extension);
        }
        ip[next_header] = self.protocol;
        Parts { ip, tcp: self.tcp.bytes() }
    }
}

/// A packet in two parts, either of which a test may change or cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The IP header with its options or extension headers.
    pub ip: Vec<u8>,
    /// The TCP header with its options, and the data.
    pub tcp: Vec<u8>,
}

impl Parts {
    /// The packet, with correct lengths and checksums; a cut TCP header keeps its checksum.
    pub fn bytes(&self) -> Vec<u8> {
        let mut packet = [&self.ip[..], &self.tcp].concat();
        if self.tcp.len() >= 20 {
            repair_tcp(&mut packet[self.ip.len()..], self.addresses());
        }
        if self.is_ipv4() {
            let total_len = u16::try_from(packet.len()).unwrap();
            packet[2..4].copy_from_slice(&total_len.to_be_bytes());
            repair_header(&mut packet);
        } else {
            let payload_len = u16::try_from(packet.len() - 40).unwrap();
            packet[4..6].copy_from_slice(&payload_len.to_be_bytes());
        }
        packet
    }

    /// Source and destination.
    pub fn addresses(&self) -> &[u8] {
        if self.is_ipv4() { &self.ip[12..20] } else { &self.ip[8..40] }
    }

    fn is_ipv4(&self) -> bool {
        self.ip[0] >> 4 == 4
    }
}

/// The segment in an IPv4 packet and in an IPv6 packet.
pub fn both(tcp: &Tcp) -> [Vec<u8>; 2] {
    [V4::with(tcp.clone()).bytes(), V6::with(tcp.clone()).bytes()]
}

/// The same packet with a length of 0 in its IP header, as before segmentation offload.
pub fn unstated(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if packet[0] >> 4 == 4 {
        packet[2..4].fill(0);
        repair_header(&mut packet);
    } else {
        packet[4..6].fill(0);
    }
    packet
}

/// The same packet with a partial TCP checksum, as before checksum offload; its TCP header begins at `tcp_at`.
pub fn partial(packet: &[u8], tcp_at: usize) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let addresses = if packet[0] >> 4 == 4 { 12..20 } else { 8..40 };
    let sum = sum(&pseudo_header(&packet[addresses], packet.len() - tcp_at));
    packet[tcp_at + 16..tcp_at + 18].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// Corrects the checksums, where `packet` has them.
pub fn repair(packet: &mut [u8]) {
    match packet.first().map(|first| first >> 4) {
        Some(4) => repair_v4(packet),
        Some(6) => repair_v6(packet),
        _ => {}
    }
}

fn repair_v4(packet: &mut [u8]) {
    let Some(header_len) = packet.first().map(|first| usize::from(first & 0x0f) * 4) else { return };
    if header_len < 20 || packet.len() < header_len {
        return;
    }
    repair_header(packet);
    let total_len = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let addresses = packet[12..20].to_vec();
    if let Some(segment) = packet.get_mut(header_len..total_len) {
        repair_tcp(segment, &addresses);
    }
}

/// Corrects the checksum of an IPv4 header of the length that it states, if that is possible, or else of 20 bytes.
pub fn repair_header(packet: &mut [u8]) {
    let header_len = packet.len().min(usize::from(packet[0] & 0x0f) * 4).max(20);
    packet[10..12].fill(0);
    let checksum = !sum(&packet[..header_len]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
}

fn repair_v6(packet: &mut [u8]) {
    if packet.len() < 40 {
        return;
    }
    let end = 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]));
    let addresses = packet[8..40].to_vec();
    let (mut next_header, mut at) = (packet[6], 40);
    while next_header != TCP {
        if !EXTENSIONS.contains(&next_header) || at + 8 > packet.len() {
            return;
        }
        let len = usize::from(packet[at + 1]);
        let header_len = match next_header {
            FRAGMENT => 8,
            AUTHENTICATION => 4 * (len + 2),
            _ => 8 * (len + 1),
        };
        next_header = packet[at];
        at += header_len;
    }
    if let Some(segment) = packet.get_mut(at..end) {
        repair_tcp(segment, &addresses);
    }
}

fn repair_tcp(segment: &mut [u8], addresses: &[u8]) {
    if segment.len() < 18 {
        return;
    }
    // The checksum field starts with the sum of the pseudo-header.
    let addresses = sum(&pseudo_header(addresses, segment.len()));
    segment[16..18].copy_from_slice(&addresses.to_be_bytes());
    let checksum = !sum(segment);
    segment[16..18].copy_from_slice(&checksum.to_be_bytes());
}
