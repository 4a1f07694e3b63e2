//! The ports to answer for.

use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

use crate::shared::PORT_WORDS;

/// A set of ports; from text such as `23,445,8000-8100`. It holds a bit for each port, 64 in a word, as the program wants
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(pub [u64; PORT_WORDS]);

impl Ports {
    /// Whether the port is among them.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0[usize::from(port / 64)] >> (port % 64) & 1 == 1
    }
}

impl FromStr for Ports {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut words = [0; PORT_WORDS];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let port = |text: &str| -> Result<u16> {
                ensure!(text.bytes().all(|digit| digit.is_ascii_digit()), "{part:?} is no port and no range of ports");
                text.parse().with_context(|| format!("{part:?} is no port and no range of ports"))
            };
            let (first, last) = (port(first)?, port(last)?);
            ensure!(first <= last, "the range {part} ends before it begins");
            for port in first..=last {
                words[usize::from(port / 64)] |= 1 << (port % 64);
            }
        }
        Ok(Self(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges() {
        let set = |text: &str| -> Vec<u32> {
            let ports: Ports = text.parse().unwrap();
            let bits = (0..64).map(|bit| 1_u64 << bit);
            let bits = ports.0.iter().flat_map(|word| bits.clone().map(move |bit| word & bit != 0)).zip(0..);
            bits.filter_map(|(bit, port)| bit.then_some(port)).collect()
        };
        assert_eq!(set("23"), [23]);
        assert_eq!(set("445,23,62-65"), [23, 62, 63, 64, 65, 445]);
        assert_eq!(set("0-65535").len(), 65_536);
    }

    #[test]
    fn what_is_no_port() {
        for text in ["", "23,", "65536", "-1", "1-", "a", "5-4", "1-2-3", "+5", " 5"] {
            assert!(text.parse::<Ports>().is_err(), "{text:?}");
        }
    }
}
