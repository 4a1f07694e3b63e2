//! Puts IPv4 packets that a device sends into VLAN 7, with the tag in the metadata, as a VLAN device does. For the test of what
//! XDP makes of such frames.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use aya_ebpf::helpers::generated::bpf_skb_vlan_push;
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

#[classifier]
pub fn tag(context: TcContext) -> i32 {
    // SAFETY: the context is the kernel's.
    unsafe {
        let skb = context.skb.skb;
        if (*skb).protocol == u32::from(0x0800_u16.to_be()) {
            bpf_skb_vlan_push(skb, 0x8100_u16.to_be(), 7);
        }
    }
    0 // TC_ACT_OK
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
