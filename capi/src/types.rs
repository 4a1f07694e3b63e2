//! The structures of the interface, and what they are in Rust.

use rule::{Checksum, Config as Settings, Fate as Towards, Profile as Generator, tcp};

use crate::reason::Reason;

/// The length in bytes of the longest reset, which is IPv6's.
pub const TCP_RESET_MAX_LEN: usize = 60;

/// The length in bytes of a reset over IPv4.
pub const TCP_RESET_IPV4_LEN: usize = 40;

/// The length in bytes of the longest Ethernet frame with a reset: two VLAN tags and IPv6.
pub const TCP_RESET_FRAME_MAX_LEN: usize = 82;

/// The length in bytes of a reset's TCP segment.
pub const TCP_RESET_TCP_LEN: usize = 20;

const _: () = assert!(
    TCP_RESET_MAX_LEN == rule::MAX_LEN
        && TCP_RESET_IPV4_LEN == rule::ipv4::RESET_LEN
        && TCP_RESET_FRAME_MAX_LEN == rule::ethernet::MAX_LEN
        && TCP_RESET_TCP_LEN == tcp::HEADER_LEN
);

/// A flag of `struct tcp_reset_config`: the offender's IPv4 header checksum is not read.
pub const TCP_RESET_TRUST_IPV4_CHECKSUM: u8 = 1;

/// A flag of `struct tcp_reset_config`: the offender's TCP checksum is not read, because somebody else has verified it or
/// the sender's network card has still to fill it in. The packet then need only hold the headers, up to the twentieth byte
/// of TCP's.
pub const TCP_RESET_TRUST_TCP_CHECKSUM: u8 = 2;

/// A flag of `struct tcp_reset_config`: the reset's TCP checksum is left to the network card or to the kernel. The field
/// then holds the folded sum of the pseudo-header, as for Linux's CHECKSUM_PARTIAL and VIRTIO_NET_HDR_F_NEEDS_CSUM.
pub const TCP_RESET_PARTIAL_CHECKSUM: u8 = 4;

/// FIN, a bit of the TCP flags.
pub const TCP_RESET_FIN: u8 = 0x01;
/// SYN, a bit of the TCP flags.
pub const TCP_RESET_SYN: u8 = 0x02;
/// RST, a bit of the TCP flags.
pub const TCP_RESET_RST: u8 = 0x04;
/// ACK, a bit of the TCP flags.
pub const TCP_RESET_ACK: u8 = 0x10;

/// Linux has two reset generators: which one to follow.
#[repr(u8)]
pub enum Profile {
    /// A firewall's: `iptables -j REJECT --reject-with tcp-reset`.
    Netfilter = 0,
    /// A host's, for a port on which nobody listens. It is silent on an impossible data offset, and reflects the type of
    /// service or traffic class without its ECN bits.
    TcpStack = 1,
}

/// What became of the offending packet: it decides which sequence number its destination expects next.
#[repr(u8)]
pub enum Fate {
    /// It was dropped, as by a firewall.
    Dropped = 0,
    /// It was delivered, as past a passive monitor.
    Delivered = 1,
}

/// Settings. All zero is the default; a null pointer is the same. New settings will be zero by default too.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Config {
    /// Whose reset to send: TCP_RESET_PROFILE_NETFILTER or TCP_RESET_PROFILE_TCP_STACK.
    pub profile: u8,
    /// The reset's time to live (IPv4) or hop limit (IPv6); 0 stands for 64.
    pub hop_limit: u8,
    /// TCP_RESET_TRUST_IPV4_CHECKSUM and the like, joined by `|`.
    pub flags: u8,
    /// Zero.
    pub reserved: u8,
}

impl Config {
    pub(crate) fn settings(self) -> Result<Settings, Reason> {
        const FLAGS: u8 = TCP_RESET_TRUST_IPV4_CHECKSUM | TCP_RESET_TRUST_TCP_CHECKSUM | TCP_RESET_PARTIAL_CHECKSUM;
        let Self { profile, hop_limit, flags, reserved: 0 } = self else { return Err(Reason::Argument) };
        let profile = match profile {
            0 => Generator::Netfilter,
            1 => Generator::TcpStack,
            _ => return Err(Reason::Argument),
        };
        if flags & !FLAGS != 0 {
            return Err(Reason::Argument);
        }
        let checksum = |trust| if flags & trust == 0 { Checksum::Verify } else { Checksum::Trust };
        Ok(Settings::new()
            .profile(profile)
            .hop_limit(if hop_limit == 0 { Settings::new().hop_limit } else { hop_limit })
            .ipv4_checksum(checksum(TCP_RESET_TRUST_IPV4_CHECKSUM))
            .tcp_checksum(checksum(TCP_RESET_TRUST_TCP_CHECKSUM))
            .partial_checksum(flags & TCP_RESET_PARTIAL_CHECKSUM != 0))
    }
}

/// The argument `fate`.
pub(crate) fn fate_of(fate: u8) -> Result<Towards, Reason> {
    match fate {
        0 => Ok(Towards::Dropped),
        1 => Ok(Towards::Delivered),
        _ => Err(Reason::Argument),
    }
}

/// What the reset rule has to know of an offending segment. All numbers are in the machine's byte order.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Segment {
    /// SEG.SEQ, the sequence number.
    pub seq: u32,
    /// SEG.ACK, the acknowledgment number; it counts only with TCP_RESET_ACK.
    pub ack: u32,
    /// How many bytes of data follow the header, without SYN and FIN.
    pub data_len: u32,
    /// The port it came from.
    pub source_port: u16,
    /// The port it went to.
    pub destination_port: u16,
    /// The eight flag bits from CWR down to FIN.
    pub flags: u8,
}

impl From<Segment> for tcp::Segment {
    fn from(Segment { seq, ack, data_len, source_port, destination_port, flags }: Segment) -> Self {
        Self { source_port, destination_port, seq, ack, flags, data_len }
    }
}

/// The numbers of a reset, in the machine's byte order. Window and urgent pointer are 0, and there are no options.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Numbers {
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number: 0 without TCP_RESET_ACK.
    pub ack: u32,
    /// The port it comes from.
    pub source_port: u16,
    /// The port it goes to.
    pub destination_port: u16,
    /// TCP_RESET_RST, or TCP_RESET_RST | TCP_RESET_ACK.
    pub flags: u8,
}

impl From<tcp::Reset> for Numbers {
    fn from(reset: tcp::Reset) -> Self {
        let tcp::Reset { source_port, destination_port, seq, ack } = reset;
        Self { seq, ack: ack.unwrap_or(0), source_port, destination_port, flags: reset.flags() }
    }
}
