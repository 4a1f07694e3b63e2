//! Reads captures, pcap and pcapng, in constant memory.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use pcap_parser::PcapError;
use pcap_parser::traits::PcapReaderIterator;

use crate::interfaces::{Found, Interfaces};
use crate::link;
use crate::link::Frame;

/// How many bytes are read at once.
const BUFFER: usize = 1 << 20;
/// A record longer than this is damaged: no packet is that long.
const LONGEST_RECORD: usize = 1 << 24;

/// A capture that is being read.
pub struct Capture {
    /// Begins every error.
    name: String,
    reader: Box<dyn PcapReaderIterator + Send>,
    failure: Failure,
    interfaces: Interfaces,
    /// What the packets that were not read are.
    left_out: BTreeSet<&'static str>,
    unknown_links: BTreeSet<u32>,
}

/// What [`Capture::for_each`] hands over.
pub enum Event<'a> {
    /// A frame and the number of its packet, counted from 1 as Wireshark counts: with those that were left out.
    Frame(u64, Frame<'a>),
    /// More is read now. This may take long: a live capture goes on only with the next packet.
    Reading,
}

impl Capture {
    /// Reads the beginning of a capture.
    pub fn new(name: String, mut source: impl Read + Send + 'static) -> Result<Self, String> {
        let mut start = Vec::new();
        // pcap-parser wants the whole header at once.
        let mut read = |start: &mut Vec<u8>, length| {
            let missing = u64::try_from(length).unwrap_or(0).saturating_sub(u64::try_from(start.len()).unwrap_or(0));
            source.by_ref().take(missing).read_to_end(start).map_err(|error| format!("{name}: {error}"))
        };
        read(&mut start, 6)?;
        let decompress = match start[..] {
            [] => return Err(format!("{name}: an empty file")),
            [0x1f, 0x8b, ..] => Some(("gzip", "gunzip -c")),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(("zstd", "zstd -dc")),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(("xz", "xz -dc")),
            _ => None,
        };
        if let Some((format, command)) = decompress {
            return Err(format!(
                "{name}: {format}-compressed; decompress it first ({command} FILE | {} -)",
                env!("CARGO_PKG_NAME")
            ));
        }
        read(&mut start, 12)?;
        let header_len = header_len(&start);
        read(&mut start, header_len)?;

        let failure = Failure::default();
        let source = Source { reader: io::Cursor::new(start).chain(source), failure: failure.clone() };
        match pcap_parser::create_reader(BUFFER, source) {
            Ok(reader) => Ok(Self {
                name,
                reader,
                failure,
                interfaces: Interfaces::default(),
                left_out: BTreeSet::new(),
                unknown_links: BTreeSet::new(),
            }),
            Err(_) => Err(format!("{name}: not a pcap or pcapng capture")),
        }
    }

    /// Calls `handle` with each frame until the capture ends or `handle` breaks off.
    ///
    /// An error in the capture is returned after `handle` has had every frame before it.
    pub fn for_each(
        &mut self,
        mut handle: impl FnMut(Event<'_>) -> Result<ControlFlow<()>, String>,
    ) -> Result<(), String> {
        let mut capacity = BUFFER;
        let mut number = 0;
        loop {
            let at = self.reader.consumed();
            match self.reader.next() {
                Ok((length, block)) => {
                    let found = self.interfaces.find(&block);
                    number += u64::from(found.is_packet());
                    match found {
                        Found::Nothing => {}
                        Found::Unknown(what) => _ = self.left_out.insert(what),
                        Found::UnknownLink(link) | Found::UnknownInterface(link) => _ = self.unknown_links.insert(link),
                        Found::Frame(frame) => {
                            if handle(Event::Frame(number, frame))?.is_break() {
                                return Ok(());
                            }
                        }
                    }
                    self.reader.consume(length);
                }
                Err(PcapError::Eof) => return self.check_left_out(),
                Err(PcapError::Incomplete(_)) => {
                    if handle(Event::Reading)?.is_break() {
                        return Ok(());
                    }
                    self.refill()?;
                }
                Err(PcapError::BufferTooSmall) if capacity < LONGEST_RECORD => {
                    capacity *= 2;
                    self.reader.grow(capacity);
                }
                Err(_) => return Err(format!("{}: truncated or damaged record at byte {at}", self.name)),
            }
        }
    }

    fn refill(&mut self) -> Result<(), String> {
        self.reader.refill().map_err(|_| match self.failure.get() {
            Some(error) => format!("{}: {error}", self.name),
            None => format!("{}: cannot be read", self.name),
        })
    }

    fn check_left_out(&self) -> Result<(), String> {
        let mut left_out: Vec<_> = self.left_out.iter().map(|what| (*what).to_owned()).collect();
        if !self.unknown_links.is_empty() {
            let links: Vec<_> = self.unknown_links.iter().map(|number| link::describe_unsupported(*number)).collect();
            left_out.push(format!("unknown link type {} (supported: {})", links.join(", "), link::SUPPORTED));
        }
        if left_out.is_empty() {
            return Ok(());
        }
        Err(format!("{}: packets left out: {}", self.name, left_out.join(", ")))
    }
}

/// The length of the header that a capture begins with, by its first 12 bytes: pcap's, or pcapng's section header.
fn header_len(start: &[u8]) -> usize {
    const PCAP: usize = 24;
    let (Some(b"\x0a\x0d\x0d\x0a"), Some(length), Some(order)) =
        (start.get(..4), start.get(4..).and_then(<[u8]>::first_chunk), start.get(8..12))
    else {
        return PCAP;
    };
    let is_little_endian = order == b"\x4d\x3c\x2b\x1a";
    let length = if is_little_endian { u32::from_le_bytes(*length) } else { u32::from_be_bytes(*length) };
    usize::try_from(length).unwrap_or(BUFFER).min(BUFFER)
}

/// The error that reading ended with; pcap-parser does not keep it.
type Failure = Arc<OnceLock<io::Error>>;

/// A reader that keeps its error and goes on after an interruption.
struct Source<R> {
    reader: R,
    failure: Failure,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    let _ = self.failure.set(error);
                    return Err(kind.into());
                }
                Ok(count) => return Ok(count),
            }
        }
    }
}
