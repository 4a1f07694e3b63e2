//! Compares the crate's resets with the running kernel's.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use indicatif::{HumanCount, ProgressBar};
use lexopt::prelude::*;
use tcp_reset::{Config, NoReset, ipv4, ipv6};
use tcp_reset_linux::exclude::exclusion;
use tcp_reset_linux::generate::Generator;
use tcp_reset_linux::judge::Judge;
use tcp_reset_linux::kernel::Kernel;
use tcp_reset_linux::{Family, namespace};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("judge: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let mut judge = Judge::Forward;
    let mut family = Family::V4;
    let mut packets = 1_000_000;
    let mut seed = 7;
    let mut dev_max = 1;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("judge") => {
                let name = arguments.value()?.string()?;
                judge = Judge::ALL.iter().find(|j| j.0 == name).ok_or_else(|| anyhow!("unknown judge {name}"))?.1;
            }
            Long("family") => family = if arguments.value()? == "6" { Family::V6 } else { Family::V4 },
            Long("packets") => packets = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("dev") => dev_max = arguments.value()?.parse()?,
            _ => return Err(argument.unexpected().into()),
        }
    }
    namespace::enter()?;
    let mut kernel = Kernel::new(judge, family)?;
    let config = Config::new().profile(judge.profile());
    let mut generator = Generator::new(family, seed);
    let (mut resets, mut silent, mut zero, mut excluded, mut mismatches, mut late) = (0u64, 0u64, 0u64, 0u64, 0u64, 0u64);
    let mut packet = Vec::new();
    let mut buffer = [0; 60];
    let bar = ProgressBar::new(packets);
    for nth in 0..packets {
        loop {
            generator.draw(&mut packet);
            if exclusion(judge, family, &packet).is_none() {
                break;
            }
            excluded += 1;
        }
        let expected = answer(family, &packet, &config, &mut buffer);
        let got = kernel.ask(&packet)?;
        let mut same = got == expected.ok().as_deref();
        if !same && got.is_none() {
            late += 1;
            let again = kernel.wait()?;
            same = again == expected.ok();
            if !same {
                same = kernel.ask_patiently(&packet)? == expected.ok();
            }
        }
        match expected {
            Ok(reset) => {
                resets += 1;
                let n = reset.len();
                if matches!(reset[n-4..n-2], [0, 0] | [255, 255]) { zero += 1 }
            }
            Err(_) => silent += 1,
        }
        if !same {
            mismatches += 1;
            let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
            println!("MISMATCH {} ours {}", hex(&packet[..packet.len().min(300)]), expected.map(hex).unwrap_or_else(|r| format!("{r:?}")));
            while let Some(x) = kernel.wait()? { println!("   kernel {}", hex(x)); }
            if mismatches >= dev_max { break }
        }
        if nth % 8192 == 0 { bar.set_position(nth) }
    }
    bar.finish_and_clear();
    println!("excluded {excluded} late {late}");
    println!(
        "{} packets: {} resets, {} silent, {} zero checksums, {} mismatches",
        HumanCount(packets), HumanCount(resets), HumanCount(silent), HumanCount(zero), HumanCount(mismatches),
    );
    Ok(mismatches == 0)
}

fn answer<'b>(family: Family, packet: &[u8], config: &Config, buffer: &'b mut [u8; 60]) -> Result<&'b [u8], NoReset> {
    match family {
        Family::V4 => {
            let reset = ipv4::Reset::in_reply_to(packet, config)?;
            let b = buffer.first_chunk_mut().unwrap();
            reset.emit(b);
            Ok(b)
        }
        Family::V6 => {
            let reset = ipv6::Reset::in_reply_to(packet, config)?;
            let b = buffer.first_chunk_mut().unwrap();
            reset.emit(b);
            Ok(b)
        }
    }
}
