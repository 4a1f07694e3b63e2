//! The interface.

use std::fs;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, bail, ensure};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::libc;

use crate::ports::Ports;

/// What is known of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number, which stays when it is renamed.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its address.
    pub station: [u8; 6],
}

impl Device {
    /// Finds it, if it carries Ethernet frames.
    pub fn find(name: &str) -> Result<Self> {
        match Self::search(|interface| interface.interface_name == name)? {
            Some(device) => Ok(device),
            None => bail!("no such device: {name}"),
        }
    }

    /// Looks at it again. `None` if it is gone.
    pub fn again(&self) -> Result<Option<Self>> {
        let is_it = |interface: &InterfaceAddress| {
            let link = interface.address.as_ref().and_then(|address| address.as_link_addr());
            link.is_some_and(|link| u32::try_from(link.ifindex()) == Ok(self.index))
        };
        Self::search(is_it)
    }

    fn search(mut is_it: impl FnMut(&InterfaceAddress) -> bool) -> Result<Option<Self>> {
        for interface in getifaddrs().context("cannot list the interfaces")? {
            let Some(link) = interface.address.as_ref().and_then(|address| address.as_link_addr()) else { continue };
            if is_it(&interface) {
                let name = interface.interface_name.clone();
                ensure!(link.hatype() == libc::ARPHRD_ETHER, "{name} carries no Ethernet frames");
                let station = link.addr().with_context(|| format!("{name} has no address"))?;
                return Ok(Some(Self { index: link.ifindex().try_into()?, name, station }));
            }
        }
        Ok(None)
    }

    /// Whether it takes VLAN tags out of the frames that it receives (`ethtool -k`: rx-vlan-offload).
    pub fn takes_tags_out(&self) -> Result<bool> {
        /// `struct ethtool_value`.
        #[repr(C)]
        struct Value {
            command: u32,
            data: u32,
        }
        /// `struct ifreq`.
        #[repr(C)]
        struct Request {
            name: [u8; libc::IFNAMSIZ],
            value: *mut Value,
            rest: [u64; 2],
        }
        const ETHTOOL_GFLAGS: u32 = 0x25;
        const ETH_FLAG_RXVLAN: u32 = 1 << 8;

        let mut value = Value { command: ETHTOOL_GFLAGS, data: 0 };
        let mut name = [0; libc::IFNAMSIZ];
        for (to, from) in name[..libc::IFNAMSIZ - 1].iter_mut().zip(self.name.bytes()) {
            *to = from;
        }
        let mut request = Request { name, value: &raw mut value, rest: [0; 2] };
        let socket = UdpSocket::bind("0.0.0.0:0").or_else(|_| UdpSocket::bind("[::]:0"));
        let socket = socket.context("cannot open a socket to ask for the VLAN offload")?;
        // SAFETY: the kernel reads the request and the value, which are as it defines them, and writes the value.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
        if result == 0 {
            return Ok(value.data & ETH_FLAG_RXVLAN != 0);
        }
        let error = io::Error::last_os_error();
        // A driver that cannot be asked has no offload.
        ensure!(
            error.raw_os_error() == Some(libc::EOPNOTSUPP),
            "cannot ask {} for its VLAN offload: {error}",
            self.name
        );
        Ok(false)
    }
}

/// The ports that this host's own connections come from, if some of them are among `ports`.
pub fn own_ports(ports: &Ports) -> Option<(u16, u16)> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map(str::parse);
    let (Some(Ok(first)), Some(Ok(last))) = (ends.next(), ends.next()) else { return None };
    (first..=last).any(|port| ports.contains(port)).then_some((first, last))
}
