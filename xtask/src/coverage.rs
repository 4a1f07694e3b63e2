//! Fails if `cargo test` leaves a line of `src/` out, except those that `scripts/coverage.exceptions` names. The examples in the
//! documentation are not measured.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xshell::cmd;

use crate::ci::quiet;
use crate::project::Project;

pub fn run(project: &Project) -> Result<()> {
    let shell = project.shell.clone();
    // The tools must be those of the compiler.
    if quiet(cmd!(shell, "rustup component add llvm-tools")).is_err() {
        return project.skip("line coverage of src/", "rustup cannot install llvm-tools here");
    }
    let libraries = cmd!(shell, "rustc --print target-libdir").quiet().read()?;
    let tool = |name: &str| format!("{libraries}/../bin/{name}");
    let work = project.target_dir.join("coverage");
    let profiles = work.join("profiles");
    shell.remove_path(&profiles)?;
    shell.set_var("RUSTFLAGS", "-Cinstrument-coverage");
    shell.set_var("LLVM_PROFILE_FILE", profiles.join("%m.profraw"));
    shell.set_var("CARGO_PROFILE_DEV_DEBUG", "0");
    let test = || cmd!(shell, "cargo test --quiet --lib --tests --target-dir {work}");
    let built = test().args(["--no-run", "--message-format=json"]).quiet().read()?;
    quiet(test())?;
    let (profdata, cov) = (tool("llvm-profdata"), tool("llvm-cov"));
    let (raw, profile) = (shell.read_dir(&profiles)?, work.join("profile"));
    cmd!(shell, "{profdata} merge --sparse {raw...} -o {profile}").quiet().run()?;
    let mut objects = Vec::new();
    for line in built.lines() {
        let message: Value = serde_json::from_str(line)?;
        objects.extend(message["executable"].as_str().map(|binary| format!("--object={binary}")));
    }
    let lines = cmd!(shell, "{cov} export --format=lcov --instr-profile={profile} {objects...} --sources src")
        .quiet()
        .read()?;

    // A line counts as run if any binary ran it.
    let mut runs = BTreeMap::new();
    let mut file = "";
    for line in lines.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = path;
        } else if let Some((number, count)) = line.strip_prefix("DA:").and_then(|line| line.split_once(',')) {
            *runs.entry((file, number.parse::<usize>()?)).or_insert(0) += count.parse::<u64>()?;
        }
    }
    let mut left = BTreeSet::new();
    let mut covered = 0;
    for (&(file, number), &count) in &runs {
        if count > 0 {
            covered += 1;
            continue;
        }
        let text = shell.read_file(file)?;
        let line = text.lines().nth(number - 1).context("no such line")?;
        let file = file.strip_prefix(&format!("{}/", project.root.display())).unwrap_or(file);
        left.insert(format!("{file}: {}", line.trim_start()));
    }
    println!("{covered} of {} lines of src/ are run by the tests", runs.len());
    ensure!(covered >= 100, "nothing was measured");
    // Each exception is such a line, under a comment with its reason.
    let exceptions = shell.read_file("scripts/coverage.exceptions")?;
    let exceptions: BTreeSet<_> = exceptions.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let list = |lines: Vec<&String>| lines.iter().map(|line| format!("\n{line}")).collect::<String>();
    let new = list(left.difference(&exceptions).collect());
    ensure!(new.is_empty(), "no test runs these lines:{new}");
    let gone = list(exceptions.difference(&left).collect());
    ensure!(gone.is_empty(), "scripts/coverage.exceptions has lines that are run, or gone:{gone}");
    Ok(())
}
