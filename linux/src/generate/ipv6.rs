//! IPv6 packets.

use support::packet::V6;
use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING, TCP};

use super::Generator;

const PAYLOAD_LEN: usize = 4;

impl Generator {
    pub(super) fn ipv6(&mut self) -> Vec<u8> {
        let version = if self.one_in(128) { self.rng.u8(..16) } else { 6 };
        let class_and_label = if self.rng.bool() { self.rng.u32(..1 << 28) } else { 0 };
        let traffic_class = u8::try_from(class_and_label >> 20).expect("eight of 28 bits");
        let flow_label = class_and_label & 0xf_ffff;
        let hop_limit = if self.rng.bool() { 64 } else { self.rng.u8(..) };
        let source = self.ipv6_address();
        let destination = if self.one_in(256) { source } else { self.ipv6_address() };
        let has_extensions = self.one_in(4);
        let extensions = if has_extensions { self.extension_headers() } else { Vec::new() };
        let protocol = if self.one_in(if has_extensions { 64 } else { 96 }) { self.rng.u8(..) } else { TCP };
        let tcp = self.segment();
        let parts = V6 { traffic_class, flow_label, hop_limit, source, destination, extensions, protocol, tcp }.parts();
        let mut packet = self.assemble(parts);
        packet[0] = version << 4 | packet[0] & 15;
        self.change_length(&mut packet, PAYLOAD_LEN, &[0, 1, 7, 8, 19, 20, 0xffff]);
        packet
    }

    /// An address of any class, mostly one that a host may have.
    fn ipv6_address(&mut self) -> [u8; 16] {
        let mut address = self.rng.u128(..).to_be_bytes();
        match self.rng.u32(..128) {
            0 => address[..15].fill(0),
            1 => address[0] = 0xff,
            2 => address[..2].copy_from_slice(&[0xff, self.pick(&[1, 2, 5, 8, 14])]),
            // IPv4-compatible, IPv4-mapped, translated.
            3 => address[..12].fill(0),
            4 => address[..12].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
            5 => address[..12].copy_from_slice(&[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]),
            6 => address = self.pick(&[[0; 16], 1_u128.to_be_bytes()]),
            7..10 => address[..8].copy_from_slice(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0]),
            // Site-local, unique local, anything.
            10 => {
                address[0] = 0xfe;
                address[1] |= 0xc0;
            }
            11 => address[0] = 0xfc | address[0] & 1,
            12..16 => {}
            _ => address[0] = 0x20 | address[0] & 0x1f,
        }
        address
    }

    /// A chain of extension headers, of every kind and in any order.
    fn extension_headers(&mut self) -> Vec<(u8, Vec<u8>)> {
        let count = match self.rng.u32(..256) {
            0 => self.rng.u32(..1000),
            1..16 => self.rng.u32(..12),
            _ => self.rng.u32(1..4),
        };
        let (mut chain, mut len) = (Vec::new(), 40);
        for nth in 0..count {
            let kind = match self.rng.u32(..64) {
                // No next header, ESP, mobility, HIP, shim6, experiments, and whatever there may be.
                0 => self.pick(&[59, 50, 135, 139, 140, 253, 254, 41, 4, 58, self.noise[len]]),
                1..8 if nth == 0 => HOP_BY_HOP,
                8 => HOP_BY_HOP,
                _ => self.pick(&[ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS]),
            };
            let header = self.extension_header(kind);
            len += header.len();
            chain.push((kind, header));
        }
        chain
    }

    /// One extension header, whose first byte the builder replaces by the number of what follows.
    fn extension_header(&mut self, kind: u8) -> Vec<u8> {
        let units = if self.one_in(16) { self.rng.u8(..32) } else { self.rng.u8(..3) };
        let mut header = vec![0, units];
        match kind {
            FRAGMENT => {
                let offset_and_more = match self.rng.u32(..32) {
                    0 => self.rng.u16(..),
                    1 => 8,
                    2..6 => 1,
                    6..8 => self.rng.u16(..8),
                    _ => 0,
                };
                header[1] = if self.rng.bool() { 0 } else { units };
                header.extend(offset_and_more.to_be_bytes());
                header.extend(self.noise(4));
            }
            AUTHENTICATION => header.extend(self.noise(6 + 4 * usize::from(units))),
            ROUTING => {
                let segments_left = if self.rng.bool() { 0 } else { self.rng.u8(..4) };
                header.extend([self.rng.u8(..6), segments_left]);
                header.extend(self.noise(4 + 8 * usize::from(units)));
            }
            _ => self.destination_options(&mut header, 8 + 8 * usize::from(units)),
        }
        if self.one_in(128) {
            header[1] = self.rng.u8(..);
        }
        header
    }

    /// Fills `header` up to `len` bytes with the options of hop-by-hop and destination options headers: padding, and unknown
    /// ones that ask to be skipped.
    fn destination_options(&mut self, header: &mut Vec<u8>, len: usize) {
        if self.one_in(8) {
            header.extend(self.noise(len - header.len()));
        }
        while header.len() < len {
            let room = len - header.len();
            match self.rng.u32(..4) {
                0 if room >= 2 => {
                    let len = self.rng.usize(..=(room - 2).min(5));
                    header.extend([1, u8::try_from(len).expect("padding is short")]);
                    header.resize(header.len() + len, 0);
                }
                1 | 2 if room >= 2 => {
                    let len = self.rng.usize(..=(room - 2).min(255));
                    // Router alert, experiments.
                    header.extend([self.pick(&[5, 0x1e, 0x3e]), u8::try_from(len).expect("bounded")]);
                    header.extend(self.noise(len));
                }
                _ => header.push(0),
            }
        }
    }
}
