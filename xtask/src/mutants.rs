//! Changes the crate in every way that cargo-mutants can, one change at a time, and fails unless a test notices each, or if there
//! is nothing to try.
//!
//! The checksum has one version for 64-bit machines and one for others. Tests notice only mutants of the version that is
//! compiled: if mutants of the checksum are left, a second run tries them in the 32-bit one.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::project::Project;

#[derive(Args, Default)]
pub struct Options {
    /// A dozen mutants of the lines that the last change to the crate touched, or of the whole crate if those lines have
    /// fewer. Each commit tries others
    #[arg(long)]
    pub dozen: bool,

    /// For cargo-mutants: `--in-diff changes.diff` tries changed lines alone, `--file src/tcp.rs` one file
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

pub fn run(project: &Project, options: &Options) -> Result<()> {
    project.need_tool("cargo-mutants", "cargo-mutants", "CARGO_MUTANTS")?;
    project.need("gcc-i686-linux-gnu libc6-dev-i386-cross", &["i686-linux-gnu-gcc"])?;
    let shell = project.shell.clone();
    // Each copy of the crate has its own.
    shell.set_var("CARGO_TARGET_DIR", "target");
    let reports = project.target_dir.join("mutants");
    shell.remove_path(&reports)?;
    shell.create_dir(&reports)?;
    let mut arguments = options.arguments.clone();
    if options.dozen {
        arguments.extend(dozen(&shell, &reports)?);
    }
    let count = count(&shell, &arguments)?;
    ensure!(count > 0, "no mutants to try");
    println!("{count} mutants to try");

    // Most are noticed by one test binary, which is built in a fifth of the time; the rest are tried with all tests.
    arguments.push("--cargo-arg=--test=every_function".to_owned());
    let mut tried = run_mutants(&shell, &reports.join("first"), &arguments)?;
    if !tried.survivors.is_empty() {
        tried.again(&shell, &reports.join("64-bit"), |_| true, &[])?;
    }
    let of_checksum = |mutant: &str| mutant.starts_with("src/checksum.rs");
    if tried.survivors.iter().any(|mutant| of_checksum(mutant)) {
        ensure!(project.has_target("i686-unknown-linux-gnu")?, "the 32-bit checksum cannot be tried");
        shell.set_var("CARGO_BUILD_TARGET", "i686-unknown-linux-gnu");
        shell.set_var("CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_LINKER", "i686-linux-gnu-gcc");
        shell.set_var("CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Ctarget-feature=+crt-static");
        let options = ["--file", "src/checksum.rs", "--", "--test", "checksum", "--test", "rfc9293"];
        tried.again(&shell, &reports.join("32-bit"), of_checksum, &options)?;
    }
    let survivors: Vec<_> = tried.survivors.into_iter().collect();
    ensure!(survivors.is_empty(), "no test notices these mutants:\n{}", survivors.join("\n"));
    ensure!(!tried.caught.is_empty(), "no mutant could be built and tried");
    println!("{} mutants, all noticed", tried.caught.len());
    Ok(())
}

/// The arguments that choose a dozen.
fn dozen(shell: &Shell, reports: &Path) -> Result<Vec<String>> {
    let last = cmd!(shell, "git log -1 --first-parent --format=%H -- src").quiet().read()?;
    let changes = cmd!(shell, "git show --first-parent --format= {last} -- src").quiet().read()? + "\n";
    let file = reports.join("changes.diff");
    shell.write_file(&file, changes)?;
    let mut arguments = vec!["--in-diff".to_owned(), file.display().to_string()];
    let mut all = count(shell, &arguments)?;
    if all < 12 {
        println!("the last change has fewer than a dozen mutants: some of the whole crate instead");
        arguments.clear();
        all = count(shell, &arguments)?;
    }
    let commits: usize = cmd!(shell, "git rev-list --count HEAD").quiet().read()?.parse()?;
    let shards = all.div_ceil(12);
    let shard = format!("{}/{shards}", commits % shards);
    println!("shortened to {shard} of {all} mutants");
    // Round-robin: the first twelve are in one file, and none of them can be built.
    arguments.extend(["--sharding", "round-robin", "--shard", &shard].map(str::to_owned));
    Ok(arguments)
}

fn count(shell: &Shell, arguments: &[String]) -> Result<usize> {
    Ok(cmd!(shell, "cargo mutants --list --package tcp-reset {arguments...}").quiet().read()?.lines().count())
}

struct Tried {
    caught: BTreeSet<String>,
    /// Missed, or timed out.
    survivors: BTreeSet<String>,
}

impl Tried {
    /// Tries these survivors with other tests. (cargo-mutants tries deleted fields as well, whatever `--re` says.)
    fn again(&mut self, shell: &Shell, report: &Path, these: impl Fn(&str) -> bool, options: &[&str]) -> Result<()> {
        let (again, mut others): (BTreeSet<_>, _) = self.survivors.iter().cloned().partition(|mutant| these(mutant));
        let mut arguments: Vec<_> = again.iter().map(|mutant| format!("--re=^{}$", regex::escape(mutant))).collect();
        arguments.extend(options.iter().map(|word| (*word).to_owned()));
        let now = run_mutants(shell, report, &arguments)?;
        // What this run did not try has survived.
        others.extend(again.difference(&now.caught).cloned());
        self.caught.extend(now.caught);
        self.survivors = others;
        Ok(())
    }
}

fn run_mutants(shell: &Shell, report: &Path, arguments: &[String]) -> Result<Tried> {
    shell.create_dir(report)?;
    let command = cmd!(shell, "cargo mutants --output {report} --timeout 120 --package tcp-reset {arguments...}");
    let status = Command::from(command).status()?;
    // 2 and 3: some were missed or timed out.
    ensure!(matches!(status.code(), Some(0 | 2 | 3)), "cargo-mutants: {status}");
    let read = |name: &str| -> Result<Vec<_>> {
        let text = shell.read_file(report.join("mutants.out").join(name))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    let survivors = [read("missed.txt")?, read("timeout.txt")?].concat();
    Ok(Tried { caught: read("caught.txt")?.into_iter().collect(), survivors: survivors.into_iter().collect() })
}
