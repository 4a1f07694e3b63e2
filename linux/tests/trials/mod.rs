//! Tests that need a network namespace, a TUN device, or a program.

use std::env;

use libtest_mimic::Trial;
use tcp_reset_linux::namespace;

/// Enters a network namespace, before the first thread starts; returns what is missing on this machine.
#[allow(dead_code, reason = "the test of the clients has a namespace for each test")]
pub(crate) fn enter() -> Option<String> {
    namespace::enter().and_then(|()| namespace::tun("probe", false)).err().map(|error| format!("{error:#}"))
}

/// A test. If something is missing it is skipped and says so, and under `CI=true` it fails.
pub(crate) fn trial(name: &str, missing: Option<&str>, run: impl FnOnce() + Send + 'static) -> Trial {
    let Some(missing) = missing.map(str::to_owned) else {
        return Trial::test(name, || {
            run();
            Ok(())
        });
    };
    let may_skip = env::var("CI").as_deref() != Ok("true");
    eprintln!("{} {name}: {missing}", if may_skip { "SKIPPED" } else { "CANNOT RUN" });
    Trial::test(name, || Err(missing.into())).with_ignored_flag(may_skip)
}
