//! What C calls, and all of the `unsafe` code: C's pointers become slices and values here, and nothing else happens.
//!
//! A reply is made in a buffer of ours and copied out at the end, so that the caller's may be the packet itself or
//! overlap it, and need not be initialized.

#![allow(unsafe_code, reason = "C's pointers; each use says why it is sound")]
#![allow(
    clippy::missing_safety_doc,
    reason = "these comments are C's, and the header begins with what pointers have to be"
)]

use core::ffi::{c_char, c_void};
use core::slice;

use rule::checksum::Sum;
use rule::{Config as Settings, MAX_LEN, ethernet, ipv4, tcp};

use crate::reason::{Reason, name};
use crate::types::{Config, Numbers, Segment, fate_of};

/// Writes the reset that answers a packet, IPv4 or IPv6, and returns its length: TCP_RESET_MAX_LEN at most.
///
/// The packet begins with its IP header. Bytes past the length that this header states, such as Ethernet padding, are
/// ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_packet(
    packet: *const c_void,
    packet_len: usize,
    reply: *mut c_void,
    reply_size: usize,
    config: *const Config,
    reason: *mut Reason,
) -> usize {
    let mut buffer = [0; MAX_LEN];
    // SAFETY: the header asks C for valid pointers.
    let offender = unsafe { offender(packet, packet_len, config) };
    let answer = offender.and_then(|(packet, config)| Ok(&*rule::reset_with(packet, &config, &mut buffer)?));
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// Writes the reset that ends the connection of a packet, IPv4 or IPv6, at the packet's destination, in the name of its
/// source. `fate` is TCP_RESET_FATE_DROPPED or TCP_RESET_FATE_DELIVERED. To end both sides, call tcp_reset_packet() too.
///
/// One segment does not show the whole state: the documentation of reset_for_destination() in the Rust crate explains when
/// a destination ignores such a reset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_packet_for_destination(
    packet: *const c_void,
    packet_len: usize,
    fate: u8,
    reply: *mut c_void,
    reply_size: usize,
    config: *const Config,
    reason: *mut Reason,
) -> usize {
    let mut buffer = [0; MAX_LEN];
    // SAFETY: the header asks C for valid pointers.
    let offender = unsafe { offender(packet, packet_len, config) };
    let answer = offender
        .and_then(|(packet, config)| Ok(&*rule::reset_for_destination(packet, fate_of(fate)?, &config, &mut buffer)?));
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// The same as tcp_reset_packet() for IPv4 alone, a third less code: TCP_RESET_IPV4_LEN bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_ipv4_packet(
    packet: *const c_void,
    packet_len: usize,
    reply: *mut c_void,
    reply_size: usize,
    config: *const Config,
    reason: *mut Reason,
) -> usize {
    let mut buffer = [0; ipv4::RESET_LEN];
    // SAFETY: the header asks C for valid pointers.
    let offender = unsafe { offender(packet, packet_len, config) };
    let answer = offender.and_then(|(packet, config)| {
        let reset = ipv4::Reset::in_reply_to(packet, &config)?;
        Ok(reset.emit(&mut buffer).as_slice())
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// Writes the Ethernet frame that answers a frame, addresses swapped, VLAN tags copied, and returns its length:
/// TCP_RESET_FRAME_MAX_LEN at most. Padding to the least length of a frame is left to the driver or the network card.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_frame(
    frame: *const c_void,
    frame_len: usize,
    reply: *mut c_void,
    reply_size: usize,
    config: *const Config,
    reason: *mut Reason,
) -> usize {
    let mut buffer = [0; ethernet::MAX_LEN];
    // SAFETY: the header asks C for valid pointers.
    let offender = unsafe { offender(frame, frame_len, config) };
    let answer = offender.and_then(|(frame, config)| Ok(&*ethernet::reset_with(frame, &config, &mut buffer)?));
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// Writes the Ethernet frame that ends the connection at the frame's destination: see tcp_reset_packet_for_destination().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_frame_for_destination(
    frame: *const c_void,
    frame_len: usize,
    fate: u8,
    reply: *mut c_void,
    reply_size: usize,
    config: *const Config,
    reason: *mut Reason,
) -> usize {
    let mut buffer = [0; ethernet::MAX_LEN];
    // SAFETY: the header asks C for valid pointers.
    let offender = unsafe { offender(frame, frame_len, config) };
    let answer = offender.and_then(|(frame, config)| {
        Ok(&*ethernet::reset_for_destination(frame, fate_of(fate)?, &config, &mut buffer)?)
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// Writes the TCP segment that answers a segment whose IP header the caller has dealt with: TCP_RESET_TCP_LEN bytes.
///
/// `segment` is the whole segment, as long as the IP header says. `source` and `destination` are its addresses as in the
/// packet, of `address_len` bytes each: 4 or 16. Of the settings, the profile and TCP_RESET_TRUST_TCP_CHECKSUM count; the
/// reset's checksum is complete.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_tcp_segment(
    segment: *const c_void,
    segment_len: usize,
    source: *const c_void,
    destination: *const c_void,
    address_len: usize,
    reply: *mut c_void,
    reply_size: usize,
    config: *const Config,
    reason: *mut Reason,
) -> usize {
    let mut buffer = [0; tcp::HEADER_LEN];
    // SAFETY: the header asks C for valid pointers.
    let offender = unsafe { offender(segment, segment_len, config) };
    // SAFETY: the header asks C for valid pointers.
    let addresses = unsafe { addresses(source, destination, address_len) };
    let answer = offender.and_then(|(segment, config)| {
        let reset = tcp::Reset::in_reply_to(segment, addresses?, &config)?;
        Ok(reset.emit(addresses?, &mut buffer).as_slice())
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// Writes the TCP segment that ends the connection at the segment's destination, ports not swapped: see
/// tcp_reset_packet_for_destination().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_tcp_segment_for_destination(
    segment: *const c_void,
    segment_len: usize,
    fate: u8,
    source: *const c_void,
    destination: *const c_void,
    address_len: usize,
    reply: *mut c_void,
    reply_size: usize,
    config: *const Config,
    reason: *mut Reason,
) -> usize {
    let mut buffer = [0; tcp::HEADER_LEN];
    // SAFETY: the header asks C for valid pointers.
    let offender = unsafe { offender(segment, segment_len, config) };
    // SAFETY: the header asks C for valid pointers.
    let addresses = unsafe { addresses(source, destination, address_len) };
    let answer = offender.and_then(|(segment, config)| {
        let reset = tcp::Reset::for_destination(segment, addresses?, fate_of(fate)?, &config)?;
        Ok(reset.emit(addresses?, &mut buffer).as_slice())
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// The rule alone, for a stack that has parsed the segment and writes its own headers: fills in the numbers of the reset
/// that answers it, and returns TCP_RESET_REASON_NONE or why there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_numbers(segment: *const Segment, numbers: *mut Numbers) -> Reason {
    // SAFETY: the header asks C for valid pointers.
    let segment = unsafe { value(segment) };
    let answer = segment.and_then(|segment| Ok(tcp::Segment::from(segment).reset()?.into()));
    // SAFETY: the header asks C for valid pointers.
    unsafe { fill_in(answer, numbers) }
}

/// The same, for the reset that goes to the segment's destination: see tcp_reset_packet_for_destination().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_numbers_for_destination(
    segment: *const Segment,
    fate: u8,
    numbers: *mut Numbers,
) -> Reason {
    // SAFETY: the header asks C for valid pointers.
    let segment = unsafe { value(segment) };
    let answer =
        segment.and_then(|segment| Ok(tcp::Segment::from(segment).reset_for_destination(fate_of(fate)?)?.into()));
    // SAFETY: the header asks C for valid pointers.
    unsafe { fill_in(answer, numbers) }
}

/// The reason in a few words, as strerror() does it: "wrong TCP checksum". Never null; the text is constant.
#[unsafe(no_mangle)]
pub extern "C" fn tcp_reset_reason_name(reason: u32) -> *const c_char {
    name(reason).as_ptr()
}

/// The bytes of an offender, and the settings.
///
/// # Safety
///
/// As for [`bytes`]; `config` is null or points to settings.
#[inline(always)]
unsafe fn offender<'a>(data: *const c_void, len: usize, config: *const Config) -> Result<(&'a [u8], Settings), Reason> {
    // SAFETY: the caller says so.
    let data = unsafe { bytes(data, len) }?;
    // SAFETY: the caller says so, and null is checked first.
    let config = if config.is_null() { Settings::new() } else { unsafe { config.read() }.settings()? };
    Ok((data, config))
}

/// The sum of two addresses.
///
/// # Safety
///
/// As for [`bytes`], both addresses.
unsafe fn addresses(source: *const c_void, destination: *const c_void, len: usize) -> Result<Sum, Reason> {
    if !matches!(len, 4 | 16) {
        return Err(Reason::Argument);
    }
    // SAFETY: the caller says so.
    let (source, destination) = (unsafe { bytes(source, len) }?, unsafe { bytes(destination, len) }?);
    Ok(Sum::of(source).plus(Sum::of(destination)))
}

/// Memory of the caller that can be read.
///
/// # Safety
///
/// `data` is null, or `len` bytes from there on can be read, and nobody writes to them while the slice is in use.
#[inline(always)]
unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Result<&'a [u8], Reason> {
    check(data, len)?;
    // SAFETY: the caller says so. It is not null, and `check` has checked the length.
    Ok(unsafe { slice::from_raw_parts(data.cast(), len) })
}

/// Refuses what cannot be an object in C: a null pointer, more than half of the address space, or past its end.
fn check(data: *const c_void, len: usize) -> Result<(), Reason> {
    let possible = !data.is_null() && isize::try_from(len).is_ok() && data.addr().checked_add(len).is_some();
    if possible { Ok(()) } else { Err(Reason::Argument) }
}

/// A copy of a value of the caller.
///
/// # Safety
///
/// `pointer` is null or points to a value.
unsafe fn value<T: Copy>(pointer: *const T) -> Result<T, Reason> {
    // SAFETY: the caller says so, and null is checked first.
    if pointer.is_null() { Err(Reason::Argument) } else { Ok(unsafe { pointer.read() }) }
}

/// Copies a reply to the caller's buffer, or sets the reason why there is none, and returns its length.
///
/// # Safety
///
/// `buffer` is null, or `size` bytes from there on can be written; `reason` is null or points to a reason. Nothing that
/// overlaps the buffer is borrowed.
#[inline(never)]
unsafe fn hand_over(answer: Result<&[u8], Reason>, buffer: *mut c_void, size: usize, reason: *mut Reason) -> usize {
    let checked = check(buffer, size).and(answer);
    let fits = checked.and_then(|reply| if reply.len() <= size { Ok(reply) } else { Err(Reason::ReplySize) });
    let (len, why) = match fits {
        Ok(reply) => {
            // In parts of two bytes, as every reply's length is even: whole, it is a call of `memcpy`, which takes 400 bytes
            // on small machines.
            for (place, part) in reply.as_chunks::<2>().0.iter().enumerate() {
                // SAFETY: the caller says so, and it fits; `reply` is not the caller's memory.
                unsafe { buffer.cast::<[u8; 2]>().add(place).write(*part) };
            }
            (reply.len(), Reason::None)
        }
        Err(reason) => (0, reason),
    };
    if !reason.is_null() {
        // SAFETY: the caller says so, and it is not null.
        unsafe { reason.write(why) };
    }
    len
}

/// Fills in numbers, or returns why there are none.
///
/// # Safety
///
/// `numbers` is null or points to room for numbers.
unsafe fn fill_in(answer: Result<Numbers, Reason>, numbers: *mut Numbers) -> Reason {
    match answer {
        Ok(_) if numbers.is_null() => Reason::Argument,
        Ok(answer) => {
            // SAFETY: the caller says so, and it is not null.
            unsafe { numbers.write(answer) };
            Reason::None
        }
        Err(reason) => reason,
    }
}
