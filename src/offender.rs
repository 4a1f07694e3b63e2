//! Addresses and ports of any packet, for a log.

use core::fmt;
use core::net::IpAddr;

use crate::{ipv4, ipv6};

/// Who sent a packet to whom, as far as its bytes tell: for the log of a packet that draws no reset.
///
/// Nothing is verified. `Display` prints addresses and ports as tcpdump does.
///
/// ```
/// use tcp_reset::{MAX_LEN, Offender, reset};
///
/// fn log(packet: &[u8]) {
///     if let (Err(reason), Some(offender)) = (reset(packet, &mut [0; MAX_LEN]), Offender::of(packet)) {
///         println!("no reset for {offender}: {reason}");
///     }
/// }
/// # log(&[]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Offender {
    /// The source address.
    pub source: IpAddr,
    /// The destination address.
    pub destination: IpAddr,
    /// Source and destination port; `None` if a check of the IP header other than its checksum fails, or if the buffer does
    /// not hold the ports.
    pub ports: Option<(u16, u16)>,
}

impl Offender {
    /// Reads the packet; `None` if it does not begin with an IPv4 or IPv6 header.
    pub fn of(packet: &[u8]) -> Option<Self> {
        let (source, destination, segment) = match packet {
            [0x40..=0x4f, ..] => ipv4::read(packet)?,
            [0x60..=0x6f, ..] => ipv6::read(packet)?,
            _ => return None,
        };
        let ports = segment.and_then(|segment| segment.first_chunk());
        let ports = ports.map(|&[s0, s1, d0, d1]| (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])));
        Some(Self { source, destination, ports })
    }
}

impl fmt::Display for Offender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, ports } = self;
        match ports {
            Some((from, to)) => write!(formatter, "{source}.{from} > {destination}.{to}"),
            None => write!(formatter, "{source} > {destination}"),
        }
    }
}
