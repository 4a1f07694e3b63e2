//! Written by hand, for speed: nothing is copied or allocated, no sum is computed twice. The checksum loop adds 16-bit
//! words, once plainly and once so that the compiler vectorises it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Buffer, Config};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Answers `packet` with the plainest checksum loop.
#[inline(never)]
pub fn plain(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    answer(packet, buffer, plain_sum)
}

/// Answers `packet` with a checksum loop that the compiler vectorises.
#[inline(never)]
pub fn vectorised(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    answer(packet, buffer, vector_sum)
}

fn answer(packet: &[u8], buffer: &mut Buffer, sum: impl Fn(&[u8]) -> u32) -> Option<usize> {
    match packet.first()? >> 4 {
        4 => over_ipv4(packet, buffer, sum),
        6 => over_ipv6(packet, buffer, sum),
        _ => None,
    }
}

fn over_ipv4(packet: &[u8], buffer: &mut Buffer, sum: impl Fn(&[u8]) -> u32) -> Option<usize> {
    if packet.len() < 20 {
        return None;
    }
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    if header_len < 20 || total_len < header_len || packet.len() < total_len {
        return None;
    }
    let (header, segment) = packet[..total_len].split_at(header_len);
    let source: [u8; 4] = header[12..16].try_into().ok()?;
    let destination: [u8; 4] = header[16..20].try_into().ok()?;
    let unicast = |address: [u8; 4]| {
        let address = Ipv4Addr::from(address);
        !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast()
    };
    if fold(sum(header)) != 0xffff
        || u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0
        || header[9] != 6
        || !unicast(source)
        || !unicast(destination)
    {
        return None;
    }
    let addresses = sum(&source) + sum(&destination);

    let (reply_header, rest) = buffer.split_at_mut(20);
    let reply = &mut rest[..20];
    reset(segment, addresses, reply, &sum)?;
    reply_header.copy_from_slice(&[0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    reply_header[12..16].copy_from_slice(&destination);
    reply_header[16..20].copy_from_slice(&source);
    let checksum = !fold(sum(reply_header));
    reply_header[10..12].copy_from_slice(&checksum.to_be_bytes());
    Some(40)
}

fn over_ipv6(packet: &[u8], buffer: &mut Buffer, sum: impl Fn(&[u8]) -> u32) -> Option<usize> {
    if packet.len() < 40 {
        return None;
    }
    let total_len = 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]));
    if packet.len() < total_len || packet[6] != 6 {
        return None;
    }
    let (header, segment) = packet[..total_len].split_at(40);
    let source: [u8; 16] = header[8..24].try_into().ok()?;
    let destination: [u8; 16] = header[24..40].try_into().ok()?;
    let unicast = |address: [u8; 16]| {
        let address = Ipv6Addr::from(address);
        !address.is_unspecified() && !address.is_multicast() && address.to_ipv4_mapped().is_none()
    };
    if !unicast(source) || !unicast(destination) {
        return None;
    }
    let addresses = sum(&source) + sum(&destination);

    let (reply_header, reply) = buffer.split_at_mut(40);
    reset(segment, addresses, &mut reply[..20], &sum)?;
    reply_header[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, 20, 6, 64]);
    reply_header[8..24].copy_from_slice(&destination);
    reply_header[24..40].copy_from_slice(&source);
    Some(60)
}

/// Checks the segment and writes the one that answers it.
fn reset(segment: &[u8], addresses: u32, reply: &mut [u8], sum: impl Fn(&[u8]) -> u32) -> Option<()> {
    if segment.len() < 20 {
        return None;
    }
    let header_len = usize::from(segment[12] >> 4) * 4;
    let flags = segment[13];
    if header_len < 20
        || segment.len() < header_len
        || flags & RST != 0
        || fold(addresses + 6 + segment.len() as u32 + sum(segment)) != 0xffff
    {
        return None;
    }
    reply.fill(0);
    reply[0..2].copy_from_slice(&segment[2..4]);
    reply[2..4].copy_from_slice(&segment[0..2]);
    reply[12] = 0x50;
    if flags & ACK != 0 {
        reply[4..8].copy_from_slice(&segment[8..12]);
        reply[13] = RST;
    } else {
        let seq = u32::from_be_bytes(segment[4..8].try_into().ok()?);
        let data_len = (segment.len() - header_len) as u32;
        let seg_len = data_len + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        reply[8..12].copy_from_slice(&seq.wrapping_add(seg_len).to_be_bytes());
        reply[13] = RST | ACK;
    }
    let checksum = !fold(addresses + 6 + 20 + sum(reply));
    reply[16..18].copy_from_slice(&checksum.to_be_bytes());
    Some(())
}

/// The loop of RFC 1071 §4.1, unchanged.
pub fn plain_sum(data: &[u8]) -> u32 {
    let (mut sum, mut i) = (0, 0);
    while i + 1 < data.len() {
        sum += u32::from(data[i]) << 8 | u32::from(data[i + 1]);
        i += 2;
    }
    if i < data.len() {
        sum += u32::from(data[i]) << 8;
    }
    sum
}

/// The same loop by an iterator, which the compiler vectorises.
pub fn vector_sum(data: &[u8]) -> u32 {
    let mut sum = 0;
    let mut pairs = data.chunks_exact(2);
    for pair in &mut pairs {
        sum += u32::from(u16::from_be_bytes([pair[0], pair[1]]));
    }
    if let [last] = pairs.remainder() {
        sum += u32::from(*last) << 8;
    }
    sum
}

/// RFC 1071 §4.1.
pub fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
