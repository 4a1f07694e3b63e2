//! The small programs of the benchmark: what sends, what counts the answers, and what there is to compare with.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::btf_maps::{Array, PerCpuArray};
use aya_ebpf::helpers::generated::{bpf_xdp_adjust_tail, bpf_xdp_get_buff_len};
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;

#[btf_map]
static ARRIVED: PerCpuArray<u64, 1> = PerCpuArray::new();

/// The first bytes of a frame, its headers: 74 bytes over IPv6, 54 over IPv4.
#[btf_map]
static HEADERS: Array<[u8; LONG], 1> = Array::new();

const LONG: usize = 74;
const SHORT: usize = 54;

/// Run over frames in `BPF_PROG_TEST_RUN`, it sends them without their last byte. The frames are used again: the headers,
/// which an answer has overwritten, are written again, and cutting a byte makes the kernel read the length again.
#[xdp(frags)]
pub fn send(context: XdpContext) -> u32 {
    let Some(headers) = HEADERS.get(0) else { return XDP_DROP };
    // SAFETY: the context is the kernel's.
    if unsafe { bpf_xdp_adjust_tail(context.ctx, -1) } != 0 {
        return XDP_DROP;
    }
    let (start, end) = (context.data(), context.data_end());
    // SAFETY: these bytes are there, as the verifier checks too.
    unsafe {
        if start + LONG <= end {
            *(start as *mut [u8; LONG]) = *headers;
        } else if start + SHORT <= end {
            *(start as *mut [u8; SHORT]) = *headers.as_ptr().cast();
        }
    }
    XDP_TX
}

/// Counts what arrives, and drops it.
#[xdp(frags)]
pub fn sink(_: XdpContext) -> u32 {
    if let Some(arrived) = ARRIVED.get_ptr_mut(0) {
        // SAFETY: it belongs to this CPU while the program runs.
        unsafe { *arrived += 1 };
    }
    XDP_DROP
}

/// The lower bound: what the loop takes by itself.
#[xdp(frags)]
pub fn lower_bound(_: XdpContext) -> u32 {
    XDP_DROP
}

/// The limit of what an answer can cost less: it swaps the addresses of the link, cuts the frame to the length of a reset and
/// sends it.
#[xdp(frags)]
pub fn swap(context: XdpContext) -> u32 {
    let (start, end) = (context.data(), context.data_end());
    if start + SHORT > end {
        return XDP_PASS;
    }
    // SAFETY: these bytes are there, as the verifier checks too.
    let is_v4 = unsafe {
        let link = &mut *(start as *mut [[u8; 6]; 2]);
        link.swap(0, 1);
        *((start + 12) as *const [u8; 2]) == [8, 0]
    };
    // SAFETY: the context is the kernel's.
    let len = unsafe { bpf_xdp_get_buff_len(context.ctx) };
    let to = if is_v4 { SHORT } else { LONG };
    // SAFETY: as above.
    if unsafe { bpf_xdp_adjust_tail(context.ctx, to as i32 - len as i32) } == 0 { XDP_TX } else { XDP_DROP }
}

/// What a driver with XDP does before the kernel sees the frame.
#[xdp(frags)]
pub fn pass(_: XdpContext) -> u32 {
    XDP_PASS
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
