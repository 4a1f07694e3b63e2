//! Real clients believe our resets: nmap, hping3, scapy, curl and the running kernel are answered by the programs here
//! of this package, while tcpdump and tshark look on.
//!
//! Each test makes network namespaces of its own and reaches nothing outside them; no wait in it is unbounded. They
//! take root or the right to make user namespaces, and tools: where something is missing a test is skipped and says
//! so, and under `CI=true` it fails.

mod errors;
mod frames;
mod namespace;
mod queue;
mod responder;
mod tools;
mod wire;

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// A test by name, and the tools it takes.
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
    // The main thread's own network is never the machine's.
    let powerless = namespace::leave().err();
    let may_skip = env::var("CI").as_deref() != Ok("true");
    let mut trials = Vec::new();
    let tests = [responder::tests(), frames::tests(), queue::tests(), errors::tests()];
    for Test { name, needs, run } in tests.into_iter().flatten() {
        let missing: Vec<_> = needs.iter().filter_map(|tool| tools::missing(tool)).chain(powerless.clone()).collect();
        if missing.is_empty() {
            trials.push(Trial::test(name, || {
                run();
                Ok(())
            }));
        } else {
            let reason = missing.join("; ");
            eprintln!("{} {name}: {reason}", if may_skip { "SKIPPED" } else { "CANNOT RUN" });
            trials.push(Trial::test(name, || Err(reason.into())).with_ignored_flag(may_skip));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
