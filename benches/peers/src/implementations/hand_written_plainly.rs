//! Written by hand, without regard to speed: one checksum function, which loops over pairs of bytes. For TCP it gets a
//! buffer with the pseudo-header and the segment.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Buffer, Config};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const TCP: u8 = 6;

/// Answers `packet`.
#[inline(never)]
pub fn answer(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    match packet.first()? >> 4 {
        4 => over_ipv4(packet, buffer),
        6 => over_ipv6(packet, buffer),
        _ => None,
    }
}

fn over_ipv4(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    if packet.len() < 20 {
        return None;
    }
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    if header_len < 20 || total_len < header_len || packet.len() < total_len || checksum(&packet[..header_len]) != 0 {
        return None;
    }
    if u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff != 0 || packet[9] != TCP {
        return None;
    }
    let source = Ipv4Addr::new(packet[12], packet[13], packet[14], packet[15]);
    let destination = Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]);
    for address in [source, destination] {
        if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
            return None;
        }
    }
    let segment = &packet[header_len..total_len];
    let reset = reset(segment, &source.octets(), &destination.octets())?;

    let mut reply = [0; 40];
    reply[0] = 0x45;
    reply[2..4].copy_from_slice(&40_u16.to_be_bytes());
    reply[6] = 0x40;
    reply[8] = 64;
    reply[9] = TCP;
    reply[12..16].copy_from_slice(&destination.octets());
    reply[16..20].copy_from_slice(&source.octets());
    let header_checksum = checksum(&reply[..20]);
    reply[10..12].copy_from_slice(&header_checksum.to_be_bytes());
    reply[20..].copy_from_slice(&reset);
    buffer[..40].copy_from_slice(&reply);
    Some(40)
}

fn over_ipv6(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    if packet.len() < 40 {
        return None;
    }
    let total_len = 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]));
    if packet.len() < total_len || packet[6] != TCP {
        return None;
    }
    let source = Ipv6Addr::from(<[u8; 16]>::try_from(&packet[8..24]).ok()?);
    let destination = Ipv6Addr::from(<[u8; 16]>::try_from(&packet[24..40]).ok()?);
    for address in [source, destination] {
        if address.is_unspecified() || address.is_multicast() || address.to_ipv4_mapped().is_some() {
            return None;
        }
    }
    let segment = &packet[40..total_len];
    let reset = reset(segment, &source.octets(), &destination.octets())?;

    let mut reply = [0; 60];
    reply[0] = 0x60;
    reply[4..6].copy_from_slice(&20_u16.to_be_bytes());
    reply[6] = TCP;
    reply[7] = 64;
    reply[8..24].copy_from_slice(&destination.octets());
    reply[24..40].copy_from_slice(&source.octets());
    reply[40..].copy_from_slice(&reset);
    buffer[..60].copy_from_slice(&reply);
    Some(60)
}

/// The segment that answers `segment`.
fn reset(segment: &[u8], source: &[u8], destination: &[u8]) -> Option<[u8; 20]> {
    if segment.len() < 20 {
        return None;
    }
    let data_offset = usize::from(segment[12] >> 4) * 4;
    let flags = segment[13];
    if data_offset < 20 || segment.len() < data_offset || flags & RST != 0 {
        return None;
    }
    if tcp_checksum(segment, source, destination) != 0 {
        return None;
    }
    let seq = u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]);
    let ack = u32::from_be_bytes([segment[8], segment[9], segment[10], segment[11]]);
    let (reset_seq, reset_ack, reset_flags) = if flags & ACK != 0 {
        (ack, 0, RST)
    } else {
        let mut seg_len = (segment.len() - data_offset) as u32;
        if flags & SYN != 0 {
            seg_len += 1;
        }
        if flags & FIN != 0 {
            seg_len += 1;
        }
        (0, seq.wrapping_add(seg_len), RST | ACK)
    };

    let mut reply = [0; 20];
    reply[0..2].copy_from_slice(&segment[2..4]);
    reply[2..4].copy_from_slice(&segment[0..2]);
    reply[4..8].copy_from_slice(&reset_seq.to_be_bytes());
    reply[8..12].copy_from_slice(&reset_ack.to_be_bytes());
    reply[12] = 5 << 4;
    reply[13] = reset_flags;
    let checksum = tcp_checksum(&reply, destination, source);
    reply[16..18].copy_from_slice(&checksum.to_be_bytes());
    Some(reply)
}

/// The checksum of a segment with its pseudo-header, which has one layout for both IP versions here.
fn tcp_checksum(segment: &[u8], source: &[u8], destination: &[u8]) -> u16 {
    let mut data = Vec::with_capacity(source.len() + destination.len() + 4 + segment.len());
    data.extend_from_slice(source);
    data.extend_from_slice(destination);
    data.push(0);
    data.push(TCP);
    data.extend_from_slice(&(segment.len() as u16).to_be_bytes());
    data.extend_from_slice(segment);
    checksum(&data)
}

/// The checksum of `data`; 0 if `data` holds a valid one.
fn checksum(data: &[u8]) -> u16 {
    let mut sum = 0_u32;
    let mut i = 0;
    while i + 1 < data.len() {
        sum += u32::from(u16::from_be_bytes([data[i], data[i + 1]]));
        i += 2;
    }
    if i < data.len() {
        sum += u32::from(data[i]) << 8;
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
