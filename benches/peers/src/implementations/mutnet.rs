//! mutnet: parsed buffers with accessors. It changes packets in place, so the reply starts as a fixed one, whose fields are
//! set.

use std::net::{Ipv4Addr, Ipv6Addr};

use mutnet::data_buffer::{DataBuffer, Payload};
use mutnet::ipv4::{Ipv4, Ipv4Methods, Ipv4MethodsMut};
use mutnet::ipv6::{Ipv6, Ipv6Methods, Ipv6MethodsMut};
use mutnet::no_previous_header::NoPreviousHeader;
use mutnet::tcp::{Tcp, TcpMethods, TcpMethodsMut};
use tcp_reset::tcp::{ACK, RST};

use super::{Buffer, Config};

/// A segment over IPv4, and over IPv6.
type OverIpv4 = Tcp<Ipv4<NoPreviousHeader>>;
type OverIpv6 = Tcp<Ipv6<NoPreviousHeader>>;

const TCP: u8 = 6;

/// What all replies have in common.
const IPV4_HEADER: [u8; 20] = [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, TCP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const IPV6_HEADER: [u8; 8] = [0x60, 0, 0, 0, 0, 20, TCP, 64];
const TCP_HEADER: [u8; 20] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0];

/// Answers `packet`.
#[inline(never)]
pub fn answer(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    match packet.first()? >> 4 {
        6 => over_ipv6(packet, buffer),
        _ => over_ipv4(packet, buffer),
    }
}

fn over_ipv4(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    let offender = DataBuffer::<_, Ipv4<NoPreviousHeader>>::parse_ipv4_alone(packet, 0, true).ok()?;
    let (source, destination) = (offender.ipv4_source(), offender.ipv4_destination());
    let unicast = |address: Ipv4Addr| !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast();
    if offender.ipv4_fragment_offset() != 0
        || offender.ipv4_protocol() != TCP
        || !unicast(source)
        || !unicast(destination)
    {
        return None;
    }
    let segment = DataBuffer::<_, OverIpv4>::parse_tcp_layer(offender, true).ok()?;
    if segment.tcp_reset_flag() {
        return None;
    }

    let reply = &mut buffer[..40];
    reply[..20].copy_from_slice(&IPV4_HEADER);
    reply[20..].copy_from_slice(&TCP_HEADER);
    let mut reply = DataBuffer::<_, Ipv4<NoPreviousHeader>>::parse_ipv4_alone(reply, 0, false).ok()?;
    reply.set_ipv4_source(destination);
    reply.set_ipv4_destination(source);
    reply.update_ipv4_header_checksum();
    emit(&segment, &mut DataBuffer::<_, OverIpv4>::parse_tcp_layer(reply, false).ok()?);
    Some(40)
}

fn over_ipv6(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    let offender = DataBuffer::<_, Ipv6<NoPreviousHeader>>::parse_ipv6_alone(packet, 0).ok()?;
    let (source, destination) = (offender.ipv6_source(), offender.ipv6_destination());
    let unicast =
        |address: Ipv6Addr| !address.is_unspecified() && !address.is_multicast() && address.to_ipv4_mapped().is_none();
    if offender.ipv6_next_header() != TCP || !unicast(source) || !unicast(destination) {
        return None;
    }
    let segment = DataBuffer::<_, OverIpv6>::parse_tcp_layer(offender, true).ok()?;
    if segment.tcp_reset_flag() {
        return None;
    }

    let reply = &mut buffer[..60];
    reply[..8].copy_from_slice(&IPV6_HEADER);
    reply[40..].copy_from_slice(&TCP_HEADER);
    let mut reply = DataBuffer::<_, Ipv6<NoPreviousHeader>>::parse_ipv6_alone(reply, 0).ok()?;
    reply.set_ipv6_source(destination);
    reply.set_ipv6_destination(source);
    emit(&segment, &mut DataBuffer::<_, OverIpv6>::parse_tcp_layer(reply, false).ok()?);
    Some(60)
}

fn emit(segment: &(impl TcpMethods + Payload), reply: &mut impl TcpMethodsMut) {
    reply.set_tcp_source_port(segment.tcp_destination_port());
    reply.set_tcp_destination_port(segment.tcp_source_port());
    if segment.tcp_acknowledgement_flag() {
        reply.set_tcp_sequence_number(segment.tcp_acknowledgment_number());
        reply.set_tcp_flags(RST);
    } else {
        let seg_len = segment.payload_length() as u32
            + u32::from(segment.tcp_synchronize_flag())
            + u32::from(segment.tcp_fin_flag());
        reply.set_tcp_acknowledgement_number(segment.tcp_sequence_number().wrapping_add(seg_len));
        reply.set_tcp_flags(RST | ACK);
    }
    reply.update_tcp_checksum();
}
