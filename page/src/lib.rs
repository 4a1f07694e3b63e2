//! The crate as WebAssembly: it answers one frame at a time.
//!
//! The capture tool's own modules find the packet in a frame, decide what is assumed about it and print it: both give the same
//! answers. The tool's crate for capture files would be too large here; `web/capture.js` reads them.

#[path = "../../tcp-reset-capture/src/answer.rs"]
mod answer;
#[expect(dead_code, reason = "the capture tool uses the rest")]
#[path = "../../tcp-reset-capture/src/link.rs"]
mod link;
#[expect(dead_code, reason = "the capture tool uses the rest")]
#[path = "../../tcp-reset-capture/src/packet.rs"]
mod packet;
/// What these modules use of the capture tool's module of this name.
mod interfaces {
    pub struct Frame<'a> {
        pub link: crate::link::Link,
        pub data: &'a [u8],
        pub is_cut: bool,
    }
}

use std::fmt::{self, Write};
use std::net::IpAddr;
use std::{mem, slice};

use answer::{Answer, Notes};
use interfaces::Frame;
use link::{Found, Link};
use packet::{Packet, Segment};
use tcp_reset::checksum::Sum;
use tcp_reset::{Checksum, Config, MAX_LEN, Profile, Reset, Towards};

/// What the page reads, as `web/answer.js` names it. In WebAssembly, `usize` has 32 bits.
#[repr(C)]
pub struct Output {
    words: [usize; 11],
    /// As the settings say; then, for the packet's source, a firewall's and a closed port's.
    resets: [[u8; MAX_LEN]; 3],
    /// Lines: the packet, the answer, notes.
    text: [u8; 512],
}

/// Kinds of frames; 0 is an unknown link type.
const NOT_IP: usize = 1;
const NO_IP_HEADER: usize = 2;
const OTHER: usize = 3;
const TCP: usize = 4;

/// Answers a frame. A choice is the index of its option in the page.
///
/// # Safety
///
/// `frame` has `len` bytes, `output` is aligned, and nothing else uses either until this returns.
#[expect(unsafe_code, reason = "the page passes addresses, and calls by name")]
#[unsafe(no_mangle)]
#[rustfmt::skip]
pub unsafe extern "C" fn answer(
    frame: *const u8, len: usize, output: *mut Output, link: u32, is_cut: bool, with_text: bool,
    profile: usize, towards: usize, hop_limit: u8, ipv4_checksum: usize, tcp_checksum: usize, partial_checksum: bool,
    is_strict: bool,
) {
    // SAFETY: the page keeps memory for both, which it asked WebAssembly for, and has no thread beside this one.
    let (data, output) = unsafe { (slice::from_raw_parts(frame, len), &mut *output) };
    let config = Config::new()
        .profile(choose(profile, Profile::Netfilter, &[Profile::TcpStack]))
        .towards(choose(towards, Towards::Source, &[Towards::DestinationOfDropped, Towards::DestinationOfDelivered]))
        .hop_limit(hop_limit)
        .ipv4_checksum(choose(ipv4_checksum, Checksum::Verify, &[Checksum::Trust]))
        .tcp_checksum(choose(tcp_checksum, Checksum::Verify, &[Checksum::VerifyOrPartial, Checksum::Trust]))
        .partial_checksum(partial_checksum);
    let mut text = Text(if with_text { &mut output.text } else { &mut [] });
    let room = text.0.len();
    output.words = match Link::from_number(link).map(|link| (link, link.ip_packet(data))) {
        None => [0; 11],
        Some((link, Ok(found))) => {
            answer_packet(&Frame { link, data, is_cut }, found, config, is_strict, &mut output.resets, &mut text)
        }
        Some((_, Err(not_ip))) => {
            _ = write!(text, "{not_ip}\nsilence: not IP");
            [NOT_IP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
    };
    output.words[7] = room - text.0.len();
}

fn choose<T: Copy>(index: usize, usual: T, others: &[T]) -> T {
    index.checked_sub(1).and_then(|index| others.get(index)).copied().unwrap_or(usual)
}

fn answer_packet(
    frame: &Frame<'_>,
    found: Found<'_>,
    config: Config,
    is_strict: bool,
    resets: &mut [[u8; MAX_LEN]; 3],
    text: &mut Text<'_>,
) -> [usize; 11] {
    // As the capture tool answers, or strictly as the settings say.
    let answer = |config| match frame.link.answer(frame.data, found.packet, &config) {
        result if is_strict => Answer { result, config, notes: Notes::default() },
        _ => Answer::new(frame, found, config),
    };
    let Answer { result, notes, .. } = answer(config);
    // Those with which the capture's resets are compared. The first answer has verified the checksums for the second.
    let netfilter = answer(config.profile(Profile::Netfilter).towards(Towards::Source).partial_checksum(false));
    let trust = netfilter.config.ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
    let stack = netfilter.result.and_then(|_| Reset::in_reply_to(found.packet, &trust.profile(Profile::TcpStack)));
    let mut lens = [0; 3];
    for ((answer, reset), len) in [result, netfilter.result, stack].iter().zip(resets).zip(&mut lens) {
        *len = answer.ok().and_then(|answer| answer.write_to(reset).map(|reply| reply.len())).unwrap_or(0);
    }

    let packet = Packet::new(found.packet, result);
    // An error would mean that there is no room.
    _ = match result {
        Ok(reset) => write!(text, "{packet}\nreset: {}", reset.tcp()),
        Err(reason) => write!(text, "{packet}\nsilence: {reason}"),
    };
    notes.words(result.is_ok()).for_each(|note| _ = write!(text, "\n{note}"));
    let offset = |part: &[u8]| part.as_ptr().addr() - frame.data.as_ptr().addr();
    let [kind, tcp_at, segment_len, checksum] = match &packet {
        Packet::Tcp(segment) => {
            let bytes = segment_in(found.packet, segment.length);
            [TCP, offset(bytes), segment.length, checksum(segment, bytes)]
        }
        Packet::Other { .. } => [OTHER, 0, 0, 0],
        Packet::NoIp(_) => [NO_IP_HEADER, 0, 0, 0],
    };
    #[expect(clippy::as_conversions, reason = "so the crate documents it")]
    let reason = result.err().map_or(0, |reason| reason as usize);
    let (packet_at, partial, [reset, netfilter, stack]) = (offset(found.packet), notes.is_partial.into(), lens);
    [kind, packet_at, tcp_at, segment_len, checksum, reason, partial, 0, reset, netfilter, stack]
}

/// The segment of this length, as far as it is there: it ends where the IP header says, or else with the packet.
fn segment_in(packet: &[u8], len: usize) -> &[u8] {
    let stated = match packet {
        [0x40..=0x4f, _, l0, l1, ..] => usize::from(u16::from_be_bytes([*l0, *l1])),
        [0x60..=0x6f, _, _, _, l0, l1, ..] => 40 + usize::from(u16::from_be_bytes([*l0, *l1])),
        _ => 0,
    };
    let end = if stated < len + 20 { packet.len() } else { stated };
    packet.get(end.saturating_sub(len)..end.min(packet.len())).unwrap_or_default()
}

/// 0 correct, 1 wrong, 2 partial, 3 not to be verified: the segment is cut.
fn checksum(segment: &Segment, bytes: &[u8]) -> usize {
    let sum = |address| match address {
        IpAddr::V4(address) => Sum::of(&address.octets()),
        IpAddr::V6(address) => Sum::of(&address.octets()),
    };
    let addresses = sum(segment.source.ip()).plus(sum(segment.destination.ip()));
    let pseudo_header = addresses.plus(Sum::of(&segment.length.to_be_bytes())).plus(Sum::of(&[0, 6]));
    match bytes.get(16..18) {
        Some(field) if field == pseudo_header.checksum().map(|byte| !byte) => 2,
        _ if bytes.len() != segment.length => 3,
        _ => usize::from(!pseudo_header.plus(Sum::of(bytes)).is_valid()),
    }
}

/// The rest of a buffer for text; there is none if no text is wanted.
struct Text<'a>(&'a mut [u8]);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let (to, rest) = mem::take(&mut self.0).split_at_mut_checked(text.len()).ok_or(fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.0 = rest;
        Ok(())
    }
}
