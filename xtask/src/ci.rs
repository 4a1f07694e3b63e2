//! All checks that a change has to pass, on a bare Debian 12 machine with rustup and a stable Rust. It installs what it needs,
//! in the versions of `versions.env`. Half an hour at most on two cores. A step that says "shortened" runs less here than in a
//! release.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use regex::Regex;
use xshell::{Cmd, cmd};

use crate::project::Project;
use crate::{
    board, capi, coverage, deny, firmware, footprint, limits, links, mutants, no_panic, other_machines, package, page,
    peers, public_api, xdp,
};

#[derive(Args)]
pub struct Options {
    /// A part of the checks, as the jobs of the workflow run them; all but `supply-chain` if none is given
    groups: Vec<Group>,

    /// Installs the Rust versions alone
    #[arg(long)]
    install_rust: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Group {
    Test,
    Lint,
    Package,
    Page,
    Kernel,
    Conformance,
    Xdp,
    Capi,
    Embedded,
    Measurements,
    Fuzz,
    Mutants,
    SupplyChain,
}

const CLIENTS: &str = "curl ethtool hping3 iproute2 iptables nftables nmap procps python3 python3-scapy tcpdump";

impl Group {
    fn debian_packages(self) -> &'static str {
        match self {
            Self::Test | Self::Package => "gcc libc6-dev",
            Self::Lint => "shellcheck",
            Self::Page => "chromium chromium-driver fonts-dejavu-core python3-selenium",
            Self::Kernel => "tshark",
            Self::Conformance => {
                "gcc golang-go golang-gvisor-gvisor-dev libc6-dev liblwipv6-dev libslirp-dev python3-venv"
            }
            Self::Xdp => "bpftool gcc libbpf-dev",
            Self::Capi => {
                "cmake g++ gcc gcc-arm-none-eabi gcc-s390x-linux-gnu libc6-dev libc6-dev-s390x-cross liblwip-dev \
                 libnetfilter-queue-dev libnewlib-arm-none-eabi libssl-dev make meson pkg-config qemu-system-arm qemu-user \
                 valgrind"
            }
            Self::Embedded => {
                "curl gcc-arm-linux-gnueabihf gcc-s390x-linux-gnu iproute2 libc6-dev-armhf-cross libc6-dev-s390x-cross nmap \
                 python3 qemu-system-arm qemu-user tcpdump"
            }
            Self::Measurements => "valgrind",
            Self::Fuzz => "g++",
            Self::Mutants => "gcc-i686-linux-gnu libc6-dev-i386-cross",
            Self::SupplyChain => "libssl-dev pkg-config",
        }
    }

    /// Whether it runs real clients.
    fn has_clients(self) -> bool {
        matches!(self, Self::Kernel | Self::Conformance | Self::Xdp | Self::Capi)
    }

    fn run(self, project: &Project) -> Result<()> {
        match self {
            Self::Test => test(project),
            Self::Lint => lint(project),
            Self::Package => project.step("the package, unpacked elsewhere", || package::run(project)),
            Self::Page => page(project),
            Self::Kernel => kernel(project),
            Self::Conformance => conformance(project),
            Self::Xdp => at_xdp(project),
            Self::Capi => capi(project),
            Self::Embedded => {
                project.step("no panic is linked in", || no_panic::run(project, &no_panic::Options::default()))?;
                // Five minutes. Without a group it is left to the workflow and the release; the vectors run on a big-endian
                // and on 32-bit machines all the same.
                project.step("other machines", || other_machines::run(project))?;
                rest_of_embedded(project)
            }
            Self::Measurements => measurements(project),
            Self::Fuzz => fuzz(project),
            Self::Mutants => mutants(project),
            Self::SupplyChain => {
                tool(project, "cargo-deny", "cargo-deny", "CARGO_DENY")?;
                project.step("supply chain", || deny::run(&project.with_ci()))
            }
        }
    }
}

pub fn run(project: &Project, options: &Options) -> Result<()> {
    let start = Instant::now();
    project.shell.set_var("CARGO_TERM_COLOR", "never");
    // Without debug information, builds take a fifth less time.
    project.shell.set_var("CARGO_PROFILE_DEV_DEBUG", "0");
    if options.install_rust {
        return install_rust(project);
    }
    let mut groups = options.groups.clone();
    let all = groups.is_empty();
    if all {
        groups = Group::value_variants().iter().copied().filter(|&group| group != Group::SupplyChain).collect();
        // First what a new user does, before anything is installed.
        test(project)?;
        groups.remove(0);
    }
    project.step("Rust", || install_rust(project))?;
    project.step("Debian packages", || install_packages(project, &groups))?;
    for &group in &groups {
        match group {
            // The two longest steps run at once: each keeps one core busy.
            Group::Capi if all => capi_beside_no_panic(project)?,
            Group::Embedded if all => rest_of_embedded(project)?,
            _ => group.run(project)?,
        }
    }
    println!("\nall steps passed in {} s", start.elapsed().as_secs());
    Ok(())
}

// What is installed.

/// The stable Rust and the nightly ones. The stable one is not installed again if it is the machine's own; where rustup cannot
/// install it, the machine's own will do.
pub fn install_rust(project: &Project) -> Result<()> {
    let shell = &project.shell;
    let stable = project.version("STABLE");
    let own = cmd!(shell, "rustc --version").read()?;
    let name = cmd!(shell, "rustup show active-toolchain").read()?;
    let mut name = name.split(' ').next().unwrap_or_default();
    let complete =
        || cmd!(shell, "cargo fmt --version").run().and_then(|()| cmd!(shell, "cargo clippy --version").run());
    if !own.starts_with(&format!("rustc {stable} ")) || complete().is_err() {
        match install_toolchain(project, stable, &["rustfmt", "clippy"]) {
            Ok(()) => name = stable,
            Err(error) => {
                eprintln!("{error}");
                let why = format!("rustup cannot install it here; they run with {own}");
                project.report(&format!("the checks with Rust {stable}"), &why)?;
            }
        }
    }
    for nightly in BTreeSet::from(["NIGHTLY", "XDP_NIGHTLY"].map(|nightly| project.version(nightly))) {
        install_toolchain(project, nightly, &["clippy", "llvm-tools", "rust-src"])
            .with_context(|| format!("rustup cannot install {nightly} here"))?;
    }
    shell.set_var("RUSTUP_TOOLCHAIN", name);
    Ok(())
}

fn install_toolchain(project: &Project, version: &str, components: &[&str]) -> Result<()> {
    let shell = &project.shell;
    let components = components.iter().flat_map(|component| ["--component", component]);
    quiet(cmd!(shell, "rustup toolchain install {version} --profile minimal --no-self-update").args(components))?;
    Ok(cmd!(shell, "rustc +{version} --version").run()?)
}

fn install_packages(project: &Project, groups: &[Group]) -> Result<()> {
    let shell = &project.shell;
    let mut packages: BTreeSet<_> = groups.iter().flat_map(|group| group.debian_packages().split(' ')).collect();
    if groups.iter().any(|group| group.has_clients()) {
        packages.extend(CLIENTS.split(' '));
    }
    let llvm = project.version("BPF_LLVM");
    let linker = [format!("libpolly-{llvm}-dev"), format!("llvm-{llvm}-dev")];
    if groups.contains(&Group::Xdp) {
        packages.extend(linker.iter().map(String::as_str));
    }
    quiet(cmd!(shell, "apt-get -qq update"))?;
    quiet(
        cmd!(shell, "apt-get -qq install --no-install-recommends {packages...}")
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    Ok(())
}

/// A program from crates.io, if it is not there yet in its version; not optimized, which takes less than half of the time to
/// build.
fn tool(project: &Project, program: &str, package: &str, name: &str) -> Result<()> {
    let version = project.version(name);
    project.step(program, || {
        if project.has_version(program, version) {
            return Ok(());
        }
        cmd!(
            project.shell,
            "cargo install --quiet --locked --debug --force --bin {program} {package} --version ={version}"
        )
        .run()?;
        Ok(())
    })
}

// The groups.

/// What a new user does first, with Rust alone.
fn test(project: &Project) -> Result<()> {
    let shell = &project.shell;
    project.step("the tests, as the README has them", || Ok(cmd!(shell, "cargo test").run()?))?;
    main_job(project)?;
    project.step("the example of tests/support", || Ok(cmd!(shell, "cargo test --quiet --doc -p support").run()?))?;
    project.step("tcp-reset-capture and xtask", || {
        Ok(cmd!(shell, "cargo test --quiet -p tcp-reset-capture -p xtask").run()?)
    })
}

/// How many resets the bundled capture gets; all are the capture's own.
fn main_job(project: &Project) -> Result<()> {
    project.step("the main job, as the README has it", || {
        let resets = cmd!(project.shell, "cargo run --release -p tcp-reset-capture").read()?;
        println!("{}", end_of(&resets, 6));
        all_the_same(&resets)
    })
}

/// The capture tool says that each reset has the same bytes as the capture's own.
fn all_the_same(printed: &str) -> Result<()> {
    let pattern = Regex::new(r"(?m)^same as the capture's own reset: ([0-9]+) of ([0-9]+) \(same bytes ([0-9]+)\)$")?;
    let (_, counts) = pattern.captures(printed).context("no comparison with the capture's own resets")?.extract::<3>();
    ensure!(
        counts[0] != "0" && counts.iter().all(|count| *count == counts[0]),
        "some resets differ from the capture's own"
    );
    Ok(())
}

fn lint(project: &Project) -> Result<()> {
    let shell = &project.shell;
    let level = project.lint_level();
    project.step("formatting", || {
        cmd!(shell, "cargo fmt --all --check").run()?;
        for package in
            ["capi", "fuzz", "embedded/board", "embedded/firmware", "embedded/every-function", "embedded/footprint"]
        {
            cmd!(shell, "cargo fmt --check --manifest-path {package}/Cargo.toml").run()?;
        }
        Ok(())
    })?;
    project.step("shell scripts", || {
        let scripts = cmd!(shell, "git ls-files *.sh .ci/run").read()?;
        let scripts = scripts.lines();
        Ok(cmd!(shell, "shellcheck --external-sources {scripts...}").run()?)
    })?;
    if project.other_versions {
        let why = "they belong to the Rust versions of the repository, these are others";
        project.report("warnings of Clippy and rustdoc", why)?;
    }
    project.step("clippy", || {
        cmd!(shell, "cargo clippy --quiet --workspace --all-targets -- {level} warnings").run()?;
        Ok(cmd!(shell, "cargo clippy --quiet --manifest-path fuzz/Cargo.toml --all-targets -- {level} warnings")
            .run()?)
    })?;
    project.step("the oldest Rust promised", || oldest_rust(project))?;
    project.step("links in the documents", || links::run(project))?;
    project.step("line coverage of src/", || coverage::run(project))?;
    tool(project, "cargo-public-api", "cargo-public-api", "CARGO_PUBLIC_API")?;
    project.step("the public interface", || public_api::run(project, &public_api::Options::default()))?;
    project.step("documentation", || {
        Ok(cmd!(shell, "cargo doc --quiet --no-deps").env("RUSTDOCFLAGS", format!("{level} warnings")).run()?)
    })
}

fn oldest_rust(project: &Project) -> Result<()> {
    let shell = &project.shell;
    let manifest = shell.read_file("Cargo.toml")?;
    let oldest =
        Regex::new(r#"(?m)^rust-version = "(.*)""#)?.captures(&manifest).context("no rust-version")?[1].to_owned();
    if let Err(error) = install_toolchain(project, &oldest, &[]) {
        eprintln!("{error}");
        return project.skip(&format!("build and tests with Rust {oldest}"), "rustup cannot install it here");
    }
    cmd!(shell, "cargo +{oldest} build --quiet").run()?;
    Ok(cmd!(shell, "cargo +{oldest} test --quiet").run()?)
}

fn page(project: &Project) -> Result<()> {
    if project.has_target("wasm32-unknown-unknown")? {
        project.step("the page, in Chromium", || page::check_all(project))?;
    }
    Ok(())
}

fn kernel(project: &Project) -> Result<()> {
    let shell = &project.shell;
    project.step("captures, written: read by tcpdump and tshark", || capture_out(project))?;
    project.step("captures, recorded again", || {
        let again = project.target_dir.join("again.pcap");
        quiet(cmd!(shell, "testdata/captures/record.sh {again}"))?;
        all_the_same(&cmd!(shell, "cargo run --quiet --release -p tcp-reset-capture -- {again}").read()?)
    })?;
    project.step("real clients, and the tests of the comparison itself", || {
        Ok(cmd!(shell, "cargo test --quiet --release -p tcp-reset-linux").env("CI", "true").run()?)
    })?;
    project.step("comparison with the kernel (shortened to a million packets each)", || {
        // Each commit compares other packets.
        let commit = cmd!(shell, "git rev-parse --short=8 HEAD").quiet().read()?;
        let seed = u32::from_str_radix(&commit[..8], 16)?.to_string();
        let compare = |family| {
            let seed = seed.clone();
            move |project: &Project| compare(project, family, "1000000", &seed)
        };
        both(project, compare("4"), compare("6"))
    })
}

/// tcpdump calls a TCP checksum of 0xFFFF, which two of them have, correct.
fn capture_out(project: &Project) -> Result<()> {
    let shell = &project.shell;
    let file = project.target_dir.join("resets.pcap");
    let printed = cmd!(shell, "cargo run --quiet --release -p tcp-reset-capture -- -w {file}").read()?;
    let written =
        Regex::new(r"(?m)^resets: ([0-9]+) ")?.captures(&printed).context("no count of resets")?[1].parse::<usize>()?;
    for (command, word) in
        [(cmd!(shell, "tcpdump -nnvvr {file}"), "(correct)"), (cmd!(shell, "tshark -r {file}"), "RST")]
    {
        let read = command.ignore_stderr().read()?.lines().filter(|line| line.contains(word)).count();
        ensure!(read == written, "{read} of {written} resets have {word}");
    }
    println!("tcpdump and tshark read {written} resets");
    Ok(())
}

/// With every reference.
pub fn compare(project: &Project, family: &str, packets: &str, seed: &str) -> Result<()> {
    let shell = &project.shell;
    let program = project.target_dir.join("release/compare");
    for reference in ["forward", "input", "nft-forward", "nft-input", "nft-prerouting", "stack"] {
        let printed = quiet(cmd!(
            shell,
            "{program} --reference {reference} --family {family} --packets {packets} --seed {seed}"
        ))?;
        println!("IPv{family}, {reference}, seed {seed}: {}", end_of(&printed, 1));
    }
    Ok(())
}

fn conformance(project: &Project) -> Result<()> {
    let shell = &project.shell;
    project.step("the conformance suite, sent to every stack", || script(project, "conformance/check.sh", &[]))?;
    project.step("a smoltcp host that answers as Linux does", || {
        Ok(cmd!(shell, "cargo test --quiet --release -p smoltcp-filter").env("CI", "true").run()?)
    })
}

fn at_xdp(project: &Project) -> Result<()> {
    project.step("bpf-linker", || xdp::install_linker(project))?;
    project.step("the same resets at XDP", || xdp::check(&project.with_ci()))
}

fn capi(project: &Project) -> Result<()> {
    capi_tools(project)?;
    project.step("the library for C", || capi::run(&project.with_ci()))
}

fn capi_tools(project: &Project) -> Result<()> {
    tool(project, "cbindgen", "cbindgen", "CBINDGEN")?;
    tool(project, "cargo-cinstall", "cargo-c", "CARGO_C")
}

fn capi_beside_no_panic(project: &Project) -> Result<()> {
    capi_tools(project)?;
    project.step("the library for C; no panic is linked in", || {
        let no_panic = |project: &Project| no_panic::run(project, &no_panic::Options::default());
        both(project, |project| capi::run(&project.with_ci()), no_panic)
    })
}

fn rest_of_embedded(project: &Project) -> Result<()> {
    project.step("footprint", || footprint::run(project, &limits::Options::default()))?;
    project.step("firmware in QEMU", || firmware::run(project, &limits::Options::default()))?;
    project.step("a board on the wire, in QEMU", || board::run(project, &limits::Options::default()))
}

fn measurements(project: &Project) -> Result<()> {
    let shell = &project.shell;
    project.step("instructions", || peers::instructions(project, &limits::Options::default()))?;
    project.step("bytes of call sites", || peers::call_sites(project, &limits::Options::default()))?;
    // Its times need a quiet machine.
    project.step("the benchmark (shortened to three rounds): all answers are the same", || {
        let printed = cmd!(shell, "cargo run --quiet --profile lto -p tcp-reset-peers -- --rounds 3").read()?;
        ensure!(!printed.contains('⚠'), "answers differ:\n{printed}");
        Ok(())
    })?;
    project.step("the examples", || {
        for example in ["rate_limit", "in_place"] {
            cmd!(shell, "cargo run --quiet --example {example}").run()?;
        }
        // A SYN, SEQ 522224616, gets RST/ACK, ACK 522224617.
        let reset = "450000280000400040064e99c6336402c000020100508cd2000000001f2083e950140000936d0000";
        let printed = cmd!(shell, "cargo run --quiet --example reject").read()?;
        ensure!(printed == reset, "reject printed {printed}");
        Ok(())
    })
}

fn fuzz(project: &Project) -> Result<()> {
    tool(project, "cargo-fuzz", "cargo-fuzz", "CARGO_FUZZ")?;
    let nightly = format!("+{}", project.version("NIGHTLY"));
    let shell = &project.shell;
    project.step("fuzzing (shortened to a minute a target)", || {
        cmd!(shell, "cargo run --quiet --manifest-path fuzz/Cargo.toml --example seeds -- fuzz/corpus/bytes").run()?;
        shell.create_dir("fuzz/corpus/packets")?;
        cmd!(shell, "cargo {nightly} fuzz build").run()?;
        let target = |name: &'static str| {
            let nightly = nightly.clone();
            move |project: &Project| {
                let printed = quiet(
                    cmd!(project.shell, "cargo {nightly} fuzz run {name} fuzz/corpus/{name} -- -max_total_time=60")
                        .arg("-max_len=65600"),
                )?;
                println!("{name}: {}", end_of(&printed, 2));
                Ok(())
            }
        };
        both(project, target("bytes"), target("packets"))?;
        Ok(cmd!(shell, "cargo test --quiet --manifest-path fuzz/Cargo.toml").run()?)
    })
}

fn mutants(project: &Project) -> Result<()> {
    tool(project, "cargo-mutants", "cargo-mutants", "CARGO_MUTANTS")?;
    project.step("mutants", || mutants::run(project, &mutants::Options { dozen: true, ..Default::default() }))
}

// Helpers.

pub fn script(project: &Project, path: &str, arguments: &[&str]) -> Result<()> {
    Ok(cmd!(project.shell, "{path} {arguments...}").env("CI", "true").run()?)
}

/// Runs both at once.
fn both(
    project: &Project,
    one: impl FnOnce(&Project) -> Result<()> + Send,
    other: impl FnOnce(&Project) -> Result<()>,
) -> Result<()> {
    let own = project.clone();
    thread::scope(|scope| {
        let one = scope.spawn(move || one(&own));
        let other = other(project);
        one.join().expect("the other half does not panic")?;
        other
    })
}

/// Runs a command without its output, which is what an error shows the end of.
pub fn quiet(command: Cmd) -> Result<String> {
    let name = command.to_string();
    let output = command.quiet().ignore_status().output()?;
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed += &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}\n{}", output.status, end_of(&printed, 20));
    Ok(printed)
}

/// The last lines.
fn end_of(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
