//! What a caller may set.

use crate::no_reset::{NoReset, refuse};

/// Settings. [`Config::new`] answers as `iptables -j REJECT --reject-with tcp-reset` does. The methods set one each, in
/// constants too; the fields hold the settings.
///
/// ```
/// use tcp_reset::{Checksum, Config};
///
/// // Packets of local sockets: their network card fills in the TCP checksum only later.
/// const LOCAL: Config = Config::new().hop_limit(255).tcp_checksum(Checksum::Trust);
/// assert_eq!(LOCAL.hop_limit, 255);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
// The fields are public because the methods have the names that getters would have.
pub struct Config {
    /// Whose reset is sent.
    pub profile: Profile,
    /// What is done with the offender's IPv4 header checksum.
    pub ipv4_checksum: Checksum,
    /// What is done with the offender's TCP checksum.
    pub tcp_checksum: Checksum,
    /// Whether the reset's TCP checksum is left partial.
    pub partial_checksum: bool,
    /// The reset's time to live or hop limit.
    pub hop_limit: u8,
}

impl Config {
    /// Nothing is verified.
    pub(crate) const TRUST: Self = Self::new().ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);

    /// The netfilter profile, a hop limit of 64, both checksums verified, the reset's own complete.
    pub const fn new() -> Self {
        let (profile, verify) = (Profile::Netfilter, Checksum::Verify);
        Self { profile, hop_limit: 64, ipv4_checksum: verify, tcp_checksum: verify, partial_checksum: false }
    }

    /// Sets whose reset to send.
    pub const fn profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// Sets the reset's time to live (IPv4) or hop limit (IPv6). The default is 64, as Linux's
    /// `net.ipv4.ip_default_ttl`.
    pub const fn hop_limit(self, hop_limit: u8) -> Self {
        Self { hop_limit, ..self }
    }

    /// Sets what to do with the offender's IPv4 header checksum. IPv6 has none.
    pub const fn ipv4_checksum(self, ipv4_checksum: Checksum) -> Self {
        Self { ipv4_checksum, ..self }
    }

    /// Sets what to do with the offender's TCP checksum.
    ///
    /// Under [`Checksum::Trust`] the buffer need only hold the headers, up to the twentieth byte of TCP's: enough for
    /// a capture's snap length, a queue's copy range or a data plane that shows headers only. The length of the data
    /// comes from the IP header either way.
    pub const fn tcp_checksum(self, tcp_checksum: Checksum) -> Self {
        Self { tcp_checksum, ..self }
    }

    /// Leaves the reset's TCP checksum to the network card or to the kernel that sends it.
    ///
    /// The checksum field then holds the folded sum of the pseudo-header alone, not complemented, as Linux's
    /// `CHECKSUM_PARTIAL`, virtio's `VIRTIO_NET_HDR_F_NEEDS_CSUM` and network cards want it. They sum from the first byte
    /// of the TCP header on (`csum_start`: 20 bytes after the start of the IPv4 header, 40 after that of IPv6) and put
    /// the complement 16 bytes further (`csum_offset`). The IPv4 header checksum is always complete.
    pub const fn partial_checksum(self, partial_checksum: bool) -> Self {
        Self { partial_checksum, ..self }
    }

    /// Whether all settings but the hop limit are the default ones. The default of each is its first
    /// variant or `false`, which is 0.
    #[inline(always)]
    #[expect(clippy::as_conversions, reason = "they compile to one load of four bytes")]
    pub(crate) const fn is_default(&self) -> bool {
        let Self { profile, ipv4_checksum, tcp_checksum, partial_checksum, hop_limit: _ } = *self;
        u32::from_ne_bytes([profile as u8, ipv4_checksum as u8, tcp_checksum as u8, partial_checksum as u8]) == 0
    }

    /// Cuts `bytes` to the length that a header states. Where the TCP checksum is trusted, fewer may be there.
    #[inline(always)]
    pub(crate) fn cut<'a>(&self, bytes: &'a [u8], len: usize) -> Result<&'a [u8], NoReset> {
        match bytes.get(..len) {
            Some(bytes) => Ok(bytes),
            None if self.tcp_checksum == Checksum::Trust => Ok(bytes),
            None => refuse(NoReset::Truncated),
        }
    }

    /// The reset's type of service or traffic class, from the offender's.
    pub(crate) const fn traffic_class(&self, offender: u8) -> u8 {
        // All but the two ECN bits (RFC 3168 §5) are reflected.
        if matches!(self.profile, Profile::TcpStack) { offender & !0x03 } else { 0 }
    }

    /// How the reset's TCP checksum is completed. Where Linux completes it by its helper for checksum offload, a zero becomes
    /// 0xFFFF, as UDP requires. Receivers accept both.
    pub(crate) const fn completion(&self, ip_version: u8) -> Completion {
        match (self.partial_checksum, self.profile, ip_version) {
            (true, ..) => Completion::Partial,
            (false, Profile::Netfilter, 4) | (false, Profile::TcpStack, 6) => Completion::NonZero,
            (false, ..) => Completion::Full,
        }
    }
}

/// Compiles a block twice on 64-bit machines, once for the default settings, which are constants there. Saves 46 of 226
/// instructions for a SYN where the compiler does not know the settings.
macro_rules! specialized {
    ($is_default:expr, $config:ident, $block:block) => {
        if cfg!(target_pointer_width = "64") && $is_default {
            let $config = &Config::new().hop_limit($config.hop_limit);
            $block
        } else {
            $block
        }
    };
}
pub(crate) use specialized;

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// Linux has two reset generators: which one to follow.
// The default first: see `Config::is_default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// A firewall's: the netfilter REJECT target (`nf_send_reset`, `nf_send_reset6`).
    ///
    /// A TCP checksum that computes to zero is written as 0xFFFF over IPv4, as 0x0000 over IPv6, as Linux does. Receivers
    /// accept both; Wireshark with checksum validation enabled marks 0xFFFF as wrong.
    Netfilter,
    /// A host's, for a port on which nobody listens: the TCP stack (`tcp_v4_send_reset`, `tcp_v6_send_response`).
    ///
    /// It is silent on an impossible data offset, and reflects the type of service or traffic class without its ECN
    /// bits. A TCP checksum that computes to zero is written as 0xFFFF over IPv6, as 0x0000 over IPv4.
    ///
    /// The IP options that Linux echoes here and the segments that it signs (TCP MD5, TCP-AO) are not reproduced, and the
    /// IPv6 sources `::` and IPv4-mapped, which it answers, draw silence.
    TcpStack,
}

/// How the reset's TCP checksum is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Completion {
    /// Complete.
    Full,
    /// Complete, and 0xFFFF where it computes to zero.
    NonZero,
    /// Left partial.
    Partial,
}

/// What to do with one of the offender's checksums.
// The default first: see `Config::is_default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Checksum {
    /// Verify it: a wrong checksum draws silence.
    Verify,
    /// Do not read it: somebody else has verified it, or the sending host's offload has not filled it in yet.
    Trust,
}
