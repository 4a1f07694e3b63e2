//! What is printed for a packet: two lines of text, or one of JSON.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use support::difference::Difference;
use support::protocol::Flags;
use tcp_reset::{Profile, Reset};

use crate::NANOSECONDS;
use crate::answer::Notes;
use crate::comparison::Outcome;
use crate::packet::{Packet, ProtocolName};
use crate::summary::Silence;

/// A packet and the answer to it.
pub struct Entry<'a, P> {
    /// As Wireshark counts.
    pub number: u64,
    /// In nanoseconds since 1970.
    pub time: Option<u64>,
    /// The time of the first packet.
    pub first_time: Option<u64>,
    pub packet: &'a P,
    pub answer: Result<&'a Reset, Silence>,
    pub notes: Notes,
    pub outcome: Option<&'a Outcome>,
}

/// As text: the packet, and an indented line with the answer.
impl<P: fmt::Display> fmt::Display for Entry<'_, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ", self.number)?;
        match (self.time, self.first_time) {
            (Some(time), Some(first)) => {
                let sign = if time < first { "-" } else { "" };
                let microseconds = time.abs_diff(first) / 1000;
                write!(formatter, "{sign}{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000)?;
            }
            _ => formatter.write_str("-")?,
        }
        write!(formatter, " {}\n      -> ", self.packet)?;
        match self.answer {
            Ok(reset) => write!(formatter, "reset: {}", reset.tcp())?,
            Err(reason) => write!(formatter, "silence: {reason}")?,
        }
        if let Some(outcome) = self.outcome {
            outcome.fmt(formatter)?;
        }
        self.notes.words(self.answer.is_ok()).try_for_each(|note| write!(formatter, "  ({note})"))
    }
}

/// As JSON. README.md describes the fields.
impl<P: Fields> Serialize for Entry<'_, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("number", &self.number)?;
        if let Some(time) = self.time {
            let (seconds, rest) = (time / NANOSECONDS, time % NANOSECONDS);
            map.serialize_entry("time", &format_args!("{seconds}.{rest:09}"))?;
        }
        self.packet.add_to(&mut map)?;
        match self.answer {
            Ok(reset) => map.serialize_entry("reset", &ResetFields::new(reset))?,
            Err(reason) => map.serialize_entry("silence", &format_args!("{reason}"))?,
        }
        let notes: Vec<_> = self.notes.words(self.answer.is_ok()).map(|note| note.to_string()).collect();
        if !notes.is_empty() {
            map.serialize_entry("notes", &notes)?;
        }
        if let Some(outcome) = self.outcome {
            map.serialize_entry("compared", outcome)?;
        }
        map.end()
    }
}

/// What has fields in JSON.
pub trait Fields {
    fn add_to<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// A frame without an IP packet, by what it holds.
impl Fields for crate::link::NotIp {
    fn add_to<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("protocol", &format_args!("{self}"))
    }
}

impl Fields for Packet {
    fn add_to<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Tcp(segment) => {
                map.serialize_entry("protocol", "TCP")?;
                map.serialize_entry("source", &segment.source.ip())?;
                map.serialize_entry("source_port", &segment.source.port())?;
                map.serialize_entry("destination", &segment.destination.ip())?;
                map.serialize_entry("destination_port", &segment.destination.port())?;
                map.serialize_entry("flags", &format_args!("{}", Flags(segment.flags)))?;
                map.serialize_entry("seq", &segment.seq)?;
                map.serialize_entry("ack", &segment.ack)?;
                map.serialize_entry("window", &segment.window)?;
                map.serialize_entry("length", &segment.length.saturating_sub(segment.header_len))
            }
            Self::Other { source, destination, protocol, is_fragment, length } => {
                map.serialize_entry("protocol", &format_args!("{}", ProtocolName(*protocol)))?;
                map.serialize_entry("source", source)?;
                map.serialize_entry("destination", destination)?;
                map.serialize_entry("fragment", is_fragment)?;
                map.serialize_entry("length", length)
            }
            Self::NoIp(length) => {
                map.serialize_entry("protocol", "IP")?;
                map.serialize_entry("length", length)
            }
        }
    }
}

#[derive(Serialize)]
struct ResetFields {
    flags: &'static str,
    seq: u32,
    /// Absent from a RST without ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<u32>,
    /// The whole packet in hexadecimal digits.
    packet: String,
}

impl ResetFields {
    fn new(reset: &Reset) -> Self {
        let tcp = reset.tcp();
        let mut packet = String::with_capacity(2 * reset.as_bytes().len());
        for digit in reset.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            packet.extend(char::from_digit(digit.into(), 16));
        }
        Self { flags: if tcp.ack.is_some() { "R." } else { "R" }, seq: tcp.seq, ack: tcp.ack, packet }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("class", self.class())?;
        if let Self::Same(profile) = self {
            let name = if *profile == Profile::Netfilter { "netfilter" } else { "tcp-stack" };
            map.serialize_entry("profile", name)?;
        }
        if !self.differences().is_empty() {
            let differences: Vec<_> = self.differences().iter().map(DifferenceFields::new).collect();
            map.serialize_entry("differences", &differences)?;
        }
        map.end()
    }
}

/// A field in which a reset of the capture differs from ours.
#[derive(Serialize)]
struct DifferenceFields {
    field: &'static str,
    theirs: u128,
    ours: u128,
}

impl DifferenceFields {
    fn new(&Difference { field, theirs, ours, .. }: &Difference) -> Self {
        Self { field, theirs, ours }
    }
}
