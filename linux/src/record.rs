//! Conformance vectors: chosen offenders, each with what Linux answers.

mod cases;
mod draft;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::sys::utsname::uname;
use tcp_reset::{Config, Profile};

use crate::contest::Contest;
use crate::exclude::exclusion;
use crate::judge::Judge;
use crate::{Family, namespace, show};

/// The files, and who answers in them.
const FILES: [(&str, Judge, Family); 4] = [
    ("ipv4-netfilter.txt", Judge::Forward, Family::V4),
    ("ipv6-netfilter.txt", Judge::Forward, Family::V6),
    ("ipv4-tcp-stack.txt", Judge::Stack, Family::V4),
    ("ipv6-tcp-stack.txt", Judge::Stack, Family::V6),
];

/// Writes all vector files into `directory`, each before a kernel in a namespace of its own.
pub fn record(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for (name, judge, family) in FILES {
        namespace::enter()?;
        let path = directory.join(name);
        let count = write(&path, judge, family).with_context(|| format!("cannot record {}", path.display()))?;
        println!("{}: {count} vectors", path.display());
    }
    Ok(())
}

fn write(path: &Path, judge: Judge, family: Family) -> Result<usize> {
    let mut contest = Contest::new(judge, family, Config::new().profile(judge.profile()))?;
    let mut lines = Vec::new();
    for (name, packet) in cases::all(family, judge) {
        if exclusion(judge, family, &packet).is_some() {
            continue;
        }
        let exchange = contest.exchange(&packet)?;
        ensure!(exchange.is_same(), "{name}: crate and kernel differ\n{}", show::exchange(&exchange));
        let answer = match exchange.ours {
            Ok(reset) => format!("reset {}", show::hex(&reset)),
            Err(reason) => format!("silence {reason:?}"),
        };
        lines.push(format!("{name} {} {answer}", show::hex(&packet)));
    }
    let profile = match judge.profile() {
        Profile::Netfilter => "netfilter (REJECT --reject-with tcp-reset)",
        _ => "TCP stack (closed port)",
    };
    let kernel = uname()?.release().to_string_lossy().split('-').next().unwrap_or_default().to_owned();
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "# IPv{}, {profile}, answered by Linux {kernel}. README.md describes the format.", family.number())?;
    for line in &lines {
        writeln!(file, "{line}")?;
    }
    file.flush()?;
    Ok(lines.len())
}
