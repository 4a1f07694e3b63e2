//! The packets that are not compared: each exclusion, and the most similar packet that is compared.

use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING, TCP};
use tcp_reset_linux::Family::{self, V4, V6};
use tcp_reset_linux::exclude::Exclusion::{
    Authentication, ExtensionHeader, HopByHop, HopLimit, Ipv4Options, Jumbogram, Loopback, NoRouteYet, Reassembly,
    Signature, Unreachable,
};
use tcp_reset_linux::exclude::{Exclusion, exclusion};
use tcp_reset_linux::reference::Reference::{self, Forward, Input, NftForward, NftInput, NftPrerouting, Stack};

const ALL: [Reference; 6] = [Forward, Input, NftForward, NftInput, NftPrerouting, Stack];
const HOOKS_BEHIND_ROUTING: [Reference; 4] = [Forward, Input, NftForward, NftInput];

/// Asserts that `packet` is not compared with these references, for this reason, and is compared with all others.
#[track_caller]
fn excluded(references: &[Reference], reason: Exclusion, family: Family, packet: &[u8]) {
    for reference in ALL {
        let expected = references.contains(&reference).then_some(reason);
        assert_eq!(exclusion(reference, family, packet), expected, "{reference:?}");
    }
}

#[track_caller]
fn compared(family: Family, packet: &[u8]) {
    for reference in ALL {
        assert_eq!(exclusion(reference, family, packet), None, "{reference:?}");
    }
}

/// An IPv4 packet with `options`; lengths and checksums do not count here.
fn ipv4(options: &[u8], edit: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut packet = support::packet::V4 { options: options.to_vec(), ..Default::default() }.bytes();
    edit(&mut packet);
    packet
}

/// An IPv6 packet with extension headers, of which `next_header` is the first.
fn ipv6(next_header: u8, headers: &[u8], edit: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut packet = support::packet::V6::default().bytes();
    packet[5] += u8::try_from(headers.len()).unwrap();
    packet[6] = next_header;
    packet.splice(40..40, headers.iter().copied());
    edit(&mut packet);
    packet
}

#[test]
fn hop_limits() {
    excluded(&[Forward, NftForward], HopLimit, V4, &ipv4(&[], |packet| packet[8] = 1));
    excluded(&[Forward, NftForward], HopLimit, V6, &ipv6(TCP, &[], |packet| packet[7] = 1));
    compared(V4, &ipv4(&[], |packet| packet[8] = 2));
    compared(V6, &ipv6(TCP, &[], |packet| packet[7] = 2));
}

#[test]
fn ipv4_addresses() {
    for destination in [[0, 0, 0, 0], [224, 0, 0, 1], [255; 4]] {
        excluded(&[NftPrerouting], NoRouteYet, V4, &ipv4(&[], |packet| packet[16..20].copy_from_slice(&destination)));
        compared(V4, &ipv4(&[], |packet| packet[12..16].copy_from_slice(&destination)));
    }
    for address in [[0, 0, 0, 1], [127, 0, 0, 1], [240, 0, 0, 1], [255, 255, 255, 254]] {
        compared(V4, &ipv4(&[], |packet| packet[12..16].copy_from_slice(&address)));
        compared(V4, &ipv4(&[], |packet| packet[16..20].copy_from_slice(&address)));
    }
}

#[test]
fn ipv4_fragments() {
    excluded(&[Input, NftInput, Stack], Reassembly, V4, &ipv4(&[], |packet| packet[6] = 0x20));
    for fragment in [[0x40, 0], [0x80, 0], [0, 1], [0x20, 1]] {
        compared(V4, &ipv4(&[], |packet| packet[6..8].copy_from_slice(&fragment)));
    }
}

#[test]
fn ipv4_options() {
    let behind_routing = [&HOOKS_BEHIND_ROUTING[..], &[Stack]].concat();
    let fine: [&[u8]; 6] =
        [&[1, 1, 1, 1], &[1, 0, 0, 0], &[148, 4, 0, 0], &[136, 4, 0, 1], &[99, 4, 1, 2], &[94, 2, 99, 2]];
    for options in fine {
        compared(V4, &ipv4(options, |_| ()));
    }
    let malformed: [&[u8]; 4] = [&[99, 5, 0, 0], &[99, 1, 0, 0], &[1, 1, 1, 99], &[148, 3, 0, 1]];
    let sent_back: [&[u8]; 4] = [&[131, 3, 4, 0], &[68, 4, 5, 0], &[7, 7, 4, 0, 0, 0, 0, 1], &[134, 4, 0, 0]];
    for options in malformed.into_iter().chain(sent_back) {
        excluded(&behind_routing, Ipv4Options, V4, &ipv4(options, |_| ()));
    }
    // A full record is not changed, but sent back. Linux clears what follows the end of the list, which matters to REJECT only.
    excluded(&[Stack], Ipv4Options, V4, &ipv4(&[7, 7, 8, 0, 0, 0, 0, 1], |_| ()));
    excluded(&HOOKS_BEHIND_ROUTING, Ipv4Options, V4, &ipv4(&[1, 0, 1, 1], |_| ()));
}

#[test]
fn tcp_options() {
    let with = |options: [u8; 8]| {
        let mut packet = ipv4(&[], |packet| packet[32] = 0x70);
        packet.extend(options);
        packet
    };
    excluded(&[Stack], Signature, V4, &with([1, 1, 19, 4, 0, 0, 1, 1]));
    excluded(&[Stack], Signature, V4, &with([29, 8, 0, 0, 0, 0, 0, 0]));
    excluded(&[Stack], Signature, V4, &with([99, 1, 0, 0, 0, 0, 0, 0]));
    excluded(&[Stack], Signature, V4, &with([99, 9, 0, 0, 0, 0, 0, 0]));
    compared(V4, &with([2, 4, 19, 29, 1, 1, 1, 1]));
    compared(V4, &with([0, 19, 19, 29, 1, 1, 1, 1]));
    compared(V4, &with([1, 1, 1, 1, 19, 9, 9, 9]));
}

#[test]
fn ipv6_addresses_and_length() {
    let loopback = |start: usize| {
        move |packet: &mut [u8]| {
            packet[start..start + 16].fill(0);
            packet[start + 15] = 1;
        }
    };
    excluded(&ALL, Loopback, V6, &ipv6(TCP, &[], loopback(8)));
    excluded(&ALL, Loopback, V6, &ipv6(TCP, &[], loopback(24)));
    excluded(&[Stack], Unreachable, V6, &ipv6(TCP, &[], |packet| packet[8..24].fill(0)));
    compared(V6, &ipv6(TCP, &[], |packet| packet[24..40].fill(0)));
    compared(V6, &ipv6(TCP, &[], |packet| packet[8..10].copy_from_slice(&[0xfe, 0x80])));
    let options = [6, 0, 0x1e, 4, 0, 0, 0, 0];
    excluded(&ALL, Jumbogram, V6, &ipv6(HOP_BY_HOP, &options, |packet| packet[5] = 0));
    compared(V6, &ipv6(DESTINATION_OPTIONS, &options, |packet| packet[5] = 0));
}

#[test]
fn ipv6_options() {
    let fine: [&[u8]; 3] =
        [&[6, 0, 1, 4, 0, 0, 0, 0], &[6, 0, 5, 2, 0, 0, 1, 0], &[6, 1, 0x1e, 5, 9, 9, 9, 9, 9, 1, 5, 0, 0, 0, 0, 0]];
    for header in fine {
        compared(V6, &ipv6(HOP_BY_HOP, header, |_| ()));
        compared(V6, &ipv6(DESTINATION_OPTIONS, header, |_| ()));
    }
    let mut nine = vec![6, 2];
    nine.extend([0x1e, 0].repeat(9));
    nine.extend([1, 2, 0, 0]);
    // Padding that is not zero, eight bytes of it, an option to discard, one cut off, nine of them.
    let refused: [&[u8]; 5] = [
        &[6, 0, 1, 4, 0, 0, 0, 1],
        &[6, 1, 0x1e, 4, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0],
        &[6, 0, 0x5e, 4, 0, 0, 0, 0],
        &[6, 0, 0x1e, 5, 0, 0, 0, 0],
        &nine,
    ];
    for header in refused {
        excluded(&ALL, HopByHop, V6, &ipv6(HOP_BY_HOP, header, |_| ()));
        excluded(&[Stack], ExtensionHeader, V6, &ipv6(DESTINATION_OPTIONS, header, |_| ()));
    }
    // Options with a meaning of their own in hop-by-hop headers: router alert of a wrong length, CALIPSO, IOAM.
    for header in [[6, 0, 5, 4, 0, 0, 0, 0], [6, 0, 7, 4, 0, 0, 0, 0], [6, 0, 0x31, 4, 0, 0, 0, 0]] {
        excluded(&ALL, HopByHop, V6, &ipv6(HOP_BY_HOP, &header, |_| ()));
        compared(V6, &ipv6(DESTINATION_OPTIONS, &header, |_| ()));
    }
}

#[test]
fn ipv6_extension_headers() {
    let options = [0x1e, 4, 0, 0, 0, 0];
    let chain = |kind: u8, rest: [u8; 7]| [&[kind, 0][..], &options, &[6], &rest].concat();
    excluded(
        &[Stack],
        ExtensionHeader,
        V6,
        &ipv6(DESTINATION_OPTIONS, &[&[0, 0][..], &options, &[6, 0], &options].concat(), |_| ()),
    );
    for packet in [
        ipv6(AUTHENTICATION, &[6, 0, 0, 0, 0, 0, 0, 0], |_| ()),
        ipv6(DESTINATION_OPTIONS, &chain(AUTHENTICATION, [0; 7]), |_| ()),
    ] {
        for reference in ALL {
            let expected = match reference {
                Forward | Input => None,
                NftForward | NftInput | NftPrerouting => Some(Authentication),
                Stack => Some(ExtensionHeader),
            };
            assert_eq!(exclusion(reference, V6, &packet), expected, "{reference:?}");
        }
    }
    compared(V6, &ipv6(ROUTING, &[6, 0, 0, 0, 0, 0, 0, 0], |_| ()));
    excluded(&[Stack], ExtensionHeader, V6, &ipv6(ROUTING, &[6, 0, 0, 1, 0, 0, 0, 0], |_| ()));
    excluded(&[Stack], ExtensionHeader, V6, &ipv6(ROUTING, &[6, 0, 4, 0, 0, 0, 0, 0], |_| ()));
    compared(V6, &ipv6(FRAGMENT, &[6, 0, 0, 0, 0, 0, 0, 0], |_| ()));
    compared(V6, &ipv6(FRAGMENT, &[6, 0, 0, 8, 0, 0, 0, 0], |_| ()));
    excluded(&[Stack], Reassembly, V6, &ipv6(FRAGMENT, &[6, 0, 0, 1, 0, 0, 0, 0], |_| ()));
    let twice = [44, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
    excluded(&[Stack], ExtensionHeader, V6, &ipv6(FRAGMENT, &twice, |_| ()));
}
