//! Answers every TCP segment that is routed into a TUN device, or sent into a TAP device, with a reset.
//!
//! No host is behind the device; each address there looks like a host on which every port is closed.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::prelude::*;
use tcp_reset::ethernet;
use tcp_reset_linux::program;
use tun_rs::{DeviceBuilder, Layer};

const USAGE: &str = "usage: responder [--tap] DEVICE
Answers what is routed into the TUN device DEVICE, made if it does not exist, with TCP resets.
  --tap  DEVICE is a TAP device: answer Ethernet frames, whatever host they are for, VLAN tags included";

fn main() -> ExitCode {
    program("responder", USAGE, arguments(), |(layer, name)| respond(layer, &name))
}

/// Runs until a signal or an error ends it. The kernel then removes a device that the program made.
fn respond(layer: Layer, name: &str) -> Result<()> {
    let kind = if layer == Layer::L2 { "TAP" } else { "TUN" };
    let device =
        DeviceBuilder::new().name(name).layer(layer).inherit_enable_state().build_sync().with_context(|| {
            format!("cannot attach to the {kind} device {name}, which takes /dev/net/tun and CAP_NET_ADMIN")
        })?;
    // The owner of a persistent device may attach to it without the right to bring it up.
    if let Err(error) = device.enabled(true) {
        eprintln!("responder: {name} is left as it is, up or down: {error}");
    }
    writeln!(io::stdout(), "responder: answering on {name}")?;

    let mut offender = vec![0; 1 << 17];
    let (mut packet, mut frame) = ([0; tcp_reset::MAX_LEN], [0; ethernet::MAX_LEN]);
    loop {
        let len = device.recv(&mut offender).with_context(|| format!("cannot read from {name}"))?;
        let reset = match layer {
            Layer::L2 => ethernet::reset(&offender[..len], &mut frame),
            _ => tcp_reset::reset(&offender[..len], &mut packet),
        };
        // Some frames draw no reset: a reset, a wrong checksum, anything but TCP.
        let Ok(reset) = reset else { continue };
        // A lost reset is like any lost packet: the peer sends again, and is answered again.
        if let Err(error) = device.send(reset) {
            eprintln!("responder: cannot write to {name}: {error}");
        }
    }
}

/// The device, or `None` when help is asked for.
fn arguments() -> Result<Option<(Layer, String)>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut layer, mut name) = (Layer::L3, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("tap") => layer = Layer::L2,
            Value(value) if name.is_none() => name = Some(value.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Some((layer, name.context("no DEVICE given, see --help")?)))
}
