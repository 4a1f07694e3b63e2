//! The crate as WebAssembly: it answers one frame at a time.
//!
//! The capture tool's own modules find the packet in a frame, decide what is assumed about it and print it: both give the same
//! answers. The tool's crate for capture files would be too large here; `web/capture.js` reads them.
#![expect(dead_code, reason = "the capture tool uses the rest of its modules")]

#[path = "../../tcp-reset-capture/src/answer.rs"]
mod answer;
#[path = "../../tcp-reset-capture/src/link.rs"]
mod link;
#[path = "../../tcp-reset-capture/src/packet.rs"]
mod packet;

use std::fmt::{self, Write};
use std::slice;

use answer::{Answer, Notes};
use link::{Frame, Link};
use packet::{Packet, Segment};
use tcp_reset::{Checksum, Config, MAX_LEN, Profile, Reset, Towards, checksum::Sum};

/// What the page reads, as `web/answer.js` names it. In WebAssembly, `usize` has 32 bits.
#[repr(C)]
pub struct Output {
    words: [usize; 10],
    /// As the settings say; then, for the packet's source, a firewall's and a closed port's.
    resets: [[u8; MAX_LEN]; 3],
    /// Lines: the packet, the answer, notes.
    text: [u8; 512],
}

/// Kinds of frames; 0 is an unknown link type.
const NOT_IP: usize = 1;
const IP: usize = 2;
const TCP: usize = 3;

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
) {
    // SAFETY: the page keeps memory for both, which it asked WebAssembly for, and has no thread beside this one.
    let (data, output) = unsafe { (slice::from_raw_parts(frame, len), &mut *output) };
    let config = Config::new()
        .profile(choose(profile, [Profile::Netfilter, Profile::TcpStack]))
        .towards(choose(towards, [Towards::Source, Towards::DestinationOfDropped, Towards::DestinationOfDelivered]))
        .hop_limit(hop_limit)
        .ipv4_checksum(choose(ipv4_checksum, [Checksum::Verify, Checksum::Trust]))
        .tcp_checksum(choose(tcp_checksum, [Checksum::Verify, Checksum::Verify, Checksum::VerifyOrPartial, Checksum::Trust]))
        .partial_checksum(partial_checksum);
    // What does not fit is left out.
    let mut text = Text(if with_text { &mut output.text } else { &mut [] });
    let room = text.0.len();
    let offset = |part: &[u8]| part.as_ptr().addr() - data.as_ptr().addr();
    output.words = match Link::from_number(link).map(|link| (link, link.ip_packet(data))) {
        None => [0; 10],
        Some((_, Err(not_ip))) => {
            _ = write!(text, "{not_ip}\nsilence: not IP");
            [NOT_IP, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        Some((link, Ok(found))) => {
            // With the second the capture's resets are compared; the third is this one for a closed port, without checksums.
            let plain = config.profile(Profile::Netfilter).towards(Towards::Source).partial_checksum(false);
            let [Answer { result, notes, .. }, netfilter] = [config, plain].map(|config| match tcp_checksum {
                // Strictly as the settings say.
                1 | 2 => Answer { result: link.answer(data, found.packet, &config), config, notes: Notes::default() },
                _ => Answer::new(&Frame { link, data, is_cut, time: None }, found, config),
            });
            let trust = netfilter.config.ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
            let stack = netfilter.result.and_then(|_| Reset::in_reply_to(found.packet, &trust.profile(Profile::TcpStack)));
            let [own, first, second] = &mut output.resets;
            let lens = [(result, own), (netfilter.result, first), (stack, second)]
                .map(|(reset, room)| reset.ok().and_then(|reset| reset.write_to(room)).map_or(0, |reset| reset.len()));
            let (packet, segment) = Packet::new(found.packet, result);
            _ = match result {
                Ok(reset) => write!(text, "{packet}\nreset: {}", reset.tcp()),
                Err(reason) => write!(text, "{packet}\nsilence: {reason}"),
            };
            notes.words(result.is_ok()).for_each(|note| _ = write!(text, "\n{note}"));
            let [kind, tcp_at, segment_len, checksum] = match &packet {
                Packet::Tcp(header) => [TCP, offset(segment), header.length, checksum(header, segment)],
                Packet::Other { .. } | Packet::NoIp(_) => [IP, 0, 0, 0],
            };
            #[expect(clippy::as_conversions, reason = "so the crate documents it")]
            let reason = result.err().map_or(0, |reason| reason as usize);
            [kind, offset(found.packet), tcp_at, segment_len, checksum, reason, 0, lens[0], lens[1], lens[2]]
        }
    };
    output.words[6] = room - text.0.len();
}

fn choose<T: Copy, const N: usize>(index: usize, options: [T; N]) -> T {
    options.get(index).copied().unwrap_or(options[0])
}

/// 0 correct, 1 wrong, 2 partial, 3 not to be verified: the segment is cut.
fn checksum(header: &Segment, segment: &[u8]) -> usize {
    let partial = header.partial_checksum().to_be_bytes();
    match segment.get(16..18) {
        Some(field) if field == partial => 2,
        _ if segment.len() != header.length => 3,
        _ => usize::from(!Sum::of(&partial).plus(Sum::of(segment)).is_valid()),
    }
}

/// The rest of a buffer for text; there is none if no text is wanted.
struct Text<'a>(&'a mut [u8]);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.split_off_mut(..text.len()).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        Ok(())
    }
}
