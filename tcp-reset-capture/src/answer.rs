//! The answer to a captured packet.

use std::fmt;

use tcp_reset::{Checksum, Config, NoReset, Reset};

use crate::link::{Found, Frame, Inside};

/// The answer to a packet, and what had to be assumed for it.
pub struct Answer {
    pub result: Result<Reset, NoReset>,
    /// The settings under which it was made.
    pub config: Config,
    pub notes: Notes,
}

/// What is unusual about a packet.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Notes {
    /// The capture holds only its beginning, so that its TCP checksum cannot be verified.
    is_cut: bool,
    /// Its TCP checksum is partial.
    pub is_partial: bool,
    /// Its IPv4 header checksum is 0 and not filled in yet.
    has_no_header_checksum: bool,
    /// Its IP header states no length.
    has_no_length: bool,
    inside: Option<Inside>,
}

impl Answer {
    /// Makes the answer to the packet in a frame.
    ///
    /// The sending host's own captures show packets before the network card completes them: with a partial TCP checksum, an
    /// IPv4 header checksum of 0, or a total length of 0, which stands for "to the end of the record". Only a packet that
    /// cannot be answered as it is read in this way.
    pub fn new(frame: &Frame<'_>, Found { packet, inside }: Found<'_>, mut config: Config) -> Self {
        if frame.is_cut {
            config = config.tcp_checksum(Checksum::Trust);
        }
        let mut notes = Notes { is_cut: frame.is_cut, inside, ..Notes::default() };
        let mut result = frame.link.answer(frame.data, packet, &config);
        loop {
            match result {
                Err(NoReset::HeaderChecksum)
                    if config.ipv4_checksum == Checksum::Verify && packet.get(10..12) == Some(&[0, 0]) =>
                {
                    config = config.ipv4_checksum(Checksum::Trust);
                    notes.has_no_header_checksum = true;
                }
                Err(NoReset::TotalLength | NoReset::Jumbogram | NoReset::TcpChecksum | NoReset::TooLong)
                    if config.tcp_checksum == Checksum::Verify =>
                {
                    config = config.tcp_checksum(Checksum::VerifyOrPartial);
                    notes.is_partial = !states_no_length(packet);
                }
                _ => break,
            }
            result = frame.link.answer(frame.data, packet, &config);
        }
        notes.is_partial &= result.is_ok();
        notes.has_no_length = states_no_length(packet) && result.is_ok();
        Self { result, config, notes }
    }
}

/// Whether the total length of IPv4 or the payload length of IPv6 is 0.
fn states_no_length(packet: &[u8]) -> bool {
    matches!(packet, [0x40..=0x4f, _, 0, 0, ..] | [0x60..=0x6f, _, _, _, 0, 0, ..])
}

impl Notes {
    /// In words, those that matter for a packet that a reset answers or for one that none answers.
    pub fn words(self, is_answered: bool) -> impl Iterator<Item = Words> {
        [
            self.inside.map(Words::Inside),
            (self.is_cut && is_answered).then_some(Words::Plain("cut: TCP checksum trusted")),
            self.is_partial.then_some(Words::Plain("partial TCP checksum")),
            self.has_no_header_checksum.then_some(Words::Plain("no IPv4 header checksum yet")),
            self.has_no_length.then_some(Words::Plain("length 0: to the end of the record")),
        ]
        .into_iter()
        .flatten()
    }
}

/// One note.
pub enum Words {
    Plain(&'static str),
    Inside(Inside),
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(words) => formatter.write_str(words),
            Self::Inside(inside) => inside.fmt(formatter),
        }
    }
}
