//! IPv4 with smoltcp's wire representations, checksums verified and filled in, by the rule of RFC 9293 and not by
//! smoltcp's own.

#![no_std]
#![no_main]

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber};

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(packet: *const u8, len: usize, reply: &mut [u8; 40]) -> usize {
    answer(unsafe { footprint::packet(packet, len) }, reply).map_or(0, |()| reply.len())
}

fn answer(packet: &[u8], reply: &mut [u8; 40]) -> Option<()> {
    let checksums = ChecksumCapabilities::default();
    let packet = Ipv4Packet::new_checked(packet).ok()?;
    if packet.version() != 4 || packet.frag_offset() != 0 || packet.next_header() != IpProtocol::Tcp {
        return None;
    }
    let ip = Ipv4Repr::parse(&packet, &checksums).ok()?;
    if !is_unicast(ip.src_addr) || !is_unicast(ip.dst_addr) {
        return None;
    }
    let segment = TcpPacket::new_checked(packet.payload()).ok()?;
    if segment.rst() || !segment.verify_checksum(&ip.src_addr.into(), &ip.dst_addr.into()) {
        return None;
    }
    let (seq_number, ack_number) = if segment.ack() {
        (segment.ack_number(), None)
    } else {
        (TcpSeqNumber(0), Some(segment.seq_number() + segment.segment_len()))
    };
    let tcp = TcpRepr {
        src_port: segment.dst_port(),
        dst_port: segment.src_port(),
        control: TcpControl::Rst,
        seq_number,
        ack_number,
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let ip = Ipv4Repr {
        src_addr: ip.dst_addr,
        dst_addr: ip.src_addr,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let mut packet = Ipv4Packet::new_unchecked(&mut reply[..]);
    ip.emit(&mut packet, &checksums);
    let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
    tcp.emit(&mut segment, &ip.src_addr.into(), &ip.dst_addr.into(), &checksums);
    Some(())
}

fn is_unicast(address: Ipv4Address) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_broadcast())
}
