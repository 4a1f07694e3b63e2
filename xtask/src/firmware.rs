//! Builds the firmware for small machines, runs it in QEMU and prints its report: how many vectors are answered as Linux answers
//! them, the greatest stack depth of a reset, the instructions of one.

use anyhow::{Context, Result, ensure};
use regex::Regex;
use xshell::cmd;

use crate::bare_metal::BareMetal;
use crate::limits::{self, Figures, Options};
use crate::project::Project;

/// Target, opt-level, feature, and how many files of vectors are replayed. A Cortex-M4 runs the code of the smaller Cortex-M
/// too.
const IMAGES: [(&str, &str, &str, usize); 9] = [
    ("thumbv6m-none-eabi", "\"z\"", "", 6),
    ("thumbv6m-none-eabi", "\"z\"", "only-ipv4", 1),
    ("thumbv6m-none-eabi", "\"z\"", "only-reset", 2),
    ("thumbv7m-none-eabi", "\"z\"", "", 6),
    ("thumbv7m-none-eabi", "\"z\"", "only-ipv4", 1),
    ("thumbv7m-none-eabi", "\"z\"", "only-reset", 2),
    ("thumbv7m-none-eabi", "3", "", 6),
    ("thumbv7m-none-eabi", "3", "only-ipv4", 1),
    ("thumbv7m-none-eabi", "3", "only-reset", 2),
];

/// Fails unless all vectors are answered as Linux answers them, or if the stack is over its limit.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    project.need("qemu-system-arm", &["qemu-system-arm"])?;
    let machines = BareMetal::new(project)?;
    let stack = Regex::new("; stack ([0-9]+) bytes")?;
    let mut figures = Figures::new();
    for (target, opt_level, feature, files) in IMAGES {
        println!("{target}, opt-level {opt_level}{}{feature}:", if feature.is_empty() { "" } else { ", " });
        let settings =
            ["firmware", "tcp-reset"].map(|package| format!("profile.release.package.{package}.opt-level={opt_level}"));
        let mut arguments: Vec<_> = settings.into_iter().flat_map(|setting| ["--config".to_owned(), setting]).collect();
        arguments.extend(["--features", feature].map(str::to_owned));
        let flags = ["-Clto=fat", "-Ccodegen-units=1", "-Clink-arg=-Tlink.x", "-Clink-arg=--nmagic"];
        let image = machines.link("embedded/firmware", target, &arguments, &flags, "firmware")?;
        let report =
            cmd!(machines.shell, "timeout 120 qemu-system-arm -machine mps2-an386 -display none -monitor none")
                .args([
                    "-serial",
                    "none",
                    "-icount",
                    "shift=0",
                    "-semihosting-config",
                    "enable=on,target=native",
                    "-kernel",
                ])
                .arg(&image)
                .quiet()
                .stdin("")
                .read()?;
        println!("{report}");
        let depths: Vec<u64> = stack.captures_iter(&report).map(|found| found[1].parse()).collect::<Result<_, _>>()?;
        ensure!(depths.len() == files, "{} files of vectors in the report, not {files}", depths.len());
        let name =
            format!("{target}-{}-{}", opt_level.trim_matches('"'), if feature.is_empty() { "all" } else { feature });
        figures.push((name, depths.into_iter().max().context("no stack in the report")?));
    }
    limits::check(project, &machines.shell, options, "embedded/firmware/stack.limits", &figures)?;
    println!("all vectors as Linux answers them, no stack over its limit");
    Ok(())
}
