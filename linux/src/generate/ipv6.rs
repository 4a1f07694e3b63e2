//! IPv6 packets.

use tcp_reset::checksum::Sum;

use super::Generator;
use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING, TCP};

const HEADER_LEN: usize = 40;
const PAYLOAD_LEN: usize = 4;
const NEXT_HEADER: usize = 6;

impl Generator {
    pub(super) fn ipv6(&mut self, packet: &mut Vec<u8>) {
        let version = if self.one_in(128) { self.rng.u32(..16) } else { 6 };
        let class_and_label = if self.rng.bool() { self.rng.u32(..1 << 28) } else { 0 };
        let hop_limit = if self.rng.bool() { 64 } else { self.rng.u8(..) };
        let source = self.ipv6_address();
        let destination = if self.one_in(256) { source } else { self.ipv6_address() };
        packet.extend((version << 28 | class_and_label).to_be_bytes());
        packet.extend([0, 0, TCP, hop_limit]);
        packet.extend(source);
        packet.extend(destination);
        if self.one_in(4) {
            self.extension_headers(packet);
        } else if self.one_in(96) {
            packet[NEXT_HEADER] = self.rng.u8(..);
        }
        self.segment(packet, Sum::of(&source).plus(Sum::of(&destination)));

        let len = u16::try_from(packet.len() - HEADER_LEN).expect("a segment is short enough");
        let payload_len = match self.rng.u32(..128) {
            0 => self.pick(&[0, 1, 7, 8, 19, 20, 0xffff]),
            1 => len.wrapping_add(self.rng.u16(..9)).wrapping_sub(4),
            _ => len,
        };
        packet[PAYLOAD_LEN..PAYLOAD_LEN + 2].copy_from_slice(&payload_len.to_be_bytes());
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

    /// A chain of extension headers, of every kind and in any order, from the next-header field on.
    fn extension_headers(&mut self, packet: &mut Vec<u8>) {
        let count = match self.rng.u32(..256) {
            0 => self.rng.u32(..1000),
            1..16 => self.rng.u32(..12),
            _ => self.rng.u32(1..4),
        };
        let mut next_header = NEXT_HEADER;
        for nth in 0..count {
            let kind = match self.rng.u32(..64) {
                // No next header, ESP, mobility, HIP, shim6, experiments, and whatever there may be.
                0 => self.pick(&[59, 50, 135, 139, 140, 253, 254, 41, 4, 58, self.noise[packet.len()]]),
                1..8 if nth == 0 => HOP_BY_HOP,
                8 => HOP_BY_HOP,
                _ => self.pick(&[ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS]),
            };
            packet[next_header] = kind;
            next_header = packet.len();
            self.extension_header(packet, kind);
        }
        packet[next_header] = TCP;
        if self.one_in(64) {
            packet[next_header] = self.rng.u8(..);
        }
    }

    /// One extension header, whose first byte is left for the next one's number.
    fn extension_header(&mut self, packet: &mut Vec<u8>, kind: u8) {
        let start = packet.len();
        let units = if self.one_in(16) { self.rng.u8(..32) } else { self.rng.u8(..3) };
        packet.extend([0, units]);
        match kind {
            FRAGMENT => {
                let offset_and_more = match self.rng.u32(..32) {
                    0 => self.rng.u16(..),
                    1 => 8,
                    2..6 => 1,
                    6..8 => self.rng.u16(..8),
                    _ => 0,
                };
                packet[start + 1] = if self.rng.bool() { 0 } else { units };
                packet.extend(offset_and_more.to_be_bytes());
                self.add_noise(packet, 4);
            }
            AUTHENTICATION => self.add_noise(packet, 6 + 4 * usize::from(units)),
            ROUTING => {
                let segments_left = if self.rng.bool() { 0 } else { self.rng.u8(..4) };
                packet.extend([self.rng.u8(..6), segments_left]);
                self.add_noise(packet, 4 + 8 * usize::from(units));
            }
            _ => self.destination_options(packet, 6 + 8 * usize::from(units)),
        }
        if self.one_in(128) {
            packet[start + 1] = self.rng.u8(..);
        }
    }

    /// Options as in hop-by-hop and destination options headers: padding, and unknown ones that ask to be skipped.
    fn destination_options(&mut self, packet: &mut Vec<u8>, len: usize) {
        let end = packet.len() + len;
        if self.one_in(8) {
            return self.add_noise(packet, len);
        }
        while packet.len() < end {
            let room = end - packet.len();
            match self.rng.u32(..4) {
                0 if room >= 2 => {
                    let len = self.rng.usize(..=(room - 2).min(5));
                    packet.extend([1, u8::try_from(len).expect("padding is short")]);
                    packet.resize(packet.len() + len, 0);
                }
                1 | 2 if room >= 2 => {
                    let len = self.rng.usize(..=(room - 2).min(255));
                    // Router alert, experiments.
                    packet.extend([self.pick(&[5, 0x1e, 0x3e]), u8::try_from(len).expect("bounded")]);
                    self.add_noise(packet, len);
                }
                _ => packet.push(0),
            }
        }
    }
}
