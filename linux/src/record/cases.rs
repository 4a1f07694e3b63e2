//! Which offenders are recorded: each rule, each flag byte, each length near an edge.

use support::model::{pseudo_header, sum};
use support::packet::{Parts, Tcp, V4, V6, repair_header};
use support::protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING, TCP};
use tcp_reset::tcp::{ACK, FIN, SYN};

use crate::Family;
use crate::exclude::exclusion;
use crate::generate::Generator;
use crate::generate::tcp::number_for_zero;
use crate::record::names;
use crate::reference::Reference;

/// How many random packets follow the chosen ones, and how long they may be.
const RANDOM: usize = 200;
const RANDOM_LEN: usize = 160;

/// All offenders of one family, for one reference: a name and a packet.
pub(super) fn all(family: Family, reference: Reference) -> Vec<(String, Vec<u8>)> {
    let mut cases = Cases { family, all: Vec::new() };
    cases.tcp("textbook-syn", syn());
    cases.tcp("textbook-ack", Tcp { flags: ACK, ..syn() });
    numbers(&mut cases);
    lengths(&mut cases);
    tcp_checksums(&mut cases);
    header_bytes(&mut cases);
    addresses(&mut cases);
    match family {
        Family::V4 => ipv4(&mut cases),
        Family::V6 => ipv6(&mut cases),
    }
    random(reference, &mut cases);
    cases.all
}

/// The offenders so far.
struct Cases {
    family: Family,
    all: Vec<(String, Vec<u8>)>,
}

impl Cases {
    fn packet(&mut self, name: impl Into<String>, packet: Vec<u8>) {
        self.all.push((name.into(), packet));
    }

    /// Adds a segment.
    fn tcp(&mut self, name: impl Into<String>, tcp: Tcp) {
        self.packet(name, self.parts(tcp).bytes());
    }

    /// Adds the SYN after extension headers, the last of which names `protocol`.
    fn chain(&mut self, name: &str, extensions: Vec<(u8, Vec<u8>)>, protocol: u8) {
        self.packet(format!("extension-{name}"), V6 { extensions, protocol, ..v6(syn()) }.bytes());
    }

    /// Adds the SYN with a change of its IP header or its segment.
    fn changed(&mut self, name: impl Into<String>, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts(syn());
        change(&mut parts);
        self.packet(name, parts.bytes());
    }

    fn parts(&self, tcp: Tcp) -> Parts {
        match self.family {
            Family::V4 => v4(tcp).parts(),
            Family::V6 => v6(tcp).parts(),
        }
    }
}

/// The textbook's SYN: from port 36050 to port 80, sequence number 522224616.
fn syn() -> Tcp {
    Tcp { ack: 1_406_759_780, window: 0xfaf0, ..Tcp::default() }
}

fn v4(tcp: Tcp) -> V4 {
    V4 { ttl: 64, tcp, ..V4::default() }
}

fn v6(tcp: Tcp) -> V6 {
    let [source, destination] = [1, 2].map(|net| (0x2001_0db8_u128 << 96 | net << 80 | net).to_be_bytes());
    V6 { flow_label: 0, hop_limit: 64, source, destination, tcp, ..V6::default() }
}

/// Data whose bytes are easily told apart.
fn data(len: usize) -> Vec<u8> {
    (1..=251).cycle().take(len).collect()
}

/// Every flag byte, with and without data; sequence numbers that wrap; every data offset.
fn numbers(cases: &mut Cases) {
    for flags in 0..=255 {
        cases.tcp(format!("flags-{flags:02x}"), Tcp { flags, ..syn() });
        cases.tcp(format!("flags-{flags:02x}-data"), Tcp { flags, data: data(3), ..syn() });
    }
    for (flags, name) in
        [(0, "none"), (FIN, "fin"), (SYN, "syn"), (SYN | FIN, "syn-fin"), (ACK, "ack"), (FIN | ACK, "fin-ack")]
    {
        for seq in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_fffe, 0xffff_ffff] {
            let tcp = Tcp { flags, seq, ack: seq.rotate_left(1), ..syn() };
            cases.tcp(format!("wrap-{name}-{seq:08x}"), tcp.clone());
            cases.tcp(format!("wrap-{name}-{seq:08x}-data"), Tcp { data: data(2), ..tcp });
        }
    }
    for words in 0..16 {
        for len in [0, 1, 4, 39, 40, 44] {
            // Bytes of 1, no-operation options: the data offset decides how many of them are options.
            let tcp = Tcp { data_offset: Some(words), data: vec![1; len], ..syn() };
            cases.tcp(format!("data-offset-{words}-segment-{}", 20 + len), tcp);
        }
    }
}

/// Data of every length that ends a checksum differently; every truncation; bytes past the end; short TCP headers.
fn lengths(cases: &mut Cases) {
    for len in (0..=40).chain([64, 255, 256, 536, 1460]) {
        cases.tcp(format!("data-{len}"), Tcp { data: data(len), ..syn() });
    }
    let whole = cases.parts(Tcp { data: data(4), ..syn() }).bytes();
    for len in 1..whole.len() {
        cases.packet(format!("truncated-{len}"), whole[..len].to_vec());
    }
    let whole = cases.parts(syn()).bytes();
    for len in [1, 2, 3, 4, 5, 6, 7, 18, 40, 100] {
        for (name, byte) in [("zero", 0), ("a5", 0xa5)] {
            cases.packet(format!("padding-{name}-{len}"), [&whole[..], &vec![byte; len]].concat());
        }
    }
    for len in 0..20 {
        cases.changed(format!("tcp-header-{len}"), |syn| syn.tcp.truncate(len));
    }
}

/// The packet with other values of the checksum at `at`.
fn wrong_checksums(right: &[u8], at: usize) -> impl Iterator<Item = (u16, Vec<u8>)> {
    let checksum = u16::from_be_bytes([right[at], right[at + 1]]);
    let wrong =
        [0, 0xffff, checksum ^ 1, checksum ^ 0x8000, checksum.swap_bytes(), !checksum, checksum.wrapping_add(1)];
    wrong.into_iter().map(move |wrong| (wrong, with_checksum(right, at, wrong)))
}

fn with_checksum(packet: &[u8], at: usize, checksum: u16) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// Checksums wrong and absent, and the two zeros: in the offender, and in the reset.
fn tcp_checksums(cases: &mut Cases) {
    let parts = cases.parts(syn());
    let at = parts.ip.len() + 16;
    for (name, len) in [("empty", 0), ("data", 5)] {
        let right = cases.parts(Tcp { data: data(len), ..syn() }).bytes();
        for (nth, (_, packet)) in wrong_checksums(&right, at).enumerate() {
            cases.packet(format!("tcp-checksum-wrong-{name}-{nth}"), packet);
        }
    }
    let urgent = !sum(&[&pseudo_header(parts.addresses(), 20)[..], &parts.tcp].concat());
    let packet = cases.parts(Tcp { urgent, ..syn() }).bytes();
    cases.packet("tcp-checksum-0000", packet.clone());
    cases.packet("tcp-checksum-ffff", with_checksum(&packet, at, 0xffff));

    for high in [0_u16, 1, 0x1234, 0x8000, 0xfffe, 0xffff] {
        for (flags, name) in [(SYN, "syn"), (FIN, "fin"), (0, "none"), (ACK, "ack")] {
            let number = number_for_zero(&cases.parts(Tcp { flags, ..syn() }), high);
            let seg_len = u32::from(flags & FIN != 0) + u32::from(flags & SYN != 0);
            let tcp = Tcp { flags, seq: number.wrapping_sub(seg_len), ack: number, ..syn() };
            cases.tcp(format!("reset-checksum-zero-{name}-{high:04x}"), tcp);
        }
    }
}

/// Each value of the bytes that the TCP stack reflects, and of protocol or next header; some hop limits.
fn header_bytes(cases: &mut Cases) {
    let is_ipv4 = cases.family == Family::V4;
    for tos in (0..=255).filter(|tos| tos % 4 == tos / 4 % 4 || *tos < 8) {
        let bytes = if is_ipv4 { [0x45, tos] } else { [0x60 | tos >> 4, tos << 4] };
        cases.changed(format!("traffic-class-{tos:02x}"), |syn| syn.ip[..2].copy_from_slice(&bytes));
    }
    let (protocol, hop_limit) = if is_ipv4 { (9, 8) } else { (6, 7) };
    for number in (0..=255).filter(|number| *number < 64 || number % 8 == 7) {
        cases.changed(format!("protocol-{number}"), |syn| syn.ip[protocol] = number);
    }
    for limit in [0, 1, 2, 63, 128, 255] {
        cases.changed(format!("hop-limit-{limit}"), |syn| syn.ip[hop_limit] = limit);
    }
}

fn addresses(cases: &mut Cases) {
    let list: &[&str] = match cases.family {
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
    let [source, destination] = match cases.family {
        Family::V4 => [12..16, 16..20],
        Family::V6 => [8..24, 24..40],
    };
    for (range, role) in [(&source, "source"), (&destination, "destination")] {
        for text in list {
            cases.changed(format!("{role}-{text}"), |syn| match text.parse().expect("the list holds addresses") {
                std::net::IpAddr::V4(address) => syn.ip[range.clone()].copy_from_slice(&address.octets()),
                std::net::IpAddr::V6(address) => syn.ip[range.clone()].copy_from_slice(&address.octets()),
            });
        }
    }
    cases.changed("source-is-destination", |syn| syn.ip.copy_within(source, destination.start));
}

fn ipv4(cases: &mut Cases) {
    for version_ihl in (0..16).map(|ihl| 0x40 | ihl).chain([0x05, 0x15, 0x35, 0x55, 0x65, 0x75, 0xf5]) {
        let mut packet = v4(Tcp { data: data(48), ..syn() }).bytes();
        packet[0] = version_ihl;
        repair_header(&mut packet);
        cases.packet(format!("version-ihl-{version_ihl:02x}"), packet);
    }
    let mut options = |name: &str, options| {
        cases.packet(format!("options-{name}"), V4 { options, ..v4(syn()) }.bytes());
    };
    for words in 1..=10 {
        options(&format!("no-operation-{words}"), vec![1; words * 4]);
    }
    options("end", vec![0, 0, 0, 0]);
    options("router-alert", vec![148, 4, 0, 0]);
    options("security", vec![130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    options("stream", vec![136, 4, 0, 9, 1, 1, 1, 0]);
    options("unknown", vec![94, 7, 1, 2, 3, 4, 5, 0]);

    let whole = v4(Tcp { data: data(4), ..syn() }).bytes();
    for len in (0..=46).chain([0x7fff, 0xffff]) {
        let mut packet = whole.clone();
        packet[2..4].copy_from_slice(&u16::to_be_bytes(len));
        repair_header(&mut packet);
        cases.packet(format!("total-length-{len}"), packet);
    }
    for fragment in [0x2000, 0x4000, 0x6000, 0x8000, 0xa000, 0x0001, 0x2001, 0x1fff, 0x3fff, 0xffff, 0x0100, 0x1000] {
        cases.packet(format!("fragment-{fragment:04x}"), V4 { fragment, ..v4(syn()) }.bytes());
    }
    for (wrong, packet) in wrong_checksums(&v4(syn()).bytes(), 10) {
        cases.packet(format!("header-checksum-{wrong:04x}-is-wrong"), packet);
    }
    let mut header = V4 { id: 0, ..v4(syn()) }.parts().ip;
    header[3] = 40;
    let packet = V4 { id: !sum(&header), ..v4(syn()) }.bytes();
    cases.packet("header-checksum-0000", packet.clone());
    cases.packet("header-checksum-ffff", with_checksum(&packet, 10, 0xffff));
}

/// An extension header of `len` bytes.
fn extension(kind: u8, len: u8) -> (u8, Vec<u8>) {
    let mut header = vec![TCP, len / 8 - 1];
    match kind {
        FRAGMENT => header[1] = 0,
        AUTHENTICATION => header[1] = len / 4 - 2,
        // One option that is unknown and asks to be skipped.
        HOP_BY_HOP | DESTINATION_OPTIONS => header.extend([0x1e, len - 4]),
        _ => {}
    }
    header.resize(usize::from(len), 0);
    (kind, header)
}

fn ipv6(cases: &mut Cases) {
    for version in 0..16 {
        let mut packet = v6(syn()).bytes();
        packet[0] = version << 4;
        cases.packet(format!("version-{version}"), packet);
    }
    for flow_label in [0x0_0001, 0x1_2345, 0xf_ffff] {
        cases.packet(format!("flow-label-{flow_label:05x}"), V6 { flow_label, ..v6(syn()) }.bytes());
    }
    let whole = v6(Tcp { data: data(4), ..syn() }).bytes();
    for len in (0..=26).chain([0x7fff, 0xffff]) {
        let mut packet = whole.clone();
        packet[4..6].copy_from_slice(&u16::to_be_bytes(len));
        cases.packet(format!("payload-length-{len}"), packet);
    }
    extension_headers(cases);
    for fragment in (0..8).chain([8, 9, 0x0100, 0x8000, 0xfff8, 0xffff]) {
        let (kind, mut header) = extension(FRAGMENT, 8);
        header[2..4].copy_from_slice(&u16::to_be_bytes(fragment));
        cases.packet(format!("fragment-{fragment:04x}"), V6 { extensions: vec![(kind, header)], ..v6(syn()) }.bytes());
    }
}

fn extension_headers(cases: &mut Cases) {
    let kinds = [
        (HOP_BY_HOP, "hop-by-hop"),
        (ROUTING, "routing"),
        (FRAGMENT, "fragment"),
        (AUTHENTICATION, "authentication"),
        (DESTINATION_OPTIONS, "destination"),
    ];
    for (kind, name) in kinds {
        for len in [8, 16, 24, 64] {
            cases.chain(&format!("{name}-{len}"), vec![extension(kind, if kind == FRAGMENT { 8 } else { len })], TCP);
        }
        for (other, other_name) in kinds {
            cases.chain(&format!("{name}-{other_name}"), vec![extension(kind, 8), extension(other, 8)], TCP);
        }
        // It says that it is longer than the packet, or ends exactly where the packet does, or one unit later.
        for len in [1, 2, 3, 4, 5, 6, 255] {
            let (_, mut header) = extension(kind, 8);
            header[1] = len;
            cases.chain(&format!("{name}-says-{len}"), vec![(kind, header)], TCP);
        }
        for next in [59, 50, 135, 139, 140, 253, 17, 58] {
            cases.chain(&format!("{name}-then-{next}"), vec![extension(kind, 8)], next);
        }
        for left in 0..8 {
            let mut parts = V6 { extensions: vec![extension(kind, 8)], ..v6(syn()) }.parts();
            parts.ip.truncate(40 + left);
            parts.tcp.clear();
            cases.packet(format!("extension-{name}-cut-{left}"), parts.bytes());
        }
    }
    for len in [12, 20, 28] {
        cases.chain(&format!("authentication-{len}"), vec![extension(AUTHENTICATION, len)], TCP);
    }
    for count in [3, 8, 40] {
        cases.chain(&format!("chain-{count}"), vec![extension(DESTINATION_OPTIONS, 8); count], TCP);
    }
}

/// Some random packets, as the comparison makes them.
fn random(reference: Reference, cases: &mut Cases) {
    let mut generator = Generator::new(cases.family, 1);
    let mut nth = 0;
    while nth < RANDOM {
        let packet = generator.draw();
        if packet.len() <= RANDOM_LEN && exclusion(reference, cases.family, &packet).is_none() {
            nth += 1;
            let name = format!("random-{nth}-{}", names::contents(cases.family, &packet));
            cases.packet(name, packet);
        }
    }
}
