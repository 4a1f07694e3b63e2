//! Licences, sources and security advisories of every package in every lock file, by cargo-deny (deny.toml). Where the database
//! of advisories cannot be fetched, it says so; under `CI=true` it fails then.

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::project::Project;

pub fn run(project: &Project) -> Result<()> {
    project.need_tool("cargo-deny", "cargo-deny", "CARGO_DENY")?;
    let shell = &project.shell;
    // With the settings of the repository, whichever package it looks at.
    let config = project.root.join("deny.toml");
    let deny = || cmd!(shell, "cargo deny --log-level error --config {config} --locked --workspace").quiet();
    let mut checks = vec!["licenses", "sources", "bans"];
    // The database of advisories is a repository of its own, that not every machine reaches.
    if deny().args(["fetch", "db"]).run().is_ok() {
        checks.push("advisories");
    } else {
        ensure!(!project.is_ci(), "the database of advisories cannot be fetched");
        project.skip("advisories", "their database cannot be fetched here")?;
    }
    let locks = cmd!(shell, "git ls-files Cargo.lock */Cargo.lock").quiet().read()?;
    for lock in locks.lines() {
        println!("{lock}: {} packages", shell.read_file(lock)?.matches("\nname = ").count());
        let manifest = lock.replace(".lock", ".toml");
        deny().args(["--manifest-path", &manifest, "check", "--hide-inclusion-graph"]).args(&checks).run()?;
    }
    println!("{}: checked in {} lock files", checks.join(" "), locks.lines().count());
    Ok(())
}
