//! What a caller may set.

use core::fmt;

/// Settings. [`Config::new`] answers as `iptables -j REJECT --reject-with tcp-reset` does.
///
/// ```
/// use tcp_reset::{Checksum, Config};
///
/// const SNIFFED: Config = Config::new().hop_limit(255).tcp_checksum(Checksum::Trust);
/// assert_eq!(SNIFFED.get_hop_limit(), 255);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Config {
    pub(crate) hop_limit: u8,
    pub(crate) settings: Settings,
}

impl Config {
    /// The netfilter profile, a hop limit of 64, both checksums verified, the reset's own complete.
    pub const fn new() -> Self {
        Self { hop_limit: 64, settings: Settings(0) }
    }

    /// Sets whose reset to send.
    pub const fn profile(self, profile: Profile) -> Self {
        self.with(Settings::TCP_STACK, matches!(profile, Profile::TcpStack))
    }

    /// Sets the reset's time to live (IPv4) or hop limit (IPv6). The default is 64, as Linux's
    /// `net.ipv4.ip_default_ttl`.
    pub const fn hop_limit(self, hop_limit: u8) -> Self {
        Self { hop_limit, ..self }
    }

    /// Sets what to do with the offender's IPv4 header checksum. IPv6 has none.
    pub const fn ipv4_checksum(self, checksum: Checksum) -> Self {
        self.with(Settings::TRUST_IPV4, matches!(checksum, Checksum::Trust))
    }

    /// Sets what to do with the offender's TCP checksum.
    ///
    /// Under [`Checksum::Trust`] the buffer need only hold the headers, up to the twentieth byte of TCP's: enough for
    /// a capture's snap length, a queue's copy range or a data plane that shows headers only. The length of the data
    /// comes from the IP header either way.
    pub const fn tcp_checksum(self, checksum: Checksum) -> Self {
        self.with(Settings::TRUST_TCP, matches!(checksum, Checksum::Trust))
    }

    /// Leaves the reset's TCP checksum to the network card or to the kernel that sends it.
    ///
    /// The checksum field then holds the folded sum of the pseudo-header alone, not complemented, as Linux's
    /// `CHECKSUM_PARTIAL`, virtio's `VIRTIO_NET_HDR_F_NEEDS_CSUM` and network cards want it. They sum from the first byte
    /// of the TCP header on (`csum_start`: 20 bytes behind the start of the IPv4 header, 40 behind that of IPv6) and put
    /// the complement 16 bytes further (`csum_offset`). The IPv4 header checksum is always complete.
    pub const fn partial_checksum(self, partial_checksum: bool) -> Self {
        self.with(Settings::PARTIAL, partial_checksum)
    }

    /// Calls `job` with this `Config`. The default settings are a constant there on 64-bit machines: 36 instructions fewer
    /// of a SYN's 226 where the compiler does not know them.
    #[inline(always)]
    pub(crate) fn specialized<T>(&self, job: impl FnOnce(&Self) -> T) -> T {
        if cfg!(target_pointer_width = "64") && self.settings.0 == 0 {
            job(&Self { hop_limit: self.hop_limit, settings: Settings(0) })
        } else {
            job(self)
        }
    }

    const fn with(self, bit: u8, on: bool) -> Self {
        let others = self.settings.0 & !bit;
        Self { settings: Settings(if on { others | bit } else { others }), ..self }
    }

    /// Whose reset is sent.
    pub const fn get_profile(&self) -> Profile {
        if self.settings.has(Settings::TCP_STACK) { Profile::TcpStack } else { Profile::Netfilter }
    }

    /// The reset's time to live or hop limit.
    pub const fn get_hop_limit(&self) -> u8 {
        self.hop_limit
    }

    /// What is done with the offender's IPv4 header checksum.
    pub const fn get_ipv4_checksum(&self) -> Checksum {
        if self.settings.has(Settings::TRUST_IPV4) { Checksum::Trust } else { Checksum::Verify }
    }

    /// What is done with the offender's TCP checksum.
    pub const fn get_tcp_checksum(&self) -> Checksum {
        if self.settings.has(Settings::TRUST_TCP) { Checksum::Trust } else { Checksum::Verify }
    }

    /// Whether the reset's TCP checksum is left partial.
    pub const fn get_partial_checksum(&self) -> bool {
        self.settings.has(Settings::PARTIAL)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::missing_fields_in_debug, reason = "the settings are printed one by one")]
impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("profile", &self.get_profile())
            .field("hop_limit", &self.hop_limit)
            .field("ipv4_checksum", &self.get_ipv4_checksum())
            .field("tcp_checksum", &self.get_tcp_checksum())
            .field("partial_checksum", &self.get_partial_checksum())
            .finish()
    }
}

/// All settings but the hop limit, as bits, which stay in one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Settings(u8);

impl Settings {
    /// [`Profile::TcpStack`].
    pub(crate) const TCP_STACK: u8 = 0x01;
    /// The IPv4 header checksum is trusted.
    pub(crate) const TRUST_IPV4: u8 = 0x02;
    /// The TCP checksum is trusted.
    pub(crate) const TRUST_TCP: u8 = 0x04;
    /// The reset's TCP checksum is left partial.
    pub(crate) const PARTIAL: u8 = 0x08;
    /// Nothing is verified.
    pub(crate) const TRUST: Self = Self(Self::TRUST_IPV4 | Self::TRUST_TCP);

    #[inline]
    pub(crate) const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// The reset's type of service or traffic class, from the offender's.
    pub(crate) const fn traffic_class(self, offender: u8) -> u8 {
        // All but the two ECN bits (RFC 3168 §5) are reflected.
        if self.has(Self::TCP_STACK) { offender & !0x03 } else { 0 }
    }

    /// A TCP checksum that computes to zero is written as 0xFFFF, as for UDP, where Linux leaves it to its
    /// checksum-offload helper. A receiver takes both.
    pub(crate) const fn completion(self, ip_version: u8) -> Completion {
        match (self.has(Self::PARTIAL), self.has(Self::TCP_STACK), ip_version) {
            (true, ..) => Completion::Partial,
            (false, false, 4) | (false, true, 6) => Completion::Full { zero: 0xffff },
            (false, ..) => Completion::Full { zero: 0x0000 },
        }
    }
}

/// Linux has two reset generators: which one to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// A firewall's: the netfilter REJECT target (`nf_send_reset`, `nf_send_reset6`).
    ///
    /// Over IPv4, a TCP checksum that computes to zero is written as 0xFFFF, as Linux does. Receivers take it for right;
    /// Wireshark, if told to check, marks it as wrong.
    Netfilter,
    /// A host's, for a port on which nobody listens: the TCP stack (`tcp_v4_send_reset`, `tcp_v6_send_response`).
    ///
    /// It is silent on an impossible data offset, and reflects the type of service or traffic class without its ECN
    /// bits. The IP options that Linux echoes here and the segments that it signs (TCP MD5, TCP-AO) are not
    /// reproduced.
    TcpStack,
}

/// How the reset's TCP checksum is written.
#[derive(Clone, Copy)]
pub(crate) enum Completion {
    /// Left partial.
    Partial,
    /// Complete; a checksum that computes to zero is written as this.
    Full { zero: u16 },
}

/// What to do with one of the offender's checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Checksum {
    /// Verify it: a wrong checksum draws silence.
    Verify,
    /// Do not read it: somebody else has verified it, or the sending host's offload has not filled it in yet.
    Trust,
}
