//! The small programs of the benchmark: what sends, what counts the answers, and what there is to compare with.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::helpers::generated::bpf_xdp_adjust_tail;
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{Array, PerCpuArray};
use aya_ebpf::programs::XdpContext;

#[map]
static ARRIVED: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// The first bytes of a frame, its headers: 74 bytes over IPv6, 54 over IPv4.
#[map]
static HEADERS: Array<[u8; LONG]> = Array::with_max_entries(1, 0);

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

/// What a driver with XDP does before the kernel sees the frame.
#[xdp(frags)]
pub fn pass(_: XdpContext) -> u32 {
    XDP_PASS
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
