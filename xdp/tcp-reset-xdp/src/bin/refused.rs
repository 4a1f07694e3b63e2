//! A program that the kernel's verifier refuses: it reads where no frame need be. For the test of what the loader says then.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

#[xdp(frags)]
pub fn xdp_reset(context: XdpContext) -> u32 {
    // SAFETY: it is not safe, so it is never run.
    unsafe { *(context.data() as *const u8) }.into()
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
