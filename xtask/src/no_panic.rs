//! Fails if a panic is linked in: an image that calls every public function (`embedded/every-function/`; but for `Display` of what
//! has addresses, which core prints with an `unwrap`) must not have a panic symbol, on any machine, at any opt-level, with or
//! without link-time optimization. Each image is then linked again with an index added that can panic: this panic must be found.

use anyhow::{Result, ensure};
use clap::Args;
use xshell::cmd;

use crate::bare_metal::BareMetal;
use crate::project::Project;

#[derive(Args, Default)]
pub struct Options {
    /// core is built at the image's own opt-level; otherwise at 3, as rustup ships it
    #[arg(long)]
    pub long: bool,
}

const TARGETS: [&str; 4] =
    ["x86_64-unknown-linux-gnu", "thumbv6m-none-eabi", "thumbv7em-none-eabi", "riscv32imac-unknown-none-elf"];

pub fn run(project: &Project, options: &Options) -> Result<()> {
    let machines = BareMetal::new(project)?;
    let mut failed = false;
    println!("| target | opt-level | LTO | panic symbols | with an indexing added |");
    println!("|---|---|---|---|---|");
    for target in TARGETS {
        for opt_level in ["\"z\"", "\"s\"", "3"] {
            for lto in ["off", "fat"] {
                let link = |features: &str| {
                    let packages: &[&str] =
                        if options.long { &[""] } else { &["package.tcp-reset.", "package.every-function."] };
                    let settings =
                        packages.iter().map(|package| format!("profile.release.{package}opt-level={opt_level}"));
                    let mut arguments: Vec<_> = settings.flat_map(|setting| ["--config".to_owned(), setting]).collect();
                    arguments.extend(["--features", features].map(str::to_owned));
                    machines.link(
                        "embedded/every-function",
                        target,
                        &arguments,
                        &[&format!("-Clto={lto}")],
                        "every-function",
                    )
                };
                let found = panics(&machines, &link("")?)?;
                let added = panics(&machines, &link("index")?)?.len();
                println!("| {target} | {opt_level} | {lto} | {} | {added} |", found.len());
                found.iter().for_each(|symbol| eprintln!("{symbol}"));
                failed |= !found.is_empty() || added == 0;
            }
        }
    }
    ensure!(!failed, "a panic is linked in, or the panic of the added indexing was not found");
    println!("no panic is linked in, and each added one was found");
    Ok(())
}

/// The panic symbols of an image. It defines none itself but the panic handler.
fn panics(machines: &BareMetal, image: &str) -> Result<Vec<String>> {
    let names = ["panick", "panic_reached", "unwind", "unwrap_failed", "expect_failed"];
    let symbols = cmd!(machines.shell, "llvm-nm --demangle {image}").quiet().read()?;
    ensure!(symbols.lines().filter(|line| line.ends_with(" T _start")).count() == 1, "{image} has no symbols");
    let found = symbols.lines().filter(|line| names.iter().any(|name| line.contains(name)));
    Ok(found.map(str::to_owned).collect())
}
