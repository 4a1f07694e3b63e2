//! The resets as a capture.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::NANOSECONDS;

/// A pcap file of IP packets without link-layer headers, with times in nanoseconds.
pub struct ResetsFile {
    file: BufWriter<Box<dyn Write + Send>>,
    name: String,
}

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const VERSION_2_4: u32 = 4 << 16 | 2;
const SNAP_LEN: u32 = 65535;
const LINKTYPE_RAW: u32 = 101;

impl ResetsFile {
    /// Creates the file, unless it is `input` itself. `-` is standard output.
    pub fn create(path: &Path, input: Option<&Path>) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            return Self::with("standard output".to_owned(), Box::new(io::stdout()));
        }
        let name = path.display().to_string();
        // An error here means that one of them does not exist.
        if input.is_some_and(|input| same_file::is_same_file(path, input).unwrap_or(false)) {
            return Err(format!("{name}: is the capture that is read"));
        }
        let file = File::create(path).map_err(|error| format!("{name}: {error}"))?;
        Self::with(name, Box::new(file))
    }

    fn with(name: String, file: Box<dyn Write + Send>) -> Result<Self, String> {
        let mut this = Self { file: BufWriter::new(file), name };
        // The zeros are the time zone and the accuracy of the times: no program writes them.
        this.write([MAGIC_NANOSECONDS, VERSION_2_4, 0, 0, SNAP_LEN, LINKTYPE_RAW], &[])?;
        Ok(this)
    }

    /// Adds a reset, with the time of its offender in nanoseconds since 1970.
    pub fn push(&mut self, time: u64, reset: &[u8]) -> Result<(), String> {
        // A pcap file has 32 bits for the seconds: enough until 2106.
        let field = |value| u32::try_from(value).unwrap_or(u32::MAX);
        let length = u32::try_from(reset.len()).unwrap_or(u32::MAX);
        self.write([field(time / NANOSECONDS), field(time % NANOSECONDS), length, length], reset)
    }

    /// Writes what is still in the buffer.
    pub fn flush(&mut self) -> Result<(), String> {
        self.file.flush().map_err(|error| format!("{}: {error}", self.name))
    }

    fn write<const N: usize>(&mut self, header: [u32; N], data: &[u8]) -> Result<(), String> {
        let header = header.map(u32::to_le_bytes);
        let written = self.file.write_all(header.as_flattened()).and_then(|()| self.file.write_all(data));
        written.map_err(|error| format!("{}: {error}", self.name))
    }
}
