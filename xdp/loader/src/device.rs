//! The interface.

use anyhow::{Context, Result, bail, ensure};
use nix::ifaddrs::getifaddrs;

/// What is known of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number, which another interface of this name would not have.
    pub index: u32,
    /// Its address.
    pub station: [u8; 6],
}

impl Device {
    /// Finds it, if it carries Ethernet frames.
    pub fn find(name: &str) -> Result<Self> {
        for interface in getifaddrs().context("cannot list the interfaces")? {
            let Some(link) = interface.address.as_ref().and_then(|address| address.as_link_addr()) else { continue };
            if interface.interface_name == name {
                ensure!(link.hatype() == nix::libc::ARPHRD_ETHER, "{name} carries no Ethernet frames");
                let station = link.addr().with_context(|| format!("{name} has no address"))?;
                return Ok(Self { index: link.ifindex().try_into()?, station });
            }
        }
        bail!("no such device: {name}")
    }
}
