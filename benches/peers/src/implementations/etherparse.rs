//! etherparse: slices to read the offender, header values to write the reply.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::checksum::Sum16BitWords;
use etherparse::{
    EtherType, Ethernet2Header, Ethernet2Slice, IpNumber, Ipv4Header, Ipv4Slice, Ipv6Header, Ipv6Slice, TcpHeader,
    TcpSlice,
};

use super::{Buffer, Config};

/// Answers `packet`.
#[inline(never)]
pub fn answer(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    match packet.first()? >> 4 {
        6 => over_ipv6(packet, buffer),
        _ => over_ipv4(packet, buffer),
    }
}

/// Answers the packet in `frame`.
#[inline(never)]
pub fn answer_frame(frame: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    let offender = Ethernet2Slice::from_slice_without_fcs(frame).ok()?;
    let header = Ethernet2Header {
        source: offender.destination(),
        destination: offender.source(),
        ether_type: offender.ether_type(),
    };
    if header.source[0] & 1 != 0 || header.destination[0] & 1 != 0 {
        return None;
    }
    let (front, reply) = buffer.split_at_mut(Ethernet2Header::LEN);
    let len = match header.ether_type {
        EtherType::IPV4 => over_ipv4(offender.payload_slice(), reply)?,
        EtherType::IPV6 => over_ipv6(offender.payload_slice(), reply)?,
        _ => return None,
    };
    front.copy_from_slice(&header.to_bytes());
    Some(front.len() + len)
}

fn over_ipv4(packet: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let offender = Ipv4Slice::from_slice(packet).ok()?;
    let header = offender.header();
    let unicast = |address: Ipv4Addr| !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast();
    if Sum16BitWords::new().add_slice(header.slice()).ones_complement() != 0
        || header.fragments_offset().value() != 0
        || offender.payload_ip_number() != IpNumber::TCP
        || !unicast(header.source_addr())
        || !unicast(header.destination_addr())
    {
        return None;
    }
    let segment = TcpSlice::from_slice(offender.payload().payload).ok()?;
    if segment.rst() || segment.calc_checksum_ipv4(header.source(), header.destination()).ok()? != segment.checksum() {
        return None;
    }

    let mut ip = Ipv4Header {
        total_len: 40,
        dont_fragment: true,
        time_to_live: 64,
        protocol: IpNumber::TCP,
        source: header.destination(),
        destination: header.source(),
        ..Ipv4Header::default()
    };
    ip.header_checksum = ip.calc_header_checksum();
    let mut tcp = reset(&segment);
    tcp.checksum = tcp.calc_checksum_ipv4_raw(ip.source, ip.destination, &[]).ok()?;
    let mut reply = &mut buffer[..];
    ip.write_raw(&mut reply).ok()?;
    tcp.write(&mut reply).ok()?;
    Some(40)
}

fn over_ipv6(packet: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let offender = Ipv6Slice::from_slice(packet).ok()?;
    let header = offender.header();
    let unicast =
        |address: Ipv6Addr| !address.is_unspecified() && !address.is_multicast() && address.to_ipv4_mapped().is_none();
    if offender.payload().ip_number != IpNumber::TCP
        || offender.is_payload_fragmented()
        || !unicast(header.source_addr())
        || !unicast(header.destination_addr())
    {
        return None;
    }
    let segment = TcpSlice::from_slice(offender.payload().payload).ok()?;
    if segment.rst() || segment.calc_checksum_ipv6(header.source(), header.destination()).ok()? != segment.checksum() {
        return None;
    }

    let ip = Ipv6Header {
        payload_length: 20,
        next_header: IpNumber::TCP,
        hop_limit: 64,
        source: header.destination(),
        destination: header.source(),
        ..Ipv6Header::default()
    };
    let mut tcp = reset(&segment);
    tcp.checksum = tcp.calc_checksum_ipv6_raw(ip.source, ip.destination, &[]).ok()?;
    let mut reply = &mut buffer[..];
    ip.write(&mut reply).ok()?;
    tcp.write(&mut reply).ok()?;
    Some(60)
}

fn reset(segment: &TcpSlice<'_>) -> TcpHeader {
    let (seq, ack) = if segment.ack() {
        (segment.acknowledgment_number(), None)
    } else {
        let seg_len = segment.payload().len() as u32 + u32::from(segment.syn()) + u32::from(segment.fin());
        (0, Some(segment.sequence_number().wrapping_add(seg_len)))
    };
    TcpHeader {
        acknowledgment_number: ack.unwrap_or(0),
        rst: true,
        ack: ack.is_some(),
        ..TcpHeader::new(segment.destination_port(), segment.source_port(), seq, 0)
    }
}
