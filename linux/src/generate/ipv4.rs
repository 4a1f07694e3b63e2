//! IPv4 packets.

use support::packet::{V4, repair_header};

use super::Generator;

/// Where fields stand in the header.
const TOTAL_LEN: usize = 2;
const IDENTIFICATION: usize = 4;
const CHECKSUM: usize = 10;

impl Generator {
    pub(super) fn ipv4(&mut self) -> Vec<u8> {
        let options_len = if self.one_in(4) { 4 * self.rng.u8(1..=10) } else { 0 };
        let version_ihl = if self.one_in(128) { self.rng.u8(..) } else { 0x45 + options_len / 4 };
        let tos = if self.rng.bool() { self.rng.u8(..) } else { 0 };
        let id = self.rng.u16(..);
        let fragment = match self.rng.u32(..64) {
            0 => self.rng.u16(..),
            1..4 => self.pick(&[0x2000, 0x6000, 0x8000, 0xa000, 0xc000, 0xe000, 1, 0x1fff, 0x2001]),
            4..32 => 0x4000,
            _ => 0,
        };
        let ttl = if self.rng.bool() { 64 } else { self.rng.u8(..) };
        let protocol = if self.one_in(128) { self.rng.u8(..) } else { 6 };
        let source = self.ipv4_address();
        let destination = if self.one_in(256) { source } else { self.ipv4_address() };
        let options = self.ipv4_options(usize::from(options_len));
        let tcp = self.segment();
        let parts = V4 { tos, id, fragment, ttl, protocol, source, destination, options, tcp }.parts();
        let mut packet = self.assemble(parts);
        packet[0] = version_ihl;
        let ihl = 4 * u16::from(version_ihl & 15);
        self.change_length(&mut packet, TOTAL_LEN, &[0, 19, ihl.wrapping_sub(1), ihl, ihl + 19, ihl + 20, 0xffff]);
        repair_header(&mut packet);
        self.change_checksum(&mut packet, CHECKSUM, IDENTIFICATION, 256);
        packet
    }

    /// An address of any class, mostly one that a host may have.
    fn ipv4_address(&mut self) -> [u8; 4] {
        let [_, b, c, d] = self.rng.u32(..).to_be_bytes();
        match self.rng.u32(..128) {
            0 => self.pick(&[[0; 4], [255; 4], [0, 0, 0, 1], [255, 255, 255, 254], [224, 0, 0, 1]]),
            1 => [self.rng.u8(224..240), b, c, d],
            2..6 => [self.rng.u8(240..), b, c, d],
            6..10 => [127, b, c, d],
            10 => [0, b, c, d],
            11..15 => [169, 254, c, d],
            15..19 => [192, 168, c, self.pick(&[0, 1, 255])],
            _ => [self.rng.u8(1..224), b, c, d],
        }
    }

    /// Options of kinds known and unknown, mostly well formed, the last one perhaps cut off where the header ends.
    fn ipv4_options(&mut self, len: usize) -> Vec<u8> {
        let mut options = Vec::with_capacity(len);
        while options.len() < len {
            let room = u8::try_from(len - options.len()).expect("options are short");
            match self.rng.u32(..16) {
                6 => options.push(0),
                // Record route, timestamp: a length, and a pointer to the next free slot.
                7 if room >= 7 => self.slots(&mut options, 7, 3, room, 4),
                8 if room >= 8 => self.slots(&mut options, 68, 4, room, 5),
                // Router alert, stream identifier, security.
                9 if room >= 4 => options.extend([148, 4, 0, 0]),
                10 if room >= 4 => options.extend([136, 4, 0, 7]),
                11 if room >= 11 => {
                    options.extend([130, 11]);
                    options.extend(self.noise(9));
                }
                // Source routes, CIPSO, and whatever there may be.
                12 => {
                    let kind = if self.rng.bool() { self.pick(&[131, 137, 134, 7, 68]) } else { self.rng.u8(..) };
                    options.extend([kind, self.rng.u8(..=room)]);
                    options.extend(self.noise(2));
                }
                13 if room >= 3 => {
                    let len = self.rng.u8(2..=room);
                    options.extend([self.rng.u8(..), len]);
                    options.extend(self.noise(usize::from(len) - 2));
                }
                _ => options.push(1),
            }
        }
        options.truncate(len);
        options
    }

    /// An option that routers fill in: `head` bytes of its own, then slots of four bytes.
    fn slots(&mut self, options: &mut Vec<u8>, kind: u8, head: u8, room: u8, first: u8) {
        let slots = self.rng.u8(1..=(room - head) / 4);
        let pointer = first + 4 * self.rng.u8(..=slots);
        options.extend([kind, head + 4 * slots, pointer]);
        options.extend(self.noise(usize::from(head) - 3 + 4 * usize::from(slots)));
    }
}
