//! pnet_packet: packet views with accessors, which check a least size only; the lengths are checked here.

use std::net::{Ipv4Addr, Ipv6Addr};

use pnet_packet::Packet;
use pnet_packet::ip::IpNextHeaderProtocols::Tcp;
use pnet_packet::ipv4::{self, Ipv4Flags, Ipv4Packet, MutableIpv4Packet};
use pnet_packet::ipv6::{Ipv6Packet, MutableIpv6Packet};
use pnet_packet::tcp::{self, MutableTcpPacket, TcpFlags, TcpPacket};

use super::{Buffer, Config};

/// Answers `packet`.
#[inline(never)]
pub fn answer(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    match packet.first()? >> 4 {
        6 => over_ipv6(packet, buffer),
        _ => over_ipv4(packet, buffer),
    }
}

fn over_ipv4(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    let offender = Ipv4Packet::new(packet)?;
    let header_len = usize::from(offender.get_header_length()) * 4;
    let total_len = usize::from(offender.get_total_length());
    if offender.get_version() != 4 || header_len < 20 || total_len < header_len || packet.len() < total_len {
        return None;
    }
    let (source, destination) = (offender.get_source(), offender.get_destination());
    let unicast = |address: Ipv4Addr| !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast();
    if ipv4::checksum(&offender) != offender.get_checksum()
        || offender.get_fragment_offset() != 0
        || offender.get_next_level_protocol() != Tcp
        || !unicast(source)
        || !unicast(destination)
    {
        return None;
    }
    let segment = TcpPacket::new(offender.payload())?;
    if !is_whole(&segment) || tcp::ipv4_checksum(&segment, &source, &destination) != segment.get_checksum() {
        return None;
    }

    let (header, rest) = buffer.split_at_mut(20);
    header.fill(0);
    let mut reply = MutableIpv4Packet::new(header)?;
    reply.set_version(4);
    reply.set_header_length(5);
    reply.set_total_length(40);
    reply.set_flags(Ipv4Flags::DontFragment);
    reply.set_ttl(64);
    reply.set_next_level_protocol(Tcp);
    reply.set_source(destination);
    reply.set_destination(source);
    reply.set_checksum(ipv4::checksum(&reply.to_immutable()));
    let mut reply = emit(&segment, &mut rest[..20])?;
    reply.set_checksum(tcp::ipv4_checksum(&reply.to_immutable(), &destination, &source));
    Some(40)
}

fn over_ipv6(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    let offender = Ipv6Packet::new(packet)?;
    if offender.get_version() != 6
        || packet.len() < 40 + usize::from(offender.get_payload_length())
        || offender.get_next_header() != Tcp
    {
        return None;
    }
    let (source, destination) = (offender.get_source(), offender.get_destination());
    let unicast =
        |address: Ipv6Addr| !address.is_unspecified() && !address.is_multicast() && address.to_ipv4_mapped().is_none();
    if !unicast(source) || !unicast(destination) {
        return None;
    }
    let segment = TcpPacket::new(offender.payload())?;
    if !is_whole(&segment) || tcp::ipv6_checksum(&segment, &source, &destination) != segment.get_checksum() {
        return None;
    }

    let (header, rest) = buffer.split_at_mut(40);
    header.fill(0);
    let mut reply = MutableIpv6Packet::new(header)?;
    reply.set_version(6);
    reply.set_payload_length(20);
    reply.set_next_header(Tcp);
    reply.set_hop_limit(64);
    reply.set_source(destination);
    reply.set_destination(source);
    let mut reply = emit(&segment, &mut rest[..20])?;
    reply.set_checksum(tcp::ipv6_checksum(&reply.to_immutable(), &destination, &source));
    Some(60)
}

/// Whether the header is within the segment, and no reset.
fn is_whole(segment: &TcpPacket<'_>) -> bool {
    let header_len = usize::from(segment.get_data_offset()) * 4;
    header_len >= 20 && header_len <= segment.packet().len() && segment.get_flags() & TcpFlags::RST == 0
}

/// All but the checksum.
fn emit<'reply>(segment: &TcpPacket<'_>, reply: &'reply mut [u8]) -> Option<MutableTcpPacket<'reply>> {
    reply.fill(0);
    let mut reply = MutableTcpPacket::new(reply)?;
    reply.set_source(segment.get_destination());
    reply.set_destination(segment.get_source());
    reply.set_data_offset(5);
    let flags = segment.get_flags();
    if flags & TcpFlags::ACK != 0 {
        reply.set_sequence(segment.get_acknowledgement());
        reply.set_flags(TcpFlags::RST);
    } else {
        let data_len = segment.packet().len() as u32 - u32::from(segment.get_data_offset()) * 4;
        let seg_len = data_len + u32::from(flags & TcpFlags::SYN != 0) + u32::from(flags & TcpFlags::FIN != 0);
        reply.set_acknowledgement(segment.get_sequence().wrapping_add(seg_len));
        reply.set_flags(TcpFlags::RST | TcpFlags::ACK);
    }
    Some(reply)
}
