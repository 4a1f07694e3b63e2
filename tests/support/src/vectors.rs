//! Conformance vectors, in the format of `testdata/vectors/README.md`.

use std::fmt;

/// The first line of each file. The second says who answered.
pub const LICENSE: &str = "# SPDX-License-Identifier: MIT OR Apache-2.0";

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    pub name: String,
    pub offender: Vec<u8>,
    /// The reset, or the name of the reason for silence.
    pub answer: Result<Vec<u8>, String>,
}

/// The vectors of a file. Panics at a line that is none.
pub fn read(text: &str) -> impl Iterator<Item = Vector> {
    let bytes = |digits: &str| hex::decode(digits).unwrap_or_else(|error| panic!("{error}: {digits}"));
    text.lines().filter(|line| !line.starts_with('#')).map(move |line| {
        let (name, offender, answer) = match line.split(' ').collect::<Vec<_>>()[..] {
            [name, offender, "reset", reset] => (name, offender, Ok(bytes(reset))),
            [name, offender, "silence", reason] => (name, offender, Err(reason.to_owned())),
            _ => panic!("not a vector: {line}"),
        };
        Vector { name: name.to_owned(), offender: bytes(offender), answer }
    })
}

impl fmt::Display for Vector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, offender, answer } = self;
        write!(formatter, "{name} {} ", hex::encode(offender))?;
        match answer {
            Ok(reset) => write!(formatter, "reset {}", hex::encode(reset)),
            Err(reason) => write!(formatter, "silence {reason}"),
        }
    }
}
