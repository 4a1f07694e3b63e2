//! IPv6 packets that Linux decides about before they reach the reference.

use super::Exclusion::{
    Authentication, ExtensionHeader, HopByHop, HopLimit, Jumbogram, Loopback, Reassembly, Signature, Unreachable,
};
use super::{Exclusion, tcp};
use crate::reference::Reference;
use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING, TCP};

const HEADER_LEN: usize = 40;

pub(super) fn exclusion(reference: Reference, packet: &[u8]) -> Option<Exclusion> {
    let header = packet.first_chunk::<HEADER_LEN>()?;
    let (source, destination) = (&header[8..24], &header[24..]);
    if is_loopback(source) || is_loopback(destination) {
        return Some(Loopback);
    }
    if reference.is_forward() && header[7] <= 1 {
        return Some(HopLimit);
    }
    let payload_len = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if payload_len == 0 && header[6] == HOP_BY_HOP {
        return Some(Jumbogram);
    }
    if reference == Reference::Stack && is_unreachable(source) {
        return Some(Unreachable);
    }
    let payload = packet.get(HEADER_LEN..HEADER_LEN + payload_len)?;
    if header[6] == HOP_BY_HOP && !are_accepted(payload, true) {
        return Some(HopByHop);
    }
    match reference {
        Reference::NftForward | Reference::NftInput | Reference::NftPrerouting => {
            has_authentication(header[6], payload).then_some(Authentication)
        }
        Reference::Stack => stack(header[6], payload),
        Reference::Forward | Reference::Input => None,
    }
}

/// Whether one of the extension headers is an authentication header, which nft takes for the transport protocol.
#[must_use]
pub fn has_authentication(next_header: u8, payload: &[u8]) -> bool {
    walk(next_header, payload, |kind, _| (kind == AUTHENTICATION).then_some(Authentication)).is_some()
}

fn is_loopback(address: &[u8]) -> bool {
    matches!(address, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
}

fn is_unreachable(address: &[u8]) -> bool {
    address == [0; 16] || address.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
}

/// The extension headers as the host itself takes them, one handler a header (`ip6_protocol_deliver_rcu`).
fn stack(next_header: u8, payload: &[u8]) -> Option<Exclusion> {
    let mut nth = 0;
    let mut fragments = 0;
    walk(next_header, payload, |kind, header| {
        nth += 1;
        match kind {
            TCP => tcp::is_signed(header).then_some(Signature),
            HOP_BY_HOP => (nth > 1).then_some(ExtensionHeader),
            DESTINATION_OPTIONS => (!are_accepted(header, false)).then_some(ExtensionHeader),
            // Types 2 to 4 have handlers of their own; no other type may have segments left.
            ROUTING => (header[3] != 0 || matches!(header[2], 2..=4)).then_some(ExtensionHeader),
            FRAGMENT if header[2] | header[3] & 0xf8 == 0 && header[3] & 1 == 1 => Some(Reassembly),
            FRAGMENT => {
                fragments += 1;
                (fragments > 1).then_some(ExtensionHeader)
            }
            _ => Some(ExtensionHeader),
        }
    })
}

/// Calls `visit` with each header's number and the bytes from it on, TCP's last, until it returns an exclusion.
fn walk(
    mut next_header: u8,
    mut payload: &[u8],
    mut visit: impl FnMut(u8, &[u8]) -> Option<Exclusion>,
) -> Option<Exclusion> {
    loop {
        let known = [HOP_BY_HOP, TCP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS];
        if !known.contains(&next_header) || payload.len() < 8 {
            return None;
        }
        let exclusion = visit(next_header, payload);
        if next_header == TCP || exclusion.is_some() {
            return exclusion;
        }
        let len = match next_header {
            FRAGMENT => 8,
            AUTHENTICATION => (usize::from(payload[1]) + 2) * 4,
            _ => (usize::from(payload[1]) + 1) * 8,
        };
        (next_header, payload) = (payload[0], payload.get(len..)?);
    }
}

const PAD_1: u8 = 0;
const PAD_N: u8 = 1;
const ROUTER_ALERT: u8 = 5;
const CALIPSO: u8 = 7;
const IOAM: u8 = 0x31;

/// Whether Linux accepts the options of the header that `payload` begins with (`ip6_parse_tlv`): no more than eight of
/// them, none unknown that asks to be discarded, no more than seven bytes of padding in a row, all of them zero.
fn are_accepted(payload: &[u8], hop_by_hop: bool) -> bool {
    let len = payload.get(1).map_or(0, |len| (usize::from(*len) + 1) * 8);
    // Linux and the crate both drop a packet with a header longer than the packet.
    let Some(mut options) = payload.get(2..len) else { return true };
    let (mut padding, mut count) = (0, 0);
    while let [kind, rest @ ..] = options {
        if *kind == PAD_1 {
            padding += 1;
            options = rest;
        } else {
            let Some((len, rest)) = rest.split_first() else { return false };
            let Some((data, rest)) = rest.split_at_checked(usize::from(*len)) else { return false };
            match *kind {
                PAD_N if data.iter().all(|byte| *byte == 0) => padding += data.len() + 2,
                PAD_N => return false,
                ROUTER_ALERT if hop_by_hop && *len != 2 => return false,
                CALIPSO | IOAM if hop_by_hop => return false,
                kind if kind & 0xc0 != 0 => return false,
                _ => (padding, count) = (0, count + 1),
            }
            options = rest;
        }
        if padding > 7 || count > 8 {
            return false;
        }
    }
    true
}
