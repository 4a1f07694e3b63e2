//! The lines that are printed. Standard output may be a pipe that its reader has closed.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

/// Lines on their way to standard output, or to standard error.
pub struct Lines {
    out: BufWriter<Box<dyn Write + Send>>,
    name: &'static str,
    is_closed: bool,
}

impl Lines {
    pub fn stdout() -> Self {
        Self::to(Box::new(io::stdout()), "standard output")
    }

    pub fn stderr() -> Self {
        Self::to(Box::new(io::stderr()), "standard error")
    }

    fn to(out: Box<dyn Write + Send>, name: &'static str) -> Self {
        Self { out: BufWriter::with_capacity(1 << 15, out), name, is_closed: false }
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
        let written = writeln!(self.out, "{line}");
        self.check(written)
    }

    /// Writes what is still in the buffer.
    pub fn flush(&mut self) -> Result<(), String> {
        let written = if self.is_closed { Ok(()) } else { self.out.flush() };
        self.check(written)
    }

    /// A closed pipe is no error: its reader has read enough.
    fn check(&mut self, written: io::Result<()>) -> Result<(), String> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.is_closed = true,
            Err(error) => return Err(format!("{}: {error}", self.name)),
            Ok(()) => {}
        }
        Ok(())
    }
}
