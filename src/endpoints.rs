//! Addresses and ports of any packet, for a log or a policy.

use core::fmt;
use core::net::IpAddr;

use crate::{ipv4, ipv6};

/// Addresses and ports of a packet, as far as its bytes tell, whether a reset answers it or not: for a log, or for a policy
/// such as "reject port 23".
///
/// No checksum is verified, and the addresses may be any. `Display` prints addresses and ports as tcpdump does.
///
/// ```
/// use tcp_reset::{Endpoints, MAX_LEN, reset};
///
/// fn log(packet: &[u8]) {
///     if let (Err(reason), Some(endpoints)) = (reset(packet, &mut [0; MAX_LEN]), Endpoints::of(packet)) {
///         println!("no reset for {endpoints}: {reason}");
///     }
/// }
/// # log(&[]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Endpoints {
    /// The packet's source address.
    pub source: IpAddr,
    /// The packet's destination address.
    pub destination: IpAddr,
    /// The packet's source and destination port. `None` if it is not TCP, if it is a fragment other than the first, if a
    /// length in its IP headers is wrong, or if the buffer ends before the ports. A policy on ports must treat `None` as
    /// a packet that it could not read.
    pub ports: Option<(u16, u16)>,
}

impl Endpoints {
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

impl fmt::Display for Endpoints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, ports } = self;
        match ports {
            Some((from, to)) => write!(formatter, "{source}.{from} > {destination}.{to}"),
            None => write!(formatter, "{source} > {destination}"),
        }
    }
}
