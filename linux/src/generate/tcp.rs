//! TCP segments.

use support::model::{pseudo_header, sum};
use support::packet::{Parts, Tcp};
use support::protocol::{CWR, ECE, PSH};
use tcp_reset::tcp::{ACK, FIN, RST, SYN};

use super::Generator;

const HEADER_LEN: usize = 20;

/// Where fields stand in the header.
const SEQ: usize = 4;
const ACKNOWLEDGMENT: usize = 8;
const DATA_OFFSET: usize = 12;
const FLAGS: usize = 13;
const CHECKSUM: usize = 16;
const URGENT: usize = 18;

impl Generator {
    pub(super) fn segment(&mut self) -> Tcp {
        let options_len = if self.rng.bool() { 0 } else { 4 * self.rng.u8(..=10) };
        let data_offset = self.one_in(16).then(|| self.rng.u8(..16));
        let flags = self.flags();
        let (seq, ack) = (self.number(), self.number());
        let [source_port, destination_port] = halves(self.rng.u32(..));
        let [window, urgent] = halves(if self.rng.bool() { self.rng.u32(..) } else { 0x1000_0000 });
        let reserved = if self.one_in(8) { self.rng.u8(..16) } else { 0 };
        let options = self.options(usize::from(options_len));
        let data = self.data();
        Tcp { source_port, destination_port, seq, ack, data_offset, reserved, flags, window, urgent, options, data }
    }

    /// The packet, with correct lengths; some TCP headers are cut, and some checksums are wrong.
    pub(super) fn assemble(&mut self, mut parts: Parts) -> Vec<u8> {
        if self.one_in(128) {
            parts.tcp.truncate(self.rng.usize(..HEADER_LEN));
            return parts.bytes();
        }
        // Extension headers and data may have more than 65535 bytes together.
        parts.tcp.truncate(65535 - parts.ip.len());
        if self.one_in(64) {
            self.aim_reply_at_zero(&mut parts);
        }
        let mut packet = parts.bytes();
        self.change_checksum(&mut packet[parts.ip.len()..], CHECKSUM, URGENT, 128);
        packet
    }

    /// Mostly what is seen on the wire, then anything; mostly without RST.
    fn flags(&mut self) -> u8 {
        match self.rng.u32(..32) {
            0..16 => self.pick(&[SYN, SYN, SYN | ACK, ACK, ACK | FIN, ACK | PSH, FIN, 0, SYN | FIN, SYN | ECE | CWR]),
            16..31 => self.rng.u8(..) & !RST,
            _ => self.rng.u8(..),
        }
    }

    /// A sequence number: any, or one near an edge.
    fn number(&mut self) -> u32 {
        match self.rng.u32(..8) {
            0 => self.pick(&[0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffd, 0xffff_fffe, 0xffff_ffff]),
            _ => self.rng.u32(..),
        }
    }

    /// Mostly short, for speed.
    fn data(&mut self) -> Vec<u8> {
        let len = match self.rng.u32(..1024) {
            0 => self.rng.usize(..60_000),
            1..32 => self.rng.usize(..1500),
            32..512 => self.rng.usize(..64),
            _ => 0,
        };
        self.noise(len).to_vec()
    }

    /// Options of kinds known and unknown, the last one cut off where the header ends.
    fn options(&mut self, end: usize) -> Vec<u8> {
        let mut options = Vec::with_capacity(end);
        while options.len() < end {
            // SYN's own, SACK, timestamps, MD5, AO, Fast Open, experiments.
            let (kind, len) = match self.rng.u32(..12) {
                0..4 => (1, 1),
                4 => (0, 1),
                5 => (2, 4),
                6 => (3, 3),
                7 => (4, 2),
                8 => (8, 10),
                9 => self.pick(&[(5, 10), (5, 18), (19, 18), (29, 16), (34, 2), (34, 10), (253, 4), (254, 6)]),
                _ => (self.rng.u8(..), self.rng.u8(..12)),
            };
            options.push(kind);
            if len > 1 {
                options.push(len);
                options.extend(self.noise(usize::from(len) - 2));
            }
        }
        options.truncate(end);
        options
    }

    /// Chooses the number that the reset takes over so that the reset's checksum computes to zero.
    fn aim_reply_at_zero(&mut self, parts: &mut Parts) {
        let number = number_for_zero(parts, self.rng.u16(..));
        let (flags, len) = (parts.tcp[FLAGS], u32::try_from(parts.tcp.len()).expect("a segment is short"));
        let (at, number) = if flags & ACK == 0 {
            let header_len = 4 * u32::from(parts.tcp[DATA_OFFSET] >> 4);
            let syn_and_fin = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
            (SEQ, number.wrapping_sub(len.wrapping_sub(header_len)).wrapping_sub(syn_and_fin))
        } else {
            (ACKNOWLEDGMENT, number)
        };
        parts.tcp[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }
}

/// The number that gives the reset for `parts` a checksum of zero, if the reset takes it over. Its upper half is `high`.
pub(crate) fn number_for_zero(parts: &Parts, high: u16) -> u32 {
    let control = if parts.tcp[FLAGS] & ACK == 0 { RST | ACK } else { RST };
    let [high0, high1] = high.to_be_bytes();
    let reset = [&pseudo_header(parts.addresses(), 20)[..], &parts.tcp[..4], &[0x50, control, high0, high1]].concat();
    u32::from(high) << 16 | u32::from(!sum(&reset))
}

/// The upper and the lower 16 bits.
fn halves(number: u32) -> [u16; 2] {
    [number >> 16, number & 0xffff].map(|half| u16::try_from(half).expect("16 bits"))
}
