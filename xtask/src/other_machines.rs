//! The whole test suite on other kinds of machine, in QEMU: big-endian (s390x) and 32-bit (armv7, little-endian); then builds
//! for machines whose `usize` has 16 bits, on which no test can run here.

use anyhow::Result;
use xshell::cmd;

use crate::project::Project;

pub fn run(project: &Project) -> Result<()> {
    for (target, gnu, qemu, packages) in [
        ("s390x-unknown-linux-gnu", "s390x-linux-gnu", "qemu-s390x", "gcc-s390x-linux-gnu libc6-dev-s390x-cross"),
        (
            "armv7-unknown-linux-gnueabihf",
            "arm-linux-gnueabihf",
            "qemu-arm",
            "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross",
        ),
    ] {
        let linker = format!("{gnu}-gcc");
        project.need(&format!("{packages} qemu-user"), &[&linker, qemu])?;
        if !project.has_target(target)? {
            continue;
        }
        let variable = format!("CARGO_TARGET_{}", target.to_uppercase().replace('-', "_"));
        // Every test and every example of the documentation, in one call: two would build the dependencies twice.
        cmd!(project.shell, "cargo test --target {target} --config profile.dev.debug=0")
            .args(["--config", "profile.dev.opt-level=\"z\""])
            .env(format!("{variable}_LINKER"), linker)
            .env(format!("{variable}_RUNNER"), format!("{qemu} -L /usr/{gnu}"))
            .run()?;
    }
    // core is built too, by the nightly Rust.
    let shell = project.toolchain(project.version("NIGHTLY"), &["rust-src"])?;
    let folder = project.target_dir.join("embedded");
    for (target, flags) in [("msp430-none-elf", ""), ("avr-none", "-Ctarget-cpu=atmega328p")] {
        cmd!(shell, "cargo build --quiet --release --lib --target {target} -Zbuild-std=core --target-dir {folder}")
            .env("RUSTFLAGS", flags)
            .run()?;
        println!("{target}: built");
    }
    Ok(())
}
