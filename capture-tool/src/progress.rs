//! How much of a file has been read, on standard error.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};

/// A shorter file is read too fast for it.
const SHORT: u64 = 1 << 20;

/// A file that shows, while it is read, how many percent have been read.
pub struct Progress {
    file: File,
    /// Zero if nothing is to be shown.
    len: u64,
    read: u64,
    percent: u64,
}

impl Progress {
    /// Shows nothing for a short file, nor if standard error is not a terminal. If standard output is a terminal, the
    /// lines on it show the progress.
    pub fn new(file: File) -> Self {
        let is_shown = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let len = file.metadata().map_or(0, |metadata| metadata.len());
        Self { file, len: if is_shown && len >= SHORT { len } else { 0 }, read: 0, percent: 0 }
    }
}

impl Read for Progress {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read = self.read.saturating_add(u64::try_from(count).unwrap_or(0));
        if let Some(percent) = self.read.saturating_mul(100).checked_div(self.len)
            && percent != self.percent
        {
            self.percent = percent;
            // If this fails, reading goes on.
            let _ = write!(io::stderr(), "\r{percent} %{}", if percent < 100 { "" } else { "\r     \r" });
        }
        Ok(count)
    }
}
