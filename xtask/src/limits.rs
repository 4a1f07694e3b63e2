//! Compares measured figures with their limits.
//!
//! A file of limits has a line `NAME LIMIT` for each figure, `NAME -` for one that needs none, and a line
//! `# belongs to WHAT VERSION` for each thing that the figures depend on: `rustc`, `linux` or a Debian package.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::project::Project;

#[derive(Args, Default)]
pub struct Options {
    /// Sets the limits to what is measured and two percent of room
    #[arg(long)]
    pub set_limits: bool,
}

/// Measured figures, in the order in which they were measured.
pub type Figures = Vec<(String, u64)>;

/// Fails if a figure is over its limit, or if either list lacks a name of the other; with `--set-limits`, writes the file
/// instead. With other versions than the file's, a figure over its limit is only reported.
///
/// `shell` has the compiler that the figures are of.
pub fn check(project: &Project, shell: &Shell, options: &Options, file: &str, figures: &Figures) -> Result<()> {
    let text = shell.read_file(file)?;
    if options.set_limits {
        return Ok(shell.write_file(file, set(shell, &text, figures)?)?);
    }
    let others = other_versions(shell, file)?;
    let over = compare(&text, figures).with_context(|| file.to_owned())?;
    for line in &over {
        eprintln!("{file}: {line}");
    }
    if !others.is_empty() {
        let what = format!("{file}, figures over the limit: {}", over.len());
        return project.report(&what, &format!("{others}; `--set-limits` sets it again"));
    }
    ensure!(over.is_empty(), "{file}: over the limit");
    Ok(())
}

/// What differs here from the versions that a file belongs to.
pub fn other_versions(shell: &Shell, file: &str) -> Result<String> {
    let text = shell.read_file(file)?;
    ensure!(dependencies(&text).next().is_some(), "{file} does not say which versions it belongs to");
    let mut others = Vec::new();
    for (what, version) in dependencies(&text) {
        let here = version_of(shell, what)?;
        if here != version {
            others.push(format!("it belongs to {what} {version}, here is {here}"));
        }
    }
    Ok(others.join("; "))
}

/// What each figure over its limit is.
fn compare(text: &str, figures: &Figures) -> Result<Vec<String>> {
    let limits: Vec<_> = limits(text).collect();
    for (name, _) in figures {
        ensure!(limits.iter().any(|(listed, _)| listed == name), "{name} has no limit");
    }
    let mut over = Vec::new();
    for (name, limit) in limits {
        let Some((_, figure)) = figures.iter().find(|(measured, _)| measured == name) else {
            bail!("{name} was not measured");
        };
        if limit != "-" && *figure > limit.parse().with_context(|| format!("the limit of {name}: {limit}"))? {
            over.push(format!("{name} is {figure}, its limit is {limit}"));
        }
    }
    Ok(over)
}

/// The file with two percent of room above each figure, rounded down; comments and lines `NAME -` stay, and a figure without a
/// line gets one at the end.
fn set(shell: &Shell, text: &str, figures: &Figures) -> Result<String> {
    let with_room = |figure: u64| figure + figure / 50;
    let figure = |name| figures.iter().find(|(measured, _)| measured == name);
    let mut new = String::new();
    for line in text.lines() {
        if let Some((what, _)) = dependencies(line).next() {
            writeln!(new, "# belongs to {what} {}", version_of(shell, what)?)?;
        } else if let Some((name, figure)) =
            limits(line).filter(|(_, limit)| *limit != "-").find_map(|(name, _)| figure(name))
        {
            writeln!(new, "{name} {}", with_room(*figure))?;
        } else {
            writeln!(new, "{line}")?;
        }
    }
    for (name, figure) in figures.iter().filter(|(name, _)| !limits(text).any(|(listed, _)| listed == name)) {
        writeln!(new, "{name} {}", with_room(*figure))?;
    }
    Ok(new)
}

fn limits(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

fn dependencies(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.strip_prefix("# belongs to ")).filter_map(|line| line.split_once(' '))
}

/// The version of a thing here; `none` if it is not there.
fn version_of(shell: &Shell, what: &str) -> Result<String> {
    let version = match what {
        "rustc" => cmd!(shell, "rustc --version").quiet().read()?.split_once(' ').unwrap_or_default().1.to_owned(),
        "linux" => cmd!(shell, "uname -r").quiet().read()?.splitn(3, '.').take(2).collect::<Vec<_>>().join("."),
        package => cmd!(shell, "dpkg-query --show --showformat")
            .args(["${Version}", package])
            .quiet()
            .ignore_stderr()
            .read()
            .unwrap_or_default(),
    };
    Ok(if version.is_empty() { "none".to_owned() } else { version })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# A comment.\n# belongs to linux 6.18\nsmall 10\nfree -\n";

    fn figures(list: &[(&str, u64)]) -> Figures {
        list.iter().map(|&(name, figure)| (name.to_owned(), figure)).collect()
    }

    #[test]
    fn only_what_is_over_its_limit() {
        assert!(compare(FILE, &figures(&[("small", 10), ("free", 99)])).unwrap().is_empty());
        let over = compare(FILE, &figures(&[("small", 11), ("free", 99)])).unwrap();
        assert_eq!(over, ["small is 11, its limit is 10"]);
    }

    #[test]
    fn each_list_has_all_names_of_the_other() {
        assert!(compare(FILE, &figures(&[("small", 10)])).is_err());
        assert!(compare(FILE, &figures(&[("small", 10), ("free", 9), ("new", 1)])).is_err());
    }

    #[test]
    fn limits_are_set_with_two_percent_of_room() {
        let shell = Shell::new().unwrap();
        let linux = version_of(&shell, "linux").unwrap();
        let new = set(&shell, FILE, &figures(&[("small", 104), ("free", 9), ("new", 49)])).unwrap();
        assert_eq!(new, format!("# A comment.\n# belongs to linux {linux}\nsmall 106\nfree -\nnew 49\n"));
    }
}
