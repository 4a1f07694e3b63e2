//! The page: one file, with the crate as WebAssembly in it. With `--check`, it is tested in headless Chromium, whose pictures
//! are left in target/page-check.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use regex::Regex;
use xshell::cmd;

use crate::project::Project;

/// What the page is allowed to be: bytes of WebAssembly, lines of script and Rust without comments and empty lines.
const LONGEST_WASM: u64 = 30_000;
const MOST_LINES: usize = 500;

#[derive(Args)]
pub struct Options {
    /// Tests it in headless Chromium; two minutes, with Debian's chromium, chromium-driver, fonts-dejavu-core, python3-selenium
    #[arg(long)]
    check: bool,

    /// Where index.html is written, instead of target/site
    directory: Option<PathBuf>,
}

pub fn run(project: &Project, options: &Options) -> Result<()> {
    let site = match &options.directory {
        Some(directory) => env::current_dir()?.join(directory),
        None => project.target_dir.join("site"),
    };
    if options.check { check(project, &site) } else { build(project, &site).map(drop) }
}

/// In target/site.
pub fn check_all(project: &Project) -> Result<()> {
    check(project, &project.target_dir.join("site"))
}

fn check(project: &Project, site: &Path) -> Result<()> {
    let shell = &project.shell;
    project.need(
        "chromium chromium-driver fonts-dejavu-core python3-selenium",
        &[
            "/usr/bin/chromium",
            "/usr/bin/chromedriver",
            "/usr/share/fonts/truetype/dejavu",
            "/usr/lib/python3/dist-packages/selenium",
        ],
    )?;
    let pictures = project.target_dir.join("page-check");
    shell.remove_path(&pictures)?;
    shell.create_dir(&pictures)?;
    project.step("the page, and its size", || size(project, build(project, site)?))?;
    project.step("the capture tool, whose answers it has to give", || {
        Ok(cmd!(shell, "cargo build --quiet -p tcp-reset-capture").run()?)
    })?;
    let tool = project.target_dir.join("debug/tcp-reset-capture");
    project.step("the page in Chromium", || {
        let test = "page/tests/page.py";
        Ok(cmd!(shell, "timeout 600 /usr/bin/python3 {test} {site}/index.html {tool} {pictures}").run()?)
    })
}

/// Writes index.html, and returns how many bytes the WebAssembly in it has.
fn build(project: &Project, site: &Path) -> Result<u64> {
    let shell = &project.shell;
    let target = "wasm32-unknown-unknown";
    let libraries = cmd!(shell, "rustc --print target-libdir --target {target}").quiet().read()?;
    ensure!(shell.path_exists(libraries), "the target {target} is missing: rustup target add {target}");
    let cargo_home = shell.var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(PathBuf::from(shell.var_os("HOME")?).join(".cargo")));
    // The same bytes on every machine: no path of it is in them.
    let flags = format!(
        "--remap-path-prefix={}/registry/src/= --remap-path-prefix={}/= -Clink-arg=--compress-relocations",
        cargo_home.context("HOME is not set")?.display(),
        project.root.display()
    );
    cmd!(shell, "cargo build --quiet --locked --profile page --target {target} -p tcp-reset-page")
        .env("RUSTFLAGS", flags)
        .run()?;
    let wasm = project.target_dir.join(target).join("page/tcp_reset_page.wasm");
    let scripts = ["hex", "answer", "capture", "comparison", "detail", "page"];
    let scripts: Result<String, _> =
        scripts.iter().map(|name| shell.read_file(format!("page/web/{name}.js"))).collect();
    let manifest = shell.read_file("Cargo.toml")?;
    let version = Regex::new(r#"(?m)^version = "(.*)""#)?.captures(&manifest).context("Cargo.toml: no version")?;
    let page = shell
        .read_file("page/web/index.html")?
        .replace("@version@", &version[1])
        .replace("@page.css@", shell.read_file("page/web/page.css")?.trim_end())
        .replace("@script@", scripts?.trim_end())
        .replace("@wasm@", &cmd!(shell, "base64 --wrap 0 {wasm}").quiet().read()?);
    let file = shell.create_dir(site)?.join("index.html");
    let bytes = wasm.metadata()?.len();
    println!("{}: {} bytes, the WebAssembly in it {bytes}", file.display(), page.len());
    shell.write_file(file, page)?;
    Ok(bytes)
}

fn size(project: &Project, bytes: u64) -> Result<()> {
    let shell = &project.shell;
    let no_code = Regex::new(r"^\s*(//.*)?$")?;
    let mut lines = 0;
    for file in [shell.read_dir("page/web")?, shell.read_dir("page/src")?].concat() {
        if file.extension().is_some_and(|name| name == "js" || name == "rs") {
            lines += shell.read_file(file)?.lines().filter(|line| !no_code.is_match(line)).count();
        }
    }
    println!("WebAssembly: {bytes} bytes of {LONGEST_WASM}; script and Rust: {lines} lines of {MOST_LINES}");
    if bytes > LONGEST_WASM {
        ensure!(project.other_versions, "the WebAssembly is too large");
        let what = format!("the size of the WebAssembly, {bytes} bytes of {LONGEST_WASM}");
        project.report(&what, "with another compiler it is another size")?;
    }
    ensure!(lines <= MOST_LINES, "there are too many lines");
    Ok(())
}
