//! Runs the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

/// The program.
pub fn resets() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tcp-reset-capture"))
}

/// Runs the program on a capture.
pub fn read(capture: &[u8]) -> Run {
    read_with(&[], capture)
}

/// Runs the program with options on a capture.
pub fn read_with(options: &[&str], capture: &[u8]) -> Run {
    Run::of(resets().args(options).arg(&Scratch::new("read.pcap", capture).0))
}

/// Runs the program with `-w` on a capture; also returns the capture that it has written.
pub fn read_and_write(capture: &[u8]) -> (Run, Vec<u8>) {
    let [input, output] = [Scratch::new("in.pcap", capture), Scratch::new("out.pcap", b"overwritten")];
    let run = Run::of(resets().arg(&input.0).arg("-w").arg(&output.0));
    (run, output.contents())
}

/// The result of a run.
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

    /// The packets of a run without an error.
    pub fn good_lines(&self) -> Vec<String> {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""));
        self.lines()
    }

    /// The packets, each with its answer, without numbers and times: what is printed before the empty line.
    pub fn lines(&self) -> Vec<String> {
        self.numbered().into_iter().map(|(_, line)| line).collect()
    }

    /// The packets, each with its answer, and their numbers and times.
    pub fn numbered(&self) -> Vec<(String, String)> {
        let lines: Vec<_> = self.stdout.lines().take_while(|line| !line.is_empty()).collect();
        let (entries, rest) = lines.as_chunks();
        assert_eq!(rest, [""; 0], "{}", self.stdout);
        let entry = |[packet, answer]: &[&str; 2]| {
            let (at, _) = packet.match_indices(' ').nth(1).unwrap();
            let (number_and_time, packet) = packet.split_at(at);
            let answer = answer.strip_prefix("      -> ").unwrap();
            (number_and_time.to_owned(), format!("{}  ->  {answer}", &packet[1..]))
        };
        entries.iter().map(entry).collect()
    }

    /// The rest of the line of the summary that begins with `label`.
    pub fn summary(&self, label: &str) -> &str {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {label}: {}", self.stdout))
    }

    /// The numbers in that line.
    pub fn numbers(&self, label: &str) -> Vec<usize> {
        self.summary(label).split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
    }

    /// The one line on standard error, without the names of the program and the file.
    pub fn error(&self) -> &str {
        assert_eq!((self.code, self.stderr.lines().count()), (1, 1), "{}", self.stderr);
        self.stderr.trim_end().split_once(".pcap: ").unwrap().1
    }
}

/// A file that is removed when it is dropped.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// A file with a name of its own that ends in `name`.
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
