//! The reasons for silence, with their numbers and texts for C.

use core::ffi::CStr;

use tcp_reset::NoReset;

/// Why no reset was written: TCP_RESET_REASON_TRUNCATED and the like. The numbers never change, and new reasons get new ones.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Reason(pub u32);

/// A reset was written.
pub const TCP_RESET_REASON_NONE: u32 = 0;
/// The packet is shorter than its headers say or, under TCP_RESET_TRUST_TCP_CHECKSUM, than its headers are.
pub const TCP_RESET_REASON_TRUNCATED: u32 = 1;
/// The IP version is neither 4 nor 6, or not the one asked for.
pub const TCP_RESET_REASON_VERSION: u32 = 2;
/// The IPv4 header length is below 20 bytes.
pub const TCP_RESET_REASON_HEADER_LENGTH: u32 = 3;
/// The IPv4 total length is below the header length.
pub const TCP_RESET_REASON_TOTAL_LENGTH: u32 = 4;
/// The IPv4 header checksum is wrong.
pub const TCP_RESET_REASON_HEADER_CHECKSUM: u32 = 5;
/// The IPv6 payload length is zero, as in a jumbogram.
pub const TCP_RESET_REASON_JUMBOGRAM: u32 = 6;
/// An IPv6 extension header runs past the packet.
pub const TCP_RESET_REASON_EXTENSION_HEADER: u32 = 7;
/// A fragment other than the first: it holds no TCP header.
pub const TCP_RESET_REASON_FRAGMENT: u32 = 8;
/// The protocol is not TCP.
pub const TCP_RESET_REASON_NOT_TCP: u32 = 9;
/// The source address is not unicast.
pub const TCP_RESET_REASON_SOURCE: u32 = 10;
/// The destination address is not unicast.
pub const TCP_RESET_REASON_DESTINATION: u32 = 11;
/// The packet ends before a TCP header does.
pub const TCP_RESET_REASON_TCP_HEADER: u32 = 12;
/// The segment is a reset itself, which is never answered.
pub const TCP_RESET_REASON_RST: u32 = 13;
/// The TCP checksum is wrong.
pub const TCP_RESET_REASON_TCP_CHECKSUM: u32 = 14;
/// The TCP data offset is below 5 or past the segment; only TCP_RESET_PROFILE_TCP_STACK checks it.
pub const TCP_RESET_REASON_DATA_OFFSET: u32 = 15;
/// A SYN that was dropped: its destination has no connection to reset.
pub const TCP_RESET_REASON_NO_CONNECTION: u32 = 16;
/// An address of the Ethernet frame is broadcast or multicast.
pub const TCP_RESET_REASON_GROUP_ADDRESS: u32 = 17;
/// The Ethernet frame has more than two VLAN tags.
pub const TCP_RESET_REASON_VLAN_TAGS: u32 = 18;
/// The Ethernet frame holds neither IPv4 nor IPv6.
pub const TCP_RESET_REASON_ETHER_TYPE: u32 = 19;
/// The IP header does not state the packet's length (it is 0, as before segmentation offload), and the numbers of the reset
/// depend on it. Only under TCP_RESET_TRUST_TCP_CHECKSUM or TCP_RESET_ACCEPT_PARTIAL_TCP_CHECKSUM.
pub const TCP_RESET_REASON_UNKNOWN_LENGTH: u32 = 20;
/// More than 65,535 bytes of TCP, whose checksum would have to be verified.
pub const TCP_RESET_REASON_TOO_LONG: u32 = 21;
/// The caller's mistake: a null pointer, an impossible length, or a number that is not defined here.
pub const TCP_RESET_REASON_ARGUMENT: u32 = 1000;
/// The reply does not fit into the buffer.
pub const TCP_RESET_REASON_REPLY_SIZE: u32 = 1001;

impl Reason {
    pub(crate) const NONE: Self = Self(TCP_RESET_REASON_NONE);
    pub(crate) const ARGUMENT: Self = Self(TCP_RESET_REASON_ARGUMENT);
    pub(crate) const REPLY_SIZE: Self = Self(TCP_RESET_REASON_REPLY_SIZE);
}

impl From<NoReset> for Reason {
    fn from(reason: NoReset) -> Self {
        Self(number(reason))
    }
}

/// The number of a reason, which is the same in the crate.
#[expect(clippy::as_conversions, reason = "what the crate documents")]
const fn number(reason: NoReset) -> u32 {
    reason as u32
}

/// The text of a reason by its number.
pub(crate) fn name(reason: u32) -> &'static CStr {
    let place = usize::try_from(reason).ok().and_then(|reason| reason.checked_sub(1));
    if let Some(name) = place.and_then(|place| NAMES.get(place)) {
        return CStr::from_bytes_until_nul(name).unwrap_or(c"");
    }
    match reason {
        TCP_RESET_REASON_NONE => c"a reset was written",
        TCP_RESET_REASON_ARGUMENT => c"bad argument",
        TCP_RESET_REASON_REPLY_SIZE => c"reply buffer too small",
        _ => c"unknown reason",
    }
}

/// As long as the longest text and the zero after it.
const NAME_LEN: usize = 44;

/// The texts of the reasons from 1 on, each with a zero after it, which Rust's strings do not have.
static NAMES: [[u8; NAME_LEN]; NoReset::ALL.len()] = {
    let mut names = [[0; NAME_LEN]; NoReset::ALL.len()];
    let (mut to, mut from): (&mut [_], &[_]) = (&mut names, &NoReset::ALL);
    while let ([name, names @ ..], [reason, reasons @ ..]) = (to, from) {
        *name = terminated(*reason);
        (to, from) = (names, reasons);
    }
    names
};

/// Runs in the compiler, which refuses a text that does not fit.
const fn terminated(reason: NoReset) -> [u8; NAME_LEN] {
    let mut name = [0; NAME_LEN];
    let (room, _) = name.split_at_mut(NAME_LEN - 1);
    let text = reason.as_str().as_bytes();
    room.split_at_mut(text.len()).0.copy_from_slice(text);
    name
}
