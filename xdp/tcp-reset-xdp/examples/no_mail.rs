//! Refuses mail from 10.0.0.0/8: a whole XDP program with a condition of its own.
#![no_std]
#![no_main]

use core::net::IpAddr;

use aya_ebpf::{macros::xdp, programs::XdpContext};
use tcp_reset_xdp::{Frame, Policy, Reason, Segment, action, answer};

#[xdp(frags)]
pub fn no_mail(context: XdpContext) -> u32 {
    action(answer(&mut Frame::new(context), &mut NoMail))
}

struct NoMail;

impl Policy for NoMail {
    #[inline(always)]
    fn wants(&mut self, segment: &Segment) -> Result<(), Reason> {
        let is_ours = matches!(segment.source(), IpAddr::V4(source) if source.octets()[0] == 10);
        if is_ours && segment.destination_port() == 25 { Ok(()) } else { Err(Reason::OTHER) }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
