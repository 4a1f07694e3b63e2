//! IPv4 packets that Linux decides about before they reach the reference.

use std::net::Ipv4Addr;

use super::Exclusion::{HopLimit, Ipv4Options, NoRouteYet, Reassembly, Signature};
use super::{Exclusion, tcp};
use crate::reference::Reference;

pub(super) fn exclusion(reference: Reference, packet: &[u8]) -> Option<Exclusion> {
    let header = packet.first_chunk::<20>()?;
    let header_len = usize::from(header[0] & 15) * 4;
    let options = packet.get(20..header_len).unwrap_or_default();
    let destination = Ipv4Addr::new(header[16], header[17], header[18], header[19]);
    let segment = packet.get(header_len..).unwrap_or_default();
    match reference {
        Reference::Forward | Reference::NftForward if header[8] <= 1 => Some(HopLimit),
        Reference::Forward | Reference::NftForward | Reference::Input | Reference::NftInput if changes(options) => {
            Some(Ipv4Options)
        }
        Reference::Input | Reference::NftInput | Reference::Stack if is_first_of_many(header) => Some(Reassembly),
        Reference::NftPrerouting if !is_unicast(destination) => Some(NoRouteYet),
        Reference::Stack if comes_back(options) => Some(Ipv4Options),
        Reference::Stack if tcp::is_signed(segment) => Some(Signature),
        _ => None,
    }
}

/// Without a route REJECT takes any destination for the host's own.
fn is_unicast(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_broadcast())
}

fn is_first_of_many(header: &[u8; 20]) -> bool {
    u16::from_be_bytes([header[6], header[7]]) & 0x3fff == 0x2000
}

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
const LOOSE_SOURCE_ROUTE: u8 = 131;
const CIPSO: u8 = 134;
const STRICT_SOURCE_ROUTE: u8 = 137;
const ROUTER_ALERT: u8 = 148;

/// Whether `ip_options_compile` rejects the options or writes to them. When it writes, it leaves the header checksum
/// wrong, and REJECT, which sums the whole packet to verify TCP's, then finds that wrong.
fn changes(options: &[u8]) -> bool {
    walk(options, |option| match *option {
        [RECORD_ROUTE, len, pointer, ..] => pointer > len,
        [ROUTER_ALERT, len, ..] => len >= 4,
        [RECORD_ROUTE | TIMESTAMP | LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE | CIPSO, ..] => false,
        [END, ref rest @ ..] => rest.iter().all(|byte| *byte == 0),
        _ => true,
    })
}

/// Whether `ip_options_compile` rejects the options or `ip_options_echo` sends some of them back.
fn comes_back(options: &[u8]) -> bool {
    walk(options, |option| match *option {
        [RECORD_ROUTE | TIMESTAMP | LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE | CIPSO, ..] => false,
        [ROUTER_ALERT, len, ..] => len >= 4,
        _ => true,
    })
}

/// Whether the options are malformed or one of them is not `fine`. For the end of the list, `fine` gets all that follows.
fn walk(mut options: &[u8], fine: impl Fn(&[u8]) -> bool) -> bool {
    let mut routes = 0;
    while let [kind, rest @ ..] = options {
        let (option, rest) = match (*kind, rest) {
            (END, _) => (options, &[][..]),
            (NO_OPERATION, _) => options.split_at(1),
            (_, [len, ..]) if *len >= 2 && usize::from(*len) <= options.len() => options.split_at(usize::from(*len)),
            _ => return true,
        };
        routes += u8::from(*kind == RECORD_ROUTE);
        if !fine(option) || routes > 1 {
            return true;
        }
        options = rest;
    }
    false
}
