//! Where the repository is, which versions its checks have, and what a run could not check.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

/// A run of a task in the repository.
#[derive(Clone)]
pub struct Project {
    /// Runs commands from the repository's root.
    pub shell: Shell,
    pub root: PathBuf,
    /// Where cargo builds: tasks keep what they make there.
    pub target_dir: PathBuf,
    versions: BTreeMap<String, String>,
    /// Whether the environment has other versions than the repository: a measurement is then only reported.
    pub other_versions: bool,
    notes: PathBuf,
    /// The notes are printed by the run that was started first.
    outermost: bool,
}

impl Project {
    pub fn open() -> Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?.to_path_buf();
        // As seen from where cargo was called.
        let target_dir = match env::var_os("CARGO_TARGET_DIR") {
            Some(directory) => env::current_dir()?.join(directory),
            None => root.join("target"),
        };
        fs::create_dir_all(&target_dir)?;
        for name in ["RUSTC", "RUSTDOC", "RUSTC_BOOTSTRAP"] {
            ensure!(env::var_os(name).is_none(), "{name} is set: unset it, so that each check has its own compiler");
        }
        let shell = Shell::new()?;
        shell.change_dir(&root);
        shell.set_var("CARGO_TARGET_DIR", &target_dir);
        let mut versions = BTreeMap::new();
        let mut other_versions = false;
        let file = shell.read_file("versions.env")?;
        for line in file.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((name, value)) = line.trim().split_once('=') else { continue };
            let here = env::var(name).unwrap_or_else(|_| value.to_owned());
            other_versions |= here != value && ["STABLE", "NIGHTLY"].contains(&name);
            versions.insert(name.to_owned(), here);
        }
        ensure!(!versions.is_empty(), "versions.env has no versions");
        let (notes, outermost) = match env::var_os("NOT_DONE") {
            Some(file) => (PathBuf::from(file), false),
            None => (target_dir.join(format!("not-done/{}.txt", process::id())), true),
        };
        if outermost && notes.exists() {
            fs::remove_file(&notes)?;
        }
        shell.set_var("NOT_DONE", &notes);
        Ok(Self { shell, root, target_dir, versions, other_versions, notes, outermost })
    }

    /// The version of a compiler or tool.
    pub fn version(&self, name: &str) -> &str {
        &self.versions[name]
    }

    /// Which warnings there are belongs to a version too: those of another one block no change.
    pub fn lint_level(&self) -> &str {
        if self.other_versions { "--warn" } else { "--deny" }
    }

    /// Whether nothing that can be checked on a prepared machine may be skipped.
    pub fn is_ci(&self) -> bool {
        self.shell.var("CI").is_ok_and(|value| value == "true")
    }

    /// The same, where nothing may be skipped.
    pub fn with_ci(&self) -> Self {
        let project = self.clone();
        project.shell.set_var("CI", "true");
        project
    }

    /// Runs one step of a task under this name, and says how long it took.
    pub fn step(&self, name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n=== {name}");
        let start = Instant::now();
        work().with_context(|| name.to_owned())?;
        println!("=== {name}: {} s", start.elapsed().as_secs());
        Ok(())
    }

    /// A check could not be done: says so now, and again at the end.
    pub fn skip(&self, what: &str, why: &str) -> Result<()> {
        self.note("NOT DONE", what, why)
    }

    /// A measurement was not compared, since it belongs to other versions.
    pub fn report(&self, what: &str, why: &str) -> Result<()> {
        self.note("ONLY REPORTED", what, why)
    }

    fn note(&self, kind: &str, what: &str, why: &str) -> Result<()> {
        println!("\n=== {kind}: {what}: {why}");
        fs::create_dir_all(self.notes.parent().context("the notes have no folder")?)?;
        let mut file = OpenOptions::new().create(true).append(true).open(&self.notes)?;
        Ok(writeln!(file, "{kind}: {what}: {why}")?)
    }

    /// Whether anything was skipped or only reported.
    pub fn has_notes(&self) -> bool {
        self.notes.exists()
    }

    /// At the end of a run: what was skipped or only reported.
    pub fn print_notes(&self) -> Result<()> {
        if self.outermost && self.has_notes() {
            eprint!("{}", fs::read_to_string(&self.notes)?);
        }
        Ok(())
    }

    /// Fails unless each program or file is there; they are in these Debian packages.
    pub fn need(&self, packages: &str, names: &[&str]) -> Result<()> {
        for name in names {
            let path = env::var_os("PATH").unwrap_or_default();
            let found = env::split_paths(&path).any(|folder| folder.join(name).is_file());
            ensure!(found || self.root.join(name).exists(), "{name} is missing: apt-get install {packages}");
        }
        Ok(())
    }

    /// Fails unless this program from crates.io is there in the version of the repository (`NAME` in its list of versions).
    pub fn need_tool(&self, program: &str, package: &str, name: &str) -> Result<()> {
        let version = self.version(name);
        ensure!(
            self.has_version(program, version),
            "{program} {version} is missing: cargo install --locked {package} --version ={version}"
        );
        Ok(())
    }

    /// Whether the program is there in this version.
    pub fn has_version(&self, program: &str, version: &str) -> bool {
        // Some subcommands of cargo want their name first.
        let subcommand = program.strip_prefix("cargo-").map(str::to_owned);
        [None, subcommand].into_iter().any(|name| {
            let printed = cmd!(self.shell, "{program} {name...} --version").quiet().ignore_stderr().read();
            printed.is_ok_and(|text| text.split_whitespace().any(|word| word.trim_start_matches('v') == version))
        })
    }

    /// A shell whose cargo and rustc are those of a toolchain with these components.
    pub fn toolchain(&self, toolchain: &str, components: &[&str]) -> Result<Shell> {
        let Ok(sysroot) = cmd!(self.shell, "rustc +{toolchain} --print sysroot").quiet().ignore_stderr().read() else {
            bail!("Rust {toolchain} is missing: .ci/run --install-rust, or rustup toolchain install {toolchain}");
        };
        let installed = fs::read_to_string(PathBuf::from(sysroot).join("lib/rustlib/components")).unwrap_or_default();
        for component in components {
            ensure!(
                installed.lines().any(|line| line.starts_with(component)),
                "{component} of Rust {toolchain} is missing: rustup component add {component} --toolchain {toolchain}"
            );
        }
        let shell = self.shell.clone();
        shell.set_var("RUSTUP_TOOLCHAIN", toolchain);
        Ok(shell)
    }

    /// Installs a target's standard library for the Rust that is active. If rustup lacks it, that is an error; with another
    /// Rust than the repository's it is said, and the caller leaves out what needs it.
    pub fn has_target(&self, target: &str) -> Result<bool> {
        let output = cmd!(self.shell, "rustup target add {target}").quiet().ignore_status().output()?;
        if output.status.success() {
            return Ok(true);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(self.other_versions, "{said}");
        let why = said.lines().find(|line| line.contains("error")).unwrap_or_default();
        self.skip(&format!("what needs Rust for {target}"), &format!("rustup has none for this version: {why}"))?;
        Ok(false)
    }
}
