//! Connections in motion are cut at both ends, over a link without faults and over one with delay, jitter and loss.
//!
//! Each test makes network namespaces of its own and reaches nothing outside them. The tests need root or the right to make
//! user namespaces, and tools. If something is missing a test is skipped and says so, and under `CI=true` it fails.

mod cable;
#[allow(dead_code, reason = "shared with the tests `clients`")]
#[path = "../clients/namespace.rs"]
mod namespace;
mod network;
mod rows;
#[allow(dead_code, reason = "shared with the tests `clients`")]
#[path = "../clients/tools.rs"]
mod tools;
mod traffic;
#[path = "../trials/mod.rs"]
mod trials;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use trials::trial;

/// A test by name, and the tools it needs.
pub(crate) struct Test {
    name: String,
    needs: &'static [&'static str],
    run: Box<dyn FnOnce() + Send>,
}

impl Test {
    fn new(name: impl Into<String>, needs: &'static [&'static str], run: impl FnOnce() + Send + 'static) -> Self {
        Self { name: name.into(), needs, run: Box::new(run) }
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One at a time: they measure times.
    arguments.test_threads.get_or_insert(1);
    let powerless = namespace::leave().err();
    let mut trials = Vec::new();
    for Test { name, needs, run } in rows::tests() {
        let missing: Vec<_> = needs.iter().filter_map(|tool| tools::missing(tool)).chain(powerless.clone()).collect();
        let missing = (!missing.is_empty()).then(|| missing.join("; "));
        trials.push(trial(&name, missing.as_deref(), run));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
