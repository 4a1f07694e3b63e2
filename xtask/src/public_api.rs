//! The public interface, as `scripts/public-api.txt` lists it: what it promises, and nothing else. Fails if the two differ.

use anyhow::{Context, Result};
use clap::Args;
use xshell::cmd;

use crate::project::Project;

const LIST: &str = "scripts/public-api.txt";

#[derive(Args, Default)]
pub struct Options {
    /// Writes the list
    #[arg(long)]
    write: bool,
}

pub fn run(project: &Project, options: &Options) -> Result<()> {
    project.need_tool("cargo-public-api", "cargo-public-api", "CARGO_PUBLIC_API")?;
    let shell = project.toolchain(project.version("NIGHTLY"), &[])?;
    // Without the blanket, auto-trait and derived implementations. Functions that are not promised are hidden in the
    // documentation.
    let now = cmd!(shell, "cargo public-api -sss").quiet().read()? + "\n";
    if options.write {
        return Ok(shell.write_file(LIST, now)?);
    }
    cmd!(shell, "diff -u {LIST} -")
        .quiet()
        .stdin(&now)
        .run()
        .context("the public interface has changed: cargo xtask public-api --write")?;
    println!("{} public items, modules, fields and variants as listed", now.matches("\npub").count() + 1);
    Ok(())
}
