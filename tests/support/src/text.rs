//! Reads what the crate prints of resets, and writes the numbers over those of the reset's bytes: with the right text, the
//! bytes stay the same.

use core::net::IpAddr;

/// The bytes of a frame, with the addresses, VLAN identifiers and packet of its text: `02:… > 02:…, vlan 5, IP …`
pub fn put_frame(text: &str, frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let (addresses, mut rest) = text.split_once(", ").unwrap();
    let (source, destination) = addresses.split_once(" > ").unwrap();
    for (at, address) in [(0, destination), (6, source)] {
        assert_eq!(address.len(), 17, "{address}");
        let bytes: Vec<u8> = address.split(':').map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();
        frame[at..at + 6].copy_from_slice(&bytes);
    }
    let mut at = 12;
    while let Some((tag, packet)) = rest.strip_prefix("vlan ").and_then(|rest| rest.split_once(", ")) {
        let number: u16 = tag.parse().unwrap();
        // Priority and DEI are not printed.
        frame[at + 2] = frame[at + 2] & 0xf0 | u8::try_from(number >> 8).unwrap();
        frame[at + 3] = number as u8;
        (at, rest) = (at + 4, packet);
    }
    let packet = put(rest, &frame[at + 2..]);
    assert_eq!(packet.len() + at + 2, frame.len(), "{text}");
    frame[at + 2..].copy_from_slice(&packet);
    frame
}

/// The bytes of a packet, with the numbers of its text: `IP 192.0.2.1.80 > 192.0.2.2.36050: Flags …`
pub fn put(text: &str, packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let (version, rest) = text.split_once(' ').unwrap();
    let (ends, tcp) = rest.split_once(": ").unwrap();
    let (source, destination) = ends.split_once(" > ").unwrap();
    let [(source, source_port), (destination, destination_port)] = [source, destination].map(|end| {
        let (address, port) = end.rsplit_once('.').unwrap();
        (address.parse::<IpAddr>().unwrap(), port.parse::<u16>().unwrap())
    });
    assert_eq!(version, if source.is_ipv4() { "IP" } else { "IP6" });
    put_addresses(&mut packet, source, destination);
    let tcp_at = packet.len() - 20;
    let ports = [source_port, destination_port].map(u16::to_be_bytes);
    packet[tcp_at..][..4].copy_from_slice(ports.as_flattened());
    let tcp = put_tcp(tcp, &packet[tcp_at..]);
    packet[tcp_at..].copy_from_slice(&tcp);
    packet
}

/// The 20 bytes of a segment, with the numbers of its text: `Flags [R.], seq 0, ack 7, win 0, length 0`
pub fn put_tcp(text: &str, segment: &[u8]) -> Vec<u8> {
    let mut segment = segment.to_vec();
    let (flags, numbers) = text.split_once(", seq ").unwrap();
    segment[13] = match flags {
        "Flags [R]" => 0x04,
        "Flags [R.]" => 0x14,
        _ => panic!("{text}"),
    };
    let numbers = numbers.strip_suffix(", win 0, length 0").unwrap();
    let (seq, ack) = numbers.split_once(", ack ").unwrap_or((numbers, "0"));
    assert_eq!(flags.contains('.'), numbers.contains("ack"), "{text}");
    for (at, number) in [(4, seq), (8, ack)] {
        segment[at..at + 4].copy_from_slice(&number.parse::<u32>().unwrap().to_be_bytes());
    }
    segment
}

/// Writes addresses over those of a packet.
pub fn put_addresses(packet: &mut [u8], source: IpAddr, destination: IpAddr) {
    let len = if source.is_ipv4() { 4 } else { 16 };
    let at = if source.is_ipv4() { 12 } else { 8 };
    for (at, address) in [(at, source), (at + len, destination)] {
        match address {
            IpAddr::V4(address) => packet[at..at + 4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => packet[at..at + 16].copy_from_slice(&address.octets()),
        }
    }
}
