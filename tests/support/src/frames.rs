//! Builds Ethernet frames.

use crate::protocol::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};

/// A frame: addresses, tags, EtherType, packet.
pub fn frame(destination: [u8; 6], source: [u8; 6], tags: &[[u8; 4]], ether_type: u16, packet: &[u8]) -> Vec<u8> {
    [&destination[..], &source, tags.as_flattened(), &ether_type.to_be_bytes(), packet].concat()
}

/// The EtherType of a packet: IPv6 or, by default, IPv4.
pub fn ether_type(packet: &[u8]) -> u16 {
    if packet.first().is_some_and(|first| first >> 4 == 6) { ETHERTYPE_IPV6 } else { ETHERTYPE_IPV4 }
}
