//! Builds both images for QEMU's lm3s6965evb, tests them on the wire (`embedded/board/wire.py`) and prints what they take, as
//! embedded/README.md has it: lines, flash, RAM and stack.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::bare_metal::BareMetal;
use crate::limits::{self, Figures, Options};
use crate::project::Project;

const PROGRAM: [&str; 2] = ["embedded/board/src/lib.rs", "embedded/board/src/main.rs"];
const WITH_SMOLTCP: [&str; 2] = ["embedded/board/src/lib.rs", "embedded/board/src/bin/with-smoltcp.rs"];

/// Fails if a test fails, or if a figure is over its limit.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let packages = "curl iproute2 nmap python3 qemu-system-arm tcpdump";
    project.need(packages, &["curl", "ip", "nmap", "python3", "qemu-system-arm", "tcpdump"])?;
    project.need("a kernel with TAP devices", &["/dev/net/tun"])?;
    let machines = BareMetal::new(project)?;
    let lines = lines(project, PROGRAM)?;
    ensure!(lines <= 200, "the program has {lines} lines with its driver, more than 200");
    // The tests add the depth of the stack.
    let file = project.target_dir.join("embedded/board.txt");
    fs::write(&file, "")?;
    test(&machines, "board", "", &file)?;
    test(&machines, "with-smoltcp", "smoltcp", &file)?;
    let figures = read(&file)?;

    println!("| image | lines with the driver | bytes of flash | static data | stack, in hundreds |");
    println!("|---|---|---|---|---|");
    for (text, image, files) in [
        ("TCP resets, ARP, neighbor discovery", "board", PROGRAM),
        ("the same beside smoltcp, with a service", "with-smoltcp", WITH_SMOLTCP),
    ] {
        let figure = |name| {
            let name = format!("{image}-{name}");
            figures.iter().find(|(measured, _)| *measured == name).map(|(_, figure)| *figure).context(name)
        };
        // Rounded up, since smoltcp's depends on what meets by chance: by some bytes.
        let stack = figure("stack")?.next_multiple_of(100);
        let lines = self::lines(project, files)?;
        println!("| {text} | {lines} | {} | {} | {stack} |", figure("flash")?, figure("static")?);
    }
    limits::check(project, &machines.shell, options, "embedded/board/size.limits", &figures)
}

fn lines(project: &Project, files: [&str; 2]) -> Result<usize> {
    files.iter().map(|file| Ok(project.shell.read_file(file)?.lines().count())).sum()
}

/// Builds an image and tests it. Its flash holds code and constants, its RAM static data and the stack.
fn test(machines: &BareMetal, name: &str, features: &str, file: &Path) -> Result<()> {
    let shell = &machines.shell;
    let arguments = ["--features", features, "--bin", name].map(str::to_owned);
    let flags = ["-Clink-arg=-Tlink.x", "-Clink-arg=--nmagic"];
    let image = machines.link("embedded/board", "thumbv7m-none-eabi", &arguments, &flags, name)?;
    let sizes = cmd!(shell, "llvm-size --format=sysv {image}").quiet().read()?;
    let sum = |sections: &[&str]| {
        let words = sizes.lines().filter_map(|line| line.split_whitespace().next().zip(line.split_whitespace().nth(1)));
        words
            .filter(|(section, _)| sections.contains(section))
            .map(|(_, size)| size.parse::<u64>())
            .sum::<Result<u64, _>>()
    };
    let data = sum(&[".data", ".bss", ".uninit"])?;
    let flash = sum(&[".vector_table", ".text", ".rodata", ".data"])?;
    let old = fs::read_to_string(file)?;
    fs::write(file, format!("{old}{name}-flash {flash}\n{name}-static {data}\n"))?;
    let data = data.to_string();
    cmd!(shell, "timeout 100 unshare --net python3 embedded/board/wire.py {name} {image} {data} {file}").run()?;
    if name == "board" {
        // `Reset` is where each image starts: it has symbols.
        let symbols = cmd!(shell, "llvm-nm --demangle {image}").quiet().read()?;
        ensure!(symbols.lines().any(|line| line.ends_with(" Reset")), "{image} has no symbols");
        let panics = symbols.lines().find(|line| line.contains("panic") || line.contains("_fail"));
        ensure!(panics.is_none(), "{image} has code of a panic: {}", panics.unwrap_or_default());
    }
    Ok(())
}

fn read(file: &Path) -> Result<Figures> {
    let text = fs::read_to_string(file)?;
    let words = text.lines().filter_map(|line| line.split_once(' '));
    words.map(|(name, figure)| Ok((name.to_owned(), figure.parse()?))).collect()
}
