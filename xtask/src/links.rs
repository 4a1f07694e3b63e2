//! Relative links in the Markdown documents, and whether README and the documentation's first example fit on a page.
//!
//! A link's file has to exist, and in a Markdown file its heading. In the repository, a path in a code span has to exist too,
//! from the root or from the document's folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use xshell::cmd;

use crate::project::Project;

/// In the repository.
pub fn run(project: &Project) -> Result<()> {
    let readme = project.shell.read_file("README.md")?;
    ensure!(readme.lines().count() <= 120, "README.md: more than 120 lines");
    for block in readme.split("\n```").skip(1).step_by(2) {
        not_wider("README.md", block, 90)?;
    }
    let library = project.shell.read_file("src/lib.rs")?;
    let example = library.split("//! ```").nth(1).context("src/lib.rs: no example")?;
    // Beside rustdoc's sidebar, on a screen of 760 pixels.
    not_wider("src/lib.rs", &example.replace("//! ", ""), 56)?;
    let documents = cmd!(project.shell, "git ls-files *.md").quiet().read()?;
    let paths = Regex::new("`([A-Za-z.][A-Za-z0-9_.-]*/[A-Za-z0-9_./-]*)`")?;
    check(&project.root, &project.root, &documents, Some(&paths))
}

/// In an unpacked package: the registry leads links to what it lacks to the `repository`.
pub fn in_package(project: &Project, folder: &Path) -> Result<()> {
    let documents = cmd!(project.shell, "find {folder} -name *.md -printf %P\\n").quiet().read()?;
    check(folder, &project.root, &documents, None)
}

fn not_wider(file: &str, block: &str, columns: usize) -> Result<()> {
    let wide = block.lines().find(|line| line.chars().count() > columns);
    ensure!(wide.is_none(), "{file}: more than {columns} columns: {}", wide.unwrap_or_default());
    Ok(())
}

fn check(folder: &Path, repository: &Path, documents: &str, paths: Option<&Regex>) -> Result<()> {
    let links = Regex::new(r"\]\(([^) \n]+)")?;
    let mut checked = 0;
    for document in documents.lines() {
        let text = prose(&folder.join(document))?;
        let beside = Path::new(document).parent().unwrap_or(Path::new(""));
        let find =
            |path: &Path| [folder, repository].map(|root| root.join(path)).into_iter().find(|path| path.exists());
        for link in matches(&links, &text).filter(|link| !link.starts_with("http")) {
            checked += 1;
            let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let path = if file.is_empty() { PathBuf::from(document) } else { beside.join(file) };
            let target = find(&path).with_context(|| format!("{document}: no such file: {link}"))?;
            if let Some(heading) = heading.filter(|_| path.extension().is_some_and(|name| name == "md")) {
                let found = prose(&target)?.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
                ensure!(found, "{document}: no such heading: {link}");
            }
        }
        // A build makes what is in target/.
        for path in
            paths.into_iter().flat_map(|paths| matches(paths, &text)).filter(|path| !path.starts_with("target/"))
        {
            checked += 1;
            let found = find(Path::new(path)).or_else(|| find(&beside.join(path)));
            ensure!(found.is_some(), "{document}: no such file: {path}");
        }
    }
    ensure!(checked > 0, "no links found");
    println!("{checked} links and paths lead somewhere");
    Ok(())
}

fn matches<'a>(pattern: &'a Regex, text: &'a str) -> impl Iterator<Item = &'a str> {
    pattern.captures_iter(text).map(|found| found.extract::<1>().1[0])
}

/// A document without its blocks of code.
fn prose(document: &Path) -> Result<String> {
    Ok(fs::read_to_string(document)?.split("\n```").step_by(2).collect())
}

/// The one that GitHub makes of a heading: in lower case, without punctuation, hyphens for spaces. Two headings with the same
/// words are not told apart, and none has letters beyond ASCII.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim_start().to_ascii_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect()
}
