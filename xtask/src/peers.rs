//! Figures of `benches/peers/` that have limits; its README explains them.

use anyhow::{Result, ensure};
use regex::Regex;
use xshell::cmd;

use crate::limits::{self, Figures, Options};
use crate::project::Project;

/// How many instructions a call takes, by valgrind.
pub fn instructions(project: &Project, options: &Options) -> Result<()> {
    project.need("valgrind", &["valgrind"])?;
    let shell = &project.shell;
    let program = cmd!(shell, "cargo run --quiet --profile lto -p tcp-reset-peers --bin instructions");
    let printed = program.env("RUSTFLAGS", "").read()?;
    println!("{printed}");
    // The first line is the heading.
    let words = printed.lines().skip(1).filter_map(|line| line.split_once(' '));
    let figures = words.map(|(name, figure)| Ok((name.to_owned(), figure.trim().parse()?))).collect::<Result<_>>()?;
    limits::check(project, shell, options, "benches/peers/instructions.limits", &figures)
}

/// How many bytes a call takes where it stands, in a release build without link-time optimization.
pub fn call_sites(project: &Project, options: &Options) -> Result<()> {
    ensure!(cfg!(target_arch = "x86_64"), "the figures are x86-64's");
    let shell = &project.shell;
    cmd!(shell, "cargo build --quiet --release -p tcp-reset-peers --bin call-sites").env("RUSTFLAGS", "").run()?;
    let program = project.target_dir.join("release/call-sites");
    let symbols = cmd!(shell, "nm --print-size --demangle {program}").quiet().read()?;
    // The names have a hash: `call_sites[0123456789abcdef]::reset` or `call_sites::reset::h0123456789abcdef`.
    let function = r"(?m)^[0-9a-f]+ ([0-9a-f]+) [Tt] call_sites(?:\[[0-9a-f]+\])?::([a-z_]+)(?:::h[0-9a-f]{16})?$";
    let mut figures = Figures::new();
    for (_, [size, name]) in Regex::new(function)?.captures_iter(&symbols).map(|found| found.extract()) {
        if name != "main" {
            figures.push((name.to_owned(), u64::from_str_radix(size, 16)?));
        }
    }
    // The others have a limit of their own.
    if options.set_limits {
        figures.retain(|(name, _)| ["reset", "in_reply_to"].contains(&name.as_str()));
    }
    for (name, size) in &figures {
        println!("{name} {size}");
    }
    limits::check(project, shell, options, "benches/peers/call-sites.limits", &figures)
}
