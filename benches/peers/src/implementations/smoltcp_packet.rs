//! smoltcp's wire format, field by field: `Packet` accessors over the bytes.

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, TcpSeqNumber,
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
    let offender = EthernetFrame::new_checked(frame).ok()?;
    let (source, destination) = (offender.src_addr(), offender.dst_addr());
    if !source.is_unicast() || !destination.is_unicast() {
        return None;
    }
    let (header, reply) = buffer.split_at_mut(EthernetFrame::<&[u8]>::header_len());
    let len = match offender.ethertype() {
        EthernetProtocol::Ipv4 => over_ipv4(offender.payload(), reply)?,
        EthernetProtocol::Ipv6 => over_ipv6(offender.payload(), reply)?,
        _ => return None,
    };
    let len = header.len() + len;
    let mut reply = EthernetFrame::new_unchecked(header);
    reply.set_dst_addr(source);
    reply.set_src_addr(destination);
    reply.set_ethertype(offender.ethertype());
    Some(len)
}

fn over_ipv4(packet: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let offender = Ipv4Packet::new_checked(packet).ok()?;
    if offender.version() != 4
        || !offender.verify_checksum()
        || offender.frag_offset() != 0
        || offender.next_header() != IpProtocol::Tcp
    {
        return None;
    }
    let (source, destination) = (offender.src_addr(), offender.dst_addr());
    if !IpAddress::from(source).is_unicast() || !IpAddress::from(destination).is_unicast() {
        return None;
    }
    let segment = checked_segment(offender.payload(), source.into(), destination.into())?;

    let reply = &mut buffer[..40];
    reply.fill(0);
    let mut reply = Ipv4Packet::new_unchecked(reply);
    reply.set_version(4);
    reply.set_header_len(20);
    reply.set_total_len(40);
    reply.set_dont_frag(true);
    reply.set_hop_limit(64);
    reply.set_next_header(IpProtocol::Tcp);
    reply.set_src_addr(destination);
    reply.set_dst_addr(source);
    reply.fill_checksum();
    emit(&segment, reply.payload_mut(), destination.into(), source.into());
    Some(40)
}

fn over_ipv6(packet: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let offender = Ipv6Packet::new_checked(packet).ok()?;
    if offender.next_header() != IpProtocol::Tcp {
        return None;
    }
    let (source, destination) = (offender.src_addr(), offender.dst_addr());
    if !IpAddress::from(source).is_unicast() || !IpAddress::from(destination).is_unicast() {
        return None;
    }
    let segment = checked_segment(offender.payload(), source.into(), destination.into())?;

    let reply = &mut buffer[..60];
    reply.fill(0);
    let mut reply = Ipv6Packet::new_unchecked(reply);
    reply.set_version(6);
    reply.set_payload_len(20);
    reply.set_next_header(IpProtocol::Tcp);
    reply.set_hop_limit(64);
    reply.set_src_addr(destination);
    reply.set_dst_addr(source);
    emit(&segment, reply.payload_mut(), destination.into(), source.into());
    Some(60)
}

fn checked_segment(payload: &[u8], source: IpAddress, destination: IpAddress) -> Option<TcpPacket<&[u8]>> {
    let segment = TcpPacket::new_checked(payload).ok()?;
    (!segment.rst() && segment.verify_checksum(&source, &destination)).then_some(segment)
}

/// Writes into zeroed bytes.
fn emit(segment: &TcpPacket<&[u8]>, reply: &mut [u8], source: IpAddress, destination: IpAddress) {
    let mut reply = TcpPacket::new_unchecked(reply);
    reply.set_src_port(segment.dst_port());
    reply.set_dst_port(segment.src_port());
    reply.set_header_len(20);
    reply.set_rst(true);
    if segment.ack() {
        reply.set_seq_number(segment.ack_number());
    } else {
        reply.set_ack(true);
        reply.set_ack_number(TcpSeqNumber(segment.seq_number().0.wrapping_add(segment.segment_len() as i32)));
    }
    reply.fill_checksum(&source, &destination);
}
