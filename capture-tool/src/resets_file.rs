//! The resets as a capture.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A pcap file of IP packets without link headers, its times in nanoseconds.
pub struct ResetsFile {
    file: BufWriter<File>,
    path: PathBuf,
}

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const VERSION: [u16; 2] = [2, 4];
const SNAP_LEN: u32 = 65535;
const LINKTYPE_RAW: u32 = 101;
const NANOSECONDS: u64 = 1_000_000_000;

impl ResetsFile {
    /// Begins the file, unless it is `input` itself.
    pub fn create(path: &Path, input: Option<&Path>) -> Result<Self, String> {
        // An error here says that one of them is no file yet.
        if input.is_some_and(|input| same_file::is_same_file(path, input).unwrap_or(false)) {
            return Err(format!("{}: is the capture that is read", path.display()));
        }
        let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut this = Self { file: BufWriter::new(file), path: path.to_owned() };
        let mut header = Vec::new();
        header.extend(MAGIC_NANOSECONDS.to_le_bytes());
        header.extend(VERSION.map(u16::to_le_bytes).as_flattened());
        // The time zone and the accuracy of the times, which nobody writes.
        header.extend([0; 8]);
        header.extend(SNAP_LEN.to_le_bytes());
        header.extend(LINKTYPE_RAW.to_le_bytes());
        this.write_all(&header)?;
        Ok(this)
    }

    /// Adds a reset at the time of its offender, in nanoseconds since 1970.
    pub fn push(&mut self, time: u64, reset: &[u8]) -> Result<(), String> {
        let len = u64::try_from(reset.len()).unwrap_or(u64::MAX);
        for field in [time / NANOSECONDS, time % NANOSECONDS, len, len] {
            // Seconds have 32 bits in a pcap file, until 2106.
            self.write_all(&u32::try_from(field).unwrap_or(u32::MAX).to_le_bytes())?;
        }
        self.write_all(reset)
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<(), String> {
        self.file.flush().map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.file.write_all(bytes).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}
