//! The structures and constants of the interface, and what they are in the crate.

use tcp_reset::{Checksum, Profile, Towards, tcp};

use crate::reason::Reason;

/// The version of this header: 10000 for each major version, 100 for each minor one, 1 for each patch.
pub const TCP_RESET_VERSION: u32 = 100;

/// A number of the package's version.
const fn number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("cargo gives numbers"),
    }
}

// cbindgen takes only a number. A release that forgets it does not compile.
const _: () = assert!(
    TCP_RESET_VERSION
        == number(env!("CARGO_PKG_VERSION_MAJOR")) * 10000
            + number(env!("CARGO_PKG_VERSION_MINOR")) * 100
            + number(env!("CARGO_PKG_VERSION_PATCH")),
    "TCP_RESET_VERSION is not the version of Cargo.toml"
);

/// The length in bytes of the longest reset, which is IPv6's.
pub const TCP_RESET_MAX_LEN: usize = 60;

/// The length in bytes of a reset over IPv4.
pub const TCP_RESET_IPV4_LEN: usize = 40;

/// The length in bytes of the longest Ethernet frame with a reset: two VLAN tags and IPv6.
pub const TCP_RESET_FRAME_MAX_LEN: usize = 82;

/// The length in bytes of a reset's TCP segment, and of a TCP header without options.
pub const TCP_RESET_TCP_LEN: usize = 20;

const _: () = assert!(
    TCP_RESET_MAX_LEN == tcp_reset::MAX_LEN
        && TCP_RESET_IPV4_LEN == tcp_reset::ipv4::RESET_LEN
        && TCP_RESET_FRAME_MAX_LEN == tcp_reset::ethernet::MAX_LEN
        && TCP_RESET_TCP_LEN == tcp::HEADER_LEN
);

/// A `profile`: a firewall's reset, as `iptables -j REJECT --reject-with tcp-reset` sends it.
pub const TCP_RESET_PROFILE_NETFILTER: u8 = 0;

/// A `profile`: a host's reset, for a port on which nobody listens. It is silent on an impossible data offset, and reflects
/// the type of service or traffic class without its ECN bits.
pub const TCP_RESET_PROFILE_TCP_STACK: u8 = 1;

/// A flag: the offender's IPv4 header checksum is not read.
pub const TCP_RESET_TRUST_IPV4_CHECKSUM: u8 = 1;

/// A flag: the offender's TCP checksum is not read, because somebody else has verified it or the sender's network card has
/// still to fill it in. The packet then need only hold the headers, up to the twentieth byte of TCP's.
pub const TCP_RESET_TRUST_TCP_CHECKSUM: u8 = 2;

/// A flag: the reset's TCP checksum is left to the network card or to the kernel. The field then holds the folded sum of the
/// pseudo-header, as for Linux's CHECKSUM_PARTIAL and VIRTIO_NET_HDR_F_NEEDS_CSUM.
pub const TCP_RESET_LEAVE_TCP_CHECKSUM_PARTIAL: u8 = 4;

/// A flag: the offender's TCP checksum is verified, but one that its network card has still to complete is accepted too. The
/// field then holds the folded sum of the pseudo-header, as in captures of the sending host. TCP_RESET_TRUST_TCP_CHECKSUM
/// takes precedence.
pub const TCP_RESET_ACCEPT_PARTIAL_TCP_CHECKSUM: u8 = 8;

/// A value of `towards`: the reset answers the packet, and goes to its source.
pub const TCP_RESET_TOWARDS_SOURCE: u32 = 0;

/// A value of `towards`: the reset goes to the destination of a packet that was dropped, as by a firewall.
pub const TCP_RESET_TOWARDS_DESTINATION_OF_DROPPED: u32 = 1;

/// A value of `towards`: the reset goes to the destination of a packet that was delivered, as past a passive monitor.
pub const TCP_RESET_TOWARDS_DESTINATION_OF_DELIVERED: u32 = 2;

/// FIN, a bit of the TCP flags.
pub const TCP_RESET_FIN: u8 = 0x01;
/// SYN, a bit of the TCP flags.
pub const TCP_RESET_SYN: u8 = 0x02;
/// RST, a bit of the TCP flags.
pub const TCP_RESET_RST: u8 = 0x04;
/// ACK, a bit of the TCP flags.
pub const TCP_RESET_ACK: u8 = 0x10;

const _: () = assert!(
    TCP_RESET_FIN == tcp::FIN && TCP_RESET_SYN == tcp::SYN && TCP_RESET_RST == tcp::RST && TCP_RESET_ACK == tcp::ACK
);

/// Settings. All zero is the default; a null pointer is the same. New settings will take the place of reserved bytes, and zero
/// will be their default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Config {
    /// Whose reset to send: TCP_RESET_PROFILE_NETFILTER or TCP_RESET_PROFILE_TCP_STACK.
    pub profile: u8,
    /// The reset's time to live (IPv4) or hop limit (IPv6); 0 stands for 64.
    pub hop_limit: u8,
    /// TCP_RESET_TRUST_IPV4_CHECKSUM and the like, joined by `|`.
    pub flags: u8,
    /// Which end of the connection the reset goes to: TCP_RESET_TOWARDS_SOURCE or the like. To end both sides, call twice.
    ///
    /// One segment does not show the whole state of a connection: the documentation of Config::towards() in the Rust crate
    /// explains when a destination ignores a reset.
    pub towards: u8,
    /// Zero.
    pub reserved: [u32; 3],
}

impl Config {
    pub(crate) fn settings(&self) -> Result<tcp_reset::Config, Reason> {
        const FLAGS: u8 = TCP_RESET_TRUST_IPV4_CHECKSUM
            | TCP_RESET_TRUST_TCP_CHECKSUM
            | TCP_RESET_LEAVE_TCP_CHECKSUM_PARTIAL
            | TCP_RESET_ACCEPT_PARTIAL_TCP_CHECKSUM;
        let &Self { profile, hop_limit, flags, towards, reserved: [0, 0, 0] } = self else {
            return Err(Reason::ARGUMENT);
        };
        let has = |flag| flags & flag != 0;
        if has(!FLAGS) {
            return Err(Reason::ARGUMENT);
        }
        let profile = match profile {
            TCP_RESET_PROFILE_NETFILTER => Profile::Netfilter,
            TCP_RESET_PROFILE_TCP_STACK => Profile::TcpStack,
            _ => return Err(Reason::ARGUMENT),
        };
        let ipv4_checksum = if has(TCP_RESET_TRUST_IPV4_CHECKSUM) { Checksum::Trust } else { Checksum::Verify };
        let tcp_checksum = if has(TCP_RESET_TRUST_TCP_CHECKSUM) {
            Checksum::Trust
        } else if has(TCP_RESET_ACCEPT_PARTIAL_TCP_CHECKSUM) {
            Checksum::VerifyOrPartial
        } else {
            Checksum::Verify
        };
        Ok(tcp_reset::Config::new()
            .profile(profile)
            .hop_limit(if hop_limit == 0 { tcp_reset::Config::new().hop_limit } else { hop_limit })
            .ipv4_checksum(ipv4_checksum)
            .tcp_checksum(tcp_checksum)
            .partial_checksum(has(TCP_RESET_LEAVE_TCP_CHECKSUM_PARTIAL))
            .towards(end(towards.into())?))
    }
}

/// The end of the connection, from a value of `towards`.
pub(crate) const fn end(towards: u32) -> Result<Towards, Reason> {
    match towards {
        TCP_RESET_TOWARDS_SOURCE => Ok(Towards::Source),
        TCP_RESET_TOWARDS_DESTINATION_OF_DROPPED => Ok(Towards::DestinationOfDropped),
        TCP_RESET_TOWARDS_DESTINATION_OF_DELIVERED => Ok(Towards::DestinationOfDelivered),
        _ => Err(Reason::ARGUMENT),
    }
}

/// The numbers of a reset, in the machine's byte order. Window and urgent pointer are 0, and there are no options. The ports
/// are the offender's, exchanged; towards the destination, as they are.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Numbers {
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number: 0 without TCP_RESET_ACK.
    pub ack: u32,
    /// TCP_RESET_RST, or TCP_RESET_RST | TCP_RESET_ACK.
    pub flags: u8,
}

impl Numbers {
    pub(crate) const fn new(seq: u32, ack: Option<u32>) -> Self {
        match ack {
            Some(ack) => Self { seq, ack, flags: tcp::RST | tcp::ACK },
            None => Self { seq, ack: 0, flags: tcp::RST },
        }
    }

    /// The acknowledgment number, if there is one.
    pub(crate) const fn ack(self) -> Result<Option<u32>, Reason> {
        const RST_ACK: u8 = tcp::RST | tcp::ACK;
        match self.flags {
            tcp::RST => Ok(None),
            RST_ACK => Ok(Some(self.ack)),
            _ => Err(Reason::ARGUMENT),
        }
    }
}
