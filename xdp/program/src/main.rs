//! An XDP program that answers TCP segments to chosen ports with a reset, on the driver's receive path. What is not for it
//! goes up to the kernel untouched.
//!
//! The crate decides on the headers and writes the reset. The verifier asks for constant offsets: so headers without
//! options or extension headers alone are read, and whatever has them is passed up.
#![no_std]
#![feature(asm_experimental_arch)]
#![no_main]

mod shared;

use core::arch::asm;
use core::panic::PanicInfo;
use core::ptr;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::helpers::generated::{
    bpf_csum_diff, bpf_ktime_get_ns, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len, bpf_xdp_load_bytes,
};
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{Array, LruHashMap, PerCpuArray};
use aya_ebpf::programs::XdpContext;
use shared::{
    ANSWERED, CHUNK, COUNTERS as COUNTERS_LEN, FAILED, LEFT_TO_THE_KERNEL, LIMITED, MAX_SEGMENT, OTHER, OTHER_STATION,
    PORT_WORDS, SOURCES as SOURCES_LEN, Settings, WOULD_ANSWER,
};
use tcp_reset::checksum::Sum;
use tcp_reset::{Checksum, Config, NoReset, ipv4, ipv6};

#[map]
static PORTS: Array<u64> = Array::with_max_entries(PORT_WORDS, 0);
#[map]
static SETTINGS: Array<Settings> = Array::with_max_entries(1, 0);
/// The address of the interface.
#[map]
static STATION: Array<[u8; 6]> = Array::with_max_entries(1, 0);
#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(COUNTERS_LEN, 0);
#[map]
static SOURCES: LruHashMap<[u8; 16], u64> = LruHashMap::with_max_entries(SOURCES_LEN, 0);
/// What is at work while a segment is summed.
struct Summing {
    start: u32,
    left: u32,
    sum: u32,
    chunk: [u32; CHUNK / 4],
}

#[map]
static SUMMING: PerCpuArray<Summing> = PerCpuArray::with_max_entries(1, 0);

/// The checksum of the segment is verified here, by the kernel's own code.
const CONFIG: Config = Config::new().tcp_checksum(Checksum::Trust);

const TCP: u8 = 6;

/// What an Ethernet header ends in, or a VLAN tag begins with.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TAG: u16 = 0x8100;
const SERVICE_TAG: u16 = 0x88a8;

#[xdp(frags)]
pub fn xdp_reset(context: XdpContext) -> u32 {
    let counter = match decide(&context) {
        Ok(counter) | Err(counter) => counter,
    };
    count(counter);
    match counter {
        ANSWERED => XDP_TX,
        LIMITED | FAILED => XDP_DROP,
        _ => XDP_PASS,
    }
}

/// Answers the frame, or tells by its counter why not.
#[inline(always)]
fn decide(context: &XdpContext) -> Result<u32, u32> {
    // Constant offsets: so each number of tags has code of its own.
    match ether_type::<14>(context)? {
        IPV4 => return ipv4::<14, 54>(context),
        IPV6 => return ipv6::<14, 74>(context),
        TAG | SERVICE_TAG => {}
        _ => return Err(OTHER),
    }
    match ether_type::<18>(context)? {
        IPV4 => return ipv4::<18, 58>(context),
        IPV6 => return ipv6::<18, 78>(context),
        TAG | SERVICE_TAG => {}
        _ => return Err(OTHER),
    }
    match ether_type::<22>(context)? {
        IPV4 => ipv4::<22, 62>(context),
        IPV6 => ipv6::<22, 82>(context),
        _ => Err(OTHER),
    }
}

/// The last two bytes of a header of this length.
#[inline(always)]
fn ether_type<const LINK: usize>(context: &XdpContext) -> Result<u16, u32> {
    let header = prefix::<LINK>(context).ok_or(OTHER)?;
    Ok(u16::from_be_bytes([header[LINK - 2], header[LINK - 1]]))
}

#[inline(always)]
fn ipv4<const LINK: usize, const HEADERS: usize>(context: &XdpContext) -> Result<u32, u32> {
    let frame = prefix::<HEADERS>(context).ok_or(OTHER)?;
    let (link, packet) = split::<LINK, 40, HEADERS>(frame);
    if packet[9] != TCP {
        return Err(OTHER);
    }
    // Options, more fragments, a fragment that is not the first.
    if packet[0] != 0x45 || packet[6] & 0x3f != 0 || packet[7] != 0 {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let settings = settings([packet[22], packet[23]], link)?;
    // The compiler reads it again after a map: the verifier has to see that the offset of the segment is constant.
    if packet[0] != 0x45 {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let reset = ipv4::Reset::in_reply_to(packet, &CONFIG).map_err(number)?;
    let total_len = u16::from_be_bytes([packet[2], packet[3]]);
    let addresses = Sum::of_words(&[reset.source.octets(), reset.destination.octets()]);
    verify(context, settings, LINK + 20, total_len.wrapping_sub(20), addresses)?;
    let [a, b, c, d] = reset.destination.octets();
    limit(settings, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d])?;
    turn(link);
    reset.emit(packet);
    cut(context, HEADERS)
}

#[inline(always)]
fn ipv6<const LINK: usize, const HEADERS: usize>(context: &XdpContext) -> Result<u32, u32> {
    let frame = prefix::<HEADERS>(context).ok_or(OTHER)?;
    let (link, packet) = split::<LINK, 60, HEADERS>(frame);
    match packet[6] {
        TCP => {}
        // Extension headers.
        0 | 43 | 44 | 51 | 60 => return Err(LEFT_TO_THE_KERNEL),
        _ => return Err(OTHER),
    }
    let settings = settings([packet[42], packet[43]], link)?;
    // As above.
    if packet[6] != TCP {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let reset = ipv6::Reset::in_reply_to(packet, &CONFIG).map_err(number)?;
    let payload_len = u16::from_be_bytes([packet[4], packet[5]]);
    let (source, destination) = (reset.source.octets(), reset.destination.octets());
    let addresses = Sum::of(&source).plus(Sum::of(&destination));
    verify(context, settings, LINK + 40, payload_len, addresses)?;
    // A host has a whole network of 64 bits.
    let [a, b, c, d, e, f, g, h, ..] = destination;
    limit(settings, [a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0])?;
    turn(link);
    reset.emit(packet);
    cut(context, HEADERS)
}

/// The first bytes of the frame, in place.
#[inline(always)]
fn prefix<const LEN: usize>(context: &XdpContext) -> Option<&mut [u8; LEN]> {
    let (start, end) = (context.data(), context.data_end());
    if start + LEN > end {
        return None;
    }
    // SAFETY: these bytes are there, as the verifier checks too, and nothing else refers to them.
    Some(unsafe { &mut *(start as *mut [u8; LEN]) })
}

/// The header of the link and the packet behind it.
#[inline(always)]
fn split<const LINK: usize, const PACKET: usize, const HEADERS: usize>(
    frame: &mut [u8; HEADERS],
) -> (&mut [u8; LINK], &mut [u8; PACKET]) {
    const { assert!(LINK + PACKET == HEADERS) };
    let start = frame.as_mut_ptr();
    // SAFETY: the two are side by side, and together as long as the frame.
    unsafe { (&mut *start.cast(), &mut *start.add(LINK).cast()) }
}

/// The settings, if the frame is for us.
#[inline(always)]
fn settings<const LINK: usize>(port: [u8; 2], link: &[u8; LINK]) -> Result<&'static Settings, u32> {
    let port = u16::from_be_bytes(port);
    let word = PORTS.get(u32::from(port >> 6)).ok_or(OTHER)?;
    if word >> (port & 63) & 1 == 0 {
        return Err(OTHER);
    }
    if link.first_chunk() != STATION.get(0) {
        return Err(OTHER_STATION);
    }
    // A frame from a group has no sender to answer.
    if link[6] & 1 == 1 {
        return Err(number(NoReset::GroupAddress));
    }
    SETTINGS.get(0).ok_or(OTHER)
}

/// Verifies that the segment is there, as long as the packet says, and its checksum.
#[inline(always)]
fn verify(context: &XdpContext, settings: &Settings, start: usize, len: u16, addresses: Sum) -> Result<(), u32> {
    if settings.trust != 0 {
        // SAFETY: the context is the kernel's.
        let frame_len = unsafe { bpf_xdp_get_buff_len(context.ctx) };
        return if frame_len < (start + usize::from(len)) as u64 { Err(number(NoReset::Truncated)) } else { Ok(()) };
    }
    if usize::from(len) > MAX_SEGMENT {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let [high, low] = len.to_be_bytes();
    let pseudo_header = addresses.plus(Sum::of_words(&[[0, TCP, high, low]]));
    let seed = !u16::from_ne_bytes(pseudo_header.checksum());
    let sum = sum(context, start as u32, u32::from(len), u32::from(seed))?;
    if Sum::of_words(&[sum.to_ne_bytes()]).is_valid() { Ok(()) } else { Err(number(NoReset::TcpChecksum)) }
}

/// Adds bytes of the frame to the sum; `None` if it ends before.
#[inline(always)]
fn sum(context: &XdpContext, start: u32, len: u32, seed: u32) -> Result<u32, u32> {
    let summing = SUMMING.get_ptr_mut(0).ok_or(LEFT_TO_THE_KERNEL)?;
    // SAFETY: it belongs to this CPU while the program runs.
    let summing = unsafe { &mut *summing };
    // In the map, the verifier knows no values: each turn of the loop, and what follows, is then the same to it.
    (summing.start, summing.left, summing.sum) = (start, len, seed);
    for _ in 0..MAX_SEGMENT / CHUNK {
        if summing.left == 0 {
            break;
        }
        let last = opaque(u64::from(summing.left.min(CHUNK as u32)) - 1);
        if last >= CHUNK as u64 {
            return Err(LEFT_TO_THE_KERNEL);
        }
        let (part, last_word) = (last as u32 + 1, last as u32 / 4);
        let chunk = summing.chunk.as_mut_ptr();
        // SAFETY: the chunk is as long as the longest part.
        let sum = unsafe {
            *chunk.add(last_word as usize) = 0;
            if bpf_xdp_load_bytes(context.ctx, summing.start, chunk.cast(), part) != 0 {
                return Err(number(NoReset::Truncated));
            }
            bpf_csum_diff(ptr::null_mut(), 0, chunk, (last_word + 1) * 4, summing.sum)
        };
        // Kernels before 6.13 sum 512 bytes at most.
        if sum < 0 {
            return Err(LEFT_TO_THE_KERNEL);
        }
        summing.sum = sum as u32;
        summing.left -= part;
        summing.start += part;
    }
    Ok(summing.sum)
}

/// The same number, of which the compiler forgets what it knows: a check of it then stays where the verifier sees it.
#[inline(always)]
fn opaque(mut number: u64) -> u64 {
    // SAFETY: it does nothing.
    unsafe { asm!("/* {0} */", inout(reg) number, options(pure, nomem, nostack, preserves_flags)) };
    number
}

/// Takes a reset off what the source may have, unless this is a dry run.
#[inline(always)]
fn limit(settings: &Settings, source: [u8; 16]) -> Result<(), u32> {
    let Settings { interval, burst, dry_run, .. } = *settings;
    if dry_run != 0 {
        return Err(WOULD_ANSWER);
    }
    if interval == 0 {
        return Ok(());
    }
    // SAFETY: it takes nothing.
    let now = unsafe { bpf_ktime_get_ns() };
    // When the source has had all its resets back: the generic cell rate algorithm.
    let Some(full) = SOURCES.get_ptr_mut(&source) else {
        // It fails when other CPUs have taken all that is free: the source is then not remembered.
        let _ = SOURCES.insert(&source, &(now + interval), 0);
        return Ok(());
    };
    // SAFETY: the value stays until the program ends. Another CPU may write it at the same time: one reset more is sent then.
    unsafe {
        let from = if *full < now { now } else { *full };
        if from - now > burst {
            return Err(LIMITED);
        }
        *full = from + interval;
    }
    Ok(())
}

/// Swaps the addresses of the Ethernet header.
#[inline(always)]
fn turn(link: &mut [u8]) {
    if let Some([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5]) = link.first_chunk_mut() {
        core::mem::swap(d0, s0);
        core::mem::swap(d1, s1);
        core::mem::swap(d2, s2);
        core::mem::swap(d3, s3);
        core::mem::swap(d4, s4);
        core::mem::swap(d5, s5);
    }
}

/// Cuts the frame to the length of its reset.
#[inline(always)]
fn cut(context: &XdpContext, len: usize) -> Result<u32, u32> {
    // SAFETY: the context is the kernel's, and nothing refers to the frame any more.
    let cut = unsafe {
        let frame_len = bpf_xdp_get_buff_len(context.ctx);
        bpf_xdp_adjust_tail(context.ctx, len as i32 - frame_len as i32)
    };
    if cut == 0 { Ok(ANSWERED) } else { Err(FAILED) }
}

#[inline(always)]
fn count(counter: u32) {
    if let Some(counter) = COUNTERS.get_ptr_mut(counter) {
        // SAFETY: it belongs to this CPU while the program runs.
        unsafe { *counter += 1 };
    }
}

#[inline(always)]
fn number(reason: NoReset) -> u32 {
    reason as u32
}

/// Nothing panics: the linker finds no use of this.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
