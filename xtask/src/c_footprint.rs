//! How much code a C program links that calls the library, for two small machines, by arm-none-eabi-gcc: a Markdown table, as
//! capi/README.md has it. The library is built by the command of that page, at opt-level z, with the core that rustup ships.

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::limits::{self, Figures, Options};
use crate::project::Project;

const MACHINES: [(&str, &str); 2] = [("thumbv7em", "cortex-m4"), ("thumbv6m", "cortex-m0")];
/// The job's number in `capi/footprint/main.c`, its name, its function, and what it covers.
const ROWS: [(&str, &str, &str, &str); 8] = [
    ("1", "ipv4-packet", "tcp_reset_ipv4_packet", ""),
    ("2", "packet", "tcp_reset_packet", ", IPv4 and IPv6"),
    ("3", "both-ends", "tcp_reset_packet", ", and to the destination too"),
    ("4", "frame", "tcp_reset_frame", ", IPv4 and IPv6"),
    ("5", "tcp-segment", "tcp_reset_tcp_segment", ""),
    ("6", "tcp-header", "tcp_reset_tcp_header", ""),
    ("7", "parsed-segment", "tcp_reset_parsed_segment", ""),
    ("8", "write-segment", "tcp_reset_write_segment", ""),
];

/// Fails if an image is over its limit, holds a panic, or keeps data besides its buffers.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let packages = "gcc-arm-none-eabi libnewlib-arm-none-eabi";
    project.need(packages, &["arm-none-eabi-gcc", "arm-none-eabi-nm", "arm-none-eabi-size"])?;
    let shell = &project.shell;
    for (machine, _) in MACHINES {
        if !project.has_target(&format!("{machine}-none-eabi"))? {
            return Ok(());
        }
        cmd!(shell, "cargo build --quiet --locked --manifest-path capi/Cargo.toml --target-dir capi/target --release")
            .args(["--target", &format!("{machine}-none-eabi"), "--config", "profile.release.opt-level=\"z\""])
            .run()?;
        exported(project, &library(machine))?;
    }
    let mut figures = Figures::new();
    println!("| bytes of linked code for a C program that calls | thumbv7em | thumbv6m |");
    println!("|---|---|---|");
    for (job, name, function, more) in ROWS {
        let mut row = format!("| `{function}`{more} |");
        for (machine, cpu) in MACHINES {
            let text = measure(project, job, machine, cpu).with_context(|| format!("{name} on {machine}"))?;
            row += &format!(" {text} |");
            figures.push((format!("{name}-{machine}"), text));
        }
        println!("{row}");
    }
    limits::check(project, shell, options, "capi/footprint/footprint.limits", &figures)
}

fn library(machine: &str) -> String {
    format!("capi/target/{machine}-none-eabi/release/libtcp_reset.a")
}

/// Fails unless the library exports our functions and nothing else.
fn exported(project: &Project, library: &str) -> Result<()> {
    let symbols = cmd!(project.shell, "arm-none-eabi-readelf --syms --wide {library}").quiet().read()?;
    for line in symbols.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, _, _, _, "GLOBAL" | "WEAK", "DEFAULT", section, name, ..] = words[..] else { continue };
        ensure!(section == "UND" || name.starts_with("tcp_reset_"), "{library} exports {name}");
    }
    Ok(())
}

/// The code of an image.
fn measure(project: &Project, job: &str, machine: &str, cpu: &str) -> Result<u64> {
    let shell = &project.shell;
    let (image, library) = ("capi/target/footprint.elf", library(machine));
    cmd!(shell, "arm-none-eabi-gcc -mcpu={cpu} -mthumb -mfloat-abi=soft -std=c99 -Wall -Wextra -Werror -DJOB={job} -Icapi/include")
        .args(["-Os", "-ffunction-sections", "-fdata-sections", "capi/footprint/main.c", &library, "-nostartfiles"])
        .args(["--specs=nano.specs", "-Wl,--gc-sections,--entry=main,--no-warn-rwx-segments,-z,noexecstack", "-o", image])
        .quiet()
        .run()?;
    let sizes = cmd!(shell, "arm-none-eabi-size {image}").quiet().read()?;
    let words: Vec<_> = sizes.lines().nth(1).context("no sizes")?.split_whitespace().collect();
    let (text, data, bss): (u64, u64, u64) = (words[0].parse()?, words[1].parse()?, words[2].parse()?);
    let symbols = cmd!(shell, "arm-none-eabi-nm {image}").quiet().read()?;
    let other = symbols.lines().find(|line| ["panic", "unwind", "alloc"].iter().any(|name| line.contains(name)));
    ensure!(other.is_none(), "it holds {}", other.unwrap_or_default());
    // The packet, its length and the reply.
    ensure!(data + bss <= 1592, "it keeps {} bytes of data, and the three have 1586", data + bss);
    Ok(text)
}
