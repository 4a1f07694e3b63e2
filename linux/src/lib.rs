//! What the programs of this package share.

pub mod comparison;
pub mod cut;
pub mod exclude;
pub mod generate;
pub mod kernel;
pub mod namespace;
pub mod realtime;
pub mod record;
pub mod reference;
pub mod show;

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use tcp_reset::{Config, NoReset, ipv4, ipv6};

/// Runs a program with its arguments, or prints its usage or its version if it was asked for. An error is one line.
pub fn program<A>(
    name: &str,
    usage: &str,
    arguments: Result<Option<A>>,
    run: impl FnOnce(A) -> Result<()>,
) -> ExitCode {
    if std::env::args_os().skip(1).eq(["--version"]) {
        println!("{name} {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let result = arguments.and_then(|arguments| match arguments {
        Some(arguments) => run(arguments),
        None => Ok(writeln!(stdout(), "{usage}")?),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The option that names it to `ip`.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::V4 => "-4",
            Self::V6 => "-6",
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }

    /// The crate's answer to `packet`, written to `buffer`.
    pub fn answer<'buffer>(
        self,
        packet: &[u8],
        config: &Config,
        buffer: &'buffer mut [u8; tcp_reset::MAX_LEN],
    ) -> Result<&'buffer [u8], NoReset> {
        match self {
            Self::V4 => {
                let Some(reply) = buffer.first_chunk_mut() else { return Err(NoReset::Truncated) };
                ipv4::reset_with(packet, config, reply).map(|()| &reply[..])
            }
            Self::V6 => ipv6::reset_with(packet, config, buffer).map(|()| &buffer[..]),
        }
    }

    /// What a TUN device needs before each packet: flags, and the `EtherType`.
    #[must_use]
    pub const fn frame_header(self) -> [u8; 4] {
        match self {
            Self::V4 => [0, 0, 0x08, 0x00],
            Self::V6 => [0, 0, 0x86, 0xdd],
        }
    }
}
