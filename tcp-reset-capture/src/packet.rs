//! Packets, printed in tcpdump's format.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, LaxIpSlice};
use support::protocol::{Flags, URG};
use tcp_reset::checksum::Sum;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset::{NoReset, Reset};

/// An IP packet, or the beginning of one.
pub enum Packet {
    /// A TCP segment.
    Tcp(Segment),
    /// Something else over IP.
    Other { source: IpAddr, destination: IpAddr, protocol: IpNumber, is_fragment: bool, length: usize },
    /// No IP header.
    NoIp(usize),
}

/// The header of a TCP segment, and where it goes.
pub struct Segment {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub header_len: usize,
    pub window: u16,
    urgent: u16,
    /// Of header and data, also where they were not captured.
    pub length: usize,
}

impl Packet {
    /// Reads the headers of a packet, as far as they can be read; with what follows the IP headers.
    pub fn new(packet: &[u8], answer: Result<Reset, NoReset>) -> (Self, &[u8]) {
        // A later fragment does not begin with a TCP header.
        let is_fragment = answer == Err(NoReset::Fragment);
        let Ok((ip, _)) = LaxIpSlice::from_slice(packet) else { return (Self::NoIp(packet.len()), &[]) };
        let (source, destination) = (ip.source_addr(), ip.destination_addr());
        let payload = ip.payload();
        // If the packet was cut, the IP header still has the length of the payload.
        let length = if payload.incomplete {
            let total_len = match &ip {
                LaxIpSlice::Ipv4(ip) => usize::from(ip.header().total_len()),
                LaxIpSlice::Ipv6(ip) => usize::from(ip.header().payload_length()) + 40,
            };
            total_len.saturating_sub(packet.len()) + payload.payload.len()
        } else {
            payload.payload.len()
        };
        let read = match payload.payload.first_chunk() {
            Some(header) if payload.ip_number == IpNumber::TCP && !is_fragment => {
                Self::Tcp(Segment::new([source, destination], header, length))
            }
            _ => Self::Other { source, destination, protocol: payload.ip_number, is_fragment, length },
        };
        (read, payload.payload)
    }
}

impl Segment {
    fn new([source, destination]: [IpAddr; 2], header: &[u8; 20], length: usize) -> Self {
        let &[p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, u0, u1] = header;
        Self {
            source: SocketAddr::new(source, u16::from_be_bytes([p0, p1])),
            destination: SocketAddr::new(destination, u16::from_be_bytes([p2, p3])),
            seq: u32::from_be_bytes([s0, s1, s2, s3]),
            ack: u32::from_be_bytes([a0, a1, a2, a3]),
            flags,
            header_len: usize::from(offset >> 4) * 4,
            window: u16::from_be_bytes([w0, w1]),
            urgent: u16::from_be_bytes([u0, u1]),
            length,
        }
    }

    /// Whether it is a reset.
    pub fn is_reset(&self) -> bool {
        self.flags & RST != 0
    }

    /// A checksum that the network card completes later: the sum of the pseudo-header (RFC 9293 §3.1).
    pub fn partial_checksum(&self) -> u16 {
        let address = |address: IpAddr| match address {
            IpAddr::V4(address) => Sum::of(&address.octets()),
            IpAddr::V6(address) => Sum::of(&address.octets()),
        };
        let length = u32::try_from(self.length).unwrap_or(u32::MAX).to_be_bytes();
        let addresses = address(self.source.ip()).plus(address(self.destination.ip()));
        !u16::from_be_bytes(addresses.plus(Sum::of_words(&[length, [0, 0, 0, IpNumber::TCP.0]])).checksum())
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(segment) => write!(formatter, "{segment}"),
            Self::Other { source, destination, protocol, is_fragment, length } => {
                write!(formatter, "{source} > {destination}: {}", ProtocolName(*protocol))?;
                write!(formatter, "{}, length {length}", if *is_fragment { " fragment" } else { "" })
            }
            Self::NoIp(length) => write!(formatter, "IP, length {length}"),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, seq, ack, flags, header_len, window, urgent, length, .. } = self;
        write!(formatter, "{}.{} > ", source.ip(), source.port())?;
        write!(formatter, "{}.{}: Flags [{}]", destination.ip(), destination.port(), Flags(*flags))?;
        let data_len = length.checked_sub(*header_len).filter(|_| *header_len >= 20);
        match data_len {
            Some(data_len @ 1..) => {
                let end = seq.wrapping_add(u32::try_from(data_len).unwrap_or(u32::MAX));
                write!(formatter, ", seq {seq}:{end}")?;
            }
            _ if flags & (SYN | FIN | RST) != 0 => write!(formatter, ", seq {seq}")?,
            _ => {}
        }
        if flags & ACK != 0 {
            write!(formatter, ", ack {ack}")?;
        }
        write!(formatter, ", win {window}")?;
        if flags & URG != 0 {
            write!(formatter, ", urg {urgent}")?;
        }
        match data_len {
            Some(data_len) => write!(formatter, ", length {data_len}"),
            None => write!(formatter, ", bad header length {header_len}"),
        }
    }
}

/// A protocol by its name, or by its number as tcpdump prints it.
pub struct ProtocolName(pub IpNumber);

impl fmt::Display for ProtocolName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.keyword_str() {
            Some("IPv6-ICMP") => formatter.write_str("ICMP6"),
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "ip-proto-{}", self.0.0),
        }
    }
}
