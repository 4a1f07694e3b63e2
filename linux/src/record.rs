//! Records the conformance vectors: chosen offenders, each with Linux's answer.

mod cases;
mod names;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::sys::utsname::uname;
use support::vectors::{self, Vector};
use tcp_reset::{Config, Profile};

use crate::comparison::Comparison;
use crate::exclude::exclusion;
use crate::reference::Reference;
use crate::{Family, namespace, show};

/// The files, each with the reference that answers in it.
const FILES: [(&str, Reference, Family); 4] = [
    ("ipv4-netfilter.txt", Reference::Forward, Family::V4),
    ("ipv6-netfilter.txt", Reference::Forward, Family::V6),
    ("ipv4-tcp-stack.txt", Reference::Stack, Family::V4),
    ("ipv6-tcp-stack.txt", Reference::Stack, Family::V6),
];

/// Writes all vector files into `directory`. For each, the kernel answers in a new namespace.
pub fn record(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for (name, reference, family) in FILES {
        namespace::enter()?;
        let path = directory.join(name);
        let count = write(&path, reference, family).with_context(|| format!("cannot record {}", path.display()))?;
        println!("{}: {count} vectors", path.display());
    }
    Ok(())
}

fn write(path: &Path, reference: Reference, family: Family) -> Result<usize> {
    let mut comparison = Comparison::new(reference, family, Config::new().profile(reference.profile()))?;
    let mut lines = Vec::new();
    for (name, packet) in cases::all(family, reference) {
        if exclusion(reference, family, &packet).is_some() {
            continue;
        }
        let exchange = comparison.exchange(&packet)?;
        ensure!(exchange.is_same(), "{name}: crate and kernel differ\n{}", show::exchange(&exchange));
        let answer = exchange.ours.map_err(|reason| format!("{reason:?}"));
        lines.push(Vector { name, offender: packet, answer });
    }
    let profile = match reference.profile() {
        Profile::Netfilter => "netfilter (REJECT --reject-with tcp-reset)",
        _ => "TCP stack (closed port)",
    };
    let kernel = uname()?.release().to_string_lossy().split('-').next().unwrap_or_default().to_owned();
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{}", vectors::LICENSE)?;
    writeln!(file, "# IPv{}, {profile}, answered by Linux {kernel}. README.md describes the format.", family.number())?;
    for line in &lines {
        writeln!(file, "{line}")?;
    }
    file.flush()?;
    Ok(lines.len())
}
