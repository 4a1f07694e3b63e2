//! What is counted.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use tcp_reset::{NoReset, Profile, Reset};

use crate::comparison::Outcome;

/// Counts of everything that was printed.
#[derive(Default)]
pub struct Summary {
    rst: u64,
    rst_ack: u64,
    silences: Vec<(Silence, u64)>,
    same_as_netfilter: u64,
    same_as_tcp_stack: u64,
    routed: u64,
    differing: u64,
    /// Resets of the capture that answer no packet of it.
    answering_nothing: u64,
    /// Our resets without a counterpart in the capture.
    pub unmatched: u64,
    /// How long it took.
    pub time: Duration,
}

/// Why no reset is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The frame holds no IP packet.
    NotIp,
    Packet(NoReset),
}

impl Summary {
    /// Counts a packet, and how it compares if it is a reset.
    pub fn count(&mut self, answer: Result<Reset, Silence>, outcome: Option<Outcome>) {
        match answer {
            Ok(reset) if reset.tcp().ack.is_some() => self.rst_ack += 1,
            Ok(_) => self.rst += 1,
            Err(reason) => match self.silences.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => self.silences.push((reason, 1)),
            },
        }
        match outcome {
            Some(Outcome::Same(Profile::Netfilter)) => self.same_as_netfilter += 1,
            Some(Outcome::Same(_)) => self.same_as_tcp_stack += 1,
            Some(Outcome::Routed(_)) => self.routed += 1,
            Some(Outcome::Differs(_) | Outcome::Unexpected) => self.differing += 1,
            None if answer == Err(Silence::Packet(NoReset::Rst)) => self.answering_nothing += 1,
            None => {}
        }
    }

    fn silences(&self, is_counted: impl Fn(Silence) -> bool) -> u64 {
        self.silences.iter().filter(|(reason, _)| is_counted(*reason)).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resets = self.rst + self.rst_ack;
        let silences = self.silences(|_| true);
        writeln!(formatter, "packets: {}", resets + silences)?;
        writeln!(formatter, "resets: {resets} (RST {}, RST/ACK {})", self.rst, self.rst_ack)?;

        let mut reasons: Vec<_> = self.silences.iter().map(|(reason, count)| (reason.to_string(), *count)).collect();
        reasons.sort_by_key(|(reason, count)| (Reverse(*count), reason.clone()));
        writeln!(formatter, "silences: {silences}{}", list(&reasons))?;

        let kinds = [
            ("netfilter profile", self.same_as_netfilter),
            ("TCP-stack profile alone", self.same_as_tcp_stack),
            ("other hop limit", self.routed),
            ("differing", self.differing),
        ];
        let same = self.same_as_netfilter + self.same_as_tcp_stack;
        let compared = same + self.routed + self.differing;
        writeln!(formatter, "same as the capture's own reset: {same} of {compared}{}", list(&kinds))?;
        writeln!(
            formatter,
            "not compared: {} resets of ours that the capture does not hold, {} of the capture that answer nothing in it",
            self.unmatched, self.answering_nothing
        )?;
        write!(formatter, "time taken: {:.1?}", self.time)?;

        let is_checksum = |reason| matches!(reason, Silence::Packet(NoReset::HeaderChecksum | NoReset::TcpChecksum));
        match self.silences(is_checksum) {
            0 => Ok(()),
            count => write!(
                formatter,
                "\nhint: {count} packets have a wrong IPv4 header or TCP checksum. This is usual in a capture of the \
                 sending host, whose network card computes checksums later. -K trusts all checksums."
            ),
        }
    }
}

/// The kinds that were counted, in parentheses.
fn list(kinds: &[(impl fmt::Display, u64)]) -> String {
    let kinds: Vec<_> =
        kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{kind} {count}")).collect();
    if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) }
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIp => formatter.write_str("not IP"),
            Self::Packet(reason) => reason.fmt(formatter),
        }
    }
}
