//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use lexopt::ValueExt;

/// What `--help` prints.
pub const HELP: &str = "\
Prints the packets of a capture, each with the TCP reset that answers it or the reason why none is sent.

Usage: tcp-reset-capture [OPTIONS] [IN.pcap]

IN.pcap is a pcap or pcapng file; `-` is standard input. Without it, a small built-in capture is read.

What is printed:
      --only KIND               only one kind of packet: `resets`, those that a reset answers; `silences`, the others;
                                `different`, resets in the capture that differ from ours
      --summary                 only the summary
      --json                    one JSON object a line: tcp-reset-capture/README.md describes the fields
  -w, --write OUT.pcap          also write all resets to a pcap file, as IP packets without frames; with `-`, write them
                                to standard output, and the summary alone to standard error

What is read:
      --host ADDRESS            only packets from or to this IP address
      --port PORT               only TCP segments from or to this port
  -K, --dont-verify-checksums   trust the IPv4 header checksum and the TCP checksum of every packet

  -h, --help                    print this help
  -V, --version                 print the version

A packet that the sending host recorded may have a partial TCP checksum, an IPv4 header checksum of 0 or a total length
of 0, since its network card completes them later. It is answered, and its line says so.

If the capture holds a reset for a packet, this reset is compared with ours. The summary counts packets, resets and
comparisons. Ctrl-C ends the reading, and prints the summary of what was read.";

/// What `--version` prints.
pub const VERSION: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// What to do.
pub enum Command {
    /// Print a text.
    Print(&'static str),
    /// Read a capture.
    Run(Arguments),
}

/// How to read a capture.
#[derive(Default)]
pub struct Arguments {
    /// The capture; `None` for the bundled one.
    pub input: Option<PathBuf>,
    /// Where to write the resets.
    pub output: Option<PathBuf>,
    /// Whether all checksums are trusted.
    pub trust_checksums: bool,
    /// Which packets are printed.
    pub shown: Shown,
    /// Whether they are printed as JSON.
    pub json: bool,
    pub filter: Filter,
}

/// Which packets are printed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    #[default]
    All,
    /// Those that a reset answers.
    Resets,
    /// Those that none answers.
    Silences,
    /// Resets of the capture that differ from ours.
    Different,
    /// None: only the summary.
    Nothing,
}

/// Which packets are read.
#[derive(Clone, Copy, Default)]
pub struct Filter {
    pub host: Option<IpAddr>,
    pub port: Option<u16>,
}

/// Reads the command line.
pub fn parse() -> Result<Command, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value};

    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Print(HELP)),
            Short('V') | Long("version") => return Ok(Command::Print(VERSION)),
            Short('w') | Long("write") => arguments.output = Some(parser.value()?.into()),
            Short('K') | Long("dont-verify-checksums") => arguments.trust_checksums = true,
            Long("only") => arguments.shown = parser.value()?.parse_with(shown)?,
            Long("summary") => arguments.shown = Shown::Nothing,
            Long("json") => arguments.json = true,
            Long("host") => arguments.filter.host = Some(parser.value()?.parse()?),
            Long("port") => arguments.filter.port = Some(parser.value()?.parse()?),
            Value(path) if arguments.input.is_none() => arguments.input = Some(path.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    if arguments.json && arguments.writes_to_stdout() {
        return Err("--json and --write - both write to standard output".into());
    }
    Ok(Command::Run(arguments))
}

impl Arguments {
    /// Whether the resets go to standard output.
    pub fn writes_to_stdout(&self) -> bool {
        self.output.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }
}

fn shown(kind: &str) -> Result<Shown, &'static str> {
    match kind {
        "resets" => Ok(Shown::Resets),
        "silences" => Ok(Shown::Silences),
        "different" => Ok(Shown::Different),
        _ => Err("not resets, silences or different"),
    }
}
