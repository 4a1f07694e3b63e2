//! The checks and measurements of this repository that are more than one call of cargo: `cargo xtask --help` lists them.
//! [`project`] has what they share, [`limits`] compares a measured figure with its limit.

mod bare_metal;
mod footprint;
mod limits;
mod project;

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
    /// Linked sizes on two small machines, as README has them; two minutes
    Footprint(limits::Options),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let project = Project::open()?;
    let result = match arguments.task {
        Task::Footprint(options) => footprint::run(&project, &options),
    };
    project.print_notes()?;
    result
}
