//! Every public function of the crate that makes a reset, each behind a door of one form: bytes and settings in, the reset's
//! bytes or the reason for silence out. All tests call the crate through this table, or through [`answer`].

use crate::DIRT;
use crate::reference::{self, Answer, DestinationOfDropped, Ends, Source, Towards};
use crate::text as read;
use tcp_reset::checksum::Sum;
use tcp_reset::tcp::{self, HEADER_LEN, Segment};
use tcp_reset::{Checksum, Config, Fate, NoReset, Offender, Profile, Reset, ethernet, ipv4, ipv6};

/// What a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// An IP packet of either version.
    Packet,
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// An Ethernet frame.
    Frame,
    /// A TCP segment after two IPv4 addresses.
    SegmentOverIpv4,
    /// A TCP segment after two IPv6 addresses.
    SegmentOverIpv6,
}

use Input::{Frame, Ipv4, Ipv6, Packet, SegmentOverIpv4, SegmentOverIpv6};

impl Input {
    /// The answer of the reference model.
    pub fn model(self, bytes: &[u8], config: &Config, towards: Towards) -> Answer {
        match self {
            Packet => reference::packet(bytes, config, towards),
            Ipv4 => reference::ipv4(bytes, config, towards),
            Ipv6 => reference::ipv6(bytes, config, towards),
            Frame => reference::frame(bytes, config, towards),
            SegmentOverIpv4 => reference::segment(&bytes[8..], &bytes[..8], config, towards),
            SegmentOverIpv6 => reference::segment(&bytes[32..], &bytes[..32], config, towards),
        }
    }

    /// What it takes of an IP packet. Where addresses and segment are wanted, they follow each other in a packet without
    /// options.
    pub fn of_packet(self, packet: &[u8]) -> Option<&[u8]> {
        match self {
            Packet | Ipv4 | Ipv6 => Some(packet),
            SegmentOverIpv4 => packet.get(12..).filter(|bytes| bytes.len() >= 8 && packet[0] >> 4 == 4),
            SegmentOverIpv6 => packet.get(8..).filter(|bytes| bytes.len() >= 32 && packet[0] >> 4 == 6),
            Frame => None,
        }
    }
}

/// A way through the crate.
pub struct Door {
    /// The public functions that it calls.
    pub functions: &'static [&'static str],
    pub input: Input,
    /// The answer; `None` if these functions do not have this setting.
    pub call: fn(&[u8], &Config, Towards) -> Option<Answer>,
}

const fn door(
    input: Input,
    functions: &'static [&'static str],
    call: fn(&[u8], &Config, Towards) -> Option<Answer>,
) -> Door {
    Door { functions, input, call }
}

#[rustfmt::skip]
pub const DOORS: &[Door] = &[
    door(Packet, &["reset"], |packet, config, towards| {
        (is_new(config) && towards == Source).then(|| written(|buffer| tcp_reset::reset(packet, buffer)))
    }),
    door(Packet, &["reset_with", "reset_for_destination"], |packet, config, towards| {
        Some(written(|buffer| match fate(towards) {
            None => tcp_reset::reset_with(packet, config, buffer),
            Some(fate) => tcp_reset::reset_for_destination(packet, fate, config, buffer),
        }))
    }),
    door(Packet, &["Reset::in_reply_to", "Reset::for_destination", "Reset::emit"], |packet, config, towards| {
        Some(written(|buffer| Ok(decide(packet, config, towards)?.emit(buffer))))
    }),
    door(Packet, &["Reset::emit_to_slice"], |packet, config, towards| {
        Some(decide(packet, config, towards).map(|reset| in_place(packet, |slice| reset.emit_to_slice(slice))))
    }),
    door(Packet, &["Reset::len", "Reset::source", "Reset::destination", "Reset::tcp"], |packet, config, towards| {
        Some(decide(packet, config, towards).map(|reset| {
            let mut bytes = reset.emit(&mut [DIRT; tcp_reset::MAX_LEN])[..reset.len()].to_vec();
            let (source, destination) = (reset.source(), reset.destination());
            read::put_addresses(&mut bytes, source, destination);
            put_tcp(&mut bytes, reset.tcp());
            bytes
        }))
    }),
    door(Packet, &[], |packet, config, towards| {
        (config.hop_limit == 64).then(|| decide(packet, config, towards).map(|reset| {
            read::put(&reset.to_string(), reset.emit(&mut [DIRT; tcp_reset::MAX_LEN]))
        }))
    }),
    door(Ipv4, &["ipv4::Reset::in_reply_to", "ipv4::Reset::for_destination", "ipv4::Reset::emit"], |packet, config, towards| {
        Some(written(|buffer| Ok(&mut decide_ipv4(packet, config, towards)?.emit(buffer)[..])))
    }),
    door(Ipv4, &["ipv4::Reset::emit_to_slice"], |packet, config, towards| {
        Some(decide_ipv4(packet, config, towards).map(|reset| in_place(packet, |slice| {
            reset.emit_to_slice(slice).map(|bytes| &mut bytes[..])
        })))
    }),
    // Its fields and its text.
    door(Ipv4, &[], |packet, config, towards| {
        Some(decide_ipv4(packet, config, towards).map(|reset| {
            let mut bytes = read::put(&reset.to_string(), reset.emit(&mut [DIRT; ipv4::RESET_LEN]));
            (bytes[1], bytes[8]) = (reset.tos, reset.ttl);
            read::put_addresses(&mut bytes, reset.source.into(), reset.destination.into());
            put_tcp(&mut bytes, &reset.tcp);
            bytes
        }))
    }),
    door(Ipv6, &["ipv6::Reset::in_reply_to", "ipv6::Reset::for_destination", "ipv6::Reset::emit"], |packet, config, towards| {
        Some(written(|buffer| Ok(&mut decide_ipv6(packet, config, towards)?.emit(buffer)[..])))
    }),
    door(Ipv6, &["ipv6::Reset::emit_to_slice"], |packet, config, towards| {
        Some(decide_ipv6(packet, config, towards).map(|reset| in_place(packet, |slice| {
            reset.emit_to_slice(slice).map(|bytes| &mut bytes[..])
        })))
    }),
    door(Ipv6, &[], |packet, config, towards| {
        Some(decide_ipv6(packet, config, towards).map(|reset| {
            let mut bytes = read::put(&reset.to_string(), reset.emit(&mut [DIRT; ipv6::RESET_LEN]));
            (bytes[0], bytes[1], bytes[7]) = (0x60 | reset.traffic_class >> 4, reset.traffic_class << 4, reset.hop_limit);
            read::put_addresses(&mut bytes, reset.source.into(), reset.destination.into());
            put_tcp(&mut bytes, &reset.tcp);
            bytes
        }))
    }),
    door(Frame, &["ethernet::reset"], |frame, config, towards| {
        (is_new(config) && towards == Source).then(|| written(|buffer| ethernet::reset(frame, buffer)))
    }),
    door(Frame, &["ethernet::reset_with", "ethernet::reset_for_destination"], |frame, config, towards| {
        Some(written(|buffer| match fate(towards) {
            None => ethernet::reset_with(frame, config, buffer),
            Some(fate) => ethernet::reset_for_destination(frame, fate, config, buffer),
        }))
    }),
    door(Frame, &["ethernet::Reset::in_reply_to", "ethernet::Reset::for_destination", "ethernet::Reset::emit"], |frame, config, towards| {
        Some(written(|buffer| Ok(decide_frame(frame, config, towards)?.emit(buffer))))
    }),
    door(Frame, &["ethernet::Reset::emit_to_slice"], |frame, config, towards| {
        Some(decide_frame(frame, config, towards).map(|reset| in_place(frame, |slice| reset.emit_to_slice(slice))))
    }),
    door(Frame, &[
        "ethernet::Reset::len", "ethernet::Reset::source", "ethernet::Reset::destination", "ethernet::Reset::vlan_tags",
    ], |frame, config, towards| {
        Some(decide_frame(frame, config, towards).map(|reset| {
            let bytes = reset.emit(&mut [DIRT; ethernet::MAX_LEN])[..reset.len()].to_vec();
            let tags: Vec<_> = reset.vlan_tags().collect();
            let packet = written(|buffer| Ok(reset.packet.emit(buffer))).unwrap();
            let ether_type = &bytes[12 + 4 * tags.len()..][..2];
            [&reset.destination(), &reset.source(), tags.as_flattened(), ether_type, &packet].concat()
        }))
    }),
    door(Frame, &[], |frame, config, towards| {
        (config.hop_limit == 64).then(|| decide_frame(frame, config, towards).map(|reset| {
            read::put_frame(&reset.to_string(), reset.emit(&mut [DIRT; ethernet::MAX_LEN]))
        }))
    }),
    door(SegmentOverIpv4, &["tcp::Reset::in_reply_to", "tcp::Reset::for_destination", "tcp::Reset::emit"], |bytes, config, towards| {
        let (addresses, segment) = bytes.split_at(8);
        Some(answer_segment(segment, Sum::of_words(addresses.as_chunks().0), config, towards))
    }),
    door(SegmentOverIpv6, &["tcp::Reset::in_reply_to", "tcp::Reset::for_destination", "tcp::Reset::emit"], |bytes, config, towards| {
        let (addresses, segment) = bytes.split_at(32);
        Some(answer_segment(segment, Sum::of(addresses), config, towards))
    }),
    door(SegmentOverIpv6, &["tcp::Segment::reset", "tcp::Segment::reset_for_destination", "tcp::Segment::seg_len"], |bytes, config, towards| {
        let (addresses, segment) = bytes.split_at(32);
        // It is given numbers, and checks nothing.
        let is_for_it = config.tcp_checksum == Checksum::Trust && config.profile == Profile::Netfilter;
        if !is_for_it || !(20..=0xffff).contains(&segment.len()) {
            return None;
        }
        let long = |at| u32::from(reference::word(segment, at)) << 16 | u32::from(reference::word(segment, at + 2));
        let header_len = u32::from(segment[12] >> 4) * 4;
        let segment = Segment {
            source_port: reference::word(segment, 0),
            destination_port: reference::word(segment, 2),
            seq: long(4),
            ack: long(8),
            flags: segment[13],
            data_len: u32::try_from(segment.len()).unwrap().wrapping_sub(header_len),
        };
        let reset = match fate(towards) {
            None => segment.reset(),
            Some(fate) => segment.reset_for_destination(fate),
        };
        Some(reset.map(|mut reset| {
            // Of the number that counts SEG.LEN, `seg_len` gives the count.
            match towards {
                Source if reset.ack.is_some() => reset.ack = Some(segment.seq.wrapping_add(segment.seg_len())),
                Towards::DestinationOfDelivered => reset.seq = segment.seq.wrapping_add(segment.seg_len()),
                _ => {}
            }
            reset.emit(Sum::of(addresses), &mut [DIRT; HEADER_LEN]).to_vec()
        }))
    }),
    door(SegmentOverIpv4, &["tcp::Reset::flags"], |bytes, config, towards| {
        let addresses = Sum::of(&bytes[..8]);
        Some(decide_segment(&bytes[8..], addresses, config, towards).map(|reset| {
            let mut bytes = read::put_tcp(&reset.to_string(), reset.emit(addresses, &mut [DIRT; HEADER_LEN]));
            put_tcp(&mut bytes, &reset);
            bytes
        }))
    }),
];

/// What the crate answers to a packet. Asserts everything that it promises of it: see [`check`].
pub fn answer(packet: &[u8], config: &Config, towards: Towards) -> Answer {
    for input in [Ipv4, Ipv6, SegmentOverIpv4, SegmentOverIpv6] {
        if let Some(bytes) = input.of_packet(packet) {
            let _ = check(input, bytes, config, towards);
        }
    }
    assert_eq!(offender(packet), reference::offender(packet), "Offender::of {packet:02x?}");
    check(Packet, packet, config, towards)
}

/// The same by one function alone, where so many packets are tried that all would take minutes.
pub fn answer_by_one(packet: &[u8], config: &Config, towards: Towards) -> Answer {
    let answer = (DOORS[1].call)(packet, config, towards).unwrap();
    let expected = reference::packet(packet, config, towards);
    assert_eq!(answer, expected, "{towards:?} {config:?} {packet:02x?}");
    expected
}

/// SEQ and ACK of the reset for a segment of such numbers.
pub fn numbers(segment: Numbers, towards: Towards) -> Result<(u32, Option<u32>), NoReset> {
    let Numbers { seq, ack, flags, data_len } = segment;
    let segment = Segment { source_port: 1, destination_port: 2, seq, ack, flags, data_len };
    let reset = match fate(towards) {
        None => segment.reset(),
        Some(fate) => segment.reset_for_destination(fate),
    };
    reset.map(|reset| (reset.seq, reset.ack))
}

/// What the rule has to know of a segment.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub data_len: u32,
}

/// What the crate answers, and asserts that all its functions answer as the reference model does, with a reply that is not
/// longer than its offender and is never answered itself.
pub fn check(input: Input, bytes: &[u8], config: &Config, towards: Towards) -> Answer {
    let expected = input.model(bytes, config, towards);
    for door in DOORS.iter().filter(|door| door.input == input) {
        let actual = (door.call)(bytes, config, towards);
        assert!(
            actual.as_ref().is_none_or(|actual| *actual == expected),
            "{:?} {towards:?} {config:?}\nof {bytes:02x?}\nis {actual:02x?}\nnot {expected:02x?}",
            door.functions,
        );
    }
    if let Ok(reply) = &expected {
        assert!(reply.len() <= bytes.len(), "amplification: {bytes:02x?}");
        let again = match input {
            SegmentOverIpv4 => &[&bytes[..8], reply].concat(),
            SegmentOverIpv6 => &[&bytes[..32], reply].concat(),
            _ => reply,
        };
        for door in DOORS.iter().filter(|door| door.input == input) {
            let answer = (door.call)(again, config, towards);
            assert!(matches!(answer, None | Some(Err(NoReset::Rst))), "a reset is answered: {again:02x?}");
        }
    }
    expected
}

/// What the crate prints of the reset.
pub fn text(input: Input, bytes: &[u8], towards: Towards) -> String {
    let config = &Config::new();
    match input {
        Packet => decide(bytes, config, towards).unwrap().to_string(),
        Ipv4 => decide_ipv4(bytes, config, towards).unwrap().to_string(),
        Ipv6 => decide_ipv6(bytes, config, towards).unwrap().to_string(),
        Frame => decide_frame(bytes, config, towards).unwrap().to_string(),
        SegmentOverIpv4 | SegmentOverIpv6 => {
            let (addresses, segment) = bytes.split_at(if input == SegmentOverIpv4 { 8 } else { 32 });
            decide_segment(segment, Sum::of(addresses), config, towards).unwrap().to_string()
        }
    }
}

/// All settings that can change an answer, but for other hop limits.
pub fn settings() -> Vec<Config> {
    let mut all = Vec::new();
    for profile in [Profile::Netfilter, Profile::TcpStack] {
        for ipv4_checksum in [Checksum::Verify, Checksum::Trust] {
            for tcp_checksum in [Checksum::Verify, Checksum::Trust] {
                for (partial, hop_limit) in [(false, 64), (true, 64), (false, 0)] {
                    let config = Config::new().profile(profile).ipv4_checksum(ipv4_checksum).tcp_checksum(tcp_checksum);
                    all.push(config.partial_checksum(partial).hop_limit(hop_limit));
                }
            }
        }
    }
    all
}

/// The settings under which every check is made.
pub const STRICT: Config = Config::new().profile(Profile::TcpStack);

fn offender(packet: &[u8]) -> Option<Ends> {
    Offender::of(packet).map(|offender| (offender.source, offender.destination, offender.ports))
}

fn is_new(config: &Config) -> bool {
    *config == Config::new()
}

fn fate(towards: Towards) -> Option<Fate> {
    match towards {
        Source => None,
        DestinationOfDropped => Some(Fate::Dropped),
        Towards::DestinationOfDelivered => Some(Fate::Delivered),
    }
}

fn decide(packet: &[u8], config: &Config, towards: Towards) -> Result<Reset, NoReset> {
    match fate(towards) {
        None => Reset::in_reply_to(packet, config),
        Some(fate) => Reset::for_destination(packet, fate, config),
    }
}

fn decide_ipv4(packet: &[u8], config: &Config, towards: Towards) -> Result<ipv4::Reset, NoReset> {
    match fate(towards) {
        None => ipv4::Reset::in_reply_to(packet, config),
        Some(fate) => ipv4::Reset::for_destination(packet, fate, config),
    }
}

fn decide_ipv6(packet: &[u8], config: &Config, towards: Towards) -> Result<ipv6::Reset, NoReset> {
    match fate(towards) {
        None => ipv6::Reset::in_reply_to(packet, config),
        Some(fate) => ipv6::Reset::for_destination(packet, fate, config),
    }
}

fn decide_frame(frame: &[u8], config: &Config, towards: Towards) -> Result<ethernet::Reset, NoReset> {
    match fate(towards) {
        None => ethernet::Reset::in_reply_to(frame, config),
        Some(fate) => ethernet::Reset::for_destination(frame, fate, config),
    }
}

fn decide_segment(segment: &[u8], addresses: Sum, config: &Config, towards: Towards) -> Result<tcp::Reset, NoReset> {
    match fate(towards) {
        None => tcp::Reset::in_reply_to(segment, addresses, config),
        Some(fate) => tcp::Reset::for_destination(segment, addresses, fate, config),
    }
}

fn answer_segment(segment: &[u8], addresses: Sum, config: &Config, towards: Towards) -> Answer {
    let reset = decide_segment(segment, addresses, config, towards)?;
    Ok(reset.emit(addresses, &mut [DIRT; HEADER_LEN]).to_vec())
}

/// Writes ports, numbers and control bits over those of the last 20 bytes.
fn put_tcp(bytes: &mut [u8], tcp: &tcp::Reset) {
    let segment = bytes.last_chunk_mut::<20>().unwrap();
    segment[..2].copy_from_slice(&tcp.source_port.to_be_bytes());
    segment[2..4].copy_from_slice(&tcp.destination_port.to_be_bytes());
    segment[4..8].copy_from_slice(&tcp.seq.to_be_bytes());
    segment[8..12].copy_from_slice(&tcp.ack.unwrap_or(0).to_be_bytes());
    segment[13] = tcp.flags();
}

/// What `answer` returns. Asserts that it is the front of the buffer and that nothing else was written.
fn written<const N: usize>(answer: impl FnOnce(&mut [u8; N]) -> Result<&mut [u8], NoReset>) -> Answer {
    let mut buffer = [DIRT; N];
    let reply = answer(&mut buffer).map(|reply| reply.to_vec());
    let (front, rest) = buffer.split_at(reply.as_ref().map_or(0, Vec::len));
    assert_eq!(front, reply.as_deref().unwrap_or_default(), "the reply is not in the buffer");
    assert!(rest.iter().all(|&byte| byte == DIRT), "more than the reply was written");
    reply
}

/// What `write` writes over the offender. Asserts that the rest of it stays, and that nothing is written to a shorter slice.
fn in_place(offender: &[u8], write: impl Fn(&mut [u8]) -> Option<&mut [u8]>) -> Vec<u8> {
    let mut frame = offender.to_vec();
    let reply = write(&mut frame).unwrap().to_vec();
    assert_eq!(frame[..reply.len()], reply);
    assert_eq!(frame[reply.len()..], offender[reply.len()..], "in place more than the reply was written");
    for len in [0, reply.len() - 1] {
        let mut short = vec![DIRT; len];
        assert!(write(&mut short).is_none() && short.iter().all(|&byte| byte == DIRT), "a short slice was written to");
    }
    reply
}
