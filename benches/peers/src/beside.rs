//! The same crate built with cargo's default release profile: a second process, which measures when it is told to.

use std::io::{BufRead, BufReader, Lines, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::answers::{self, Set};

/// The second process.
pub struct Beside {
    child: Child,
    orders: ChildStdin,
    times: Lines<BufReader<ChildStdout>>,
}

impl Beside {
    /// Builds it and starts it. This process stands in `target/lto`, the other then in `target/release`.
    pub fn start() -> Result<Self> {
        let this = std::env::current_exe()?;
        let name = this.file_name().context("this program has no name")?;
        let folder = this.parent().context("this program is nowhere")?;
        ensure!(folder.ends_with("lto"), "build this program with --profile lto: it builds the release one itself");
        let built = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
            .args(["build", "--quiet", "--release", "--bin", env!("CARGO_PKG_NAME"), "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .status()
            .context("cargo does not start")?;
        ensure!(built.success(), "the release profile does not build");

        let mut child = Command::new(folder.with_file_name("release").join(name))
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the program of the release profile does not start")?;
        let orders = child.stdin.take().context("no way to give orders")?;
        let times = BufReader::new(child.stdout.take().context("no way to get times")?).lines();
        Ok(Self { child, orders, times })
    }

    /// Nanoseconds for an answer to a packet of the set with that number.
    pub fn time(&mut self, set: usize, passes: usize) -> f64 {
        self.ask(set, passes).expect("the program of the release profile measures as long as this one lives")
    }

    fn ask(&mut self, set: usize, passes: usize) -> Result<f64> {
        writeln!(self.orders, "{set} {passes}")?;
        Ok(self.times.next().context("it is gone")??.parse()?)
    }

    /// Ends it.
    pub fn stop(self) -> Result<()> {
        let Self { mut child, orders, times: _ } = self;
        drop(orders);
        ensure!(child.wait()?.success(), "the program of the release profile fails");
        Ok(())
    }
}

/// What the second process does: measures this crate, one line in and one line out, until there are no more.
pub fn serve(sets: &[Set]) -> Result<()> {
    for order in stdin().lines() {
        let order = order?;
        let Some((set, passes)) = order.split_once(' ') else { bail!("no order: {order:?}") };
        let set = sets.get(set.parse::<usize>()?).context("no such set")?;
        println!("{}", answers::time(crate::contenders::tcp_reset, &set.packets, passes.parse()?));
        stdout().flush()?;
    }
    Ok(())
}
