//! The checks and measurements of this repository that are more than one call of cargo: `cargo xtask --help` lists them.
//! [`project`] has what they share, [`limits`] compares a measured figure with its limit.

mod bare_metal;
mod board;
mod c_footprint;
mod capi;
mod capi_readme;
mod ci;
mod coverage;
mod deny;
mod firmware;
mod footprint;
mod limits;
mod links;
mod mutants;
mod no_panic;
mod other_machines;
mod package;
mod page;
mod peers;
mod project;
mod public_api;
mod regenerate;
mod release;
mod xdp;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use project::Project;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The board with Ethernet in QEMU: tests on the wire, and what its images take; a minute; as root
    Board(limits::Options),
    /// Linked sizes of C programs on two small machines, as capi/README.md has them; half a minute
    CFootprint(limits::Options),
    /// How many bytes a call takes where it stands; a minute; x86-64
    CallSites(limits::Options),
    /// The library for C: everything that its README says; three minutes; as root, with the Debian packages that it names
    Capi,
    /// All checks that a change has to pass; half an hour; as root, on Debian 12 with rustup
    Ci(ci::Options),
    /// The lines of `src/` that no test runs; two minutes; it needs rustup
    Coverage,
    /// Licences, sources and security advisories of all dependencies; a minute; cargo-deny, and network for the advisories
    Deny,
    /// The vectors on a Cortex-M in QEMU, stack and instructions of a reset; two minutes
    Firmware(limits::Options),
    /// Linked sizes on two small machines, as README has them; two minutes
    Footprint(limits::Options),
    /// The header of the library for C; it needs cbindgen
    Header(regenerate::HeaderOptions),
    /// How many instructions a call takes; half a minute; it needs valgrind
    Instructions(limits::Options),
    /// Links and paths in the documents, and the width of README's code
    Links,
    /// Mutation testing; three quarters of an hour; it needs cargo-mutants, rustup and a cross compiler
    Mutants(mutants::Options),
    /// No panic is linked in, on four machines; five minutes in a new clone
    NoPanic(no_panic::Options),
    /// The tests on big-endian and 32-bit machines, builds for 16-bit ones; some minutes; cross compilers and qemu-user
    OtherMachines,
    /// The packages for the registry, built and tested in another folder; a minute
    Package,
    /// The page, as target/site/index.html: open it, or put it on any server; needs the target wasm32-unknown-unknown
    Page(page::Options),
    /// The public interface against its list; a minute; it needs cargo-public-api and the nightly Rust
    PublicApi(public_api::Options),
    /// Writes all files that are derived from others; a minute; it needs cbindgen
    Regenerate,
    /// What a version has to pass before it is tagged; hours; as root, on a quiet machine
    Release(release::Options),
    /// The benchmark at XDP; as root
    XdpBenchmark(xdp::BenchmarkOptions),
    /// Builds the XDP program and its loader, target/release/xdp-reset; a minute the first time
    XdpBuild(xdp::BuildOptions),
    /// The XDP program beside the crate, and on the wire; some minutes; as root
    XdpCheck,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let project = Project::open()?;
    let result = match &arguments.task {
        Task::Board(options) => board::run(&project, options),
        Task::CFootprint(options) => c_footprint::run(&project, options),
        Task::CallSites(options) => peers::call_sites(&project, options),
        Task::Capi => capi::run(&project),
        Task::Ci(options) => ci::run(&project, options),
        Task::Coverage => coverage::run(&project),
        Task::Deny => deny::run(&project),
        Task::Firmware(options) => firmware::run(&project, options),
        Task::Footprint(options) => footprint::run(&project, options),
        Task::Header(options) => regenerate::header(&project, options),
        Task::Instructions(options) => peers::instructions(&project, options),
        Task::Links => links::run(&project),
        Task::Mutants(options) => mutants::run(&project, options),
        Task::NoPanic(options) => no_panic::run(&project, options),
        Task::OtherMachines => other_machines::run(&project),
        Task::Package => package::run(&project),
        Task::Page(options) => page::run(&project, options),
        Task::PublicApi(options) => public_api::run(&project, options),
        Task::Regenerate => regenerate::run(&project),
        Task::Release(options) => release::run(&project, options),
        Task::XdpBenchmark(options) => options.run(&project),
        Task::XdpBuild(options) => xdp::build(&project, options),
        Task::XdpCheck => xdp::check(&project),
    };
    project.print_notes()?;
    result
}
