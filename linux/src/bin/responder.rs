//! Answers every TCP segment that is routed into a TUN device with the reset it deserves.
//!
//! Nobody lives behind the device, so each address routed there looks like a host on which every port is closed.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::prelude::*;
use tun_rs::DeviceBuilder;

const USAGE: &str = "usage: responder DEVICE
Answers what is routed into the TUN device DEVICE, made if it does not exist, with TCP resets.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("responder: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match arguments()? {
        Some(name) => respond(&name),
        None => Ok(writeln!(io::stdout(), "{USAGE}")?),
    }
}

/// Runs until a signal or an error ends it; a device it made goes with it.
fn respond(name: &str) -> Result<()> {
    let device = DeviceBuilder::new().name(name).inherit_enable_state().build_sync().with_context(|| {
        format!("cannot attach to the TUN device {name}, which takes /dev/net/tun and CAP_NET_ADMIN")
    })?;
    // The owner of a persistent device may attach to it without the right to bring it up.
    if let Err(error) = device.enabled(true) {
        eprintln!("responder: {name} is left as it is, up or down: {error}");
    }
    writeln!(io::stdout(), "responder: answering on {name}")?;

    let mut packet = vec![0; 1 << 16];
    let mut buffer = [0; tcp_reset::MAX_LEN];
    loop {
        let len = device.recv(&mut packet).with_context(|| format!("cannot read from {name}"))?;
        // Silence is an answer too: anything but TCP, a reset, a wrong checksum.
        let Ok(reset) = tcp_reset::reset(&packet[..len], &mut buffer) else { continue };
        // A reset that is lost is lost as any packet may be; its peer asks again.
        if let Err(error) = device.send(reset) {
            eprintln!("responder: cannot write to {name}: {error}");
        }
    }
}

/// The device's name, or `None` when help is asked for.
fn arguments() -> Result<Option<String>> {
    let mut parser = lexopt::Parser::from_env();
    let mut name = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Value(value) if name.is_none() => name = Some(value.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    name.map(Some).context("no DEVICE given, see --help")
}
