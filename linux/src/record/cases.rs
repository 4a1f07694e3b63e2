//! Which offenders are recorded: each row of the contract, each flag byte, each length near an edge.

use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING, TCP};
use support::reference::sum;
use tcp_reset::tcp::ACK;

use super::draft::{Draft, seal_ipv4};
use crate::Family;
use crate::exclude::exclusion;
use crate::generate::Generator;
use crate::reference::Reference;

/// A name and an offender.
type Case = (String, Vec<u8>);

/// How many random packets follow the chosen ones, and how long they may be.
const RANDOM: usize = 200;
const RANDOM_LEN: usize = 160;

/// All offenders of one family, for one reference.
pub(super) fn all(family: Family, reference: Reference) -> Vec<Case> {
    let syn = Draft::new(family);
    let mut cases = Vec::new();
    textbook(&syn, &mut cases);
    numbers(&syn, &mut cases);
    lengths(&syn, &mut cases);
    tcp_checksums(&syn, &mut cases);
    header_bytes(family, &syn, &mut cases);
    addresses(family, &syn, &mut cases);
    match family {
        Family::V4 => ipv4(&syn, &mut cases),
        Family::V6 => ipv6(&syn, &mut cases),
    }
    random(family, reference, &mut cases);
    cases
}

fn textbook(syn: &Draft, cases: &mut Vec<Case>) {
    cases.push(("textbook-syn".into(), syn.packet()));
    cases.push(("textbook-ack".into(), syn.clone().flags(ACK).packet()));
}

/// Every flag byte, with and without data; sequence numbers that wrap; every data offset.
fn numbers(syn: &Draft, cases: &mut Vec<Case>) {
    for flags in 0..=255 {
        let draft = syn.clone().flags(flags);
        cases.push((format!("flags-{flags:02x}"), draft.packet()));
        cases.push((format!("flags-{flags:02x}-data"), draft.data(3).packet()));
    }
    for (flags, name) in
        [(0x00, "none"), (0x01, "fin"), (0x02, "syn"), (0x03, "syn-fin"), (ACK, "ack"), (0x11, "fin-ack")]
    {
        for number in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_fffe, 0xffff_ffff] {
            let draft = syn.clone().flags(flags).seq(number).ack(number.rotate_left(1));
            cases.push((format!("wrap-{name}-{number:08x}"), draft.packet()));
            cases.push((format!("wrap-{name}-{number:08x}-data"), draft.data(2).packet()));
        }
    }
    for words in 0..16 {
        for len in [0, 1, 4, 39, 40, 44] {
            // No-operation options: only the data offset makes them so.
            let mut draft = syn.clone().data_offset(words);
            draft.tcp.resize(20 + len, 1);
            cases.push((format!("data-offset-{words}-segment-{}", 20 + len), draft.packet()));
        }
    }
}

/// Data of every length that ends a checksum differently; every truncation; bytes past the end; short TCP headers.
fn lengths(syn: &Draft, cases: &mut Vec<Case>) {
    for len in (0..=40).chain([64, 255, 256, 536, 1460]) {
        cases.push((format!("data-{len}"), syn.clone().data(len).packet()));
    }
    let whole = syn.clone().data(4).packet();
    for len in 1..whole.len() {
        cases.push((format!("truncated-{len}"), whole[..len].to_vec()));
    }
    for len in [1, 2, 3, 4, 5, 6, 7, 18, 40, 100] {
        let mut packet = syn.packet();
        packet.resize(packet.len() + len, 0);
        cases.push((format!("padding-zero-{len}"), packet.clone()));
        let start = packet.len() - len;
        packet[start..].fill(0xa5);
        cases.push((format!("padding-a5-{len}"), packet));
    }
    for len in 0..20 {
        let mut draft = syn.clone();
        draft.tcp.truncate(len);
        cases.push((format!("tcp-header-{len}"), draft.packet()));
    }
}

/// Checksums wrong and absent, and the two zeros: in the offender, and in the reset.
fn tcp_checksums(syn: &Draft, cases: &mut Vec<Case>) {
    for (name, draft) in [("empty", syn.clone()), ("data", syn.clone().data(5))] {
        let right = draft.packet();
        let at = draft.ip.len() + 16;
        let checksum = u16::from_be_bytes([right[at], right[at + 1]]);
        let wrong =
            [0, 0xffff, checksum ^ 1, checksum ^ 0x8000, checksum.swap_bytes(), !checksum, checksum.wrapping_add(1)];
        for (nth, wrong) in wrong.into_iter().enumerate() {
            let mut packet = right.clone();
            packet[at..at + 2].copy_from_slice(&wrong.to_be_bytes());
            cases.push((format!("tcp-checksum-wrong-{name}-{nth}"), packet));
        }
    }
    let mut draft = syn.clone();
    let urgent = draft.tcp_checksum(20, &draft.tcp);
    draft.tcp[18..20].copy_from_slice(&urgent);
    let mut packet = draft.packet();
    cases.push(("tcp-checksum-0000".into(), packet.clone()));
    let at = draft.ip.len() + 16;
    packet[at..at + 2].fill(0xff);
    cases.push(("tcp-checksum-ffff".into(), packet));

    for high in [0_u16, 1, 0x1234, 0x8000, 0xfffe, 0xffff] {
        for (flags, name, reset) in [(0x02, "syn", 0x14), (0x01, "fin", 0x14), (0x00, "none", 0x14), (ACK, "ack", 0x04)]
        {
            let [high0, high1] = high.to_be_bytes();
            let ports = &syn.tcp[..4];
            let [low0, low1] = syn.tcp_checksum(20, &[ports, &[0x50, reset, high0, high1]].concat());
            let number = u32::from_be_bytes([high0, high1, low0, low1]);
            let seg_len = u32::from(flags & 1) + u32::from(flags >> 1 & 1);
            let draft = syn.clone().flags(flags).seq(number.wrapping_sub(seg_len)).ack(number);
            cases.push((format!("reset-checksum-zero-{name}-{high:04x}"), draft.packet()));
        }
    }
}

/// Each value of the bytes that the TCP stack reflects, and of protocol or next header; some hop limits.
fn header_bytes(family: Family, syn: &Draft, cases: &mut Vec<Case>) {
    for tos in (0..=255).filter(|tos| tos % 4 == tos / 4 % 4 || *tos < 8) {
        let draft = match family {
            Family::V4 => syn.clone().ip_byte(1, tos),
            Family::V6 => syn.clone().ip_byte(0, 0x60 | tos >> 4).ip_byte(1, tos << 4),
        };
        cases.push((format!("traffic-class-{tos:02x}"), draft.packet()));
    }
    let (protocol, hop_limit) = match family {
        Family::V4 => (9, 8),
        Family::V6 => (6, 7),
    };
    for number in (0..=255).filter(|number| *number < 64 || number % 8 == 7) {
        cases.push((format!("protocol-{number}"), syn.clone().ip_byte(protocol, number).packet()));
    }
    for limit in [0, 1, 2, 63, 128, 255] {
        cases.push((format!("hop-limit-{limit}"), syn.clone().ip_byte(hop_limit, limit).packet()));
    }
}

fn addresses(family: Family, syn: &Draft, cases: &mut Vec<Case>) {
    let list: &[&str] = match family {
        Family::V4 => &[
            "0.0.0.0",
            "0.0.0.1",
            "10.0.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.1.1",
            "192.0.2.255",
            "223.255.255.255",
            "224.0.0.0",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.254",
            "255.255.255.255",
        ],
        Family::V6 => &[
            "::",
            "::1",
            "::2",
            "::192.0.2.1",
            "::ffff:192.0.2.1",
            "64:ff9b::192.0.2.1",
            "100::1",
            "2002::1",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "feff::1",
            "ff00::1",
            "ff01::1",
            "ff02::1",
            "ff05::2",
            "ff0e::1",
            "ffff::1",
            "8000::1",
        ],
    };
    for (range, role) in syn.addresses().into_iter().zip(["source", "destination"]) {
        for text in list {
            let mut draft = syn.clone();
            match text.parse().expect("the list holds addresses") {
                std::net::IpAddr::V4(address) => draft.ip[range.clone()].copy_from_slice(&address.octets()),
                std::net::IpAddr::V6(address) => draft.ip[range.clone()].copy_from_slice(&address.octets()),
            }
            cases.push((format!("{role}-{text}"), draft.packet()));
        }
    }
    let mut draft = syn.clone();
    let [source, destination] = syn.addresses();
    draft.ip.copy_within(source, destination.start);
    cases.push(("source-is-destination".into(), draft.packet()));
}

fn ipv4(syn: &Draft, cases: &mut Vec<Case>) {
    for version_ihl in (0..16).map(|ihl| 0x40 | ihl).chain([0x05, 0x15, 0x35, 0x55, 0x65, 0x75, 0xf5]) {
        let mut packet = syn.clone().data(48).packet();
        packet[0] = version_ihl;
        seal_ipv4(&mut packet);
        cases.push((format!("version-ihl-{version_ihl:02x}"), packet));
    }
    for words in 1..=10 {
        let draft = syn.clone().behind_ip(0, &[1].repeat(words * 4));
        cases.push((format!("options-no-operation-{words}"), draft.packet()));
    }
    let options: [(&str, &[u8]); 5] = [
        ("end", &[0, 0, 0, 0]),
        ("router-alert", &[148, 4, 0, 0]),
        ("security", &[130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("stream", &[136, 4, 0, 9, 1, 1, 1, 0]),
        ("unknown", &[94, 7, 1, 2, 3, 4, 5, 0]),
    ];
    for (name, option) in options {
        cases.push((format!("options-{name}"), syn.clone().behind_ip(0, option).packet()));
    }
    let whole = syn.clone().data(4).packet();
    for len in (0..=whole.len() + 2).chain([0x7fff, 0xffff]) {
        let mut packet = whole.clone();
        packet[2..4].copy_from_slice(&u16::try_from(len).expect("the list is short").to_be_bytes());
        seal_ipv4(&mut packet);
        cases.push((format!("total-length-{len}"), packet));
    }
    for fragment in [0x2000, 0x4000, 0x6000, 0x8000, 0xa000, 0x0001, 0x2001, 0x1fff, 0x3fff, 0xffff, 0x0100, 0x1000] {
        let [high, low] = u16::to_be_bytes(fragment);
        cases.push((format!("fragment-{fragment:04x}"), syn.clone().ip_byte(6, high).ip_byte(7, low).packet()));
    }
    let right = syn.packet();
    let checksum = u16::from_be_bytes([right[10], right[11]]);
    for wrong in
        [0, 0xffff, checksum ^ 1, checksum ^ 0x8000, checksum.swap_bytes(), !checksum, checksum.wrapping_add(1)]
    {
        let mut packet = right.clone();
        packet[10..12].copy_from_slice(&wrong.to_be_bytes());
        cases.push((format!("header-checksum-{wrong:04x}-is-wrong"), packet));
    }
    let mut draft = syn.clone();
    draft.ip[2..4].copy_from_slice(&[0, 40]);
    draft.ip[4..6].fill(0);
    draft.ip[10..12].fill(0);
    let identification = !sum(&draft.ip);
    draft.ip[4..6].copy_from_slice(&identification.to_be_bytes());
    let mut packet = draft.packet();
    cases.push(("header-checksum-0000".into(), packet.clone()));
    packet[10..12].fill(0xff);
    cases.push(("header-checksum-ffff".into(), packet));
}

/// An extension header of `len` bytes, followed by `next`.
fn extension(kind: u8, next: u8, len: u8) -> Vec<u8> {
    let mut header = vec![next, len / 8 - 1];
    match kind {
        FRAGMENT => header[1] = 0,
        AUTHENTICATION => header[1] = len / 4 - 2,
        // One option that is unknown and asks to be skipped.
        HOP_BY_HOP | DESTINATION_OPTIONS => header.extend([0x1e, len - 4]),
        _ => {}
    }
    header.resize(usize::from(len), 0);
    header
}

fn ipv6(syn: &Draft, cases: &mut Vec<Case>) {
    for version in 0..16 {
        cases.push((format!("version-{version}"), syn.clone().ip_byte(0, version << 4).packet()));
    }
    for label in [0x0_0001, 0x1_2345, 0xf_ffff] {
        let [_, high, middle, low] = u32::to_be_bytes(label);
        let draft = syn.clone().ip_byte(1, high).ip_byte(2, middle).ip_byte(3, low);
        cases.push((format!("flow-label-{label:05x}"), draft.packet()));
    }
    let whole = syn.clone().data(4).packet();
    for len in (0..=26).chain([0x7fff, 0xffff]) {
        let mut packet = whole.clone();
        packet[4..6].copy_from_slice(&u16::to_be_bytes(len));
        cases.push((format!("payload-length-{len}"), packet));
    }
    extension_headers(syn, cases);
    for fragment in (0..8).chain([8, 9, 0x0100, 0x8000, 0xfff8, 0xffff]) {
        let mut header = extension(FRAGMENT, TCP, 8);
        header[2..4].copy_from_slice(&u16::to_be_bytes(fragment));
        cases.push((format!("fragment-{fragment:04x}"), syn.clone().behind_ip(FRAGMENT, &header).packet()));
    }
}

fn extension_headers(syn: &Draft, cases: &mut Vec<Case>) {
    let kinds = [
        (HOP_BY_HOP, "hop-by-hop"),
        (ROUTING, "routing"),
        (FRAGMENT, "fragment"),
        (AUTHENTICATION, "authentication"),
        (DESTINATION_OPTIONS, "destination"),
    ];
    for (kind, name) in kinds {
        for len in [8, 16, 24, 64] {
            let header = extension(kind, TCP, if kind == FRAGMENT { 8 } else { len });
            cases.push((format!("extension-{name}-{len}"), syn.clone().behind_ip(kind, &header).packet()));
        }
        for (other, other_name) in kinds {
            let headers = [extension(kind, other, 8), extension(other, TCP, 8)].concat();
            cases.push((format!("extension-{name}-{other_name}"), syn.clone().behind_ip(kind, &headers).packet()));
        }
        // It says that it is longer than the packet, or ends exactly where the packet does, or one unit later.
        for len in [1, 2, 3, 4, 5, 6, 255] {
            let mut header = extension(kind, TCP, 8);
            header[1] = len;
            cases.push((format!("extension-{name}-says-{len}"), syn.clone().behind_ip(kind, &header).packet()));
        }
        for next in [59, 50, 135, 139, 140, 253, 17, 58] {
            let header = extension(kind, next, 8);
            cases.push((format!("extension-{name}-then-{next}"), syn.clone().behind_ip(kind, &header).packet()));
        }
        for left in 0..8 {
            let mut draft = syn.clone().behind_ip(kind, &extension(kind, TCP, 8)[..left]);
            draft.tcp.clear();
            cases.push((format!("extension-{name}-cut-{left}"), draft.packet()));
        }
    }
    for len in [12, 20, 28] {
        let header = extension(AUTHENTICATION, TCP, len);
        cases
            .push((format!("extension-authentication-{len}"), syn.clone().behind_ip(AUTHENTICATION, &header).packet()));
    }
    for count in [3, 8, 40] {
        let next = |nth| if nth + 1 == count { TCP } else { DESTINATION_OPTIONS };
        let headers: Vec<u8> = (0..count).flat_map(|nth| extension(DESTINATION_OPTIONS, next(nth), 8)).collect();
        cases.push((format!("extension-chain-{count}"), syn.clone().behind_ip(DESTINATION_OPTIONS, &headers).packet()));
    }
}

/// Some random packets, as the comparison draws them.
fn random(family: Family, reference: Reference, cases: &mut Vec<Case>) {
    let mut generator = Generator::new(family, 1);
    let mut packet = Vec::new();
    let mut nth = 0;
    while nth < RANDOM {
        generator.draw(&mut packet);
        if packet.len() <= RANDOM_LEN && exclusion(reference, family, &packet).is_none() {
            nth += 1;
            cases.push((format!("random-{nth}"), packet.clone()));
        }
    }
}
