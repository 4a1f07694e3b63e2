//! Counts the instructions that one call of `tcp_reset::reset` takes, and compares them with a file of ceilings.
//!
//! Every set runs twice under `valgrind --tool=callgrind`, for N calls and for 2N; the difference is what N calls take,
//! without the program's start and end. What remains beside the function is the loop around it and the call, which the
//! first line counts alone: the same loop around a function that does nothing.

use std::hint::black_box;
use std::io::{Write, stdout};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use lexopt::prelude::*;
use tcp_reset::{Checksum, Config, MAX_LEN, Reset};
use tcp_reset_peers::packets;

/// How many times a set is run over, and then twice as many.
const ROUNDS: u64 = 16;

type Answer = fn(&[u8], &mut [u8; MAX_LEN]) -> Option<usize>;

struct Set {
    name: &'static str,
    answer: Answer,
    packets: fn() -> Vec<Vec<u8>>,
    answered: bool,
}

const SETS: &[Set] = &[
    Set { name: "loop-and-call", answer: nothing, packets: packets::syn_40, answered: false },
    Set { name: "syn-40", answer: reset, packets: packets::syn_40, answered: true },
    Set { name: "syn-60", answer: reset, packets: packets::syn_60, answered: true },
    Set { name: "ack-40", answer: reset, packets: packets::ack_40, answered: true },
    Set { name: "fin-65", answer: reset, packets: packets::fin_65, answered: true },
    Set { name: "data-576", answer: reset, packets: packets::data_576, answered: true },
    Set { name: "data-1500", answer: reset, packets: packets::data_1500, answered: true },
    Set { name: "ipv6-syn-60", answer: reset, packets: packets::ipv6_syn_60, answered: true },
    Set { name: "trust-syn-40", answer: trust, packets: packets::syn_40, answered: true },
    Set { name: "trust-65535", answer: trust, packets: packets::data_65535, answered: true },
    Set { name: "rst-40", answer: reset, packets: packets::rst_40, answered: false },
    Set {
        name: "fragment-1500",
        answer: reset,
        packets: || packets::as_fragments(packets::data_1500()),
        answered: false,
    },
    Set { name: "udp-1500", answer: reset, packets: || packets::as_udp(packets::data_1500()), answered: false },
    Set { name: "wrong-40", answer: reset, packets: || packets::as_damaged(packets::syn_40()), answered: false },
    Set { name: "wrong-1500", answer: reset, packets: || packets::as_damaged(packets::data_1500()), answered: false },
];

#[inline(never)]
fn nothing(_: &[u8], _: &mut [u8; MAX_LEN]) -> Option<usize> {
    None
}

#[inline(never)]
fn reset(packet: &[u8], buffer: &mut [u8; MAX_LEN]) -> Option<usize> {
    tcp_reset::reset(packet, buffer).ok().map(|reply| reply.len())
}

/// In two steps. By `reset_with`, it would be a second caller of the crate's IPv6 side, which the compiler then no longer
/// specializes for `reset`.
#[inline(never)]
fn trust(packet: &[u8], buffer: &mut [u8; MAX_LEN]) -> Option<usize> {
    let reset = Reset::in_reply_to(packet, &Config::new().tcp_checksum(Checksum::Trust)).ok()?;
    Some(reset.emit(buffer).len())
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("instructions: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode> {
    ensure!(
        cfg!(all(target_arch = "x86_64", not(target_feature = "sse3"))),
        "the ceilings are for baseline x86-64, built without -C target-cpu or target-feature"
    );
    let mut ceilings = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") => {
                writeln!(stdout(), "usage: instructions [--set NAME --rounds N] [CEILINGS]")?;
                return Ok(ExitCode::SUCCESS);
            }
            Long("set") => {
                let name = arguments.value()?.string()?;
                ensure!(arguments.next()? == Some(Long("rounds")), "--set NAME is followed by --rounds N");
                let set = SETS.iter().find(|set| set.name == name).with_context(|| format!("no set {name}"))?;
                answer_all(set, arguments.value()?.parse()?);
                return Ok(ExitCode::SUCCESS);
            }
            Value(path) if ceilings.is_none() => ceilings = Some(path),
            other => return Err(other.unexpected().into()),
        }
    }
    let ceilings = match ceilings {
        Some(path) => read_ceilings(&path.string()?)?,
        None => Vec::new(),
    };
    compare(&ceilings)
}

/// What is counted.
fn answer_all(set: &Set, rounds: u64) {
    let packets = (set.packets)();
    let mut buffer = [0; MAX_LEN];
    for packet in &packets {
        assert_eq!((set.answer)(packet, &mut buffer).is_some(), set.answered, "{}", set.name);
    }
    let answer = black_box(set.answer);
    for _ in 0..rounds {
        for packet in &packets {
            answer(packet, &mut buffer);
        }
    }
}

/// Counts every set, prints a table, and fails where a ceiling is passed.
fn compare(ceilings: &[(String, f64)]) -> Result<ExitCode> {
    let mut too_many = Vec::new();
    writeln!(stdout(), "{:<16}{:>12}{:>10}", "set", "instructions", "ceiling")?;
    for set in SETS {
        let calls = ROUNDS * (set.packets)().len() as u64;
        let twice = collected(set.name, 2 * ROUNDS)?;
        let once = collected(set.name, ROUNDS)?;
        let count = (twice - once) as f64 / calls as f64;
        match ceilings.iter().find(|(name, _)| name == set.name) {
            Some((name, ceiling)) => {
                writeln!(stdout(), "{name:<16}{count:>12.1}{ceiling:>10}")?;
                if count > *ceiling {
                    too_many.push(format!("{name}: {count:.1} instructions, the ceiling is {ceiling}"));
                }
            }
            None => writeln!(stdout(), "{:<16}{count:>12.1}{:>10}", set.name, "-")?,
        }
    }
    for line in &too_many {
        eprintln!("too many: {line}");
    }
    Ok(if too_many.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All instructions of a run of this program over one set.
fn collected(set: &str, rounds: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--set", set, "--rounds", &rounds.to_string()])
        .output()
        .context("valgrind does not start; is it installed?")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{set} fails under valgrind:\n{errors}");
    }
    let line = errors.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = line.with_context(|| format!("valgrind collects nothing:\n{errors}"))?;
    Ok(count.trim().parse()?)
}

/// Lines of a name and a number of instructions; `#` begins a comment.
fn read_ceilings(path: &str) -> Result<Vec<(String, f64)>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let mut ceilings = Vec::new();
    for line in text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty()) {
        let (name, ceiling) = line.split_once(' ').with_context(|| format!("{path}: no ceiling in {line:?}"))?;
        ensure!(SETS.iter().any(|set| set.name == name), "{path}: no set {name}");
        let ceiling = ceiling.trim().parse().with_context(|| format!("{path}: no number in {line:?}"))?;
        ceilings.push((name.to_owned(), ceiling));
    }
    Ok(ceilings)
}
