//! The references: places in Linux that answer with a TCP reset, and the settings that make a namespace use each.

use anyhow::Result;
use tcp_reset::Profile;
use tun_rs::SyncDevice;

use crate::Family;
use crate::namespace::{run_script, tun};

/// A place in Linux that answers with a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `iptables-legacy` REJECT, for forwarded packets.
    Forward,
    /// `iptables-legacy` REJECT, for packets to the host itself.
    Input,
    /// `nft` reject, for forwarded packets.
    NftForward,
    /// `nft` reject, for packets to the host itself.
    NftInput,
    /// `nft` reject, before any routing.
    NftPrerouting,
    /// The TCP stack, for a port without a listener; there is no rule.
    Stack,
}

impl Reference {
    /// All of them, by the names of the command line.
    pub const ALL: [(&str, Self); 6] = [
        ("forward", Self::Forward),
        ("input", Self::Input),
        ("nft-forward", Self::NftForward),
        ("nft-input", Self::NftInput),
        ("nft-prerouting", Self::NftPrerouting),
        ("stack", Self::Stack),
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, reference)| *reference == self).map_or("", |(name, _)| name)
    }

    /// The profile of the crate that is compared with it.
    #[must_use]
    pub const fn profile(self) -> Profile {
        match self {
            Self::Stack => Profile::TcpStack,
            _ => Profile::Netfilter,
        }
    }

    /// Whether it answers forwarded packets.
    #[must_use]
    pub const fn is_forward(self) -> bool {
        matches!(self, Self::Forward | Self::NftForward)
    }

    /// Sets up the namespace that the thread is in, and returns the TUN device through which to ask.
    pub fn set_up(self, family: Family) -> Result<SyncDevice> {
        let device = tun(DEVICE, true)?;
        run_script(SET_UP, &[DEVICE, &format!("ipv{}-{}", family.number(), self.name())])?;
        device.set_nonblocking(true)?;
        Ok(device)
    }
}

/// The script that users of the vectors have too.
const SET_UP: &str = include_str!("../../testdata/vectors/replay-setup.sh");

/// The name of the TUN device.
const DEVICE: &str = "reference";
