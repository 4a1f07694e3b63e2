//! The command line.

use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
Prints the packets of a capture, each with the TCP reset that answers it or the reason why none is sent.

Usage: resets [OPTIONS] [IN.pcap]

IN.pcap is a pcap or pcapng file; `-` is standard input. Without it, a small built-in capture is read.

Options:
  -w, --write OUT.pcap          also write the resets to a pcap file
  -K, --dont-verify-checksums   trust the IPv4 header checksum and the TCP checksum of every packet: a capture taken on
                                the sending host holds packets whose checksums its network card computes later
  -h, --help                    print this help

A TCP packet in an Ethernet frame to or from a group address, or with more than two VLAN tags, draws no reset. OUT.pcap
has the resets as IP packets, without frames.

If the capture holds a reset for a packet, this reset is compared with ours. The last lines count packets, resets and
comparisons.";

/// What to do.
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Read a capture.
    Run(Arguments),
}

/// How to read a capture.
pub struct Arguments {
    /// The capture; `None` for the bundled one.
    pub input: Option<PathBuf>,
    /// Where to write the resets.
    pub output: Option<PathBuf>,
    /// Whether all checksums are trusted.
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
