//! Puts the running kernel beside the crate and compares their resets, byte for byte.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use lexopt::prelude::*;
use tcp_reset::{Config, Profile};
use tcp_reset_linux::contest::Contest;
use tcp_reset_linux::exclude::exclusion;
use tcp_reset_linux::judge::Judge;
use tcp_reset_linux::{Family, namespace, record, show};

const HELP: &str = "\
Compares tcp-reset with the running Linux kernel, byte for byte.

judge --judge NAME [--family 4|6] [--packets N] [--seed N]
judge --judge NAME [--family 4|6] --replay HEX
judge --record DIRECTORY

  --judge NAME      forward, input (iptables REJECT), nft-forward, nft-input,
                    nft-prerouting (nft reject), stack (a closed port)
  --family 4|6      the version of IP [4]
  --packets N       how many random packets to compare over [1000000]
  --seed N          where the random packets start [7]
  --replay HEX      compare over this packet alone, and print it
  --record DIR      write the conformance vectors of both families and profiles
  --hop-limit N     tell the crate another hop limit than the kernel's 64, to
                    see the comparison fail
  --profile NAME    tell the crate another profile than the judge's, to see the
                    comparison fail: netfilter, tcp-stack";

const PROFILES: [(&str, Profile); 2] = [("netfilter", Profile::Netfilter), ("tcp-stack", Profile::TcpStack)];

struct Arguments {
    judge: Judge,
    family: Family,
    packets: u64,
    seed: u64,
    replay: Option<Vec<u8>>,
    hop_limit: Option<u8>,
    profile: Option<Profile>,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // lexopt's errors tell their cause themselves.
            match error.downcast_ref::<lexopt::Error>() {
                Some(error) => eprintln!("judge: {error}"),
                None => eprintln!("judge: {error:#}"),
            }
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode> {
    let mut judge = None;
    let mut family = Family::V4;
    let (mut packets, mut seed) = (1_000_000, 7);
    let (mut replay, mut hop_limit, mut profile) = (None, None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("judge") => judge = Some(named("judge", &parser.value()?.string()?, &Judge::ALL)?),
            Long("family") => {
                let families = [("4", Family::V4), ("6", Family::V6)];
                family = named("family", &parser.value()?.string()?, &families)?;
            }
            Long("packets") => packets = parser.value()?.parse()?,
            Long("seed") => seed = parser.value()?.parse()?,
            Long("replay") => replay = Some(show::bytes(&parser.value()?.string()?)?),
            Long("record") => return record::record(&PathBuf::from(parser.value()?)).map(|()| ExitCode::SUCCESS),
            Long("hop-limit") => hop_limit = Some(parser.value()?.parse()?),
            Long("profile") => {
                profile = Some(named("profile", &parser.value()?.string()?, &PROFILES)?);
            }
            Short('h') | Long("help") => {
                println!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let judge = judge.with_context(|| format!("--judge is missing: {}", names(&Judge::ALL)))?;
    compare(&Arguments { judge, family, packets, seed, replay, hop_limit, profile })
}

fn named<T: Copy>(what: &str, name: &str, choices: &[(&str, T)]) -> Result<T> {
    let choice = choices.iter().find(|choice| choice.0 == name);
    choice.map(|choice| choice.1).ok_or_else(|| anyhow!("unknown {what} {name:?}: {}", names(choices)))
}

fn names<T>(choices: &[(&str, T)]) -> String {
    format!("choose one of {}", choices.iter().map(|choice| choice.0).collect::<Vec<_>>().join(", "))
}

fn compare(arguments: &Arguments) -> Result<ExitCode> {
    let &Arguments { judge, family, packets, seed, .. } = arguments;
    let profile = arguments.profile.unwrap_or(judge.profile());
    let config = Config::new().profile(profile).hop_limit(arguments.hop_limit.unwrap_or(64));
    namespace::enter()?;
    let mut contest = Contest::new(judge, family, config)?;

    if let Some(packet) = &arguments.replay {
        if let Some(reason) = exclusion(judge, family, packet) {
            bail!("Linux decides about this packet before {} does: {reason:?}", judge.name());
        }
        let exchange = contest.exchange(packet)?;
        print!("{}", show::exchange(&exchange));
        println!("{}", if exchange.is_same() { "same" } else { "MISMATCH" });
        return Ok(if exchange.is_same() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let Some(mismatch) = contest.run(packets, seed)? else {
        println!("{}", contest.summary(0));
        return Ok(ExitCode::SUCCESS);
    };
    println!("MISMATCH before judge {}, IPv{}, seed {seed}", judge.name(), family.number());
    print!("{}", show::exchange(&mismatch));
    let mut again = format!("--judge {} --family {}", judge.name(), family.number());
    if let Some(hop_limit) = arguments.hop_limit {
        again = format!("{again} --hop-limit {hop_limit}");
    }
    if let Some((name, _)) = PROFILES.iter().find(|(_, profile)| arguments.profile == Some(*profile)) {
        again = format!("{again} --profile {name}");
    }
    let packet = show::hex(&mismatch.packet);
    println!("replay:   cargo run --release -p tcp-reset-linux -- {again} --replay {packet}");
    println!("{}", contest.summary(1));
    Ok(ExitCode::FAILURE)
}
