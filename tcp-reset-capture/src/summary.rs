//! What is counted.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use tcp_reset::{NoReset, Reset};

use crate::comparison::Outcome;

/// Counts of everything that was read.
#[derive(Default)]
pub struct Summary {
    rst: u64,
    rst_ack: u64,
    silences: Vec<(Silence, u64)>,
    same_bytes: u64,
    same_to_receiver: u64,
    other_numbers: u64,
    /// Resets of the capture that answer a packet which we do not answer.
    unexpected: u64,
    /// Resets of the capture that answer no packet of it.
    answering_nothing: u64,
    /// Packets with a partial TCP checksum, which were answered.
    partial: u64,
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
    pub fn count(&mut self, answer: Result<&Reset, Silence>, is_partial: bool, outcome: Option<&Outcome>) {
        match answer {
            Ok(reset) if reset.tcp().ack.is_some() => self.rst_ack += 1,
            Ok(_) => self.rst += 1,
            Err(reason) => match self.silences.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => self.silences.push((reason, 1)),
            },
        }
        self.partial += u64::from(is_partial);
        match outcome {
            Some(Outcome::Same(_)) => self.same_bytes += 1,
            Some(Outcome::SameToReceiver(_)) => self.same_to_receiver += 1,
            Some(Outcome::OtherNumbers(_)) => self.other_numbers += 1,
            Some(Outcome::Unexpected) => self.unexpected += 1,
            None if answer == Err(Silence::Packet(NoReset::Rst)) => self.answering_nothing += 1,
            None => {}
        }
    }

    fn silences(&self, is_counted: impl Fn(Silence) -> bool) -> u64 {
        self.silences.iter().filter(|(reason, _)| is_counted(*reason)).map(|(_, count)| count).sum()
    }

    /// The reasons for silence, the most frequent first.
    fn reasons(&self) -> Vec<(String, u64)> {
        let mut reasons: Vec<_> = self.silences.iter().map(|(reason, count)| (reason.to_string(), *count)).collect();
        reasons.sort_by_key(|(reason, count)| (Reverse(*count), reason.clone()));
        reasons
    }

    /// The classes of the resets that were compared.
    fn classes(&self) -> [(&'static str, u64); 4] {
        [
            ("same bytes", self.same_bytes),
            ("same to a receiver", self.same_to_receiver),
            ("other numbers", self.other_numbers),
            ("ours is silence", self.unexpected),
        ]
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resets = self.rst + self.rst_ack;
        let silences = self.silences(|_| true);
        writeln!(formatter, "packets: {}", resets + silences)?;
        writeln!(formatter, "resets: {resets} (RST {}, RST/ACK {})", self.rst, self.rst_ack)?;
        writeln!(formatter, "silences: {silences}{}", list(&self.reasons()))?;

        let classes = self.classes();
        let compared: u64 = classes.iter().map(|(_, count)| count).sum();
        let same = self.same_bytes + self.same_to_receiver;
        writeln!(formatter, "same as the capture's own reset: {same} of {compared}{}", list(&classes))?;
        writeln!(
            formatter,
            "not compared: {} resets of ours are not in the capture; {} resets in the capture answer no packet in it",
            self.unmatched, self.answering_nothing
        )?;
        if self.partial > 0 {
            writeln!(
                formatter,
                "partial TCP checksums: {}, answered: the sending host recorded them before its network card completed them",
                self.partial
            )?;
        }
        write!(formatter, "time taken: {:.1?}", self.time)?;

        let is_checksum = |reason| matches!(reason, Silence::Packet(NoReset::HeaderChecksum | NoReset::TcpChecksum));
        match self.silences(is_checksum) {
            0 => Ok(()),
            count => write!(
                formatter,
                "\nhint: {count} packets have a wrong IPv4 header or TCP checksum: they were damaged, or recorded before \
                 they were complete. -K trusts all checksums."
            ),
        }
    }
}

/// The same as JSON. README.md describes the fields.
impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("packets", &(self.rst + self.rst_ack + self.silences(|_| true)))?;
        map.serialize_entry("rst", &self.rst)?;
        map.serialize_entry("rst_ack", &self.rst_ack)?;
        map.serialize_entry("silences", &Counts(&self.reasons()))?;
        map.serialize_entry("compared", &Counts(&self.classes()))?;
        map.serialize_entry("not_in_the_capture", &self.unmatched)?;
        map.serialize_entry("answering_nothing", &self.answering_nothing)?;
        map.serialize_entry("partial_tcp_checksums", &self.partial)?;
        map.serialize_entry("seconds", &self.time.as_secs_f64())?;
        map.end()
    }
}

/// Counts by their names.
struct Counts<'a, N>(&'a [(N, u64)]);

impl<N: Serialize> Serialize for Counts<'_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
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
