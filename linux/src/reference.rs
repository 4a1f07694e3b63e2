//! The references: places in Linux that answer with a TCP reset, and the settings that make a namespace use each.

use anyhow::Result;
use tcp_reset::Profile;
use tun_rs::SyncDevice;

use crate::Family;
use crate::namespace::{run, set, tun};

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
    /// `testdata/vectors/replay-setup.sh` has the same set-up: change both.
    pub fn set_up(self, family: Family) -> Result<SyncDevice> {
        let device = tun(DEVICE, true)?;
        configure(family)?;
        self.route(family)?;
        self.rule(family)?;
        device.set_nonblocking(true)?;
        Ok(device)
    }

    /// One table routes what arrives at the device: back out for forwarded packets, otherwise to the host itself. Another
    /// routes what the host sends to the device. The TCP stack looks up its own addresses in the table `local`, which
    /// holds nothing else: the host has no address, and `lo` stays down.
    fn route(self, family: Family) -> Result<()> {
        let (kind, table) = if self.is_forward() { ("unicast", "100") } else { ("local", "local") };
        // With a gateway, which need not exist, IPv6 makes no neighbour entry for each address that it answers.
        let gateway = match family {
            Family::V4 => "",
            Family::V6 => "via fe80::1 ",
        };
        let script = format!(
            "link set {DEVICE} mtu 65535 up\n\
             rule add pref 10 iif {DEVICE} lookup {table}\n\
             rule add pref 20 iif lo lookup 101\n\
             rule del pref 0\n\
             route add {kind} default dev {DEVICE} table {table}\n\
             route add default {gateway}dev {DEVICE} table 101\n"
        );
        run("ip", &[family.option(), "-batch", "-"], &script, "iproute2")
    }

    fn rule(self, family: Family) -> Result<()> {
        match self {
            Self::Forward => iptables(family, "FORWARD"),
            Self::Input => iptables(family, "INPUT"),
            Self::NftForward => nft(family, "forward"),
            Self::NftInput => nft(family, "input"),
            Self::NftPrerouting => nft(family, "prerouting"),
            Self::Stack => Ok(()),
        }
    }
}

/// The name of the TUN device.
const DEVICE: &str = "reference";

/// Sysctls that let any address in and out, and keep the kernel from sending packets of its own.
fn configure(family: Family) -> Result<()> {
    let settings: &[_] = match family {
        Family::V4 => &[
            ("ipv4/ip_forward", "1"),
            // There are no sockets to look up.
            ("ipv4/ip_early_demux", "0"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/reference/rp_filter", "0"),
            ("ipv4/conf/reference/accept_local", "1"),
            ("ipv4/conf/reference/route_localnet", "1"),
            ("ipv4/conf/all/send_redirects", "0"),
            ("ipv4/conf/reference/send_redirects", "0"),
        ],
        Family::V6 => &[
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv4/ip_early_demux", "0"),
            ("ipv6/auto_flowlabels", "0"),
            ("ipv6/conf/reference/disable_ipv6", "0"),
            ("ipv6/conf/reference/accept_ra", "0"),
            // No link-local address, so that no neighbour discovery or multicast reports are sent.
            ("ipv6/conf/reference/addr_gen_mode", "1"),
        ],
    };
    settings.iter().try_for_each(|(sysctl, value)| set(sysctl, value))
}

/// What is not TCP is dropped, so that Linux does not answer it with ICMP.
fn iptables(family: Family, chain: &str) -> Result<()> {
    let program = match family {
        Family::V4 => "iptables-legacy",
        Family::V6 => "ip6tables-legacy",
    };
    let run = |arguments: &[&str]| run(program, arguments, "", "iptables");
    run(&["-P", chain, "DROP"])?;
    run(&["-A", chain, "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"])
}

fn nft(family: Family, hook: &str) -> Result<()> {
    let table = match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    };
    let script = format!(
        "table {table} reference {{\n\
           chain reference {{\n\
             type filter hook {hook} priority 0; policy drop;\n\
             meta l4proto tcp reject with tcp reset\n\
           }}\n\
         }}\n"
    );
    run("nft", &["-f", "-"], &script, "nftables")
}
