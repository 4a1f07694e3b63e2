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
use core::net::{Ipv4Addr, Ipv6Addr};
use core::slice;

use tcp_reset::tcp::{self, Addresses};
use tcp_reset::{MAX_LEN, NoReset, Towards, ethernet, ipv4};

use crate::reason::{Reason, name};
use crate::types::{Config, Numbers, TCP_RESET_VERSION, end};

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
    let answer = offender.and_then(|(packet, config)| Ok(&*tcp_reset::reset_with(packet, &config, &mut buffer)?));
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
        ipv4::reset_with(packet, &config, &mut buffer)?;
        Ok(buffer.as_slice())
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// Writes the Ethernet frame that answers a frame and returns its length: TCP_RESET_FRAME_MAX_LEN at most. VLAN tags are
/// copied; the addresses are swapped, unless the reset goes to the destination. Padding to the least length of a frame is left
/// to the driver or the network card.
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

/// Writes the TCP segment that answers a segment whose IP header the caller has dealt with: TCP_RESET_TCP_LEN bytes.
///
/// `segment` is the whole segment, as long as the IP header says. `source` and `destination` are its addresses as in the
/// packet, of `address_len` bytes each: 4 or 16. Of the settings, `profile`, `towards` and the flags for the offender's TCP
/// checksum count; the reset's checksum is complete.
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
        let addresses = addresses?;
        tcp::Reset::in_reply_to(segment, addresses, &config)?.write_to(addresses, &mut buffer);
        Ok(buffer.as_slice())
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// The numbers of the reset that answers a segment, from its TCP header of 20 bytes, options left out: for buffers that do not
/// hold the segment in one piece. `segment_len` is its length with header, options and data, by the IP header. Fills in
/// `numbers` and returns TCP_RESET_REASON_NONE, or returns why there is no reset.
///
/// The checksum is the caller's to verify. Of the settings, `profile` and `towards` count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_tcp_header(
    header: *const c_void,
    segment_len: usize,
    numbers: *mut Numbers,
    config: *const Config,
) -> Reason {
    // SAFETY: the header asks C for valid pointers.
    let (header, config) = unsafe { (array::<{ tcp::HEADER_LEN }>(header), settings(config)) };
    let answer = header.and_then(|header| {
        let (config, len) = (config?, length(segment_len)?);
        if segment_len < tcp::HEADER_LEN {
            return Err(NoReset::TcpHeader.into());
        }
        let reset = tcp::Reset::in_reply_to_header(header, len, &config)?;
        Ok(Numbers::new(reset.seq, reset.ack))
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { fill_in(answer, numbers) }
}

/// The same for a stack that has parsed the segment: the rule of TCP (RFC 9293, 3.10.7.1) and nothing else. `seq` and `ack`
/// are the segment's, in the machine's byte order; `ack` counts only with TCP_RESET_ACK. `flags` has the segment's flags; only
/// FIN, SYN, RST and ACK are looked at. `data_len` is the length of its data: SYN and FIN are counted here. `towards` is
/// TCP_RESET_TOWARDS_SOURCE or the like.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_parsed_segment(
    seq: u32,
    ack: u32,
    flags: u32,
    data_len: usize,
    towards: u32,
    numbers: *mut Numbers,
) -> Reason {
    let answer = end(towards).and_then(|towards| {
        let [.., flags] = flags.to_be_bytes();
        let has = |flag| flags & flag != 0;
        if has(tcp::RST) {
            return Err(NoReset::Rst.into());
        }
        if towards == Towards::DestinationOfDropped && has(tcp::SYN) && !has(tcp::ACK) {
            return Err(NoReset::NoConnection.into());
        }
        let (ack, seg_len) = (has(tcp::ACK).then_some(ack), tcp::seg_len(flags, length(data_len)?));
        let (seq, ack) = tcp::reset_numbers_towards(towards, seq, ack, seg_len);
        Ok(Numbers::new(seq, ack))
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { fill_in(answer, numbers) }
}

/// Writes the TCP segment of a reset whose numbers are known, by tcp_reset_tcp_header() or tcp_reset_parsed_segment():
/// TCP_RESET_TCP_LEN bytes, with a complete checksum.
///
/// The ports are the reset's own, in the machine's byte order. `source` and `destination` are the addresses of both ends, in
/// either order, of `address_len` bytes each: 4 or 16. `flags` of the numbers has to be TCP_RESET_RST, alone or with
/// TCP_RESET_ACK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tcp_reset_write_segment(
    numbers: *const Numbers,
    source_port: u16,
    destination_port: u16,
    source: *const c_void,
    destination: *const c_void,
    address_len: usize,
    reply: *mut c_void,
    reply_size: usize,
    reason: *mut Reason,
) -> usize {
    let mut buffer = [0; tcp::HEADER_LEN];
    // SAFETY: the header asks C for valid pointers.
    let (numbers, addresses) =
        unsafe { (numbers.as_ref().ok_or(Reason::ARGUMENT), addresses(source, destination, address_len)) };
    let answer = numbers.and_then(|numbers| {
        let (seq, ack) = (numbers.seq, numbers.ack()?);
        tcp::Reset { source_port, destination_port, seq, ack }.write_to(addresses?, &mut buffer);
        Ok(buffer.as_slice())
    });
    // SAFETY: the header asks C for valid pointers.
    unsafe { hand_over(answer, reply, reply_size, reason) }
}

/// The reason in a few words, as strerror() does it: "wrong TCP checksum". Never null; the text is constant.
#[unsafe(no_mangle)]
pub extern "C" fn tcp_reset_reason_name(reason: u32) -> *const c_char {
    name(reason).as_ptr()
}

/// The version of the library, in the form of TCP_RESET_VERSION, which is the header's.
#[unsafe(no_mangle)]
pub extern "C" fn tcp_reset_version() -> u32 {
    TCP_RESET_VERSION
}

/// The bytes of an offender, and the settings.
///
/// # Safety
///
/// As for [`bytes`]; `config` is null or points to settings.
#[inline(always)]
unsafe fn offender<'a>(
    data: *const c_void,
    len: usize,
    config: *const Config,
) -> Result<(&'a [u8], tcp_reset::Config), Reason> {
    // SAFETY: the caller says so.
    unsafe { Ok((bytes(data, len)?, settings(config)?)) }
}

/// The settings; the default ones for a null pointer.
///
/// # Safety
///
/// `config` is null or points to settings.
unsafe fn settings(config: *const Config) -> Result<tcp_reset::Config, Reason> {
    // SAFETY: the caller says so. Nothing is written while the reference is in use.
    unsafe { config.as_ref() }.map_or(Ok(tcp_reset::Config::new()), Config::settings)
}

/// Two addresses of so many bytes each.
///
/// # Safety
///
/// `source` and `destination` are null, or `len` bytes from there on can be read.
unsafe fn addresses(source: *const c_void, destination: *const c_void, len: usize) -> Result<Addresses, Reason> {
    // SAFETY: the caller says so.
    unsafe {
        match len {
            4 => Ok([*array::<4>(source)?, *array(destination)?].map(Ipv4Addr::from).into()),
            16 => Ok([*array::<16>(source)?, *array(destination)?].map(Ipv6Addr::from).into()),
            _ => Err(Reason::ARGUMENT),
        }
    }
}

/// A length of TCP.
fn length(len: usize) -> Result<u32, Reason> {
    u32::try_from(len).map_err(|_| NoReset::TooLong.into())
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
    if possible { Ok(()) } else { Err(Reason::ARGUMENT) }
}

/// So many bytes of the caller.
///
/// # Safety
///
/// `data` is null, or as many bytes from there on can be read, and nobody writes to them while the array is in use.
unsafe fn array<'a, const N: usize>(data: *const c_void) -> Result<&'a [u8; N], Reason> {
    // SAFETY: the caller says so, and bytes need no alignment.
    unsafe { data.cast::<[u8; N]>().as_ref() }.ok_or(Reason::ARGUMENT)
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
    let fits = checked.and_then(|reply| if reply.len() <= size { Ok(reply) } else { Err(Reason::REPLY_SIZE) });
    let (len, why) = match fits {
        Ok(reply) => {
            // In parts of two bytes, as every reply's length is even: whole, it is a call of `memcpy`, which takes 400 bytes
            // on small machines.
            for (place, part) in reply.as_chunks::<2>().0.iter().enumerate() {
                // SAFETY: the caller says so, and it fits; `reply` is not the caller's memory.
                unsafe { buffer.cast::<[u8; 2]>().add(place).write(*part) };
            }
            (reply.len(), Reason::NONE)
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
        Ok(_) if numbers.is_null() => Reason::ARGUMENT,
        Ok(answer) => {
            // SAFETY: the caller says so, and it is not null.
            unsafe { numbers.write(answer) };
            Reason::NONE
        }
        Err(reason) => reason,
    }
}
