//! The program beside the crate, byte for byte, by `BPF_PROG_TEST_RUN`: the kernel runs it over a frame and gives back what
//! became of it. Nothing is attached and nothing sent.
//!
//! It takes the right to call `bpf(2)`: where that is missing the tests are skipped and say so, and under `CI=true` they
//! fail. `XDP_FRAMES` is how many random frames are compared, `XDP_SEED` where they start.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use aya::programs::{TestRunOptions, TestRunResult};
use aya::{TestRun, include_bytes_aligned};
use fastrand::Rng;
use libtest_mimic::{Arguments, Trial};
use support::frames;
use support::packet::{Tcp, V4};
use support::protocol::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TAGS, EXTENSIONS, PSH, TCP};
use tcp_reset::tcp::ACK;
use tcp_reset::{Checksum, Config, NoReset, ethernet};
use tcp_reset_linux::Family;
use tcp_reset_linux::generate::Generator;
use xdp_reset::Program;
use xdp_reset::counters::Counters;
use xdp_reset::ports::Ports;
use xdp_reset::shared::{ANSWERED, LEFT_TO_THE_KERNEL, LIMITED, OTHER, OTHER_STATION, Settings, WOULD_ANSWER};

/// The address of the interface, and of a sender.
const STATION: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// How much of a frame `BPF_PROG_TEST_RUN` puts in its first buffer, where a page has 4 KiB.
const FIRST_BUFFER: usize = 3520;

/// The verdicts of an XDP program.
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

/// A test of this file.
type Test = fn() -> Result<()>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = Program::load().err();
    let may_skip = env::var("CI").as_deref() != Ok("true");
    let tests: [(&str, Test); 8] = [
        ("vectors", vectors),
        ("random", random),
        ("ports", ports),
        ("dry_run", dry_run),
        ("rate", rate),
        ("spoofed_sources", spoofed_sources),
        ("every_length", every_length),
        ("refused", refused),
    ];
    let trials = tests.map(|(name, test)| match &missing {
        None => Trial::test(name, move || Ok(test()?)),
        Some(reason) => {
            eprintln!("{} {name}: {reason:#}", if may_skip { "SKIPPED" } else { "CANNOT RUN" });
            let reason = format!("{reason:#}");
            Trial::test(name, || Err(reason.into())).with_ignored_flag(may_skip)
        }
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

/// The program under some settings.
struct Bench {
    program: Program,
    settings: Settings,
    ports: Ports,
    out: Vec<u8>,
    expected: BTreeMap<u32, u64>,
}

impl Bench {
    fn new(settings: Settings, ports: &str) -> Result<Self> {
        let mut program = Program::load()?;
        let ports = ports.parse()?;
        program.set_station(STATION)?;
        program.set(&settings, &ports)?;
        Ok(Self { program, settings, ports, out: vec![0; 1 << 16], expected: BTreeMap::new() })
    }

    /// Runs the program; what it makes of the frame.
    fn run(&mut self, frame: &[u8]) -> Result<(u32, &[u8])> {
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut self.out);
        let TestRunResult { return_value, data_size_out, .. } =
            self.program.xdp()?.test_run(options).with_context(|| format!("cannot run over {}", hex::encode(frame)))?;
        Ok((return_value, &self.out[..data_size_out as usize]))
    }

    /// Compares the program with the crate.
    fn compare(&mut self, frame: &[u8]) -> Result<()> {
        let (counter, expected) = expected(frame, &self.settings, &self.ports);
        *self.expected.entry(counter).or_default() += 1;
        let verdict = if counter == ANSWERED { XDP_TX } else { XDP_PASS };
        let (actual, out) = self.run(frame)?;
        ensure!(
            (actual, out) == (verdict, &expected),
            "verdict {actual}, {}; expected {verdict}, {} ({counter}): {}",
            hex::encode(out),
            hex::encode(&expected),
            hex::encode(frame)
        );
        Ok(())
    }

    /// Compares the counters with the expected ones, and says how many frames got what.
    fn finish(self) -> Result<Counters> {
        let counters = self.program.counters()?;
        for (at, expected) in &self.expected {
            ensure!(counters[*at] == *expected, "counter {at} is {}, not {expected}", counters[*at]);
        }
        ensure!(counters.total() == self.expected.values().sum::<u64>(), "a frame was counted elsewhere: {counters}");
        println!("{counters}");
        Ok(counters)
    }
}

/// What the program has to do: under which counter, and with which bytes.
fn expected(frame: &[u8], settings: &Settings, ports: &Ports) -> (u32, Vec<u8>) {
    match decide(frame, settings, ports) {
        Ok(reply) => (ANSWERED, reply),
        Err(counter) => (counter, frame.to_vec()),
    }
}

fn decide(frame: &[u8], settings: &Settings, ports: &Ports) -> Result<Vec<u8>, u32> {
    let at = |at: usize| frame.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]])).ok_or(OTHER);
    let mut link = 14;
    while ETHERTYPE_TAGS.contains(&at(link - 2)?) && link < 22 {
        link += 4;
    }
    let (headers, port, plain, protocol) = match at(link - 2)? {
        ETHERTYPE_IPV4 if frame.len() >= link + 40 => {
            let packet = &frame[link..];
            (40, at(link + 22)?, packet[0] == 0x45 && packet[6] << 2 == 0 && packet[7] == 0, packet[9])
        }
        ETHERTYPE_IPV6 if frame.len() >= link + 60 => {
            let next = frame[link + 6];
            (60, at(link + 42)?, !EXTENSIONS.contains(&next), next)
        }
        _ => return Err(OTHER),
    };
    match (protocol, plain) {
        (_, false) if headers == 60 || protocol == TCP => return Err(LEFT_TO_THE_KERNEL),
        (TCP, true) => {}
        _ => return Err(OTHER),
    }
    if !ports.contains(port) {
        return Err(OTHER);
    }
    if frame[..6] != STATION {
        return Err(OTHER_STATION);
    }
    let len = if headers == 40 { at(link + 2)? } else { at(link + 4)? };
    // A group address comes first.
    if len == 0 && frame[6] & 1 == 0 {
        return Err(LEFT_TO_THE_KERNEL);
    }
    let answer =
        |config: &Config| ethernet::reset_with(frame, config, &mut [0; ethernet::MAX_LEN]).map(|reply| reply.to_vec());
    // The headers, the length, then the checksum.
    let mut reply = answer(&Config::new().tcp_checksum(Checksum::Trust)).map_err(|reason| reason as u32)?;
    let len = usize::from(len) + if headers == 40 { 0 } else { 40 };
    if frame.len() < link + len {
        return Err(NoReset::Truncated as u32);
    }
    if settings.trust == 0 {
        if link + len > FIRST_BUFFER {
            return Err(LEFT_TO_THE_KERNEL);
        }
        reply = answer(&Config::new()).map_err(|reason| reason as u32)?;
    }
    if settings.dry_run == 0 { Ok(reply) } else { Err(WOULD_ANSWER) }
}

/// The packet in a frame from the sender to the station, after VLAN tags: none, one, two, or one with 0x9100.
fn frame(packet: &[u8], tags: usize) -> Vec<u8> {
    const TAG: [u8; 4] = [0x81, 0, 0x20, 7];
    let tags = [&[][..], &[TAG], &[[0x88, 0xa8, 0, 9], TAG], &[[0x91, 0, 0, 9]]][tags];
    frames::frame(STATION, SENDER, tags, frames::ether_type(packet), packet)
}

/// All the vectors, whoever answers in them: only the offenders count.
fn vectors() -> Result<()> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vectors");
    let mut bench = Bench::new(Settings::default(), "0-65535")?;
    let mut trusting = Bench::new(Settings { trust: 1, ..Settings::default() }, "0-65535")?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let mut count = 0;
        for vector in support::vectors::read(&fs::read_to_string(&path)?) {
            for tags in 0..4 {
                bench.compare(&frame(&vector.offender, tags))?;
                trusting.compare(&frame(&vector.offender, tags))?;
            }
            count += 1;
        }
        ensure!(count > 500, "{}: only {count} vectors", path.display());
    }
    let answered = bench.finish()?[ANSWERED];
    ensure!(answered > 4000, "only {answered} vectors answered");
    ensure!(trusting.finish()?[ANSWERED] > answered, "trust makes no difference");
    Ok(())
}

/// Random frames, most of them resets' offenders, some mutated.
fn random() -> Result<()> {
    let number = |name, default| env::var(name).map_or(Ok(default), |text| text.parse());
    let (frames, seed) = (number("XDP_FRAMES", 500_000)?, number("XDP_SEED", 7)?);
    let mut rng = Rng::with_seed(seed);
    let mut bench = Bench::new(Settings::default(), "0-65535")?;
    let mut trusting = Bench::new(Settings { trust: 1, ..Settings::default() }, "1-40000")?;
    let mut generators = [Family::V4, Family::V6].map(|family| Generator::new(family, seed));
    for nth in 0..frames {
        let mut packet = generators[rng.usize(..2)].draw();
        packet.truncate(16_000);
        let mut frame = frame(&packet, rng.usize(..12).saturating_sub(8));
        for _ in 0..[0, 0, 0, 0, 0, 0, 1, 1, 2, 4][rng.usize(..10)] {
            // Where it matters: the headers.
            let at = rng.usize(..frame.len().min(90));
            frame[at] = if rng.bool() { rng.u8(..) } else { frame[at] ^ 1 << rng.u8(..8) };
        }
        if rng.u8(..) < 8 {
            frame.truncate(rng.usize(14..=frame.len()));
        }
        let bench = if nth % 8 == 0 { &mut trusting } else { &mut bench };
        // Shorter than an Ethernet header cannot be run.
        bench.compare(&frame)?;
    }
    let counters = bench.finish()?;
    ensure!(counters[ANSWERED] > frames / 4, "few are answered: {counters}");
    for reason in [NoReset::TcpChecksum, NoReset::Rst, NoReset::Truncated] {
        ensure!(counters[reason] > 0, "{reason} never occurs: {counters}");
    }
    trusting.finish()?;
    Ok(())
}

/// A SYN to that port over IPv4, from that host.
fn syn(port: u16, host: u8) -> Vec<u8> {
    let tcp = Tcp { destination_port: port, ..Tcp::default() };
    frame(&V4 { source: [192, 0, 2, host], ..V4::with(tcp) }.bytes(), 0)
}

/// Every port: those that are listed are answered, before and after a change, and no other.
fn ports() -> Result<()> {
    let mut bench = Bench::new(Settings::default(), "23,445,8000-8100")?;
    for (list, answered) in [("23,445,8000-8100", 103), ("0,63,64,65535", 4)] {
        bench.ports = list.parse()?;
        bench.program.set(&bench.settings, &bench.ports)?;
        let before = bench.program.counters()?;
        for port in 0..=u16::MAX {
            bench.compare(&syn(port, 1))?;
        }
        ensure!(bench.program.counters()?.since(&before)[ANSWERED] == answered, "{list}");
    }
    bench.finish()?;
    Ok(())
}

fn dry_run() -> Result<()> {
    let mut bench = Bench::new(Settings { dry_run: 1, ..Settings::default() }, "23")?;
    bench.compare(&syn(23, 1))?;
    bench.compare(&syn(24, 1))?;
    ensure!(bench.finish()?[WOULD_ANSWER] == 1);
    Ok(())
}

/// A source gets its burst and no more, and another source still gets its own.
fn rate() -> Result<()> {
    let hour = 3_600_000_000_000;
    let mut bench = Bench::new(Settings { interval: hour, burst: 2 * hour, ..Settings::default() }, "23")?;
    for host in [1, 2] {
        for nth in 0..10 {
            let frame = syn(23, host);
            let (verdict, out) = bench.run(&frame)?;
            let expected = if nth < 3 { (XDP_TX, 54) } else { (XDP_DROP, 54) };
            ensure!((verdict, out.len()) == expected, "host {host}, segment {nth}: verdict {verdict}");
        }
    }
    let counters = bench.program.counters()?;
    ensure!(counters[ANSWERED] == 6 && counters[LIMITED] == 14, "{counters}");
    // No limit: all are answered.
    bench.program.set(&Settings::default(), &bench.ports)?;
    ensure!(bench.run(&syn(23, 1))?.0 == XDP_TX);
    Ok(())
}

/// A million sources, many more than are remembered: each gets one reset, a second segment none. One that floods gets no
/// more than its share, and a source that was there before is answered again once it was forgotten.
fn spoofed_sources() -> Result<()> {
    let hour = 3_600_000_000_000;
    let mut bench = Bench::new(Settings { interval: hour, burst: 0, ..Settings::default() }, "23")?;
    let from = |source: u32| {
        let mut frame = syn(23, 1);
        frame[26..30].copy_from_slice(&source.to_be_bytes());
        support::packet::repair(&mut frame[14..]);
        frame
    };
    let (mut sources, mut limited) = (0, 0);
    // From 11.0.0.0 on.
    for source in 0x0b00_0000..0x0b00_0000 + 1_000_000 {
        let frame = from(source);
        ensure!(bench.run(&frame)?.0 == XDP_TX, "source {source:#x} is not answered");
        sources += 1;
        if source % 10 == 0 {
            ensure!(bench.run(&frame)?.0 == XDP_DROP, "source {source:#x} is answered twice");
            limited += 1;
        }
    }
    ensure!(bench.run(&from(0x0b00_0000))?.0 == XDP_TX, "a forgotten source is not answered");
    let counters = bench.program.counters()?;
    ensure!(counters[ANSWERED] == sources + 1 && counters[LIMITED] == limited, "{counters}");
    Ok(())
}

/// Frames of every length up to 9,000 bytes. Those of more than one buffer are answered under trust alone.
fn every_length() -> Result<()> {
    let mut bench = Bench::new(Settings::default(), "80")?;
    let mut trusting = Bench::new(Settings { trust: 1, ..Settings::default() }, "80")?;
    let mut rng = Rng::with_seed(1);
    for len in 14..=9_000 {
        let mut noise = vec![0; len];
        rng.fill(&mut noise);
        noise[..6].copy_from_slice(&STATION);
        bench.compare(&noise)?;
        let Some(data) = len.checked_sub(54) else { continue };
        let mut data = vec![0; data];
        rng.fill(&mut data);
        let frame = frame(&V4::with(Tcp { flags: ACK | PSH, data, ..Tcp::default() }).bytes(), 0);
        bench.compare(&frame)?;
        trusting.compare(&frame)?;
    }
    ensure!(bench.finish()?[ANSWERED] == 3_467);
    ensure!(trusting.finish()?[ANSWERED] == 8_947);
    Ok(())
}

/// What the verifier says of a program that it refuses is passed on.
fn refused() -> Result<()> {
    let object = include_bytes_aligned!("../../target/program/bpfel-unknown-none/release/refused");
    let message = Program::load_object(object).err().context("it is not refused")?.to_string();
    println!("{message}");
    let (first, log) = message.split_once('\n').context("no log")?;
    ensure!(first.starts_with("the kernel's verifier refuses the program (Permission denied"), "{first}");
    ensure!(log.contains("invalid access to packet") && log.lines().count() <= 12, "{log}");
    Ok(())
}
