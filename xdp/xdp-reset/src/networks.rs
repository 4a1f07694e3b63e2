//! The networks to answer for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

/// A network such as `192.0.2.0/24` or `2001:db8::/32`; an address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: Ipv6Addr,
    /// Of the IPv6 address, 96 more than IPv4's.
    len: u8,
}

impl Network {
    /// The length of its prefix, and the address in the words of the map.
    #[must_use]
    pub fn prefix(&self) -> (u32, [u32; 4]) {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(self.address.octets().as_chunks().0) {
            *word = u32::from_ne_bytes(*bytes);
        }
        (self.len.into(), words)
    }

    /// The network with this prefix.
    pub fn from_prefix(len: u32, words: [u32; 4]) -> Result<Self> {
        let mut octets = [0; 16];
        for (bytes, word) in octets.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_ne_bytes();
        }
        Ok(Self { address: octets.into(), len: len.try_into()? })
    }
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (address, len) = text.split_once('/').map_or((text, None), |(address, len)| (address, Some(len)));
        let parsed: IpAddr = address.parse().with_context(|| format!("{address:?} is no address"))?;
        let (address, before, bits) = match parsed {
            IpAddr::V4(address) => (address.to_ipv6_mapped(), 96, 32),
            IpAddr::V6(address) => (address, 0, 128),
        };
        let len = match len {
            None => bits,
            Some(len) => {
                ensure!(len.bytes().all(|digit| digit.is_ascii_digit()), "{text:?}: {len:?} is no length of a prefix");
                len.parse().with_context(|| format!("{text:?}: {len:?} is no length of a prefix"))?
            }
        };
        ensure!(len <= bits, "{text:?}: a prefix of such an address has at most {bits} bits");
        let network = Self { address, len: before + len };
        let host_bits = u128::MAX.checked_shr(network.len.into()).unwrap_or(0);
        ensure!(
            u128::from(address) & host_bits == 0,
            "{text:?} has bits behind its prefix: {}",
            network.without(host_bits)
        );
        Ok(network)
    }
}

impl Network {
    fn without(self, host_bits: u128) -> Self {
        Self { address: (u128::from(self.address) & !host_bits).into(), len: self.len }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address.to_ipv4_mapped(), self.len.checked_sub(96)) {
            (Some(address), Some(len)) => write!(formatter, "{address}/{len}"),
            _ => write!(formatter, "{}/{}", self.address, self.len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, shown) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::/0", "::/0"),
        ] {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.to_string(), shown);
            let (len, words) = network.prefix();
            assert_eq!(Network::from_prefix(len, words).unwrap(), network);
        }
        assert_eq!("192.0.2.0/24".parse::<Network>().unwrap().prefix().0, 120);
    }

    #[test]
    fn what_is_no_network() {
        for text in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.1/8", "fd00::1/8", "10/8"] {
            assert!(text.parse::<Network>().is_err(), "{text:?}");
        }
        let refusal = "10.1.2.3/8".parse::<Network>().unwrap_err().to_string();
        assert_eq!(refusal, "\"10.1.2.3/8\" has bits behind its prefix: 10.0.0.0/8");
    }
}
