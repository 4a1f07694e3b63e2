//! Packets that are not compared, since Linux decides about them before they reach the reference. README.md has the table.

mod ipv4;
mod ipv6;
mod tcp;

pub use ipv6::has_authentication;

use crate::Family;
use crate::reference::Reference;

/// Why a packet is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// The hop limit is used up: `ip_forward` and `ip6_forward` drop the packet before the hook.
    HopLimit,
    /// Only the route tells that the destination is not unicast, and it has not been looked up yet.
    NoRouteYet,
    /// A first fragment, which waits for the others.
    Reassembly,
    /// IPv4 options that Linux rejects, writes to or sends back.
    Ipv4Options,
    /// An IPv6 loopback address, which no device but `lo` may carry (`ipv6_rcv`).
    Loopback,
    /// A payload length of zero before a hop-by-hop header: Linux then takes the length from the device.
    Jumbogram,
    /// A source that the TCP stack answers although it cannot be reached, `::` or IPv4-mapped.
    Unreachable,
    /// Hop-by-hop options that Linux rejects (`ip6_parse_tlv`).
    HopByHop,
    /// An extension header that the host has to process, and does not support.
    ExtensionHeader,
    /// An authentication header, which nft takes for the transport protocol.
    Authentication,
    /// TCP options that sign the segment, or that cannot be read to tell.
    Signature,
}

/// Why `packet` is not compared with `reference`, or `None` if it is.
#[must_use]
pub fn exclusion(reference: Reference, family: Family, packet: &[u8]) -> Option<Exclusion> {
    match family {
        Family::V4 => ipv4::exclusion(reference, packet),
        Family::V6 => ipv6::exclusion(reference, packet),
    }
}
