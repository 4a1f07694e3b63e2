//! Names for random packets, from their bytes: what stands in them that is not in a plain segment, in its order there.

use std::cmp::Ordering;
use std::net::{Ipv4Addr, Ipv6Addr};

use support::model::{pseudo_header, sum, word};
use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, EXTENSIONS, FRAGMENT, HOP_BY_HOP, ROUTING, TCP};

use crate::Family;

/// A chain of more extension headers than this is only counted.
const NAMED_EXTENSIONS: usize = 4;

/// What is in the packet, such as `traffic-class-5c-syn-ack-tcp-options-8-data-3`.
pub(super) fn contents(family: Family, packet: &[u8]) -> String {
    let mut words = Vec::new();
    match family {
        Family::V4 => ipv4(packet, &mut words),
        Family::V6 => ipv6(packet, &mut words),
    }
    words.join("-")
}

fn ipv4(packet: &[u8], words: &mut Vec<String>) {
    if packet.len() < 20 {
        return words.push(format!("only-{}-bytes", packet.len()));
    }
    let (version, header_len, total_len) =
        (packet[0] >> 4, usize::from(packet[0] & 15) * 4, usize::from(word(packet, 2)));
    if version != 4 {
        return words.push(format!("version-{version}"));
    }
    if header_len < 20 || packet.len() < header_len {
        return words.push(format!("header-length-{header_len}"));
    }
    if total_len < header_len {
        return words.push(format!("total-length-{total_len}"));
    }
    let [source, destination] = [12, 16].map(|at| {
        let address: [u8; 4] = packet[at..at + 4].try_into().expect("four bytes");
        ipv4_class(address.into())
    });
    addresses(source, destination, packet[12..16] == packet[16..20], words);
    traffic_class(packet[1], words);
    if header_len > 20 {
        words.push(format!("ip-options-{}", header_len - 20));
    }
    let fragment = word(packet, 6);
    if fragment & 0x3fff != 0 {
        words.push(format!("fragment-{fragment:04x}"));
    }
    if sum(&packet[..header_len]) != 0xffff {
        words.push("header-checksum-wrong".to_owned());
    }
    payload(packet, header_len, total_len, packet[9], &packet[12..20], words);
}

fn ipv6(packet: &[u8], words: &mut Vec<String>) {
    if packet.len() < 40 {
        return words.push(format!("only-{}-bytes", packet.len()));
    }
    let (version, total_len) = (packet[0] >> 4, 40 + usize::from(word(packet, 4)));
    if version != 6 {
        return words.push(format!("version-{version}"));
    }
    let [source, destination] = [8, 24].map(|at| {
        let address: [u8; 16] = packet[at..at + 16].try_into().expect("sixteen bytes");
        ipv6_class(address.into())
    });
    addresses(source, destination, packet[8..24] == packet[24..40], words);
    traffic_class(packet[0] << 4 | packet[1] >> 4, words);
    let (mut protocol, mut at, mut extensions) = (packet[6], 40, Vec::new());
    while EXTENSIONS.contains(&protocol) && at + 8 <= packet.len() {
        let (len, name) = match protocol {
            FRAGMENT if word(packet, at + 2) == 0 => (8, "fragment".to_owned()),
            FRAGMENT => (8, format!("fragment-{:04x}", word(packet, at + 2))),
            AUTHENTICATION => (8 + 4 * usize::from(packet[at + 1]), "authentication".to_owned()),
            _ => (8 + 8 * usize::from(packet[at + 1]), extension_name(protocol).to_owned()),
        };
        extensions.push(name);
        (protocol, at) = (packet[at], at + len);
    }
    if extensions.len() > NAMED_EXTENSIONS {
        extensions = vec![format!("{}-extension-headers", extensions.len())];
    }
    words.append(&mut extensions);
    if EXTENSIONS.contains(&protocol) {
        words.push(format!("no-room-for-{}", extension_name(protocol)));
        return length(packet, total_len, words);
    }
    payload(packet, at, total_len, protocol, &packet[8..40], words);
}

fn payload(packet: &[u8], at: usize, total_len: usize, protocol: u8, addresses: &[u8], words: &mut Vec<String>) {
    if protocol == TCP {
        let len = total_len.saturating_sub(at);
        let segment = packet.get(at..).unwrap_or_default();
        tcp(&segment[..segment.len().min(len)], len, addresses, words);
    } else {
        words.push(format!("protocol-{protocol}"));
    }
    length(packet, total_len, words);
}

fn length(packet: &[u8], total_len: usize, words: &mut Vec<String>) {
    match packet.len().cmp(&total_len) {
        Ordering::Less => words.push(format!("cut-at-{}", packet.len())),
        Ordering::Equal => {}
        Ordering::Greater => words.push(format!("padding-{}", packet.len() - total_len)),
    }
}

/// A segment that has `len` bytes by the IP header.
fn tcp(segment: &[u8], len: usize, addresses: &[u8], words: &mut Vec<String>) {
    if segment.len() < 20 {
        return words.push(format!("tcp-header-{}", segment.len()));
    }
    let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];
    let set = (0..8).filter(|bit| segment[13] >> bit & 1 == 1).map(|bit| names[bit].to_owned());
    words.extend(set);
    if segment[13] == 0 {
        words.push("no-flags".to_owned());
    }
    let data_offset = usize::from(segment[12] >> 4);
    match len.checked_sub(data_offset * 4) {
        Some(data) if data_offset >= 5 => {
            for (name, len) in [("tcp-options", data_offset * 4 - 20), ("data", data)] {
                if len > 0 {
                    words.push(format!("{name}-{len}"));
                }
            }
        }
        _ => words.push(format!("data-offset-{data_offset}-segment-{len}")),
    }
    if segment.len() == len && sum(&[&pseudo_header(addresses, len)[..], segment].concat()) != 0xffff {
        words.push("tcp-checksum-wrong".to_owned());
    }
}

fn traffic_class(byte: u8, words: &mut Vec<String>) {
    if byte != 0 {
        words.push(format!("traffic-class-{byte:02x}"));
    }
}

fn addresses(source: &str, destination: &str, are_equal: bool, words: &mut Vec<String>) {
    if are_equal {
        words.push("source-is-destination".to_owned());
    }
    for (role, class) in [("source", source), ("destination", destination)] {
        if !class.is_empty() {
            words.push(format!("{role}-{class}"));
        }
    }
}

/// The class of an address, or "" for one that any host may have.
fn ipv4_class(address: Ipv4Addr) -> &'static str {
    match address.octets() {
        [0, 0, 0, 0] => "unspecified",
        [0, ..] => "net-0",
        [127, ..] => "loopback",
        [169, 254, ..] => "link-local",
        [224..240, ..] => "multicast",
        [255, 255, 255, 255] => "broadcast",
        [240..=255, ..] => "reserved",
        _ => "",
    }
}

fn ipv6_class(address: Ipv6Addr) -> &'static str {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        [0, 0, 0, 0, 0, 0xffff, ..] => "ipv4-mapped",
        [0, 0, 0, 0, 0, 0, ..] => "ipv4-compatible",
        [0x64, 0xff9b, ..] => "ipv4-translated",
        [0x2000..0x4000, ..] => "",
        [0xfc00..0xfe00, ..] => "unique-local",
        [0xfe80..0xfec0, ..] => "link-local",
        [0xfec0..0xff00, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        _ => "unassigned",
    }
}

fn extension_name(protocol: u8) -> &'static str {
    match protocol {
        HOP_BY_HOP => "hop-by-hop",
        ROUTING => "routing",
        FRAGMENT => "fragment",
        AUTHENTICATION => "authentication",
        DESTINATION_OPTIONS => "destination-options",
        _ => unreachable!("the caller has asked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use support::packet::{Tcp, V4, V6};
    use tcp_reset::tcp::{ACK, SYN};

    #[test]
    fn ipv4() {
        let plain = V4 { tcp: Tcp { flags: SYN, ..Tcp::default() }, ..V4::default() };
        let full = V4 {
            tos: 0x5c,
            fragment: 0x2001,
            source: [127, 0, 0, 1],
            options: vec![1; 8],
            tcp: Tcp { flags: SYN | ACK, options: vec![1; 4], data: vec![7; 3], ..Tcp::default() },
            ..plain.clone()
        };
        let mut wrong = full.bytes();
        *wrong.last_mut().unwrap() ^= 1;
        wrong[10] ^= 1;
        let short = Tcp { data_offset: Some(4), flags: 0, ..Tcp::default() };
        let whole = plain.bytes();
        for (packet, name) in [
            (whole.clone(), "syn"),
            (full.bytes(), "source-loopback-traffic-class-5c-ip-options-8-fragment-2001-syn-ack-tcp-options-4-data-3"),
            (
                wrong,
                "source-loopback-traffic-class-5c-ip-options-8-fragment-2001-header-checksum-wrong-syn-ack-tcp-options-4-\
                 data-3-tcp-checksum-wrong",
            ),
            (V4 { tcp: short, ..plain.clone() }.bytes(), "no-flags-data-offset-4-segment-20"),
            (V4 { protocol: 17, ..plain.clone() }.bytes(), "protocol-17"),
            (V4 { source: plain.destination, ..plain }.bytes(), "source-is-destination-syn"),
            ([&whole[..], &[0; 9]].concat(), "syn-padding-9"),
            (whole[..30].to_vec(), "tcp-header-10-cut-at-30"),
            (whole[..19].to_vec(), "only-19-bytes"),
        ] {
            assert_eq!(contents(Family::V4, &packet), name);
        }
    }

    #[test]
    fn ipv6() {
        let extension = |kind, second: [u8; 3]| (kind, [&[0][..], &second, &[0; 4]].concat());
        let with = |extensions| V6 { extensions, ..V6::default() }.bytes();
        for (packet, name) in [
            (with(vec![extension(FRAGMENT, [0, 0, 0]), extension(ROUTING, [0, 0, 0])]), "fragment-routing-syn"),
            (with(vec![extension(FRAGMENT, [0, 0, 9])]), "fragment-0009-syn"),
            (with(vec![extension(HOP_BY_HOP, [9, 0, 0])]), "hop-by-hop-tcp-header-0"),
            (with(vec![extension(DESTINATION_OPTIONS, [0, 0, 0]); 5]), "5-extension-headers-syn"),
            (with(vec![extension(AUTHENTICATION, [0, 0, 0])])[..44].to_vec(), "no-room-for-authentication-cut-at-44"),
        ] {
            assert_eq!(contents(Family::V6, &packet), name);
        }
    }
}
