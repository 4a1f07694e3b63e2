//! Builds images for machines without an operating system, by the nightly Rust of the repository, which builds core for them.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::project::Project;

/// The same flags for all images, so that core is built once for each target. It has bitcode, so that one core serves images
/// with and without link-time optimization; the image alone is told about that.
const FLAGS: &str = "-Clinker=rust-lld -Clinker-flavor=ld.lld -Crelocation-model=static -Cembed-bitcode=yes";

pub struct BareMetal {
    /// Its cargo is that of the nightly Rust; `llvm-nm`, `llvm-size` and `llvm-objdump` are of the same LLVM.
    pub shell: Shell,
    target_dir: String,
}

impl BareMetal {
    pub fn new(project: &Project) -> Result<Self> {
        let shell = project.toolchain(project.version("NIGHTLY"), &["rust-src", "llvm-tools"])?;
        let sysroot = cmd!(shell, "rustc --print sysroot").quiet().read()?;
        let host = cmd!(shell, "rustc --print host-tuple").quiet().read()?;
        let path = shell.var("PATH")?;
        shell.set_var("PATH", format!("{sysroot}/lib/rustlib/{host}/bin:{path}"));
        let target_dir = project.target_dir.join("embedded").display().to_string();
        shell.set_var("CARGO_TARGET_DIR", &target_dir);
        Ok(Self { shell, target_dir })
    }

    /// Builds a package's image for a target, with options for cargo and flags for the image alone; where it is.
    pub fn link(&self, package: &str, target: &str, options: &[String], flags: &[&str], name: &str) -> Result<String> {
        let image = format!("{}/{target}/release/{name}", self.target_dir);
        // No image of an earlier run is looked at.
        self.shell.remove_path(&image)?;
        cmd!(
            self.shell,
            "cargo rustc --quiet --locked --manifest-path {package}/Cargo.toml --release -Zbuild-std=core"
        )
        .args(["-Zbuild-std-features=compiler-builtins-mem", "--target", target])
        .args(options)
        .arg("--")
        .args(flags)
        .env("RUSTFLAGS", FLAGS)
        .quiet()
        .run()?;
        Ok(image)
    }
}
