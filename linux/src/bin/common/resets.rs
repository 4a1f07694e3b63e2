//! What the programs send: the resets that one packet gets, and the raw sockets that they leave through.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::net::if_::if_indextoname;
use socket2::{Domain, Protocol, Socket, Type};
use tcp_reset::{Checksum, Config, Reset, Towards, ethernet};
use tcp_reset_linux::cut::{self, End};

use super::read::Tcp;

/// A reset and how to send it.
#[derive(Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) reset: Link,
    /// Where the offender was seen; a link-local address needs it.
    pub(crate) device: u32,
    pub(crate) end: End,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Link {
    /// Through the kernel's routes.
    Packet(Reset),
    /// As a frame with VLAN tags, out of the device.
    Frame(ethernet::Reset),
}

impl cut::Answer for Answer {
    fn seq(&self) -> u32 {
        match &self.reset {
            Link::Packet(reset) => reset.tcp().seq,
            Link::Frame(reset) => reset.packet().tcp().seq,
        }
    }
}

/// The reset for a packet. None is no failure: for example, a dropped SYN has not opened a connection at its destination.
pub(crate) fn packet_reset(packet: &[u8], tcp: &Tcp, config: Config) -> Option<Reset> {
    if tcp.is_unmeasured {
        let (packet, config) = measured(packet, tcp, config);
        return Reset::in_reply_to(&packet, &config).ok();
    }
    Reset::in_reply_to(packet, &config).ok()
}

/// The same for a frame, in which the packet begins at `at`.
pub(crate) fn frame_reset(frame: &[u8], at: usize, tcp: &Tcp, config: Config) -> Option<ethernet::Reset> {
    if tcp.is_unmeasured {
        let (packet, config) = measured(&frame[at..], tcp, config);
        return ethernet::Reset::in_reply_to(&[&frame[..at], &packet].concat(), &config).ok();
    }
    ethernet::Reset::in_reply_to(frame, &config).ok()
}

/// A packet whose length the IP header cannot state (BIG TCP): its headers alone, with a length, and with the sequence number
/// after the data if they have been delivered. The crate makes no number from a length that is not stated, because a buffer
/// may be cut; here it holds the whole packet.
fn measured(packet: &[u8], tcp: &Tcp, config: Config) -> (Vec<u8>, Config) {
    let mut header = tcp.header;
    if config.towards == Towards::DestinationOfDelivered {
        let len = u32::try_from(tcp.data.len()).unwrap_or_default();
        header[4..8].copy_from_slice(&tcp.segment.seq.wrapping_add(len).to_be_bytes());
    }
    header[12] = 5 << 4;
    let (mut bare, addresses) = match packet[0] >> 4 {
        4 => (vec![0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0], &packet[12..20]),
        _ => (vec![0x60, 0, 0, 0, 0, 20, 6, 64], &packet[8..40]),
    };
    bare.extend(addresses);
    bare.extend(header);
    (bare, config.ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust))
}

/// The hop limit of resets: the one that is asked for, or what the system gives to its own packets, as for REJECT.
pub(crate) struct HopLimits {
    fixed: Option<u8>,
    system: Mutex<System>,
}

/// The system's, and when they were read.
#[derive(Default)]
struct System {
    read: Option<Instant>,
    ipv4: Option<u8>,
    /// By device.
    ipv6: HashMap<u32, u8>,
}

impl HopLimits {
    pub(crate) fn new(fixed: Option<u8>) -> Self {
        Self { fixed, system: Mutex::default() }
    }

    /// For a packet that was seen on a device.
    pub(crate) fn of(&self, is_ipv4: bool, device: u32) -> u8 {
        const DEFAULT: u8 = 64;
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let Ok(mut system) = self.system.lock() else { return DEFAULT };
        let System { read, ipv4, ipv6 } = &mut *system;
        // They may change at any time.
        if read.is_none_or(|read| read.elapsed() > Duration::from_secs(1)) {
            *read = Some(Instant::now());
            *ipv4 = sysctl("ipv4/ip_default_ttl");
            ipv6.clear();
        }
        if is_ipv4 {
            return ipv4.unwrap_or(DEFAULT);
        }
        *ipv6.entry(device).or_insert_with(|| {
            let name = if_indextoname(device).ok().and_then(|name| name.into_string().ok());
            let of_device = name.and_then(|name| sysctl(&format!("ipv6/conf/{name}/hop_limit")));
            of_device.or_else(|| sysctl("ipv6/conf/all/hop_limit")).unwrap_or(DEFAULT)
        })
    }
}

fn sysctl(path: &str) -> Option<u8> {
    fs::read_to_string(format!("/proc/sys/net/{path}")).ok()?.trim().parse().ok()
}

/// Sends whole packets, headers included, of both IP versions.
pub(crate) struct Sender {
    v4: Socket,
    /// A kernel may have no IPv6.
    v6: Option<Socket>,
}

impl Sender {
    /// Its packets carry the firewall mark, if one is given.
    pub(crate) fn new(mark: Option<u32>) -> io::Result<Self> {
        // IPPROTO_RAW: what is written begins with its IP header, and nothing is ever received (raw(7), ipv6(7)).
        let raw = |domain| {
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(255)))?;
            if let Some(mark) = mark {
                socket.set_mark(mark)?;
            }
            // A full device must not stop the program.
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>(socket)
        };
        let v6 = match raw(Domain::IPV6) {
            Err(error) if error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32) => None,
            v6 => Some(v6?),
        };
        Ok(Self { v4: raw(Domain::IPV4)?, v6 })
    }

    /// `device` is where the offender was seen; a link-local address needs it.
    pub(crate) fn send(&self, reset: &Reset, device: u32) -> io::Result<usize> {
        self.send_packet(reset.as_bytes(), reset.destination(), device)
    }

    /// The same for any packet.
    pub(crate) fn send_packet(&self, packet: &[u8], to: IpAddr, device: u32) -> io::Result<usize> {
        match to {
            IpAddr::V4(to) => self.v4.send_to(packet, &SocketAddr::new(to.into(), 0).into()),
            IpAddr::V6(to) => {
                let v6 = self.v6.as_ref().ok_or(Errno::EAFNOSUPPORT)?;
                let scope = if to.is_unicast_link_local() { device } else { 0 };
                v6.send_to(packet, &SocketAddrV6::new(to, 0, 0, scope).into())
            }
        }
    }
}
