//! The reasons for silence, with their numbers and texts for C.

use core::ffi::CStr;

use rule::NoReset;

/// Why no reset was written. The numbers never change, and new reasons get new ones.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Reason {
    /// A reset was written.
    None = 0,
    /// The packet is shorter than its headers say or, under TCP_RESET_TRUST_TCP_CHECKSUM, than its headers are.
    Truncated = 1,
    /// The IP version is neither 4 nor 6, or not the one asked for.
    Version = 2,
    /// The IPv4 header length is below 20 bytes.
    HeaderLength = 3,
    /// The IPv4 total length is below the header length, or a TCP segment is longer than an IP packet can carry.
    TotalLength = 4,
    /// The IPv4 header checksum is wrong.
    HeaderChecksum = 5,
    /// The IPv6 payload length is zero, as in a jumbogram.
    Jumbogram = 6,
    /// An IPv6 extension header runs past the packet.
    ExtensionHeader = 7,
    /// A fragment other than the first: it holds no TCP header.
    Fragment = 8,
    /// The protocol is not TCP.
    NotTcp = 9,
    /// The source address is not unicast.
    Source = 10,
    /// The destination address is not unicast.
    Destination = 11,
    /// The packet ends before a TCP header does.
    TcpHeader = 12,
    /// The segment is a reset itself, which is never answered.
    Rst = 13,
    /// The TCP checksum is wrong.
    TcpChecksum = 14,
    /// The TCP data offset is below 5 or past the segment; only TCP_RESET_PROFILE_TCP_STACK checks it.
    DataOffset = 15,
    /// A SYN that was dropped: its destination has no connection to reset.
    NoConnection = 16,
    /// An address of the Ethernet frame is broadcast or multicast.
    GroupAddress = 17,
    /// The Ethernet frame has more than two VLAN tags.
    VlanTags = 18,
    /// The Ethernet frame holds neither IPv4 nor IPv6.
    EtherType = 19,
    /// One that this header does not know.
    Other = 999,
    /// The caller's mistake: a null pointer, an impossible length, or a number that is not defined here.
    Argument = 1000,
    /// The reply does not fit into the buffer.
    ReplySize = 1001,
}

impl From<NoReset> for Reason {
    fn from(reason: NoReset) -> Self {
        match reason {
            NoReset::Truncated => Self::Truncated,
            NoReset::Version => Self::Version,
            NoReset::HeaderLength => Self::HeaderLength,
            NoReset::TotalLength => Self::TotalLength,
            NoReset::HeaderChecksum => Self::HeaderChecksum,
            NoReset::Jumbogram => Self::Jumbogram,
            NoReset::ExtensionHeader => Self::ExtensionHeader,
            NoReset::Fragment => Self::Fragment,
            NoReset::NotTcp => Self::NotTcp,
            NoReset::Source => Self::Source,
            NoReset::Destination => Self::Destination,
            NoReset::TcpHeader => Self::TcpHeader,
            NoReset::Rst => Self::Rst,
            NoReset::TcpChecksum => Self::TcpChecksum,
            NoReset::DataOffset => Self::DataOffset,
            NoReset::NoConnection => Self::NoConnection,
            NoReset::GroupAddress => Self::GroupAddress,
            NoReset::VlanTags => Self::VlanTags,
            NoReset::EtherType => Self::EtherType,
            _ => Self::Other,
        }
    }
}

/// The text of a reason by its number.
pub(crate) fn name(reason: u32) -> &'static CStr {
    let place = usize::try_from(reason).ok().and_then(|reason| reason.checked_sub(1));
    if let Some(name) = place.and_then(|place| NAMES.get(place)) {
        return CStr::from_bytes_until_nul(name).unwrap_or(c"");
    }
    match reason {
        0 => c"a reset was written",
        1000 => c"bad argument",
        1001 => c"reply buffer too small",
        _ => c"unknown reason",
    }
}

/// As long as the longest text and the zero after it.
const NAME_LEN: usize = 44;

/// The texts of the reasons from 1 on, each with a zero after it, which Rust's strings do not have.
static NAMES: [[u8; NAME_LEN]; NoReset::ALL.len()] = {
    let mut names = [[0; NAME_LEN]; NoReset::ALL.len()];
    let (mut to, mut from) = (names.as_mut_slice(), NoReset::ALL.as_slice());
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
