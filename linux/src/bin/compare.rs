//! Compares the crate's resets with those of the running kernel, byte for byte.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use lexopt::prelude::*;
use tcp_reset::{Config, Profile};
use tcp_reset_linux::comparison::Comparison;
use tcp_reset_linux::exclude::exclusion;
use tcp_reset_linux::reference::Reference;
use tcp_reset_linux::{Family, namespace, record, show};

const HELP: &str = "\
Compares tcp-reset with the running Linux kernel, byte for byte.

compare --reference NAME [--family 4|6] [--packets N] [--seed N]
compare --reference NAME [--family 4|6] --replay HEX
compare --record DIRECTORY

  --reference NAME  forward, input (iptables REJECT), nft-forward, nft-input,
                    nft-prerouting (nft reject), stack (a closed port)
  --family 4|6      the version of IP [4]
  --packets N       how many random packets to compare [1000000]
  --seed N          where the random packets start [7]
  --replay HEX      compare this packet alone, and print it
  --record DIR      write the conformance vectors of both families and profiles
  --hop-limit N     tell the crate another hop limit than the kernel's 64, to
                    see the comparison fail
  --profile NAME    tell the crate another profile than the reference's, to see
                    the comparison fail: netfilter, tcp-stack";

const PROFILES: [(&str, Profile); 2] = [("netfilter", Profile::Netfilter), ("tcp-stack", Profile::TcpStack)];

struct Arguments {
    reference: Reference,
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
            // lexopt's messages contain the cause already.
            match error.downcast_ref::<lexopt::Error>() {
                Some(error) => eprintln!("compare: {error}"),
                None => eprintln!("compare: {error:#}"),
            }
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode> {
    let mut reference = None;
    let mut family = Family::V4;
    let (mut packets, mut seed) = (1_000_000, 7);
    let (mut replay, mut hop_limit, mut profile) = (None, None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("reference") => reference = Some(named("reference", &parser.value()?.string()?, &Reference::ALL)?),
            Long("family") => {
                let families = [("4", Family::V4), ("6", Family::V6)];
                family = named("family", &parser.value()?.string()?, &families)?;
            }
            Long("packets") => packets = parser.value()?.parse()?,
            Long("seed") => seed = parser.value()?.parse()?,
            Long("replay") => {
                let packet = parser.value()?.string()?;
                replay = Some(hex::decode(&packet).map_err(|_| anyhow!("bad hex: {packet}"))?);
            }
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
    let reference = reference.with_context(|| format!("--reference is missing: {}", names(&Reference::ALL)))?;
    compare(&Arguments { reference, family, packets, seed, replay, hop_limit, profile })
}

fn named<T: Copy>(what: &str, name: &str, choices: &[(&str, T)]) -> Result<T> {
    let choice = choices.iter().find(|choice| choice.0 == name);
    choice.map(|choice| choice.1).ok_or_else(|| anyhow!("unknown {what} {name:?}: {}", names(choices)))
}

fn names<T>(choices: &[(&str, T)]) -> String {
    format!("choose one of {}", choices.iter().map(|choice| choice.0).collect::<Vec<_>>().join(", "))
}

fn compare(arguments: &Arguments) -> Result<ExitCode> {
    let &Arguments { reference, family, packets, seed, .. } = arguments;
    let profile = arguments.profile.unwrap_or(reference.profile());
    let config = Config::new().profile(profile).hop_limit(arguments.hop_limit.unwrap_or(64));
    namespace::enter()?;
    let mut comparison = Comparison::new(reference, family, config)?;

    if let Some(packet) = &arguments.replay {
        if let Some(reason) = exclusion(reference, family, packet) {
            bail!("not compared, Linux decides about this packet before it reaches {}: {reason:?}", reference.name());
        }
        let exchange = comparison.exchange(packet)?;
        print!("{}", show::exchange(&exchange));
        println!("{}", if exchange.is_same() { "same" } else { "MISMATCH" });
        return Ok(if exchange.is_same() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let Some(mismatch) = comparison.run(packets, seed)? else {
        println!("{}", comparison.summary(0));
        return Ok(ExitCode::SUCCESS);
    };
    println!("MISMATCH with reference {}, IPv{}, seed {seed}", reference.name(), family.number());
    print!("{}", show::exchange(&mismatch));
    let mut again = format!("--reference {} --family {}", reference.name(), family.number());
    if let Some(hop_limit) = arguments.hop_limit {
        again = format!("{again} --hop-limit {hop_limit}");
    }
    if let Some((name, _)) = PROFILES.iter().find(|(_, profile)| arguments.profile == Some(*profile)) {
        again = format!("{again} --profile {name}");
    }
    let packet = hex::encode(&mismatch.packet);
    println!("replay:   cargo run --release -p tcp-reset-linux -- {again} --replay {packet}");
    println!("{}", comparison.summary(1));
    Ok(ExitCode::FAILURE)
}
