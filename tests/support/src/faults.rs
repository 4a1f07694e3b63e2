//! What can be wrong with a packet, in the order of the checks: one fault alone, or two.

use crate::frames::{ether_type, frame};
use crate::functions::Input;
use crate::packet::{Tcp, V4, V6, repair};
use crate::protocol::{DESTINATION_OPTIONS, FRAGMENT, NO_NEXT_HEADER, UDP};
use tcp_reset::NoReset;
use tcp_reset::tcp::{ACK, RST, SYN};

/// One thing wrong with a packet.
pub struct Fault {
    pub name: &'static str,
    pub reason: NoReset,
    step: Step,
    make: fn(&mut Vec<u8>),
}

/// When a fault is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Before the checksums are made right.
    Before,
    After,
    /// After the packet was put into a frame with one tag.
    Framed,
}

use Step::{After, Before, Framed};

const fn fault(name: &'static str, reason: NoReset, step: Step, make: fn(&mut Vec<u8>)) -> Fault {
    Fault { name, reason, step, make }
}

/// They work on a packet of 24 bytes of IPv4 header, 20 of TCP's and 4 of data.
#[rustfmt::skip]
pub const IPV4: [Fault; 15] = [
    fault("a buffer shorter than an IPv4 header", NoReset::Truncated, After, |packet| packet.truncate(19)),
    fault("version 5", NoReset::Version, Before, |packet| packet[0] = 0x50 | packet[0] & 0x0f),
    fault("a header length of 16 bytes", NoReset::HeaderLength, Before, |packet| packet[0] = packet[0] & 0xf0 | 4),
    fault("a total length below any header length", NoReset::TotalLength, Before, |packet| packet[3] = 15),
    fault("a buffer shorter than the header with its options", NoReset::Truncated, After, |packet| packet.truncate(23)),
    fault("a wrong header checksum", NoReset::HeaderChecksum, After, |packet| packet[10] ^= 0x01),
    fault("a fragment offset", NoReset::Fragment, Before, |packet| packet[7] = 1),
    fault("UDP", NoReset::NotTcp, Before, |packet| packet[9] = UDP),
    fault("an unspecified source", NoReset::Source, Before, |packet| packet[12..16].fill(0)),
    fault("a multicast destination", NoReset::Destination, Before, |packet| packet[16] = 224),
    fault("19 bytes of TCP header", NoReset::TcpHeader, Before, |packet| packet[3] = 24 + 19),
    fault("RST", NoReset::Rst, Before, |packet| packet[37] |= RST),
    fault("a wrong TCP checksum", NoReset::TcpChecksum, After, |packet| packet[41] ^= 0x80),
    fault("a data offset of 4", NoReset::DataOffset, Before, |packet| packet[36] = 0x40),
    fault("SYN without ACK", NoReset::NoConnection, Before, |packet| packet[37] = packet[37] & RST | SYN),
];

/// They work on a packet of an IPv6 header, a destination options header (at 40), a fragment header (at 48), a TCP header
/// (at 56) and 4 bytes of data.
#[rustfmt::skip]
pub const IPV6: [Fault; 15] = [
    fault("a buffer shorter than an IPv6 header", NoReset::Truncated, After, |packet| packet.truncate(39)),
    fault("version 7", NoReset::Version, Before, |packet| packet[0] = 0x70 | packet[0] & 0x0f),
    fault("a payload length of zero", NoReset::Jumbogram, Before, |packet| packet[4..6].fill(0)),
    fault("a buffer shorter than the payload length", NoReset::Truncated, After, |packet| packet.truncate(48)),
    fault("a multicast source", NoReset::Source, Before, |packet| packet[8] = 0xff),
    fault("an unspecified destination", NoReset::Destination, Before, |packet| packet[24..40].fill(0)),
    fault("UDP after the IPv6 header", NoReset::NotTcp, Before, |packet| packet[6] = UDP),
    fault("destination options past the packet", NoReset::ExtensionHeader, Before, |packet| packet[41] = 4),
    fault("a fragment offset", NoReset::Fragment, Before, |packet| packet[51] |= 0x08),
    fault("no next header after the fragment header", NoReset::NotTcp, Before, |packet| packet[48] = NO_NEXT_HEADER),
    fault("19 bytes of TCP header", NoReset::TcpHeader, Before, |packet| packet[5] = 16 + 19),
    fault("RST", NoReset::Rst, Before, |packet| packet[69] |= RST),
    // The source port is summed as well, and the shortest segment has it.
    fault("a wrong TCP checksum", NoReset::TcpChecksum, After, |packet| packet[56] ^= 0x80),
    fault("a data offset of 4", NoReset::DataOffset, Before, |packet| packet[68] = 0x40),
    fault("SYN without ACK", NoReset::NoConnection, Before, |packet| packet[69] = packet[69] & RST | SYN),
];

/// They work on addresses and a TCP segment of 24 bytes: an IPv4 packet from its twelfth byte on.
#[rustfmt::skip]
pub const SEGMENT: [Fault; 6] = [
    fault("19 bytes", NoReset::TcpHeader, After, |bytes| bytes.truncate(8 + 19)),
    fault("RST", NoReset::Rst, Before, |packet| packet[33] |= RST),
    fault("longer than an IP packet", NoReset::TooLong, After, |bytes| bytes.resize(8 + 0x1_0000, 0)),
    fault("a wrong TCP checksum", NoReset::TcpChecksum, After, |bytes| bytes[8] ^= 0x80),
    fault("a data offset of 4", NoReset::DataOffset, Before, |packet| packet[32] = 0x40),
    fault("SYN without ACK", NoReset::NoConnection, Before, |packet| packet[33] = packet[33] & RST | SYN),
];

/// They work on a frame with one VLAN tag.
#[rustfmt::skip]
pub const FRAME: [Fault; 5] = [
    fault("a buffer shorter than the longest header", NoReset::Truncated, Framed, |frame| frame.truncate(21)),
    fault("a multicast destination of the frame", NoReset::GroupAddress, Framed, |frame| frame[0] |= 1),
    fault("a multicast source of the frame", NoReset::GroupAddress, Framed, |frame| frame[6] |= 1),
    fault("three tags", NoReset::VlanTags, Framed, |frame| { frame.splice(16..16, [0x81, 0, 0, 1, 0x81, 0, 0, 2]); }),
    fault("ARP", NoReset::EtherType, Framed, |frame| frame[16..18].copy_from_slice(&[8, 6])),
];

/// A packet, a frame or a segment with some faults.
pub struct Spoilt {
    pub input: Input,
    pub bytes: Vec<u8>,
    /// In their order.
    pub faults: Vec<&'static Fault>,
}

/// No fault, every fault alone and every two: of packets of both versions, of frames that hold them, and of segments.
pub fn all() -> Vec<Spoilt> {
    let mut all = Vec::new();
    for (input, packet, levels) in [
        (Input::Ipv4, ipv4(), [&[][..], &IPV4]),
        (Input::Ipv6, ipv6(), [&[], &IPV6]),
        (Input::Frame, ipv4(), [&FRAME, &IPV4]),
        (Input::Frame, ipv6(), [&FRAME, &IPV6]),
        (Input::SegmentOverIpv4, V4::with(acknowledgment()).bytes(), [&[], &SEGMENT]),
    ] {
        let list: Vec<&Fault> = levels.into_iter().flatten().collect();
        all.push(Spoilt::new(input, &packet, &[]));
        for (place, first) in list.iter().enumerate() {
            all.push(Spoilt::new(input, &packet, &[first]));
            all.extend(list[place + 1..].iter().map(|second| Spoilt::new(input, &packet, &[first, second])));
        }
    }
    all
}

impl Spoilt {
    fn new(input: Input, packet: &[u8], faults: &[&'static Fault]) -> Self {
        let mut bytes = packet.to_vec();
        for step in [Before, After, Framed] {
            // The first fault is made last: it may cut off what the second one changes.
            for fault in faults.iter().rev().filter(|fault| fault.step == step) {
                (fault.make)(&mut bytes);
            }
            match (step, input) {
                (Before, Input::SegmentOverIpv4) => {
                    repair(&mut bytes);
                    bytes.drain(..12);
                }
                (Before, _) => repair(&mut bytes),
                (After, Input::Frame) => {
                    bytes = frame(
                        [2, 0, 0, 0, 0, 1],
                        [2, 0, 0, 0, 0, 2],
                        &[[0x81, 0, 0x60, 5]],
                        ether_type(packet),
                        &bytes,
                    );
                }
                _ => {}
            }
        }
        Self { input, bytes, faults: faults.to_vec() }
    }
}

/// A segment that every direction answers.
fn acknowledgment() -> Tcp {
    Tcp { flags: ACK, ack: 7, data: b"data".to_vec(), ..Tcp::default() }
}

fn ipv4() -> Vec<u8> {
    V4 { options: vec![1, 1, 1, 0], tcp: acknowledgment(), ..V4::default() }.bytes()
}

fn ipv6() -> Vec<u8> {
    let extensions =
        vec![(DESTINATION_OPTIONS, vec![0, 0, 1, 4, 0, 0, 0, 0]), (FRAGMENT, vec![0, 0, 0, 1, 0x12, 0x34, 0x56, 0x78])];
    V6 { extensions, tcp: acknowledgment(), ..V6::default() }.bytes()
}
