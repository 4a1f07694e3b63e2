//! Every file that is derived from another: the vectors towards the destination, from the model; the vectors as JSON
//! and as a C header; the header of the library for C. Needs neither root nor a kernel: what Linux answers is recorded by
//! `cargo run --release -p tcp-reset-linux -- --record testdata/vectors`, before this.

use anyhow::{Context, Result};
use clap::Args;
use xshell::cmd;

use crate::project::Project;

pub fn run(project: &Project) -> Result<()> {
    let shell = &project.shell;
    project.step("vectors towards the destination", || {
        Ok(cmd!(shell, "cargo test --quiet --test vectors").env("TCP_RESET_WRITE_VECTORS", "1").run()?)
    })?;
    project.step("vectors as JSON and as a C header", || Ok(cmd!(shell, "testdata/vectors/formats.py").run()?))?;
    project.step("the header of the library for C", || header(project, &HeaderOptions::default()))?;
    Ok(cmd!(shell, "git status --short").run()?)
}

#[derive(Args, Default)]
pub struct HeaderOptions {
    /// Fails if the header is not what cbindgen makes
    #[arg(long)]
    pub check: bool,
}

pub fn header(project: &Project, options: &HeaderOptions) -> Result<()> {
    const HEADER: &str = "capi/include/tcp_reset.h";
    // Another version may lay the header out otherwise.
    project.need_tool("cbindgen", "cbindgen", "CBINDGEN")?;
    let shell = &project.shell;
    let now = cmd!(shell, "cbindgen --quiet --config capi/cbindgen.toml capi").quiet().read()? + "\n";
    if !options.check {
        return Ok(shell.write_file(HEADER, now)?);
    }
    cmd!(shell, "diff -u {HEADER} -")
        .quiet()
        .stdin(now)
        .run()
        .with_context(|| format!("{HEADER} is not what cbindgen makes of capi/src: run cargo xtask header"))?;
    println!("{HEADER} is what cbindgen makes");
    Ok(())
}
