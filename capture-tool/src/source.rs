//! What captures are read from.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// A reader that fills the buffer as far as it can, whatever portions a pipe hands out, and remembers why it failed,
/// which the capture crate does not.
pub struct Source<R> {
    reader: R,
    failure: Failure,
}

/// Why reading failed, if it did.
#[derive(Clone, Default)]
pub struct Failure(Arc<Mutex<Option<io::Error>>>);

impl<R> Source<R> {
    /// The source, and where its failure will be told.
    pub fn new(reader: R) -> (Self, Failure) {
        let failure = Failure::default();
        (Self { reader, failure: failure.clone() }, failure)
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What came before the failure is handed out first; the next call fails again, or goes on.
                Err(_) if filled > 0 => break,
                Err(error) => {
                    self.failure.remember(error);
                    return Err(ErrorKind::Other.into());
                }
            }
        }
        Ok(filled)
    }
}

impl Failure {
    fn remember(&self, error: io::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// In words.
    pub fn describe(&self) -> String {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => error.to_string(),
            None => "cannot be read".to_owned(),
        }
    }
}
