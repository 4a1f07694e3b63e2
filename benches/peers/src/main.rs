//! Measures `tcp_reset` and its peers and prints tables; `README.md` describes how to run it and how to read them.

mod answers;
mod chart;
mod checksums;
mod implementations;
mod measure;
mod report;
mod silences;

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use lexopt::prelude::*;

const USAGE: &str = "usage: tcp-reset-peers [--rounds N] [--chart FILE.svg]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tcp-reset-peers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let (mut rounds, mut chart) = (301, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") => {
                writeln!(stdout(), "{USAGE}")?;
                return Ok(());
            }
            Long("rounds") => rounds = arguments.value()?.parse()?,
            Long("chart") => chart = Some(arguments.value()?),
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(rounds > 0, "--rounds has to be at least 1");

    let sets = answers::sets();
    for set in &sets {
        let (wrong, refused) =
            answers::compare(implementations::tcp_reset, implementations::hand_written::plain, &set.packets);
        ensure!(wrong + refused == 0, "{}: this crate and the hand-written answer differ", set.name);
    }
    let rows = answers::measure(rounds, &sets);
    writeln!(stdout(), "{}\n", report::machine())?;
    writeln!(stdout(), "{}", report::answers(&sets, &rows))?;
    writeln!(stdout(), "{}", report::checksums(&checksums::measure(rounds)?))?;
    writeln!(stdout(), "{}", report::silences(&silences::measure(rounds)?))?;
    if let Some(path) = chart {
        std::fs::write(&path, chart::svg(&sets, &rows)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
