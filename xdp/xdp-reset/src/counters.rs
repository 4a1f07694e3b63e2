//! What the program has counted.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Index;

use anyhow::Result;
use aya::maps::{MapData, PerCpuArray};
use tcp_reset::NoReset;

use crate::shared::{
    ANSWERED, COUNTERS, FAILED, LEFT_TO_THE_KERNEL, LIMITED, NO_SYN, OTHER, OTHER_ADDRESS, OTHER_STATION,
    TOTAL_LIMITED, WOULD_ANSWER,
};

/// The counters of one moment, all CPUs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters([u64; COUNTERS]);

impl Counters {
    /// Reads them.
    pub fn read(map: &PerCpuArray<impl Borrow<MapData>, u64>) -> Result<Self> {
        let mut counters = [0; COUNTERS];
        for (at, counter) in (0..).zip(&mut counters) {
            *counter = map.get(&at, 0)?.iter().sum();
        }
        Ok(Self(counters))
    }

    /// What has been counted since.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut counters = self.0;
        for (counter, earlier) in counters.iter_mut().zip(earlier.0) {
            *counter -= earlier;
        }
        Self(counters)
    }

    /// How many frames met with what, without the zeros, by name.
    pub fn named(&self) -> impl Iterator<Item = (String, u64)> {
        (0..).zip(self.0).filter(|(_, counter)| *counter > 0).map(|(at, counter)| (name(at), counter))
    }

    /// All frames.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Index<u32> for Counters {
    type Output = u64;

    fn index(&self, at: u32) -> &u64 {
        &self.0[at as usize]
    }
}

impl Index<NoReset> for Counters {
    type Output = u64;

    fn index(&self, reason: NoReset) -> &u64 {
        &self.0[reason as usize]
    }
}

/// All on one line.
impl fmt::Display for Counters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.named().map(|(name, counter)| format!("{name} {counter}")).collect();
        formatter.write_str(if parts.is_empty() { "no frames" } else { "" })?;
        formatter.write_str(&parts.join(", "))
    }
}

/// What is counted there.
fn name(at: u32) -> String {
    match at {
        ANSWERED => "answered".into(),
        OTHER => "passed, not TCP to these ports".into(),
        OTHER_STATION => "passed, to another station".into(),
        LEFT_TO_THE_KERNEL => "passed, options, fragment or several buffers".into(),
        WOULD_ANSWER => "passed, would be answered".into(),
        NO_SYN => "passed, no SYN or an ACK".into(),
        OTHER_ADDRESS => "passed, to another address".into(),
        LIMITED => "dropped, over the rate".into(),
        TOTAL_LIMITED => "dropped, over the total rate".into(),
        FAILED => "dropped, could not be cut".into(),
        _ => match NoReset::ALL.iter().find(|reason| **reason as u32 == at) {
            Some(reason) => format!("passed, {reason}"),
            None => format!("passed, reason {at}"),
        },
    }
}

/// The reasons have their numbers below the other counters.
const _: () = assert!(NoReset::ALL.len() < OTHER as usize);
