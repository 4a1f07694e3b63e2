use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use tcp_reset::NoReset;

/// Why a frame is not answered: a number, such as for a counter. The reasons of [`NoReset`] have their own numbers, from 1 to
/// 31; a policy may use those from 38 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub u32);

impl Reason {
    /// Not a TCP segment that the policy wants.
    pub const OTHER: Self = Self(32);
    /// IPv4 options, IPv6 extension headers, fragments, a length of 0. Also a segment whose checksum is to be verified, if
    /// it is longer than [`MAX_SUM`](crate::MAX_SUM) or not in one buffer.
    pub const LEFT_TO_THE_KERNEL: Self = Self(34);
    /// The frame is already overwritten, but could not be cut: it must be dropped.
    pub const FAILED: Self = Self(37);
}

impl From<NoReset> for Reason {
    #[inline(always)]
    fn from(reason: NoReset) -> Self {
        Self(reason as u32)
    }
}

/// What an XDP program returns: an answer is sent, everything else goes up to the kernel.
#[must_use]
#[inline(always)]
pub fn action(answered: Result<(), Reason>) -> u32 {
    match answered {
        Ok(()) => XDP_TX,
        Err(Reason::FAILED) => XDP_DROP,
        Err(_) => XDP_PASS,
    }
}
