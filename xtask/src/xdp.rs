//! The XDP program and its loader: builds them, and checks that the program does what the crate does.

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use regex::Regex;
use xshell::{Cmd, Shell, cmd};

use crate::ci::script;
use crate::limits;
use crate::project::Project;

const VERIFIER: &str = "xdp/verifier.limits";

#[derive(Args, Default)]
pub struct BuildOptions {
    #[command(flatten)]
    limits: limits::Options,

    /// Installs bpf-linker by cargo first; some minutes
    #[arg(long)]
    install_linker: bool,
}

/// Builds the program, and the loader with the program in it. Fails if the program, or what the kernel's verifier processes to
/// accept it, is over its limit.
pub fn build(project: &Project, options: &BuildOptions) -> Result<()> {
    if options.install_linker {
        install_linker(project)?;
    }
    let version = project.version("BPF_LINKER");
    let is_there = project.has_version("bpf-linker", version);
    ensure!(is_there, "bpf-linker {version} is missing: cargo xtask xdp-build --install-linker");
    let shell = compiler(project)?;
    let linker = cmd!(shell, "which bpf-linker").quiet().read()?;
    // The verifier takes loads and stores at any address, as the processors do on which it runs.
    let flags = format!("-Clinker={linker} -Ctarget-feature=+allows-misaligned-mem-access -Clink-arg=--btf");
    program_cargo(&shell, "build").args(["--bins", "--examples"]).env("RUSTFLAGS", flags).run()?;
    loader_cargo(project, "build").run()?;

    let sysroot = cmd!(shell, "rustc --print sysroot").quiet().read()?;
    let host = cmd!(shell, "rustc --print host-tuple").quiet().read()?;
    let program = "xdp/target/program/bpfel-unknown-none/release/tcp-reset-xdp";
    let sizes = cmd!(shell, "{sysroot}/lib/rustlib/{host}/bin/llvm-size --format=sysv {program}").quiet().read()?;
    let mut bytes = 0;
    for line in sizes.lines() {
        if let ["xdp.frags" | ".text", size, ..] = line.split_whitespace().collect::<Vec<_>>()[..] {
            bytes += size.parse::<u64>()?;
        }
    }
    hold(project, &shell, options, "xdp/program.limits", "instructions", bytes / 8)?;

    let loader = project.target_dir.join("release/xdp-reset");
    let verified = cmd!(shell, "{loader} --verify").quiet().ignore_status().output()?;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned() + &String::from_utf8_lossy(&verified.stderr);
    if verified.status.success() {
        let count =
            Regex::new("(?m)^verifier ([0-9]+)")?.captures(&said).context("no count of the verifier")?[1].parse()?;
        return hold(project, &shell, options, VERIFIER, "verifier", count);
    }
    let is_refused = said.contains("no permission") && !project.is_ci();
    ensure!(is_refused && !options.limits.set_limits, "the kernel does not accept the program: {said}");
    project.skip(VERIFIER, "bpf(2) is not allowed here")
}

fn hold(project: &Project, shell: &Shell, options: &BuildOptions, file: &str, name: &str, figure: u64) -> Result<()> {
    println!("{name} {figure}");
    limits::check(project, shell, &options.limits, file, &vec![(name.to_owned(), figure)])
}

pub fn install_linker(project: &Project) -> Result<()> {
    let (llvm, version) = (project.version("BPF_LLVM"), project.version("BPF_LINKER"));
    let prefix = format!("/usr/lib/llvm-{llvm}");
    project.need(&format!("llvm-{llvm}-dev libpolly-{llvm}-dev"), &[&format!("{prefix}/bin/llvm-config")])?;
    if project.has_version("bpf-linker", version) {
        return Ok(());
    }
    cmd!(project.shell, "cargo install --quiet --locked --debug --force --no-default-features --features llvm-{llvm}")
        .args(["--version", &format!("={version}"), "bpf-linker"])
        .env_remove("CARGO_TARGET_DIR")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("LLVM_PREFIX", &prefix)
        .env(format!("LLVM_SYS_{llvm}1_PREFIX"), &prefix)
        .run()?;
    Ok(())
}

/// The nightly Rust that compiles the program: bpf-linker reads what it makes, so both need the same LLVM.
fn compiler(project: &Project) -> Result<Shell> {
    let (nightly, llvm) = (project.version("NIGHTLY"), project.version("BPF_LLVM"));
    let about = cmd!(project.shell, "rustc +{nightly} -vV").quiet().read()?;
    let has = about.lines().find_map(|line| line.strip_prefix("LLVM version: ")).context("rustc names no LLVM")?;
    let mut chosen = nightly;
    if has.split('.').next() != Some(llvm) {
        chosen = project.version("XDP_NIGHTLY");
        let why = format!("it has LLVM {has}, bpf-linker has {llvm}; {chosen} compiles it");
        project.report(&format!("the XDP program by {nightly}"), &why)?;
    }
    project.toolchain(chosen, &["rust-src", "clippy", "llvm-tools"])
}

/// cargo for the program, with core built for the kernel's virtual machine.
fn program_cargo<'a>(shell: &'a Shell, command: &str) -> Cmd<'a> {
    cmd!(
        shell,
        "cargo {command} --quiet --release --locked -Zbuild-std=core --manifest-path xdp/tcp-reset-xdp/Cargo.toml"
    )
    .args(["--target", "bpfel-unknown-none", "--target-dir", "xdp/target/program"])
}

fn loader_cargo<'a>(project: &'a Project, command: &str) -> Cmd<'a> {
    let target_dir = &project.target_dir;
    cmd!(project.shell, "cargo {command} --quiet --release --locked --manifest-path xdp/xdp-reset/Cargo.toml")
        .args(["--target-dir".as_ref(), target_dir.as_os_str()])
}

/// All that is checked of the program: it builds under its limits, the verifier accepts it, it does what the crate does byte for
/// byte, and real clients behind it see what they see from the kernel.
///
/// Where bpf(2) is not allowed, it says so and checks what can be; in the gate it fails then.
pub fn check(project: &Project) -> Result<()> {
    let shell = &project.shell;
    let level = project.lint_level();
    project.step("the program and its loader", || build(project, &BuildOptions::default()))?;
    project.step("lints", || {
        for package in ["xdp-reset", "tcp-reset-xdp"] {
            cmd!(shell, "cargo fmt --check --manifest-path xdp/{package}/Cargo.toml").run()?;
        }
        loader_cargo(project, "clippy").args(["--all-targets", "--", level, "warnings"]).run()?;
        Ok(program_cargo(&compiler(project)?, "clippy").args(["--", level, "warnings"]).run()?)
    })?;
    project.step("beside the crate", || Ok(loader_cargo(project, "test").run()?))?;
    let loader = project.target_dir.join("release/xdp-reset");
    let is_allowed = [cmd!(shell, "{loader} --verify"), cmd!(shell, "unshare --net true")]
        .into_iter()
        .all(|command| command.quiet().ignore_stdout().ignore_stderr().run().is_ok());
    if !is_allowed {
        ensure!(!project.is_ci(), "bpf(2) or network namespaces are not allowed here");
        return project.skip("XDP on the wire", "bpf(2) or network namespaces are not allowed here");
    }
    project.step("on the wire", || script(project, "xdp/live.sh", &[]))?;
    project.step("the benchmark (shortened to five rounds, half of the ratios asked)", || short_benchmark(project))
}

/// Other work on the machine changes the ratios by a third: half of what the README asks is enough here. With another compiler
/// or kernel, the ratios are only printed.
fn short_benchmark(project: &Project) -> Result<()> {
    const CHART: &str = "xdp/target/speed.svg";
    let others = limits::other_versions(&compiler(project)?, VERIFIER)?;
    let share = if others.is_empty() { "0.5" } else { "0" };
    if !others.is_empty() {
        project.report("the ratios to netfilter", &others)?;
    }
    benchmark(project, &["100000", "5", CHART, share])?;
    // A bar for each of six that answer, for two kinds of frame.
    let bar = Regex::new(r#"<rect [^>]*\bwidth="([0-9.]+)""#)?;
    let chart = project.shell.read_file(CHART)?;
    let widths: Vec<f64> = bar.captures_iter(&chart).map(|bar| bar[1].parse()).collect::<Result<_, _>>()?;
    if widths.len() != 12 || widths.iter().any(|width| *width <= 0.0) {
        bail!("{CHART} is no chart");
    }
    Ok(())
}

/// Runs the benchmark of `xdp/xdp-reset/examples/benchmark.rs`.
pub fn benchmark(project: &Project, arguments: &[&str]) -> Result<()> {
    Ok(loader_cargo(project, "run").args(["--example", "benchmark", "--"]).args(arguments).run()?)
}

#[derive(Args)]
pub struct BenchmarkOptions {
    /// PACKETS ROUNDS CHART.svg SHARE, where SHARE is that of the ratios asked
    arguments: Vec<String>,
}

impl BenchmarkOptions {
    pub fn run(&self, project: &Project) -> Result<()> {
        benchmark(project, &self.arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}
