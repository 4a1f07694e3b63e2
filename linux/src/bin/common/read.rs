//! Reading of packets: what `queue` and `sniff` have to know about one before they decide.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, Ipv6ExtensionSlice, LaxIpSlice, LenSource, TcpSlice};
use tcp_reset_linux::cut::Segment;

/// A packet as far as it can be read.
#[derive(Default)]
pub(crate) struct Read<'a> {
    /// The TCP segment, if there is one.
    pub(crate) tcp: Option<Tcp<'a>>,
    /// Why some of it cannot be read. Without a segment and without a reason, it is not TCP.
    pub(crate) unreadable: Option<&'static str>,
}

/// A TCP segment.
pub(crate) struct Tcp<'a> {
    pub(crate) segment: Segment,
    pub(crate) data: &'a [u8],
    /// The first 20 bytes of its header.
    pub(crate) header: [u8; 20],
    /// The IP header says nothing about the length (BIG TCP, segmentation offload): the buffer's end is the packet's.
    pub(crate) is_unmeasured: bool,
}

impl<'a> Read<'a> {
    /// Reads a packet that begins with its IP header. If `is_cut_off`, the buffer does not hold all of it.
    ///
    /// Each segment is read alone: a word that two segments share is not found. A program that has to find it reassembles
    /// the stream first.
    pub(crate) fn packet(packet: &'a [u8], is_cut_off: bool) -> Self {
        let Ok((ip, stopped)) = LaxIpSlice::from_slice(packet) else { return Self::unreadable("IP header") };
        if stopped.is_some() {
            return Self::unreadable("extension headers");
        }
        let payload = ip.payload();
        let number = payload.ip_number;
        // After the first fragment header, nobody knows what a chain of headers leads to.
        let is_other = [IpNumber::UDP, IpNumber::ICMP, IpNumber::IPV6_ICMP].contains(&number);
        if number != IpNumber::TCP && (!payload.fragmented || is_other) {
            return Self::default();
        }
        // Only the first fragment has a TCP header.
        if fragment_offset(&ip) != 0 || number != IpNumber::TCP {
            return Self::unreadable("fragment");
        }
        // Length 0 is used on purpose; a smaller length than the header's is wrong.
        let is_unmeasured = payload.len_source == LenSource::Slice && !payload.incomplete;
        if is_unmeasured
            && packet.first_chunk().is_some_and(|&[version, _, l0, l1]| version >> 4 == 4 && [l0, l1] != [0; 2])
        {
            return Self::unreadable("length");
        }
        let (Ok(tcp), Some(header)) = (TcpSlice::from_slice(payload.payload), payload.payload.first_chunk()) else {
            return Self::unreadable(if payload.fragmented { "fragment" } else { "TCP header" });
        };
        let segment = Segment {
            source: SocketAddr::new(ip.source_addr(), tcp.source_port()),
            destination: SocketAddr::new(ip.destination_addr(), tcp.destination_port()),
            opens: tcp.syn() && !tcp.ack(),
            rst: tcp.rst(),
            seq: tcp.sequence_number(),
            scope: 0,
        };
        let unreadable = if payload.fragmented {
            Some("fragment")
        } else if payload.incomplete || is_cut_off {
            Some("longer than what can be seen of it")
        } else {
            None
        };
        let tcp = Tcp { segment, data: tcp.payload(), header: *header, is_unmeasured };
        Self { tcp: Some(tcp), unreadable }
    }

    fn unreadable(why: &'static str) -> Self {
        Self { tcp: None, unreadable: Some(why) }
    }
}

fn fragment_offset(ip: &LaxIpSlice) -> u16 {
    match ip {
        LaxIpSlice::Ipv4(ip) => ip.header().fragments_offset().value(),
        LaxIpSlice::Ipv6(ip) => {
            let offset = |header| match header {
                Ipv6ExtensionSlice::Fragment(fragment) => Some(fragment.fragment_offset().value()),
                _ => None,
            };
            ip.extensions().clone().into_iter().find_map(offset).unwrap_or(0)
        }
    }
}

/// Whether an address belongs to the loopback device alone, or to nobody: 0.0.0.0/8, 127.0.0.0/8, 240.0.0.0/4 and `::1`.
///
/// A frame from the wire with such an address is forged. A reset for it could end a connection inside the firewall's host.
pub(crate) const fn is_martian(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets()[0], 0 | 127 | 240..),
        IpAddr::V6(address) => address.is_loopback(),
    }
}

/// Whether an address is link-local: another host may have it on another link.
pub(crate) const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Where the IP packet in an Ethernet frame begins, after its VLAN tags, and the numbers of its VLANs.
pub(crate) fn ip_in_frame(frame: &[u8]) -> Option<(usize, u64)> {
    let (mut at, mut vlans) = (12, 0);
    loop {
        let ether_type = u16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?);
        match ether_type {
            0x8100 | 0x88a8 | 0x9100 => {
                let tag = u16::from_be_bytes(frame.get(at + 2..at + 4)?.try_into().ok()?);
                // VLAN 0, a tag for its priority alone, is another one than none.
                vlans = vlans << 13 | 1 << 12 | u64::from(tag & 0xfff);
                at += 4;
            }
            0x0800 | 0x86dd => return Some((at + 2, vlans)),
            _ => return None,
        }
    }
}
