#![allow(dead_code)] // until all scripts are here
//! The checks and measurements of this repository that are more than one call of cargo: `cargo xtask --help` lists them.
//! [`project`] has what they share, [`limits`] compares a measured figure with its limit.

mod bare_metal;
mod ci;
mod footprint;
mod limits;
mod project;
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
    /// Linked sizes on two small machines, as README has them; two minutes
    Footprint(limits::Options),
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
        Task::Footprint(options) => footprint::run(&project, options),
        Task::Release(options) => release::run(&project, options),
    };
    project.print_notes()?;
    result
}
