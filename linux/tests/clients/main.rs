//! Real clients accept the resets: the programs of this package answer nmap, hping3, scapy, curl and the running kernel,
//! while tcpdump and tshark record.
//!
//! Each test makes network namespaces of its own and reaches nothing outside them; every wait is bounded. The tests need
//! root or the right to make user namespaces, and tools. If something is missing a test is skipped and says so, and under
//! `CI=true` it fails.

mod errors;
mod frames;
mod namespace;
mod queue;
mod responder;
mod tools;
#[path = "../trials/mod.rs"]
mod trials;
mod wire;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use trials::trial;

/// A test by name, and the tools it needs.
struct Test {
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
    let arguments = Arguments::from_args();
    // No test may reach the machine's own network.
    let powerless = namespace::leave().err();
    let mut trials = Vec::new();
    let tests = [responder::tests(), frames::tests(), queue::tests(), errors::tests()];
    for Test { name, needs, run } in tests.into_iter().flatten() {
        let missing: Vec<_> = needs.iter().filter_map(|tool| tools::missing(tool)).chain(powerless.clone()).collect();
        let missing = (!missing.is_empty()).then(|| missing.join("; "));
        trials.push(trial(&name, missing.as_deref(), run));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
