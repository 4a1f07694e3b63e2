//! Packs the crate and the library for C as for the registry, unpacks them outside of the repository, and builds and documents
//! them there. The crate's package has no tests but the examples in its documentation: they are run, and the links in its
//! documents are checked.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use xshell::{Shell, cmd};

use crate::links;
use crate::project::Project;

pub fn run(project: &Project) -> Result<()> {
    let shell = &project.shell.clone();
    shell.set_var("RUSTDOCFLAGS", format!("{} warnings", project.lint_level()));
    // What is unpacked is built where it is.
    shell.set_var("CARGO_TARGET_DIR", "target");
    let folder = shell.create_temp_dir()?;
    let library = unpack(shell, Path::new("Cargo.toml"), &folder.path().join("crate"), &[])?;
    links::in_package(project, &library)?;
    // The crate may not be on the registry yet: the library for C gets it from here. A copy of that library is packed: cargo
    // writes the patch into its Cargo.lock.
    let patch = ["--config", &format!("patch.crates-io.tcp-reset.path='{}'", library.display())];
    let files = cmd!(shell, "git ls-files capi").quiet().read()?;
    cmd!(shell, "cp --parents --target-directory={library}").args(files.lines()).quiet().run()?;
    let for_c = unpack(shell, &library.join("capi/Cargo.toml"), &folder.path().join("capi"), &patch)?;
    shell.change_dir(&library);
    cmd!(shell, "cargo build --quiet").run()?;
    cmd!(shell, "cargo doc --quiet --no-deps").run()?;
    let tests = cmd!(shell, "cargo test --quiet").read()?;
    println!("{}", Regex::new("test result: ok. [1-9].*")?.find(&tests).context("no test was run")?.as_str());
    shell.change_dir(&for_c);
    cmd!(shell, "cargo build --quiet {patch...}").run()?;
    cmd!(shell, "cargo doc --quiet --no-deps {patch...}").run()?;
    for file in ["include/tcp_reset.h", "target/debug/libtcp_reset.a"] {
        ensure!(shell.path_exists(file), "capi: {file} is missing");
    }
    Ok(())
}

/// Packs the package of a manifest, and unpacks it into this folder.
fn unpack(shell: &Shell, manifest: &Path, folder: &Path, options: &[&str]) -> Result<PathBuf> {
    let packed = shell.create_dir(folder.with_extension("packed"))?;
    let command = cmd!(shell, "cargo package --quiet --allow-dirty --no-verify --target-dir {packed}");
    command.arg("--manifest-path").arg(manifest).args(options).run()?;
    let files = shell.read_dir(packed.join("package"))?;
    let file = files.iter().find(|file| file.extension().is_some_and(|name| name == "crate"));
    let file = file.with_context(|| format!("cargo has packed nothing of {}", manifest.display()))?;
    let folder = shell.create_dir(folder)?;
    cmd!(shell, "tar --extract --file {file} --directory {folder} --strip-components=1").quiet().run()?;
    Ok(folder)
}
