//! The example program, run as its users run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

/// The program that `cargo test` has built.
pub fn resets() -> Command {
    Command::new(env!("CARGO_BIN_EXE_resets"))
}

/// Has the program read a capture.
pub fn read(capture: &[u8]) -> Run {
    Run::of(resets().arg(&Scratch::new("read.pcap", capture).0))
}

/// What came of a run.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(!stderr.contains("panicked"), "{stderr}");
        Self { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// The lines of the packets, which an empty one ends.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().take_while(|line| !line.is_empty()).collect()
    }

    /// What the summary says behind a label.
    pub fn summary(&self, label: &str) -> &str {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {label}: {}", self.stdout))
    }

    /// The counts of RST, RST/ACK and silences.
    pub fn counts(&self) -> [usize; 3] {
        let resets = self.summary("resets");
        let words = resets.split(|c: char| !c.is_ascii_digit());
        let [all, rst, rst_ack] = words.filter_map(|word| word.parse().ok()).collect::<Vec<_>>()[..] else {
            panic!("{resets}");
        };
        assert_eq!(all, rst + rst_ack);
        let silences = self.summary("silences").split(' ').next().unwrap();
        [rst, rst_ack, silences.parse().unwrap()]
    }

    /// The one line on standard error, less the names of the program and of a file without colons.
    pub fn error(&self) -> &str {
        assert_eq!((self.code, self.stderr.lines().count()), (1, 1), "{}", self.stderr);
        self.stderr.trim_end().rsplit_once(".pcap: ").unwrap().1
    }
}

/// A file that goes when it is dropped.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// A file whose name ends in `name`, which need not differ from another's.
    pub fn new(name: &str, contents: &[u8]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("{}-{}-{name}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
        fs::write(&path, contents).unwrap();
        Self(path)
    }

    pub fn contents(&self) -> Vec<u8> {
        fs::read(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
