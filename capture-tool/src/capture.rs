//! Reads captures, pcap and pcapng, in constant memory.

use std::collections::BTreeSet;
use std::io::Read;
use std::ops::ControlFlow;

use pcap_parser::PcapError;
use pcap_parser::traits::PcapReaderIterator;

use crate::interfaces::{Found, Frame, Interfaces};
use crate::source::{Failure, Source};

/// How much is read at once.
const BUFFER: usize = 1 << 20;
/// A record longer than this is taken for damage: no packet is.
const LONGEST_RECORD: usize = 1 << 24;

/// A capture that is being read.
pub struct Capture {
    name: String,
    reader: Box<dyn PcapReaderIterator + Send>,
    failure: Failure,
    interfaces: Interfaces,
    left_out: BTreeSet<String>,
}

impl Capture {
    /// Begins to read; what does not begin as a capture does is an error. Errors begin with `name`.
    pub fn new(name: String, source: impl Read + Send + 'static) -> Result<Self, String> {
        let (source, failure) = Source::new(source);
        match pcap_parser::create_reader(BUFFER, source) {
            Ok(reader) => {
                let (interfaces, left_out) = (Interfaces::default(), BTreeSet::new());
                Ok(Self { name, reader, failure, interfaces, left_out })
            }
            Err(PcapError::ReadError) => Err(format!("{name}: {}", failure.describe())),
            Err(_) => Err(format!("{name}: not a pcap or pcapng capture")),
        }
    }

    /// Hands over one frame after the other until the capture ends or `handle` breaks off.
    ///
    /// An error of the capture comes after everything readable was handed over.
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
                        Found::Unknown(what) => {
                            self.left_out.insert(what);
                        }
                        Found::Frame(frame) => {
                            if handle(frame)?.is_break() {
                                return Ok(());
                            }
                        }
                    }
                    self.reader.consume(length);
                }
                Err(PcapError::Eof) => return self.all_known(),
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
        self.reader.refill().map_err(|_| format!("{}: {}", self.name, self.failure.describe()))
    }

    fn all_known(&self) -> Result<(), String> {
        if self.left_out.is_empty() {
            return Ok(());
        }
        let left_out: Vec<_> = self.left_out.iter().map(String::as_str).collect();
        Err(format!("{}: packets left out: {}", self.name, left_out.join(", ")))
    }
}
