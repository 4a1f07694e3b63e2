//! The command line.

use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
Prints the packets of a capture, each with the TCP reset that answers it or the reason why none does.

Usage: resets [OPTIONS] [IN.pcap]

IN.pcap is a pcap or pcapng file, `-` is standard input; without it, a small real capture that is built in is read.

Options:
  -w, --write OUT.pcap          write the resets to a capture that tcpdump and Wireshark read
  -K, --dont-verify-checksums   answer whatever the TCP checksum is, as for a capture taken on the sending host before
                                its network card has filled it in; the resets compared may then differ by it as well
  -h, --help                    print this

Each reset that the capture itself holds is compared with the one that is made here for the packet it answers. The last
lines of the output count both.
";

/// What was asked for.
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Read a capture.
    Run(Arguments),
}

/// How to read a capture.
pub struct Arguments {
    /// The capture; the bundled one without it.
    pub input: Option<PathBuf>,
    /// Where to write the resets.
    pub output: Option<PathBuf>,
    /// Whether TCP checksums are trusted everywhere.
    pub trust_checksums: bool,
}

/// Reads the command line.
pub fn parse() -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;

    let mut arguments = Arguments { input: None, output: None, trust_checksums: false };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('w') | Long("write") => arguments.output = Some(parser.value()?.into()),
            Short('K') | Long("dont-verify-checksums") => arguments.trust_checksums = true,
            Value(path) if arguments.input.is_none() => arguments.input = Some(path.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Run(arguments))
}
