//! How much code a job takes, linked alone for two small machines (`embedded/footprint/`), beside two other crates: a Markdown
//! table, as README has it.

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::bare_metal::BareMetal;
use crate::limits::{self, Figures, Options};
use crate::project::Project;

const MACHINES: [&str; 2] = ["thumbv7em-none-eabi", "thumbv6m-none-eabi"];
/// A row's text, its job, and its opt-level: the smaller of z and s if there is none.
const ROWS: [(&str, &str, Option<&str>); 10] = [
    ("tcp-reset, IPv4", "ipv4", None),
    ("tcp-reset, IPv4 and IPv6", "ipv4-ipv6", None),
    ("tcp-reset, IPv4, at opt-level s", "ipv4", Some("s")),
    ("tcp-reset, IPv4 and IPv6, at opt-level s", "ipv4-ipv6", Some("s")),
    ("tcp-reset, IPv4 and IPv6, as a value: decide, then write", "ipv4-ipv6-value", None),
    ("tcp-reset, IPv4, to both ends", "ipv4-both-ends", None),
    ("tcp-reset, IPv4 and IPv6, to both ends", "ipv4-ipv6-both-ends", None),
    ("tcp-reset, IPv4 and IPv6 in Ethernet frames", "ipv4-ipv6-ethernet", None),
    ("smoltcp's wire representations, IPv4", "smoltcp", None),
    ("etherparse, IPv4", "etherparse", None),
];

/// Fails if ours is over its limit, or keeps data.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let machines = BareMetal::new(project)?;
    let mut figures = Figures::new();
    println!("| bytes of linked code for the whole job, packet in, reset out | thumbv7em | thumbv6m |");
    println!("|---|---|---|");
    for (text, job, opt_level) in ROWS {
        let mut row = format!("| {text} |");
        for machine in MACHINES {
            let mut built = Vec::new();
            for opt_level in opt_level.map_or(vec!["z", "s"], |level| vec![level]) {
                built.push(measure(&machines, job, machine, opt_level)?);
            }
            let (bytes, panics) = built.into_iter().min().expect("at least one");
            row += &format!(" {bytes}{} |", if panics { ", with panics" } else { "" });
            let suffix = opt_level.map_or(String::new(), |level| format!("-at-{level}"));
            figures.push((format!("{job}{suffix}-{machine}"), bytes));
        }
        println!("{row}");
    }
    limits::check(project, &machines.shell, options, "embedded/footprint.limits", &figures)
}

/// The bytes of `.text`, and whether panics are in it.
fn measure(machines: &BareMetal, job: &str, machine: &str, opt_level: &str) -> Result<(u64, bool)> {
    let mut settings = Vec::new();
    // core is at opt-level 3, as rustup ships it.
    for package in ["tcp-reset", "footprint", "smoltcp", "etherparse"] {
        settings.extend(["--config".to_owned(), format!("profile.release.package.{package}.opt-level='{opt_level}'")]);
    }
    // As for the smallest code.
    let linker = ["-Clto=fat", "-Ccodegen-units=1", "-Clink-arg=--entry=job"];
    settings.extend(["--features", "peers", "--bin", job].map(str::to_owned));
    let image = machines.link("embedded/footprint", machine, &settings, &linker, job)?;
    let bytes = section(&machines.shell, &image, ".text")?;
    ensure!(bytes > 0, "{image}: no code in it");
    if job.starts_with("ipv4") {
        for name in [".data", ".bss"] {
            let kept = section(&machines.shell, &image, name)?;
            ensure!(kept == 0, "{job} on {machine} keeps {kept} bytes of {name}");
        }
    }
    let symbols = cmd!(machines.shell, "llvm-nm --demangle {image}").quiet().read()?;
    let panics = symbols.lines().any(|line| ["panic", "unwind", "_fail"].iter().any(|name| line.contains(name)));
    Ok((bytes, panics))
}

fn section(shell: &Shell, image: &str, name: &str) -> Result<u64> {
    let sizes = cmd!(shell, "llvm-size --format=sysv {image}").quiet().read()?;
    let mut words = sizes.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    Ok(words.find(|words| words.first() == Some(&name)).map_or(Ok(0), |words| words[1].parse())?)
}
