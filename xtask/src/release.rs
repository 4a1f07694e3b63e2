//! What a version has to pass before it is tagged, besides the gate: the long forms of everything, and what needs a registry.
//! Hours on two cores. The first step that fails ends it. What cannot be done here is named at the end; the version must not be
//! tagged then. What is missing at the start ends it before the long steps; a rehearsal goes on.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use regex::Regex;
use xshell::cmd;

use crate::ci::{self, script};
use crate::project::Project;
use crate::{deny, mutants, no_panic, other_machines, package, xdp};

#[derive(Args)]
pub struct Options {
    /// The same steps, the long ones shortened, to see that each runs; 45 minutes. It never permits a release
    #[arg(long)]
    rehearse: bool,
}

/// How long the long steps are.
struct Length {
    fuzz_seconds: &'static str,
    /// Of each property.
    cases: &'static str,
    /// Of each comparison with the kernel.
    packets: &'static str,
    /// Beside connections that are cut.
    mebibytes: &'static str,
    mutants: &'static [&'static str],
    /// core at each opt-level.
    no_panic: bool,
    /// In motion, of each row.
    connections: &'static str,
    /// Connections to be cut.
    flood: &'static str,
    /// Of the benchmark at XDP, and the share of its bounds.
    xdp: [&'static str; 4],
}

const FULL: Length = Length {
    fuzz_seconds: "3600",
    cases: "1000000",
    packets: "10000000",
    mebibytes: "1024",
    mutants: &[],
    no_panic: true,
    connections: "1000",
    flood: "1000000",
    xdp: ["50000", "30", "xdp/target/speed.svg", "1"],
};

const REHEARSAL: Length = Length {
    fuzz_seconds: "60",
    cases: "10000",
    packets: "100000",
    mebibytes: "64",
    mutants: &["--sharding", "round-robin", "--shard", "0/40"],
    no_panic: false,
    connections: "50",
    flood: "100000",
    xdp: ["50000", "3", "xdp/target/speed.svg", "0.5"],
};

pub fn run(project: &Project, options: &Options) -> Result<()> {
    let shell = &project.shell;
    shell.set_var("CARGO_TERM_COLOR", "never");
    let length = if options.rehearse { REHEARSAL } else { FULL };
    if options.rehearse {
        project.skip("the full length", "this is a rehearsal")?;
    }
    let version = field(&shell.read_file("Cargo.toml")?, "version").context("Cargo.toml has no version")?;
    let last = cmd!(shell, "git describe --tags --abbrev=0 --match v*").ignore_stderr().read().ok();
    ci::install_rust(project)?;
    prepared(project, &version, last.as_deref())?;
    let has = |tool: &str, name: &str| {
        let version = project.version(name);
        let there = project.has_version(tool, version);
        if !there {
            let how = format!("cargo install {tool} --locked --version ={version}");
            project.skip(&format!("the steps with {tool}"), &how)?;
        }
        anyhow::Ok(there)
    };
    let deny = has("cargo-deny", "CARGO_DENY")?;
    let fuzz = has("cargo-fuzz", "CARGO_FUZZ")?;
    let mutants = has("cargo-mutants", "CARGO_MUTANTS")?;
    let semver = last.is_some() && has("cargo-semver-checks", "CARGO_SEMVER_CHECKS")?;
    if cmd!(shell, "bpftool prog show").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        project.skip("the XDP program", "bpf(2) is not allowed here, or bpftool is missing")?;
    }
    if !options.rehearse {
        nothing_missing(project, &version)?;
    }
    if deny {
        project.step("licences, sources, advisories", || deny::run(&project.with_ci()))?;
    }
    match &last {
        None => println!("semver: there is no earlier version to compare with"),
        Some(last) if semver => project.step(&format!("semver, against {last}"), || {
            Ok(cmd!(shell, "cargo semver-checks --baseline-rev {last}").run()?)
        })?,
        Some(_) => (),
    }
    project.step("the package, unpacked elsewhere", || package::run(project))?;
    let fuzzers = if fuzz { Fuzzers::start(project, length.fuzz_seconds)? } else { Fuzzers(Vec::new()) };
    long_steps(project, &length, mutants)?;
    project.step("fuzzing (target/fuzzing/)", || fuzzers.end())?;
    // After the fuzzers, so that the machine is quiet.
    project.step("the README's figures", || script(project, "scripts/figures.sh", &[]))?;
    project.step("other machines", || other_machines::run(project))?;
    project.step("the gate", || Ok(cmd!(shell, ".ci/run").env("CI", "true").run()?))?;
    project.step("the ratios that xdp/README.md asks for", || xdp::benchmark(project, &length.xdp))?;
    nothing_missing(project, &version)?;
    println!("{version} may be tagged: git tag -s v{version} && cargo publish");
    Ok(())
}

/// What is checked here is what is tagged, and the owner has set what only he can.
fn prepared(project: &Project, version: &str, last: Option<&str>) -> Result<()> {
    let shell = &project.shell;
    let changes = cmd!(shell, "git status --porcelain").read()?;
    ensure!(changes.is_empty(), "not committed:\n{changes}");
    ensure!(last != Some(&format!("v{version}")), "{version} is tagged already");
    let changelog = shell.read_file("CHANGELOG.md")?;
    let section = format!("## [{version}]");
    let heading =
        changelog.lines().find(|line| line.starts_with(&section)).context("CHANGELOG.md lacks the section")?;
    if !Regex::new(r" - [0-9]{4}-[0-9]{2}-[0-9]{2}$")?.is_match(heading) {
        project.skip("the day in CHANGELOG.md", "the section has none yet")?;
    }
    // The registry resolves the links of both READMEs against it.
    let repository = field(&shell.read_file("Cargo.toml")?, "repository").unwrap_or_default();
    if repository.is_empty() || repository.starts_with("https://example.org/") {
        project.skip("repository", "Cargo.toml has none, or the placeholder; the owner sets it")?;
    }
    if field(&shell.read_file("capi/Cargo.toml")?, "repository").as_ref() != Some(&repository) {
        project.skip("repository of capi/", "capi/Cargo.toml lacks the line of Cargo.toml")?;
    }
    if shell.read_file("README.md")?.contains("https://example.org/") {
        project.skip("the page's address", "README.md has the placeholder; the owner sets it")?;
    }
    let tree = cmd!(shell, "cargo tree --edges normal --prefix none").read()?;
    ensure!(tree.lines().count() == 1, "the crate has dependencies:\n{tree}");
    Ok(())
}

/// The value of a line `NAME = "VALUE"`.
fn field(manifest: &str, name: &str) -> Option<String> {
    let line = manifest.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
    Some(line.split('"').next()?.to_owned())
}

fn nothing_missing(project: &Project, version: &str) -> Result<()> {
    ensure!(!project.has_notes(), "not all could be checked, as listed here: {version} must not be tagged");
    Ok(())
}

fn long_steps(project: &Project, length: &Length, has_mutants: bool) -> Result<()> {
    let shell = &project.shell;
    let linux = "cargo test --release -p tcp-reset-linux --test";
    project.step("every flag byte, data offset and length", || {
        Ok(cmd!(shell, "cargo test --release --test exhaustive -- --nocapture")
            .env("TCP_RESET_EXHAUSTIVE", "1")
            .run()?)
    })?;
    // Cases that no run had before; the seed is in the step's name.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos().to_string();
    project.step(&format!("properties, {} cases each, seed {seed}", length.cases), || {
        let command = cmd!(shell, "cargo test --release --test properties");
        Ok(command.env("PROPTEST_CASES", length.cases).env("PROPTEST_RNG_SEED", &seed).run()?)
    })?;
    project.step(&format!("comparison with the kernel, {} packets each", length.packets), || {
        cmd!(shell, "cargo build --release -p tcp-reset-linux").run()?;
        ["4", "6"].iter().try_for_each(|family| ci::compare(project, family, length.packets, &seed))
    })?;
    if has_mutants {
        let arguments = length.mutants.iter().map(|word| (*word).to_owned()).collect();
        let options = mutants::Options { dozen: false, arguments };
        project.step("mutation testing", || mutants::run(project, &options))?;
    }
    for (what, name, value, test) in [
        ("MiB beside connections that are cut", "TCP_RESET_MIB", length.mebibytes, "clients -- both_ends"),
        ("connections of each row, cut in motion", "TCP_RESET_CONNECTIONS", length.connections, "in_motion"),
        ("connections to be cut in a flood", "TCP_RESET_FLOOD", length.flood, "clients -- faults_flood"),
    ] {
        project.step(&format!("{value} {what}"), || {
            let words = linux.split(' ').skip(1).chain(test.split(' '));
            Ok(cmd!(shell, "cargo").args(words).env("CI", "true").env(name, value).run()?)
        })?;
    }
    project.step("no panic is linked in", || no_panic::run(project, &no_panic::Options { long: length.no_panic }))
}

/// They run beside the other long steps, with their output in files.
struct Fuzzers(Vec<(&'static str, Child)>);

impl Fuzzers {
    fn start(project: &Project, seconds: &str) -> Result<Self> {
        let shell = &project.shell;
        let nightly = format!("+{}", project.version("NIGHTLY"));
        project.step("the fuzz targets build", || Ok(cmd!(shell, "cargo {nightly} fuzz build").run()?))?;
        cmd!(shell, "cargo run --manifest-path fuzz/Cargo.toml --example seeds -- fuzz/corpus/bytes").run()?;
        shell.create_dir("fuzz/corpus/packets")?;
        let logs = project.target_dir.join("fuzzing");
        fs::create_dir_all(&logs)?;
        let mut fuzzers = Self(Vec::new());
        for target in ["bytes", "packets"] {
            let log = File::create(logs.join(target))?;
            let corpus = format!("fuzz/corpus/{target}");
            let child = Command::new("nice")
                .args([
                    "cargo",
                    &nightly,
                    "fuzz",
                    "run",
                    target,
                    &corpus,
                    "--",
                    "-max_len=65600",
                    "-print_final_stats=1",
                ])
                .arg(format!("-max_total_time={seconds}"))
                .current_dir(shell.current_dir())
                .stdout(log.try_clone()?)
                .stderr(log)
                .process_group(0)
                .spawn()?;
            fuzzers.0.push((target, child));
        }
        Ok(fuzzers)
    }

    fn end(mut self) -> Result<()> {
        for (target, child) in &mut self.0 {
            let status = child.wait()?;
            if !status.success() {
                bail!("target/fuzzing/{target}: {status}");
            }
        }
        self.0.clear();
        Ok(())
    }
}

/// After another step has failed.
impl Drop for Fuzzers {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            // With what it has started; it may have ended.
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["--", &group]).status();
            let _ = child.wait();
        }
    }
}
