//! The checks and measurements of this repository that are more than one call of cargo: `cargo xtask --help` lists them.
//! [`project`] has what they share, [`limits`] compares a measured figure with its limit.

mod bare_metal;
mod ci;
mod coverage;
mod deny;
mod footprint;
mod limits;
mod links;
mod mutants;
mod package;
mod project;
mod public_api;
mod regenerate;
mod release;

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
    /// All checks that a change has to pass; half an hour; as root, on Debian 12 with rustup
    Ci(ci::Options),
    /// The lines of `src/` that no test runs; two minutes; it needs rustup
    Coverage,
    /// Licences, sources and security advisories of all dependencies; a minute; cargo-deny, and network for the advisories
    Deny,
    /// Linked sizes on two small machines, as README has them; two minutes
    Footprint(limits::Options),
    /// The header of the library for C; it needs cbindgen
    Header(regenerate::HeaderOptions),
    /// Links and paths in the documents, and the width of README's code
    Links,
    /// Mutation testing; three quarters of an hour; it needs cargo-mutants, rustup and a cross compiler
    Mutants(mutants::Options),
    /// The packages for the registry, built and tested in another folder; a minute
    Package,
    /// The public interface against its list; a minute; it needs cargo-public-api and the nightly Rust
    PublicApi(public_api::Options),
    /// Writes all files that are derived from others; a minute; it needs cbindgen
    Regenerate,
    /// What a version has to pass before it is tagged; hours; as root, on a quiet machine
    Release(release::Options),
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
        Task::Ci(options) => ci::run(&project, options),
        Task::Coverage => coverage::run(&project),
        Task::Deny => deny::run(&project),
        Task::Footprint(options) => footprint::run(&project, options),
        Task::Header(options) => regenerate::header(&project, options),
        Task::Links => links::run(&project),
        Task::Mutants(options) => mutants::run(&project, options),
        Task::Package => package::run(&project),
        Task::PublicApi(options) => public_api::run(&project, options),
        Task::Regenerate => regenerate::run(&project),
        Task::Release(options) => release::run(&project, options),
    };
    project.print_notes()?;
    result
}
