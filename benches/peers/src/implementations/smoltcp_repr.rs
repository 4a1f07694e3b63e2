//! smoltcp's wire format by its representations: `Repr::parse` and `Repr::emit`, as its own stack uses it.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
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

fn over_ipv4(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    let checksums = ChecksumCapabilities::default();
    let packet = Ipv4Packet::new_checked(packet).ok()?;
    let offender = Ipv4Repr::parse(&packet, &checksums).ok()?;
    let (source, destination) = (IpAddress::from(offender.src_addr), IpAddress::from(offender.dst_addr));
    if offender.next_header != IpProtocol::Tcp || !source.is_unicast() || !destination.is_unicast() {
        return None;
    }
    let reset = reset(packet.payload(), source, destination)?;

    let mut reply = Ipv4Packet::new_unchecked(&mut buffer[..40]);
    Ipv4Repr {
        src_addr: offender.dst_addr,
        dst_addr: offender.src_addr,
        next_header: IpProtocol::Tcp,
        payload_len: 20,
        hop_limit: 64,
    }
    .emit(&mut reply, &checksums);
    reset.emit(&mut TcpPacket::new_unchecked(reply.payload_mut()), &destination, &source, &checksums);
    Some(40)
}

fn over_ipv6(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    let packet = Ipv6Packet::new_checked(packet).ok()?;
    let offender = Ipv6Repr::parse(&packet).ok()?;
    let (source, destination) = (IpAddress::from(offender.src_addr), IpAddress::from(offender.dst_addr));
    if offender.next_header != IpProtocol::Tcp || !source.is_unicast() || !destination.is_unicast() {
        return None;
    }
    let reset = reset(packet.payload(), source, destination)?;

    let mut reply = Ipv6Packet::new_unchecked(&mut buffer[..60]);
    Ipv6Repr {
        src_addr: offender.dst_addr,
        dst_addr: offender.src_addr,
        next_header: IpProtocol::Tcp,
        payload_len: 20,
        hop_limit: 64,
    }
    .emit(&mut reply);
    let checksums = ChecksumCapabilities::default();
    reset.emit(&mut TcpPacket::new_unchecked(reply.payload_mut()), &destination, &source, &checksums);
    Some(60)
}

fn reset(payload: &[u8], source: IpAddress, destination: IpAddress) -> Option<TcpRepr<'static>> {
    let segment = TcpPacket::new_checked(payload).ok()?;
    let segment = TcpRepr::parse(&segment, &source, &destination, &ChecksumCapabilities::default()).ok()?;
    if segment.control == TcpControl::Rst {
        return None;
    }
    let (seq_number, ack_number) = match segment.ack_number {
        Some(ack_number) => (ack_number, None),
        None => (TcpSeqNumber(0), Some(segment.seq_number + segment.segment_len())),
    };
    Some(TcpRepr {
        src_port: segment.dst_port,
        dst_port: segment.src_port,
        control: TcpControl::Rst,
        seq_number,
        ack_number,
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None, None, None],
        timestamp: None,
        payload: &[],
    })
}
