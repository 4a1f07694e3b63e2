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
    /// Which end of the connection the reset goes to.
    pub towards: Towards,
}

impl Config {
    /// Nothing is verified.
    pub(crate) const TRUST: Self = Self::new().ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);

    /// The netfilter profile, a hop limit of 64, both checksums verified, the reset's own complete.
    pub const fn new() -> Self {
        let (profile, verify, towards) = (Profile::Netfilter, Checksum::Verify, Towards::Source);
        Self { profile, hop_limit: 64, ipv4_checksum: verify, tcp_checksum: verify, partial_checksum: false, towards }
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
    ///
    /// Under [`Checksum::Trust`] and [`Checksum::VerifyOrPartial`], an IPv4 total length or IPv6 payload length of 0 is
    /// taken as Linux takes it before segmentation offload (BIG TCP): the packet ends where the buffer does, also past 64
    /// KiB. Such a packet gets a reset only if the numbers do not depend on its length:
    /// [`NoReset::UnknownLength`] otherwise.
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

    /// Sets which end of the connection the reset goes to: by default to the source, which it answers.
    ///
    /// The destination then keeps a dead connection until its timers end it. With a second reset, in the name of the source, a
    /// firewall or an intrusion prevention system ends both sides at once. It carries SEG.SEQ if the packet was dropped and
    /// SEG.SEQ + SEG.LEN if it was delivered; it acknowledges what the packet acknowledges.
    ///
    /// ```
    /// use tcp_reset::{Config, MAX_LEN, NoReset, Towards, reset, reset_with};
    ///
    /// /// Cuts the connection of a packet that the firewall drops: `send` sends to the source, then to the destination.
    /// fn cut(packet: &[u8], mut send: impl FnMut(&[u8])) -> Result<(), NoReset> {
    ///     const TO_DESTINATION: Config = Config::new().towards(Towards::DestinationOfDropped);
    ///     let mut buffer = [0; MAX_LEN];
    ///     send(reset(packet, &mut buffer)?);
    ///     send(reset_with(packet, &TO_DESTINATION, &mut buffer)?);
    ///     Ok(())
    /// }
    /// # assert_eq!(cut(&[], |_| ()), Err(NoReset::Truncated));
    /// ```
    ///
    /// One segment does not show the whole state of a connection:
    ///
    /// - After a retransmission, or a gap before the segment, the destination expects another number: it ignores the reset, or
    ///   answers it with a challenge ACK (RFC 5961 §3.2). So remember the connection for about two seconds, and answer each of
    ///   its later segments, in either direction, at both ends, with the numbers that this segment shows.
    /// - FreeBSD and its descendants compare with the last acknowledgment number that they sent. While a delayed ACK is
    ///   pending, the reset after a delivered segment is answered with a challenge ACK; a second reset, sent later, fits.
    /// - After a delivered segment, the reset may arrive before the segment does, on another processor. A passive monitor sends
    ///   the reset for [`Towards::DestinationOfDropped`] first, then the one for [`Towards::DestinationOfDelivered`]: one of
    ///   them fits.
    /// - After a delivered SYN, the reset must arrive before the SYN/ACK has been answered, and usually comes too late. Reset
    ///   the SYN/ACK instead: its destination, in SYN-SENT, refuses the connection at once.
    /// - Reset only connections that you may reset. RFC 3360 describes the harm of resets that mean anything but "this
    ///   connection is over".
    pub const fn towards(self, towards: Towards) -> Self {
        Self { towards, ..self }
    }

    /// Cuts `bytes` to the length that a header states, and counts the bytes that are missing: where the TCP checksum is
    /// trusted, fewer may be there.
    #[inline(always)]
    pub(crate) fn cut<'a>(&self, bytes: &'a [u8], len: u16) -> Result<(&'a [u8], Option<usize>), NoReset> {
        match bytes.get(..len.into()) {
            Some(bytes) => Ok((bytes, Some(0))),
            None if self.tcp_checksum == Checksum::Trust => {
                Ok((bytes, Some(usize::from(len).wrapping_sub(bytes.len()))))
            }
            None => refuse(NoReset::Truncated),
        }
    }

    /// The reset's type of service or traffic class, from the offender's.
    pub(crate) const fn traffic_class(&self, offender: u8) -> u8 {
        // All but the two ECN bits (RFC 3168 §5) are reflected.
        if matches!(self.profile, Profile::TcpStack) { offender & !0x03 } else { 0 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// Linux has two reset generators: which one to follow.
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
    /// IPv6 sources `::` and IPv4-mapped, which it answers, get no reset here.
    TcpStack,
}

/// Which end of the offender's connection a reset goes to: see [`Config::towards`].
// Exhaustive: a connection has two ends, and a segment is dropped or delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Towards {
    /// The source of the packet: the reset answers it.
    Source,
    /// The destination of a packet that was dropped, as by a firewall: it still expects SEG.SEQ.
    DestinationOfDropped,
    /// The destination of a packet that was delivered, as past a passive monitor: it expects SEG.SEQ + SEG.LEN.
    DestinationOfDelivered,
}

impl Towards {
    /// Source and destination of the reset, from the offender's.
    pub(crate) const fn source_and_destination<T: Copy>(self, [source, destination]: [T; 2]) -> [T; 2] {
        match self {
            Self::Source => [destination, source],
            Self::DestinationOfDropped | Self::DestinationOfDelivered => [source, destination],
        }
    }
}

/// What to do with one of the offender's checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Checksum {
    /// Verify it: a packet with a wrong checksum gets no reset.
    Verify,
    /// Verify it, but take a partial TCP checksum too: the sum of the pseudo-header alone, not complemented, which the
    /// sending host's own captures and virtual devices show before checksum offload completes it. For an IPv4 header this is
    /// the same as [`Verify`](Self::Verify).
    VerifyOrPartial,
    /// Do not read it: somebody else has verified it, or the sending host's offload has not filled it in yet.
    ///
    /// Two kinds of TCP packets then get a reset that does not fit. Of a first fragment, only its own data is acknowledged:
    /// reassemble before. A packet on its way through waypoints (RFC 8754, segments left) gets a reset from the address of
    /// the next waypoint: answer it where it arrives. Verified, their checksums are wrong, and neither is answered.
    Trust,
}
