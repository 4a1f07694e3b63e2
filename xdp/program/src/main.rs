//! An XDP program that answers TCP segments to chosen ports with a reset, on the driver's receive path. Other frames
//! go up to the kernel untouched.
//!
//! The crate decides on the headers and writes the reset. The verifier requires constant offsets, so the program reads
//! only headers without options or extension headers, and passes other packets to the kernel.
#![no_std]
#![no_main]

mod shared;

use core::panic::PanicInfo;
use core::ptr;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::helpers::generated::{bpf_csum_diff, bpf_ktime_get_ns, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len};
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{Array, LruHashMap, PerCpuArray};
use aya_ebpf::programs::XdpContext;
use shared::{
    ANSWERED, COUNTERS as COUNTERS_LEN, FAILED, LEFT_TO_THE_KERNEL, LIMITED, MAX_SEGMENT, OTHER, OTHER_STATION,
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
static SOURCES: LruHashMap<[u8; 8], u64> = LruHashMap::with_max_entries(SOURCES_LEN, 0);

/// The checksum of the segment is verified here.
const CONFIG: Config = Config::new().tcp_checksum(Checksum::Trust);

const TCP: u8 = 6;

/// IPv6 extension headers, as the next header of the IPv6 header.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// The most that `bpf_csum_diff` takes before Linux 6.13.
const MAX_DIFF: usize = 512;

/// What an Ethernet header ends in, or a VLAN tag begins with.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TAG: u16 = 0x8100;
const SERVICE_TAG: u16 = 0x88a8;
/// A service tag before 802.1ad.
const OLD_SERVICE_TAG: u16 = 0x9100;

#[xdp(frags)]
#[inline(always)]
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

/// Answers the frame, or returns the counter of the reason.
#[inline(always)]
fn decide(context: &XdpContext) -> Result<u32, u32> {
    // Constant offsets: so each number of tags has code of its own.
    match ether_type::<14>(context)? {
        IPV4 => return ipv4::<14, 54>(context),
        IPV6 => return ipv6::<14, 74>(context),
        TAG | SERVICE_TAG | OLD_SERVICE_TAG => {}
        _ => return Err(OTHER),
    }
    match ether_type::<18>(context)? {
        IPV4 => return ipv4::<18, 58>(context),
        IPV6 => return ipv6::<18, 78>(context),
        TAG | SERVICE_TAG | OLD_SERVICE_TAG => {}
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
    let type_bytes = frame::<LINK>(context)?.last_chunk().ok_or(OTHER)?;
    Ok(u16::from_be_bytes(*type_bytes))
}

#[inline(always)]
fn ipv4<const LINK: usize, const HEADERS: usize>(context: &XdpContext) -> Result<u32, u32> {
    let (link, packet) = headers::<LINK, 40, HEADERS>(context)?;
    if packet[9] != TCP {
        return Err(OTHER);
    }
    // Options, more fragments, a fragment that is not the first.
    if packet[0] != 0x45 || packet[6] & 0x3f != 0 || packet[7] != 0 {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let settings = settings([packet[22], packet[23]], link)?;
    // The verifier needs this check again after a map call: the offset of the segment is then constant.
    let (_, packet) = headers::<LINK, 40, HEADERS>(context)?;
    let total_len = u16::from_be_bytes([packet[2], packet[3]]);
    if packet[0] != 0x45 || total_len == 0 {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let mut reset = [0; 40];
    ipv4::reset_with(packet, &CONFIG, &mut reset).map_err(number)?;
    let addresses = Sum::of_words(packet[12..20].as_chunks().0);
    let frame_len = verify::<{ 1500 - 20 }>(context, settings, LINK + 20, total_len.wrapping_sub(20), addresses)?;
    limit(settings, [0, 0, 0xff, 0xff, reset[16], reset[17], reset[18], reset[19]])?;
    let (link, packet) = headers::<LINK, 40, HEADERS>(context)?;
    turn(link);
    *packet = reset;
    cut(context, frame_len, HEADERS)
}

#[inline(always)]
fn ipv6<const LINK: usize, const HEADERS: usize>(context: &XdpContext) -> Result<u32, u32> {
    let (link, packet) = headers::<LINK, 60, HEADERS>(context)?;
    match packet[6] {
        TCP => {}
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS => return Err(LEFT_TO_THE_KERNEL),
        _ => return Err(OTHER),
    }
    let settings = settings([packet[42], packet[43]], link)?;
    // As above.
    let (_, packet) = headers::<LINK, 60, HEADERS>(context)?;
    let payload_len = u16::from_be_bytes([packet[4], packet[5]]);
    if packet[6] != TCP || payload_len == 0 {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let mut reset = [0; 60];
    ipv6::reset_with(packet, &CONFIG, &mut reset).map_err(number)?;
    let addresses = Sum::of_words(packet[8..40].as_chunks().0);
    let frame_len = verify::<{ 1500 - 40 }>(context, settings, LINK + 40, payload_len, addresses)?;
    // One host may use a whole /64.
    limit(settings, *reset[24..].first_chunk().ok_or(OTHER)?)?;
    let (link, packet) = headers::<LINK, 60, HEADERS>(context)?;
    turn(link);
    *packet = reset;
    cut(context, frame_len, HEADERS)
}

/// The header of the link and the packet after it, in place.
#[inline(always)]
fn headers<const LINK: usize, const PACKET: usize, const HEADERS: usize>(
    context: &XdpContext,
) -> Result<(&mut [u8; LINK], &mut [u8; PACKET]), u32> {
    let (link, rest) = frame::<HEADERS>(context)?.split_first_chunk_mut().ok_or(OTHER)?;
    Ok((link, rest.first_chunk_mut().ok_or(OTHER)?))
}

/// The first bytes of the frame, in place.
#[inline(always)]
#[expect(clippy::mut_from_ref, reason = "the context points to the frame")]
fn frame<const LEN: usize>(context: &XdpContext) -> Result<&mut [u8; LEN], u32> {
    let (start, end) = (context.data(), context.data_end());
    if start + LEN > end {
        return Err(OTHER);
    }
    // SAFETY: these bytes are there, as the verifier checks too, and what was given before is not used any more.
    Ok(unsafe { &mut *(start as *mut [u8; LEN]) })
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

/// Verifies that the segment is there, as long as the packet says, and its checksum. Returns the length of the frame.
/// `IN_1500` is the length of a segment in a packet of 1500 bytes.
#[inline(always)]
fn verify<const IN_1500: usize>(
    context: &XdpContext,
    settings: &Settings,
    at: usize,
    len: u16,
    addresses: Sum,
) -> Result<u64, u32> {
    // SAFETY: the context is the kernel's.
    let frame_len = unsafe { bpf_xdp_get_buff_len(context.ctx) };
    if frame_len < (at + usize::from(len)) as u64 {
        return Err(number(NoReset::Truncated));
    }
    if settings.trust != 0 {
        return Ok(frame_len);
    }
    if usize::from(len) > MAX_SEGMENT {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let [high, low] = len.to_be_bytes();
    let pseudo_header = addresses.plus(Sum::of_words(&[[0, TCP, high, low]]));
    let segment = Segment { start: context.data() + at, len: len.into(), data_end: context.data_end() };
    if segment.sum::<IN_1500>(pseudo_header)?.is_valid() { Ok(frame_len) } else { Err(number(NoReset::TcpChecksum)) }
}

/// A segment, and where the first buffer of its frame ends.
struct Segment {
    start: usize,
    len: usize,
    data_end: usize,
}

impl Segment {
    /// Adds its bytes to the sum, in blocks of constant lengths: one for each bit that is set in its length, the longest
    /// first. The segment of a packet of 1500 bytes is one block: 11 ns less.
    #[inline(always)]
    fn sum<const IN_1500: usize>(&self, mut sum: Sum) -> Result<Sum, u32> {
        if self.len == IN_1500 {
            return self.plus_block::<IN_1500>(sum, 0);
        }
        self.add::<2048>(&mut sum)?;
        self.add::<1024>(&mut sum)?;
        self.add::<512>(&mut sum)?;
        self.add::<256>(&mut sum)?;
        self.add::<128>(&mut sum)?;
        self.add::<64>(&mut sum)?;
        self.add::<32>(&mut sum)?;
        self.add::<16>(&mut sum)?;
        self.add::<8>(&mut sum)?;
        self.add::<4>(&mut sum)?;
        self.add::<2>(&mut sum)?;
        self.add::<1>(&mut sum)?;
        Ok(sum)
    }

    #[inline(always)]
    fn add<const N: usize>(&self, sum: &mut Sum) -> Result<(), u32> {
        if self.len & N == 0 {
            return Ok(());
        }
        // The blocks before this one are those of the higher bits.
        *sum = self.plus_block::<N>(*sum, self.len & (MAX_SEGMENT & !(2 * N - 1)))?;
        Ok(())
    }

    /// Adds the `N` bytes from `at` on.
    #[inline(always)]
    fn plus_block<const N: usize>(&self, sum: Sum, at: usize) -> Result<Sum, u32> {
        let start = self.start + at;
        // What lies in the next buffer of the frame cannot be read in place.
        if start + N > self.data_end {
            return Err(LEFT_TO_THE_KERNEL);
        }
        // SAFETY: as in `frame`.
        let block = unsafe { &*(start as *const [u8; N]) };
        Ok(sum.plus(sum_of_block(block)))
    }
}

/// Sums a block: a short one here, a longer one by the kernel.
#[inline(always)]
fn sum_of_block<const N: usize>(block: &[u8; N]) -> Sum {
    match *block.as_slice() {
        [a] => Sum::of_words(&[[a, 0, 0, 0]]),
        [a, b] => Sum::of_words(&[[a, b, 0, 0]]),
        [a, b, c, d] => Sum::of_words(&[[a, b, c, d]]),
        _ if N <= 32 => Sum::of(block),
        _ => block.chunks(MAX_DIFF).fold(Sum::of_words(&[]), |sum, part| {
            // SAFETY: it reads the part.
            let part =
                unsafe { bpf_csum_diff(ptr::null_mut(), 0, part.as_ptr().cast_mut().cast(), part.len() as u32, 0) };
            sum.plus(Sum::of_words(&[(part as u32).to_ne_bytes()]))
        }),
    }
}

/// Counts a reset against the source's limit, unless this is a dry run.
#[inline(always)]
fn limit(settings: &Settings, source: [u8; 8]) -> Result<(), u32> {
    let Settings { interval, burst, dry_run, .. } = *settings;
    if dry_run != 0 {
        return Err(WOULD_ANSWER);
    }
    if interval == 0 {
        return Ok(());
    }
    // SAFETY: it takes nothing.
    let now = unsafe { bpf_ktime_get_ns() };
    // When the source's budget is full again: the generic cell rate algorithm.
    let Some(full) = SOURCES.get_ptr_mut(source) else {
        // It fails when other CPUs have taken all that is free: the source is then not remembered.
        let _ = SOURCES.insert(source, now + interval, 0);
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
    if let Some([destination, source]) = link.as_chunks_mut::<6>().0.first_chunk_mut() {
        (*destination, *source) = (*source, *destination);
    }
}

/// Cuts the frame to the length of its reset.
#[inline(always)]
fn cut(context: &XdpContext, frame_len: u64, len: usize) -> Result<u32, u32> {
    // SAFETY: the context is the kernel's, and nothing refers to the frame any more.
    let cut = unsafe { bpf_xdp_adjust_tail(context.ctx, len as i32 - frame_len as i32) };
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

/// Required by the compiler; nothing calls it.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
