//! Standard output, beside a progress bar and perhaps into a pipe that nobody reads any more.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use indicatif::ProgressBar;

/// How much is kept back before it is written.
const CHUNK: usize = 1 << 15;

/// Lines on their way to standard output.
pub struct Lines {
    kept: Vec<u8>,
    progress: ProgressBar,
    is_closed: bool,
}

impl Lines {
    /// Lines that make room for themselves above `progress`.
    pub fn new(progress: ProgressBar) -> Self {
        Self { kept: Vec::with_capacity(CHUNK), progress, is_closed: false }
    }

    /// Whether whoever reads them has had enough.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Adds a line.
    pub fn push(&mut self, line: fmt::Arguments<'_>) -> Result<(), String> {
        if self.is_closed {
            return Ok(());
        }
        writeln!(self.kept, "{line}").map_err(|error| describe(&error))?;
        if self.kept.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<(), String> {
        self.progress.finish_and_clear();
        self.flush()
    }

    fn flush(&mut self) -> Result<(), String> {
        let written = self.progress.suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&self.kept).and_then(|()| stdout.flush())
        });
        self.kept.clear();
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            written => written.map_err(|error| describe(&error)),
        }
    }
}

fn describe(error: &io::Error) -> String {
    format!("standard output: {error}")
}
