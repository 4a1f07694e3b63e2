//! Runs other programs, for a bounded time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::sync::LazyLock;
use std::{env, fs};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Where programs are looked for: a plain user's path may lack the last two.
static PATH: LazyLock<String> =
    LazyLock::new(|| format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into())));

/// The first Python that has scapy: a distribution's package is for the distribution's own Python.
static PYTHON: LazyLock<Option<&str>> = LazyLock::new(|| {
    let knows_scapy = |python: &&str| output(&[python, "-c", "import scapy.all"]).status.success();
    ["python3", "/usr/bin/python3"].into_iter().find(knows_scapy)
});

/// The NFQUEUE firewall: this package's, or another that does the same, such as `capi/examples/nfqueue.c`.
pub(crate) fn queue() -> &'static str {
    static QUEUE: LazyLock<Option<String>> = LazyLock::new(|| env::var("TCP_RESET_QUEUE").ok());
    QUEUE.as_deref().unwrap_or(env!("CARGO_BIN_EXE_queue"))
}

/// What to install before `tool` can be used, if anything.
pub(crate) fn missing(tool: &str) -> Option<String> {
    let (here, advice) = match tool {
        "bridge" => {
            let here = output(&["ip", "link", "add", "probe", "type", "bridge"]).status.success();
            output(&["ip", "link", "delete", "probe"]);
            (here, "this kernel has no bridges (CONFIG_BRIDGE)".into())
        }
        "scapy" => (PYTHON.is_some(), "scapy is missing (apt-get install python3-scapy)".into()),
        "/dev/net/tun" => match File::options().read(true).write(true).open(tool) {
            Ok(_) => return None,
            Err(error) => return Some(format!("{tool} cannot be opened: {error} (modprobe tun, or try as root)")),
        },
        _ => {
            let here = PATH.split(':').any(|folder| fs::exists(Path::new(folder).join(tool)).unwrap_or(false));
            let package = match tool {
                "ip" | "tc" => "iproute2",
                "nft" => "nftables",
                "unshare" | "mount" => "util-linux",
                tool => tool,
            };
            (here, format!("{tool} is missing (apt-get install {package})"))
        }
    };
    (!here).then_some(advice)
}

/// The command with a `timeout` before it, after which it is killed.
fn bounded(seconds: u8, arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", "--kill-after=1"]).arg(seconds.to_string()).args(arguments);
    command.env("PATH", &*PATH).env("LC_ALL", "C");
    command
}

/// Runs a program to its end, whatever its exit code.
pub(crate) fn output(arguments: &[&str]) -> Output {
    bounded(20, arguments).output().expect("timeout, of coreutils, is needed")
}

/// Runs a program that has to succeed, and returns what it printed.
pub(crate) fn run_with(arguments: &[&str]) -> String {
    let output = output(arguments);
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{}: {}\n{stdout}{stderr}", arguments.join(" "), output.status);
    stdout
}

/// The same, for a line without spaces inside its words.
pub(crate) fn run(line: &str) -> String {
    run_with(&line.split_whitespace().collect::<Vec<_>>())
}

/// Has scapy send the segments that `segments.py` knows by that name.
pub(crate) fn scapy(segments: &str, address: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/segments.py");
    run_with(&[PYTHON.expect("the test needs scapy"), script, segments, address])
}

/// Has scapy send the frames of `frames.py` and check the answers.
pub(crate) fn scapy_frames(mode: &str, device: &str, family: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/frames.py");
    run_with(&[PYTHON.expect("the test needs scapy"), script, mode, device, family])
}

/// Lets a device carry packets longer than 65,535 bytes.
pub(crate) fn big_tcp(device: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/big_tcp.py");
    run_with(&[PYTHON.expect("the test needs Python"), script, device]);
}

/// A program that goes on until the value is dropped, or for a minute.
pub(crate) struct Daemon {
    child: Child,
    output: BufReader<PipeReader>,
}

impl Daemon {
    /// Starts it and waits until it says that it is `ready`.
    pub(crate) fn start(arguments: &[&str], ready: &str) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        let mut command = bounded(60, arguments);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap();
        // The command owns the pipe's write ends: when the program ends, so do the lines.
        drop(command);
        let mut daemon = Self { child, output: BufReader::new(reader) };
        let mut said = String::new();
        while !said.contains(ready) {
            let len = daemon.output.read_line(&mut said).unwrap();
            assert!(len > 0, "{}: ended without being {ready:?}\n{said}", arguments.join(" "));
        }
        daemon
    }

    /// Ends it and returns what it has said since it was ready.
    pub(crate) fn stop(mut self) -> String {
        self.end();
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        said
    }

    /// Sends the program itself a signal that `timeout` does not pass on, such as SIGSTOP.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// The program's process, which is the only child of `timeout`.
    pub(crate) fn pid(&self) -> Pid {
        let timeout = self.child.id();
        let children = fs::read_to_string(format!("/proc/{timeout}/task/{timeout}/children")).unwrap();
        Pid::from_raw(children.trim().parse().unwrap())
    }

    /// Ends `timeout`, which passes the signal on, and kills a program that ignores it.
    fn end(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let pid = Pid::from_raw(self.child.id().try_into().unwrap());
            kill(pid, Signal::SIGTERM).unwrap();
            self.child.wait().unwrap();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

/// The program fails and says only the line that begins with its name.
pub(crate) fn fails(arguments: &[&str], complaint: &str) {
    let output = output(arguments);
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| std::str::from_utf8(text).unwrap());
    assert_eq!((output.status.code(), stdout), (Some(1), ""), "{stderr}");
    assert!(stderr.starts_with(complaint) && stderr.lines().count() == 1, "{stderr:?} is not {complaint:?}");
}
