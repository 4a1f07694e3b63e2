//! TCP segments.

use support::protocol::{CWR, ECE, PSH};
use tcp_reset::checksum::Sum;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};

use super::{Generator, complement};

const HEADER_LEN: usize = 20;

/// Where fields stand in the header.
const SEQ: usize = 4;
const ACKNOWLEDGMENT: usize = 8;
const CHECKSUM: usize = 16;
const URGENT: usize = 18;

impl Generator {
    /// Adds a segment between the addresses summed in `addresses`.
    pub(super) fn segment(&mut self, packet: &mut Vec<u8>, addresses: Sum) {
        let start = packet.len();
        let options_len = if self.rng.bool() { 0 } else { 4 * self.rng.u8(..=10) };
        let header_len = if self.one_in(16) { 4 * self.rng.u8(..16) } else { 20 + options_len };
        let flags = self.flags();
        let [s0, s1, s2, s3] = self.number().to_be_bytes();
        let [a0, a1, a2, a3] = self.number().to_be_bytes();
        let [p0, p1, p2, p3] = self.rng.u32(..).to_be_bytes();
        let [w0, w1, u0, u1] = if self.rng.bool() { self.rng.u32(..) } else { 0x1000_0000 }.to_be_bytes();
        let offset = header_len << 2 | if self.one_in(8) { self.rng.u8(..16) } else { 0 };
        packet.extend([p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, 0, 0, u0, u1]);
        self.options(packet, usize::from(options_len));
        let data_len = self.data_len();
        self.add_noise(packet, data_len);
        if self.one_in(128) {
            packet.truncate(start + self.rng.usize(..HEADER_LEN));
        }
        // An IPv4 header may take 60 of the 65535 bytes, IPv6 extension headers more.
        packet.truncate(65535);

        let Some(segment) = packet.get_mut(start..) else { return };
        let Ok(len @ 20..) = u32::try_from(segment.len()) else { return };
        if self.one_in(64) {
            self.aim_reply_at_zero(segment, addresses);
        }
        let sum = addresses.plus(Sum::of_words(&[(len + 6).to_be_bytes()])).plus(Sum::of(segment));
        if self.one_in(128) {
            let urgent = complement(sum.plus(Sum::of_words(&[[!u0, !u1, 0, 0]])));
            segment[URGENT..URGENT + 2].copy_from_slice(&urgent.to_be_bytes());
            self.seal(segment, CHECKSUM, Sum::of_words(&[[0xff, 0xff, 0, 0]]));
        } else {
            self.seal(segment, CHECKSUM, sum);
        }
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
    fn data_len(&mut self) -> usize {
        match self.rng.u32(..1024) {
            0 => self.rng.usize(..60_000),
            1..32 => self.rng.usize(..1500),
            32..512 => self.rng.usize(..64),
            _ => 0,
        }
    }

    /// Options of kinds known and unknown, the last one cut off where the header ends.
    fn options(&mut self, packet: &mut Vec<u8>, len: usize) {
        let end = packet.len() + len;
        while packet.len() < end {
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
            packet.push(kind);
            if len > 1 {
                packet.push(len);
                self.add_noise(packet, usize::from(len) - 2);
            }
        }
        packet.truncate(end);
    }

    /// Chooses the number that the reset takes over so that the reset's checksum computes to zero.
    fn aim_reply_at_zero(&mut self, segment: &mut [u8], addresses: Sum) {
        let (flags, offset) = (segment[13], u32::from(segment[12] >> 4) * 4);
        let len = u32::try_from(segment.len()).expect("a segment is short");
        let reply_flags = if flags & ACK == 0 { RST | ACK } else { RST };
        let [high0, high1] = self.rng.u16(..).to_be_bytes();
        let ports = [segment[0], segment[1], segment[2], segment[3]];
        let sum = addresses.plus(Sum::of_words(&[[0, 6, 0, 20], ports, [0x50, reply_flags, high0, high1]]));
        let [low0, low1] = complement(sum).to_be_bytes();
        let number = u32::from_be_bytes([high0, high1, low0, low1]);
        if flags & ACK == 0 {
            let syn_and_fin = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
            let seq = number.wrapping_sub(len.wrapping_sub(offset)).wrapping_sub(syn_and_fin);
            segment[SEQ..SEQ + 4].copy_from_slice(&seq.to_be_bytes());
        } else {
            segment[ACKNOWLEDGMENT..ACKNOWLEDGMENT + 4].copy_from_slice(&number.to_be_bytes());
        }
    }
}
