//! The lines that are printed. Standard output may be a pipe that its reader has closed.

use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, Write};

/// How many bytes are collected before they are written.
const BUFFER: usize = 1 << 16;

/// Lines on their way to standard output, or to standard error.
pub struct Lines {
    /// Text is faster to format into a string than into a writer.
    text: String,
    out: Box<dyn Write + Send>,
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
        Self { text: String::new(), out, name, is_closed: false }
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
        writeln!(self.text, "{line}").map_err(|error| format!("{}: {error}", self.name))?;
        if self.text.len() < BUFFER { Ok(()) } else { self.flush() }
    }

    /// Writes what has been collected. A closed pipe is no error: its reader has read enough.
    pub fn flush(&mut self) -> Result<(), String> {
        let written = self.out.write_all(self.text.as_bytes()).and_then(|()| self.out.flush());
        self.text.clear();
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.is_closed = true,
            Err(error) => return Err(format!("{}: {error}", self.name)),
            Ok(()) => {}
        }
        Ok(())
    }
}
