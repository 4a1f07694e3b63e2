//! Every public function of the crate that makes a reset, each as a row of one form: bytes and settings in, the reset's
//! bytes or the reason for silence out. All tests call the crate through this table, or through [`answer`].

use crate::FILL;
use crate::model::{self, Answer, DestinationOfDropped, Ends, Source};
use crate::text as read;
use core::net::{Ipv4Addr, Ipv6Addr};
use tcp_reset::tcp::{self, ACK, Addresses, HEADER_LEN, RST, SYN};
use tcp_reset::{Checksum, Config, Endpoints, NoReset, Profile, Reset, Towards, ethernet, ipv4, ipv6};

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
    /// The answer of the model.
    pub fn model(self, bytes: &[u8], config: &Config) -> Answer {
        match self {
            Packet => model::packet(bytes, config),
            Ipv4 => model::ipv4(bytes, config),
            Ipv6 => model::ipv6(bytes, config),
            Frame => model::frame(bytes, config),
            SegmentOverIpv4 => model::segment(&bytes[8..], &bytes[..8], config),
            SegmentOverIpv6 => model::segment(&bytes[32..], &bytes[..32], config),
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
pub struct Row {
    /// The public functions that it calls.
    pub functions: &'static [&'static str],
    pub input: Input,
    /// The answer; `None` if these functions do not have this setting.
    pub call: fn(&[u8], &Config) -> Option<Answer>,
}

const fn row(input: Input, functions: &'static [&'static str], call: fn(&[u8], &Config) -> Option<Answer>) -> Row {
    Row { functions, input, call }
}

#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    row(Packet, &["reset"], |packet, config| {
        is_new(config).then(|| written(|buffer| tcp_reset::reset(packet, buffer)))
    }),
    row(Packet, &["reset_with"], |packet, config| {
        Some(written(|buffer| tcp_reset::reset_with(packet, config, buffer)))
    }),
    row(Packet, &["Reset::in_reply_to", "Reset::as_bytes"], |packet, config| {
        Some(Reset::in_reply_to(packet, config).map(|reset| {
            assert_eq!(reset.as_ref(), reset.as_bytes());
            reset.as_bytes().to_vec()
        }))
    }),
    row(Packet, &["Reset::write_to"], |packet, config| {
        Some(Reset::in_reply_to(packet, config).map(|reset| in_place(packet, |slice| reset.write_to(slice))))
    }),
    row(Packet, &["Reset::source", "Reset::destination", "Reset::tcp"], |packet, config| {
        Some(Reset::in_reply_to(packet, config).map(|reset| {
            let mut bytes = without_numbers(reset.as_bytes());
            read::put_addresses(&mut bytes, reset.source(), reset.destination());
            put_tcp(&mut bytes, &reset.tcp());
            bytes
        }))
    }),
    // Its text.
    row(Packet, &[], |packet, config| {
        Some(Reset::in_reply_to(packet, config).map(|reset| read::put(&reset.to_string(), reset.as_bytes())))
    }),
    row(Ipv4, &["ipv4::reset_with"], |packet, config| {
        Some(written(|buffer| ipv4::reset_with(packet, config, buffer).map(|()| &mut buffer[..])))
    }),
    row(Ipv6, &["ipv6::reset_with"], |packet, config| {
        Some(written(|buffer| ipv6::reset_with(packet, config, buffer).map(|()| &mut buffer[..])))
    }),
    row(Frame, &["ethernet::reset"], |frame, config| {
        is_new(config).then(|| written(|buffer| ethernet::reset(frame, buffer)))
    }),
    row(Frame, &["ethernet::reset_with"], |frame, config| {
        Some(written(|buffer| ethernet::reset_with(frame, config, buffer)))
    }),
    row(Frame, &["ethernet::Reset::in_reply_to", "ethernet::Reset::as_bytes"], |frame, config| {
        Some(ethernet::Reset::in_reply_to(frame, config).map(|reset| {
            assert_eq!(reset.as_ref(), reset.as_bytes());
            reset.as_bytes().to_vec()
        }))
    }),
    row(Frame, &["ethernet::Reset::write_to"], |frame, config| {
        Some(ethernet::Reset::in_reply_to(frame, config).map(|reset| in_place(frame, |slice| reset.write_to(slice))))
    }),
    row(Frame, &["ethernet::Reset::header", "ethernet::Reset::packet"], |frame, config| {
        Some(ethernet::Reset::in_reply_to(frame, config).map(|reset| {
            [reset.header(), reset.packet().as_bytes()].concat()
        }))
    }),
    // Its text.
    row(Frame, &[], |frame, config| {
        Some(ethernet::Reset::in_reply_to(frame, config).map(|reset| {
            read::put_frame(&reset.to_string(), reset.as_bytes())
        }))
    }),
    row(SegmentOverIpv4, &["tcp::Reset::in_reply_to", "tcp::Reset::write_to"], |bytes, config| {
        let (addresses, segment) = bytes.split_at(8);
        Some(answer_segment(segment, addresses, config))
    }),
    row(SegmentOverIpv6, &["tcp::Reset::in_reply_to", "tcp::Reset::write_to"], |bytes, config| {
        let (addresses, segment) = bytes.split_at(32);
        Some(answer_segment(segment, addresses, config))
    }),
    row(SegmentOverIpv6, &["tcp::Reset::in_reply_to_header"], |bytes, config| {
        let (addresses, segment) = bytes.split_at(32);
        // It verifies no checksum.
        if config.tcp_checksum != Checksum::Trust {
            return None;
        }
        let len = u32::try_from(segment.len()).unwrap();
        let reset = tcp::Reset::in_reply_to_header(segment.first_chunk()?, len, config);
        Some(reset.map(|reset| bytes_of(&reset, addresses)))
    }),
    row(SegmentOverIpv6, &["tcp::reset_numbers", "tcp::reset_numbers_towards", "tcp::seg_len"], |bytes, config| {
        let (addresses, segment) = bytes.split_at(32);
        // They are given numbers, and check nothing.
        let is_for_them = config.tcp_checksum == Checksum::Trust && config.profile == Profile::Netfilter;
        if !is_for_them || segment.len() < 20 || segment[13] & RST != 0 {
            return None;
        }
        let header_len = u32::from(segment[12] >> 4) * 4;
        let numbers = Numbers {
            seq: model::long(segment, 4),
            ack: model::long(segment, 8),
            flags: segment[13],
            data_len: u32::try_from(segment.len()).unwrap().wrapping_sub(header_len),
        };
        if config.towards == DestinationOfDropped && segment[13] & (SYN | ACK) == SYN {
            return None;
        }
        let (seq, ack) = self::numbers(numbers, config.towards);
        let [mut source_port, mut destination_port] = [0, 2].map(|at| model::word(segment, at));
        if config.towards == Source {
            (source_port, destination_port) = (destination_port, source_port);
        }
        Some(Ok(bytes_of(&tcp::Reset { source_port, destination_port, seq, ack }, addresses)))
    }),
    row(SegmentOverIpv4, &["tcp::Reset::flags"], |bytes, config| {
        let (addresses, segment) = bytes.split_at(8);
        Some(tcp::Reset::in_reply_to(segment, addresses_of(addresses), config).map(|reset| {
            let mut bytes = read::put_tcp(&reset.to_string(), &bytes_of(&reset, addresses));
            put_tcp(&mut bytes, &reset);
            bytes
        }))
    }),
];

/// What the crate answers to a packet. Asserts everything that it promises of it: see [`check`].
pub fn answer(packet: &[u8], config: &Config) -> Answer {
    for input in [Ipv4, Ipv6, SegmentOverIpv4, SegmentOverIpv6] {
        if let Some(bytes) = input.of_packet(packet) {
            let _ = check(input, bytes, config);
        }
    }
    assert_eq!(endpoints(packet), model::endpoints(packet), "Endpoints::of {packet:02x?}");
    check(Packet, packet, config)
}

/// The same by one function alone, where so many packets are tried that all would take minutes.
pub fn answer_by_one(packet: &[u8], config: &Config) -> Answer {
    let answer = (TABLE[1].call)(packet, config).unwrap();
    let expected = model::packet(packet, config);
    assert_eq!(answer, expected, "{config:?} {packet:02x?}");
    expected
}

/// SEQ and ACK of the reset for a segment of such numbers, which is not one that must be left alone.
pub fn numbers(segment: Numbers, towards: Towards) -> (u32, Option<u32>) {
    let Numbers { seq, ack, flags, data_len } = segment;
    let ack = (flags & ACK != 0).then_some(ack);
    let seg_len = tcp::seg_len(flags, data_len);
    let numbers = tcp::reset_numbers_towards(towards, seq, ack, seg_len);
    if towards == Source {
        assert_eq!(tcp::reset_numbers(seq, ack, seg_len), numbers);
    }
    numbers
}

/// What the rule has to know of a segment.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub data_len: u32,
}

/// What the crate answers, and asserts that all its functions answer as the model does, with a reply that is not
/// longer than its offender and is never answered itself.
pub fn check(input: Input, bytes: &[u8], config: &Config) -> Answer {
    let expected = input.model(bytes, config);
    for row in TABLE.iter().filter(|row| row.input == input) {
        let actual = (row.call)(bytes, config);
        assert!(
            actual.as_ref().is_none_or(|actual| *actual == expected),
            "{:?} {config:?}\nof {bytes:02x?}\nis {actual:02x?}\nnot {expected:02x?}",
            row.functions,
        );
    }
    if let Ok(reply) = &expected {
        assert!(reply.len() <= bytes.len(), "amplification: {bytes:02x?}");
        let again = match input {
            SegmentOverIpv4 => &[&bytes[..8], reply].concat(),
            SegmentOverIpv6 => &[&bytes[..32], reply].concat(),
            _ => reply,
        };
        for row in TABLE.iter().filter(|row| row.input == input) {
            let answer = (row.call)(again, config);
            assert!(matches!(answer, None | Some(Err(NoReset::Rst))), "a reset is answered: {again:02x?}");
        }
    }
    expected
}

/// What the crate prints of the reset.
pub fn text(input: Input, bytes: &[u8], towards: Towards) -> String {
    let config = &Config::new().towards(towards);
    match input {
        Packet | Ipv4 | Ipv6 => Reset::in_reply_to(bytes, config).unwrap().to_string(),
        Frame => ethernet::Reset::in_reply_to(bytes, config).unwrap().to_string(),
        SegmentOverIpv4 | SegmentOverIpv6 => {
            let (addresses, segment) = bytes.split_at(if input == SegmentOverIpv4 { 8 } else { 32 });
            tcp::Reset::in_reply_to(segment, addresses_of(addresses), config).unwrap().to_string()
        }
    }
}

/// All settings that can change an answer, but for other hop limits and directions.
pub fn settings() -> Vec<Config> {
    let mut all = Vec::new();
    for profile in [Profile::Netfilter, Profile::TcpStack] {
        for ipv4_checksum in [Checksum::Verify, Checksum::Trust] {
            for tcp_checksum in [Checksum::Verify, Checksum::VerifyOrPartial, Checksum::Trust] {
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

fn endpoints(packet: &[u8]) -> Option<Ends> {
    Endpoints::of(packet).map(|ends| (ends.source, ends.destination, ends.ports))
}

fn is_new(config: &Config) -> bool {
    *config == Config::new()
}

/// Two addresses, one after the other, as the crate takes them.
fn addresses_of(bytes: &[u8]) -> Addresses {
    let (source, destination) = bytes.split_at(bytes.len() / 2);
    if bytes.len() == 8 {
        let [source, destination] = [source, destination].map(|address| <[u8; 4]>::try_from(address).unwrap());
        [Ipv4Addr::from(source), Ipv4Addr::from(destination)].into()
    } else {
        let [source, destination] = [source, destination].map(|address| <[u8; 16]>::try_from(address).unwrap());
        [Ipv6Addr::from(source), Ipv6Addr::from(destination)].into()
    }
}

fn answer_segment(segment: &[u8], addresses: &[u8], config: &Config) -> Answer {
    tcp::Reset::in_reply_to(segment, addresses_of(addresses), config).map(|reset| bytes_of(&reset, addresses))
}

fn bytes_of(reset: &tcp::Reset, addresses: &[u8]) -> Vec<u8> {
    let mut bytes = [FILL; HEADER_LEN];
    reset.write_to(addresses_of(addresses), &mut bytes);
    bytes.to_vec()
}

/// The reset with zeros where addresses, ports and numbers are.
fn without_numbers(reset: &[u8]) -> Vec<u8> {
    let mut bytes = reset.to_vec();
    let addresses = if bytes.len() == 40 { 12..20 } else { 8..40 };
    bytes[addresses].fill(0);
    let tcp = bytes.len() - 20;
    bytes[tcp..tcp + 12].fill(0);
    bytes
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
    let mut buffer = [FILL; N];
    let reply = answer(&mut buffer).map(|reply| reply.to_vec());
    let (front, rest) = buffer.split_at(reply.as_ref().map_or(0, Vec::len));
    assert_eq!(front, reply.as_deref().unwrap_or_default(), "the reply is not in the buffer");
    assert!(rest.iter().all(|&byte| byte == FILL), "more than the reply was written");
    reply
}

/// What `write` writes over the offender. Asserts that the rest of it stays, and that nothing is written to a shorter slice.
fn in_place(offender: &[u8], write: impl Fn(&mut [u8]) -> Option<&mut [u8]>) -> Vec<u8> {
    let mut frame = offender.to_vec();
    let reply = write(&mut frame).unwrap().to_vec();
    assert_eq!(frame[..reply.len()], reply);
    assert_eq!(frame[reply.len()..], offender[reply.len()..], "in place more than the reply was written");
    for len in [0, reply.len() - 1] {
        let mut short = vec![FILL; len];
        assert!(write(&mut short).is_none() && short.iter().all(|&byte| byte == FILL), "a short slice was written to");
    }
    reply
}
