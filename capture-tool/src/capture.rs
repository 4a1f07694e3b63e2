//! Reads captures, pcap and pcapng, in constant memory.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use pcap_parser::PcapError;
use pcap_parser::traits::PcapReaderIterator;

use crate::interfaces::{Found, Frame, Interfaces};
use crate::link;

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

impl Capture {
    /// Reads the beginning of a capture.
    pub fn new(name: String, mut source: impl Read + Send + 'static) -> Result<Self, String> {
        let mut magic = Vec::new();
        source.by_ref().take(6).read_to_end(&mut magic).map_err(|error| format!("{name}: {error}"))?;
        let decompress = match magic[..] {
            [0x1f, 0x8b, ..] => Some(("gzip", "gunzip -c")),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(("zstd", "zstd -dc")),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(("xz", "xz -dc")),
            _ => None,
        };
        if let Some((format, command)) = decompress {
            return Err(format!("{name}: {format}-compressed; decompress it first ({command} FILE | resets -)"));
        }
        let failure = Failure::default();
        let source = Source { reader: io::Cursor::new(magic).chain(source), failure: failure.clone() };
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
        mut handle: impl FnMut(Frame<'_>) -> Result<ControlFlow<()>, String>,
    ) -> Result<(), String> {
        let mut capacity = BUFFER;
        loop {
            let at = self.reader.consumed();
            match self.reader.next() {
                Ok((length, block)) => {
                    match self.interfaces.find(&block) {
                        Found::Nothing => {}
                        Found::Unknown(what) => _ = self.left_out.insert(what),
                        Found::UnknownLink(number) => _ = self.unknown_links.insert(number),
                        Found::Frame(frame) => {
                            if handle(frame)?.is_break() {
                                return Ok(());
                            }
                        }
                    }
                    self.reader.consume(length);
                }
                Err(PcapError::Eof) => return self.check_left_out(),
                Err(PcapError::Incomplete(_)) => self.refill()?,
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

/// The error that reading ended with; pcap-parser does not keep it.
type Failure = Arc<OnceLock<io::Error>>;

/// A reader that fills the whole buffer, even from a pipe: pcap-parser takes a short first read for a damaged header.
struct Source<R> {
    reader: R,
    failure: Failure,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len();
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        let copied = io::copy(&mut self.reader.by_ref().take(limit), &mut buffer);
        let count = length - buffer.len();
        match copied {
            // What came before the error is returned first; the next call fails again, or goes on.
            Err(_) if count > 0 => Ok(count),
            Err(error) => {
                let kind = error.kind();
                let _ = self.failure.set(error);
                Err(kind.into())
            }
            Ok(_) => Ok(count),
        }
    }
}
