//! Counts the instructions that one call of `tcp_reset::reset` takes.
//!
//! Every set runs twice under `valgrind --tool=callgrind`, for N calls and for 2N. The difference is the count of N calls,
//! without the program's start and end. It includes the loop and the call; the first line counts these alone, with a
//! function that does nothing.

use std::hint::black_box;
use std::io::{Write, stdout};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use lexopt::prelude::*;
use tcp_reset::{Checksum, Config, MAX_LEN};
use tcp_reset_peers::packets::{self, ACK_40, DATA_576, DATA_1500, FIN_65, IPV6_SYN_60, RST_40, SYN_40, SYN_60, of};

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
    Set { name: "loop-and-call", answer: nothing, packets: || of(SYN_40), answered: false },
    Set { name: "syn-40", answer: reset, packets: || of(SYN_40), answered: true },
    Set { name: "syn-60", answer: reset, packets: || of(SYN_60), answered: true },
    Set { name: "ack-40", answer: reset, packets: || of(ACK_40), answered: true },
    Set { name: "fin-65", answer: reset, packets: || of(FIN_65), answered: true },
    Set { name: "data-576", answer: reset, packets: || of(DATA_576), answered: true },
    Set { name: "data-1500", answer: reset, packets: || of(DATA_1500), answered: true },
    Set { name: "ipv6-syn-60", answer: reset, packets: || of(IPV6_SYN_60), answered: true },
    Set { name: "ipv6-chain-65535", answer: reset, packets: packets::chain_65535, answered: true },
    Set { name: "trust-syn-40", answer: trust, packets: || of(SYN_40), answered: true },
    Set { name: "trust-65535", answer: trust, packets: packets::data_65535, answered: true },
    Set { name: "rst-40", answer: reset, packets: || of(RST_40), answered: false },
    Set { name: "fragment-1500", answer: reset, packets: || packets::as_fragments(of(DATA_1500)), answered: false },
    Set { name: "udp-1500", answer: reset, packets: || packets::as_udp(of(DATA_1500)), answered: false },
    Set { name: "wrong-40", answer: reset, packets: || packets::as_damaged(of(SYN_40)), answered: false },
    Set { name: "wrong-1500", answer: reset, packets: || packets::as_damaged(of(DATA_1500)), answered: false },
];

#[inline(never)]
fn nothing(_: &[u8], _: &mut [u8; MAX_LEN]) -> Option<usize> {
    None
}

#[inline(never)]
fn reset(packet: &[u8], buffer: &mut [u8; MAX_LEN]) -> Option<usize> {
    tcp_reset::reset(packet, buffer).ok().map(|reply| reply.len())
}

#[inline(never)]
fn trust(packet: &[u8], buffer: &mut [u8; MAX_LEN]) -> Option<usize> {
    const TRUST: Config = Config::new().tcp_checksum(Checksum::Trust);
    tcp_reset::reset_with(packet, &TRUST, buffer).ok().map(|reply| reply.len())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    ensure!(
        cfg!(all(target_arch = "x86_64", not(target_feature = "sse3"))),
        "the figures are for baseline x86-64, built without -C target-cpu or target-feature"
    );
    let mut arguments = lexopt::Parser::from_env();
    match arguments.next()? {
        None => count_all(),
        Some(Long("help")) => Ok(writeln!(stdout(), "usage: instructions [--set NAME --rounds N]")?),
        Some(Long("set")) => {
            let name = arguments.value()?.string()?;
            ensure!(arguments.next()? == Some(Long("rounds")), "--set NAME is followed by --rounds N");
            let set = SETS.iter().find(|set| set.name == name).with_context(|| format!("no set {name}"))?;
            answer_all(set, arguments.value()?.parse()?);
            Ok(())
        }
        Some(other) => Err(other.unexpected().into()),
    }
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

/// Counts every set and prints a table.
fn count_all() -> Result<()> {
    writeln!(stdout(), "{:<18}{:>12}", "set", "instructions")?;
    for set in SETS {
        let calls = ROUNDS * (set.packets)().len() as u64;
        let count = (collected(set.name, 2 * ROUNDS)? - collected(set.name, ROUNDS)?) as f64 / calls as f64;
        writeln!(stdout(), "{:<18}{count:>12.0}", set.name)?;
    }
    Ok(())
}

/// All instructions of a run of this program over one set.
fn collected(set: &str, rounds: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--set", set, "--rounds", &rounds.to_string()])
        .output()
        .context("valgrind cannot be started: apt-get install valgrind")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{set} fails under valgrind:\n{errors}");
    }
    let line = errors.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = line.with_context(|| format!("valgrind printed no count:\n{errors}"))?;
    Ok(count.trim().parse()?)
}
