//! What is counted.

use std::fmt;
use std::time::Duration;

use tcp_reset::{NoReset, Profile, Reset};

use crate::comparison::Verdict;

/// Counts of everything that was printed.
#[derive(Default)]
pub struct Summary {
    rst: u64,
    rst_ack: u64,
    silences: Vec<(Silence, u64)>,
    same_as_netfilter: u64,
    same_as_tcp_stack: u64,
    routed: u64,
    other: u64,
    /// How long it took.
    pub time: Duration,
}

/// Why nothing is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The frame holds no IP packet.
    NotIp,
    /// The packet is not to be answered.
    Packet(NoReset),
}

impl Summary {
    /// Counts a packet, and how it compared if it is a reset.
    pub fn count(&mut self, answer: Result<Reset, Silence>, verdict: Option<Verdict>) {
        match answer {
            Ok(reset) if reset.tcp().ack.is_some() => self.rst_ack += 1,
            Ok(_) => self.rst += 1,
            Err(reason) => match self.silences.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => self.silences.push((reason, 1)),
            },
        }
        match verdict {
            Some(Verdict::Same(Profile::Netfilter)) => self.same_as_netfilter += 1,
            Some(Verdict::Same(Profile::TcpStack)) => self.same_as_tcp_stack += 1,
            Some(Verdict::Routed) => self.routed += 1,
            Some(Verdict::Other) => self.other += 1,
            None => {}
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resets = self.rst + self.rst_ack;
        let silences: u64 = self.silences.iter().map(|(_, count)| count).sum();
        writeln!(formatter, "packets: {}", resets + silences)?;
        writeln!(formatter, "resets: {resets} (RST {}, RST/ACK {})", self.rst, self.rst_ack)?;

        let mut reasons = self.silences.clone();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), reason.to_string()));
        write!(formatter, "silences: {silences}")?;
        list(formatter, reasons.iter().map(|(reason, count)| (reason.to_string(), *count)))?;

        let same = self.same_as_netfilter + self.same_as_tcp_stack;
        write!(formatter, "\nsame as the capture's own reset: {same} of {}", same + self.routed + self.other)?;
        let kinds = [
            ("in the netfilter profile", self.same_as_netfilter),
            ("in the TCP-stack profile alone", self.same_as_tcp_stack),
            ("the same but for the hop limit", self.routed),
            ("differing", self.other),
        ];
        list(formatter, kinds.iter().map(|(kind, count)| ((*kind).to_owned(), *count)))?;
        write!(formatter, "\ntime taken: {:.1?}", self.time)?;

        if self.silences.iter().any(|(reason, _)| *reason == Silence::Packet(NoReset::TcpChecksum)) {
            formatter
                .write_str("\nwrong TCP checksums are usual where the sending host was captured: -K trusts them")?;
        }
        Ok(())
    }
}

/// Writes what there is of each kind, in parentheses.
fn list(formatter: &mut fmt::Formatter<'_>, kinds: impl Iterator<Item = (String, u64)>) -> fmt::Result {
    let kinds: Vec<_> = kinds.filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{kind} {count}")).collect();
    if kinds.is_empty() { Ok(()) } else { write!(formatter, " ({})", kinds.join(", ")) }
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIp => formatter.write_str("not IP"),
            Self::Packet(reason) => reason.fmt(formatter),
        }
    }
}
