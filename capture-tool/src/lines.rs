//! Standard output. It may be a pipe that its reader has closed.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

/// Lines on their way to standard output.
pub struct Lines {
    stdout: BufWriter<StdoutLock<'static>>,
    is_closed: bool,
}

impl Lines {
    pub fn new() -> Self {
        Self { stdout: BufWriter::with_capacity(1 << 15, io::stdout().lock()), is_closed: false }
    }

    /// Whether the reader of the pipe has closed it.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Adds a line.
    pub fn push(&mut self, line: impl Display) -> Result<(), String> {
        if self.is_closed {
            return Ok(());
        }
        let written = writeln!(self.stdout, "{line}");
        self.check(written)
    }

    /// Writes what is still in the buffer.
    pub fn finish(mut self) -> Result<(), String> {
        let written = self.stdout.flush();
        self.check(written)
    }

    /// A closed pipe is no error: its reader has read enough.
    fn check(&mut self, written: io::Result<()>) -> Result<(), String> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.is_closed = true,
            Err(error) => return Err(format!("standard output: {error}")),
            Ok(()) => {}
        }
        Ok(())
    }
}
