//! IPv4 with etherparse's headers, checksums verified and filled in.

#![no_std]
#![no_main]

use core::net::Ipv4Addr;

use etherparse::{IpNumber, Ipv4Header, Ipv4HeaderSlice, TcpHeader, TcpSlice};

/// # Safety
///
/// The memory is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn job(packet: *const u8, len: usize, reply: &mut [u8; 40]) -> usize {
    answer(unsafe { footprint::packet(packet, len) }, reply).map_or(0, |()| reply.len())
}

fn answer(packet: &[u8], reply: &mut [u8; 40]) -> Option<()> {
    let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
    let payload = packet.get(header.slice().len()..usize::from(header.total_len()))?;
    if header.header_checksum() != header.to_header().calc_header_checksum()
        || header.fragments_offset().value() != 0
        || header.protocol() != IpNumber::TCP
        || !is_unicast(header.source_addr())
        || !is_unicast(header.destination_addr())
    {
        return None;
    }
    let segment = TcpSlice::from_slice(payload).ok()?;
    let checksum = segment.calc_checksum_ipv4(header.source(), header.destination()).ok()?;
    if segment.rst() || checksum != segment.checksum() {
        return None;
    }
    let (seq, ack) = if segment.ack() {
        (segment.acknowledgment_number(), None)
    } else {
        let seg_len = segment.payload().len() as u32 + u32::from(segment.syn()) + u32::from(segment.fin());
        (0, Some(segment.sequence_number().wrapping_add(seg_len)))
    };
    let mut tcp = TcpHeader::new(segment.destination_port(), segment.source_port(), seq, 0);
    tcp.rst = true;
    tcp.ack = ack.is_some();
    tcp.acknowledgment_number = ack.unwrap_or(0);
    let mut ip = Ipv4Header::new(20, 64, IpNumber::TCP, header.destination(), header.source()).ok()?;
    ip.dont_fragment = true;
    ip.header_checksum = ip.calc_header_checksum();
    tcp.checksum = tcp.calc_checksum_ipv4(&ip, &[]).ok()?;
    let (ip_bytes, tcp_bytes) = reply.split_at_mut(20);
    ip_bytes.copy_from_slice(&ip.to_bytes());
    tcp_bytes.copy_from_slice(&tcp.to_bytes());
    Some(())
}

fn is_unicast(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_broadcast())
}
