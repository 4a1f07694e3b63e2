//! The program beside the crate, byte for byte, by `BPF_PROG_TEST_RUN`: the kernel runs it over a frame and gives back what
//! became of it. Nothing is attached and nothing sent.
//!
//! It takes the right to call `bpf(2)`: where that is missing the tests are skipped and say so, and under `CI=true` they
//! fail. `XDP_FRAMES` is how many random frames are compared, `XDP_SEED` where they start.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, ensure};
use aya::programs::{TestRunOptions, TestRunResult, Xdp};
use aya::{Ebpf, TestRun, include_bytes_aligned};
use fastrand::Rng;
use libtest_mimic::{Arguments, Trial};
use support::frames;
use support::packet::{Tcp, V4, V6};
use support::protocol::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TAGS, EXTENSIONS, PSH, TCP};
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset::{Checksum, Config, NoReset, ethernet};
use tcp_reset_linux::Family;
use tcp_reset_linux::generate::Generator;
use tcp_reset_linux::namespace::{enter, run as run_program};
use xdp_reset::attach::{Mode, attach, replace};
use xdp_reset::bpf::Link;
use xdp_reset::counters::Counters;
use xdp_reset::device::Device;
use xdp_reset::netlink::{self, OnInterface, SKB};
use xdp_reset::setup::{Setup, SetupMaps};
use xdp_reset::shared::{
    ANSWERED, LEFT_TO_THE_KERNEL, LIMITED, NO_SYN, OTHER, OTHER_ADDRESS, OTHER_STATION, Settings, TOTAL_LIMITED,
    WOULD_ANSWER,
};
use xdp_reset::{NAME, Program, load, xdp};

/// The address of the interface, and of a sender.
const STATION: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// How much of a frame `BPF_PROG_TEST_RUN` puts in its first buffer, where a page has 4 KiB.
const FIRST_BUFFER: usize = 3520;

/// Spreads sources over their budgets: any odd number.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

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
    let tests: [(&str, Test); 14] = [
        ("vectors", vectors),
        ("random", random),
        ("ports", ports),
        ("dry_run", dry_run),
        ("rate", rate),
        ("spoofed_sources", spoofed_sources),
        ("every_length", every_length),
        ("refused", refused),
        ("syn", syn_alone),
        ("to", to),
        ("total_rate", total_rate),
        ("change", change),
        ("example", example),
        ("attachment", attachment),
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
    setup: Setup,
    out: Vec<u8>,
    expected: BTreeMap<u32, u64>,
}

impl Bench {
    fn new(settings: Settings, ports: &str) -> Result<Self> {
        let mut program = Program::load()?;
        let setup = Setup { settings, ports: ports.parse()?, to: Vec::new() };
        program.set_station(STATION)?;
        program.set(&setup)?;
        Ok(Self { program, setup, out: vec![0; 1 << 16], expected: BTreeMap::new() })
    }

    /// Puts the setup into force, after a change.
    fn set(&mut self) -> Result<()> {
        self.program.set(&self.setup)
    }

    /// Runs the program; what it makes of the frame.
    fn run(&mut self, frame: &[u8]) -> Result<(u32, &[u8])> {
        run(self.program.xdp()?, frame, &mut self.out)
    }

    /// Compares the program with the crate.
    fn compare(&mut self, frame: &[u8]) -> Result<()> {
        let (counter, expected) = expected(frame, &self.setup);
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

/// Runs a program; what it makes of the frame.
fn run<'a>(program: &Xdp, frame: &[u8], out: &'a mut [u8]) -> Result<(u32, &'a [u8])> {
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    options.data_out = Some(out);
    let TestRunResult { return_value, data_size_out, .. } =
        program.test_run(options).with_context(|| format!("cannot run over {}", hex::encode(frame)))?;
    Ok((return_value, &out[..data_size_out as usize]))
}

/// What the program has to do: under which counter, and with which bytes.
fn expected(frame: &[u8], setup: &Setup) -> (u32, Vec<u8>) {
    match decide(frame, setup) {
        Ok(reply) => (ANSWERED, reply),
        Err(counter) => (counter, frame.to_vec()),
    }
}

fn decide(frame: &[u8], Setup { settings, ports, .. }: &Setup) -> Result<Vec<u8>, u32> {
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
        bench.setup.ports = list.parse()?;
        bench.set()?;
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
    let mut bench =
        Bench::new(Settings { interval: hour, burst: 2 * hour, factor: FACTOR, ..Settings::default() }, "23")?;
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
    bench.setup.settings = Settings::default();
    bench.set()?;
    ensure!(bench.run(&syn(23, 1))?.0 == XDP_TX);
    Ok(())
}

/// A SYN to port 23 from that address.
fn from(source: u32) -> Vec<u8> {
    let mut frame = syn(23, 1);
    frame[26..30].copy_from_slice(&source.to_be_bytes());
    support::packet::repair(&mut frame[14..]);
    frame
}

/// A source whose budget is empty, and a flood from a million others: none of them gets more than its burst, however many come
/// after it. Most get it; the others share a budget. What the total limit drops takes nothing from a budget.
fn spoofed_sources() -> Result<()> {
    let hour = 3_600_000_000_000;
    for total_interval in [0, hour] {
        let total_burst = 999 * hour;
        let settings = Settings { interval: hour, factor: FACTOR, total_interval, total_burst, ..Settings::default() };
        let mut bench = Bench::new(settings, "23")?;
        // From 11.0.0.0 on.
        let flood = |bench: &mut Bench| -> Result<u32> {
            let mut answered = 0;
            for source in 0x0b00_0000..0x0b00_0000 + 1_000_000 {
                answered += u32::from(bench.run(&from(source))?.0 == XDP_TX);
            }
            Ok(answered)
        };
        ensure!(bench.run(&syn(23, 1))?.0 == XDP_TX);
        let answered = flood(&mut bench)?;
        ensure!(if total_interval == 0 { answered > 600_000 } else { answered == 999 }, "{answered} answered");
        ensure!(bench.run(&syn(23, 1))?.0 == XDP_DROP, "a source was forgotten");
        bench.setup.settings.total_interval = 0;
        bench.set()?;
        let again = flood(&mut bench)?;
        ensure!(if total_interval == 0 { again == 0 } else { again > 600_000 }, "{again} answered in a second flood");
    }
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
    let message = load(object, NAME).err().context("it is not refused")?.to_string();
    println!("{message}");
    let (first, log) = message.split_once('\n').context("no log")?;
    ensure!(first.starts_with("the kernel's verifier refuses the program (Permission denied"), "{first}");
    ensure!(log.contains("invalid access to packet") && log.lines().count() <= 12, "{log}");
    Ok(())
}

/// With `--syn`, only SYNs without ACK are answered, whatever else they carry; a RST is not.
fn syn_alone() -> Result<()> {
    let mut bench = Bench::new(Settings { syn: 1, ..Settings::default() }, "0-65535")?;
    for flags in 0..=u8::MAX {
        let packets =
            [V4::with(Tcp { flags, ..Tcp::default() }).bytes(), V6::with(Tcp { flags, ..Tcp::default() }).bytes()];
        for packet in packets {
            let frame = frame(&packet, 0);
            let before = bench.program.counters()?;
            let verdict = bench.run(&frame)?.0;
            let counted = bench.program.counters()?.since(&before);
            let (expected, reason) = match flags & (SYN | ACK | RST) {
                SYN => (XDP_TX, ANSWERED),
                flags if flags & (SYN | ACK) == SYN => (XDP_PASS, NoReset::Rst as u32),
                _ => (XDP_PASS, NO_SYN),
            };
            ensure!(verdict == expected && counted[reason] == 1, "flags {flags:#x}: verdict {verdict}, {counted}");
        }
    }
    // Without it, a FIN is answered too.
    bench.setup.settings.syn = 0;
    bench.set()?;
    ensure!(bench.run(&frame(&V4::with(Tcp { flags: FIN, ..Tcp::default() }).bytes(), 0))?.0 == XDP_TX);
    Ok(())
}

/// With `--to`, only what goes to these networks is answered; the edges of each, of both versions, before and after a change.
fn to() -> Result<()> {
    let v4 = |destination: [u8; 4]| frame(&V4 { destination, ..V4::with(Tcp::default()) }.bytes(), 0);
    let v6 = |first: u16, last: u16| {
        let [[a, b], [c, d]] = [first.to_be_bytes(), last.to_be_bytes()];
        let destination = [a, b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, c, d];
        frame(&V6 { destination, ..V6::with(Tcp::default()) }.bytes(), 1)
    };
    let mut bench = Bench::new(Settings::default(), "0-65535")?;
    let frames = [
        v4([9, 255, 255, 255]),
        v4([10, 0, 0, 0]),
        v4([10, 255, 255, 255]),
        v4([11, 0, 0, 0]),
        v4([192, 0, 2, 1]),
        v4([192, 0, 2, 2]),
        v4([127, 0, 0, 1]),
        v6(0xfd00, 1),
        v6(0xfd00, 2),
        v6(0x2001, 1),
    ];
    for (networks, expected) in [
        (&["10.0.0.0/8", "192.0.2.1", "fd00::1"][..], 0b00_1001_0110_u16),
        (&["fd00::/16"], 0b01_1000_0000),
        (&["0.0.0.0/0"], 0b00_0111_1111),
        (&["::/0"], 0b11_1111_1111), // IPv4 too: they are ::ffff:0:0/96
        (&[], 0b11_1111_1111),
        (&["10.0.0.0/8", "11.0.0.0/8"], 0b00_0000_1110),
    ] {
        bench.setup.to = networks.iter().map(|network| network.parse()).collect::<Result<_>>()?;
        bench.set()?;
        let before = bench.program.counters()?;
        for (nth, frame) in frames.iter().enumerate() {
            let is_answered = expected >> nth & 1 == 1;
            let verdict = bench.run(frame)?.0;
            ensure!((verdict == XDP_TX) == is_answered, "{networks:?}: destination {nth}: verdict {verdict}");
        }
        let counted = bench.program.counters()?.since(&before);
        ensure!(counted[OTHER_ADDRESS] == u64::from(10 - expected.count_ones()), "{networks:?}: {counted}");
    }
    Ok(())
}

/// All sources together get the total burst and no more; a source over its own limit takes nothing of it.
fn total_rate() -> Result<()> {
    let hour = 3_600_000_000_000;
    let (total_interval, total_burst) = (hour, 4 * hour);
    let settings = Settings { interval: hour, factor: FACTOR, total_interval, total_burst, ..Settings::default() };
    let mut bench = Bench::new(settings, "23")?;
    for (source, expected) in [
        (1, XDP_TX),
        (1, XDP_DROP),
        (1, XDP_DROP),
        (2, XDP_TX),
        (3, XDP_TX),
        (4, XDP_TX),
        (5, XDP_TX),
        (6, XDP_DROP),
        (7, XDP_DROP),
    ] {
        let verdict = bench.run(&from(0x0b00_0000 + source))?.0;
        ensure!(verdict == expected, "source {source}: verdict {verdict}");
    }
    let counters = bench.program.counters()?;
    ensure!(counters[ANSWERED] == 5 && counters[LIMITED] == 2 && counters[TOTAL_LIMITED] == 2, "{counters}");
    // Alone, without a limit for each source.
    bench.setup.settings = Settings { total_interval: 1, total_burst: u64::MAX / 2, ..Settings::default() };
    bench.set()?;
    for _ in 0..10 {
        ensure!(bench.run(&from(0x0b00_0001))?.0 == XDP_TX);
    }
    Ok(())
}

/// Settings and ports change together, while frames arrive: under one setup, port 23 is answered, under the other one port 24
/// would be, in a dry run. Nothing in between is seen. What is not named stays.
fn change() -> Result<()> {
    let mut bench = Bench::new(Settings { trust: 1, ..Settings::default() }, "23")?;
    let maps = bench.program.xdp()?.info()?.map_ids()?.context("no maps")?;
    let mut maps = SetupMaps::of_other(&maps)?;
    ensure!(maps.read()? == bench.setup, "what was set is not read");
    let answering = bench.setup.clone();
    let dry_run = Setup {
        settings: Settings { dry_run: 1, to: 1, ..answering.settings },
        ports: "24".parse()?,
        to: vec!["0.0.0.0/0".parse()?],
    };
    let counters = std::thread::scope(|scope| -> Result<Counters> {
        let writer = scope.spawn(|| -> Result<()> {
            for _ in 0..2000 {
                maps.write(&dry_run)?;
                ensure!(maps.read()? == dry_run, "what was written is not read");
                maps.write(&answering)?;
            }
            Ok(())
        });
        while !writer.is_finished() {
            ensure!(bench.run(&syn(24, 1))?.0 == XDP_PASS, "port 24 is answered");
            let before = bench.program.counters()?[WOULD_ANSWER];
            bench.run(&syn(23, 1))?;
            ensure!(bench.program.counters()?[WOULD_ANSWER] == before, "port 23 is in the dry run");
        }
        writer.join().map_err(|_| anyhow!("the writer panicked"))??;
        bench.program.counters()
    })?;
    println!("{counters}");
    ensure!(counters[ANSWERED] > 0 && counters[OTHER] > 0 && counters[WOULD_ANSWER] > 0, "{counters}");
    Ok(())
}

/// The example, loaded.
fn no_mail() -> Result<Ebpf> {
    load(include_bytes_aligned!("../../target/program/bpfel-unknown-none/release/examples/no_mail"), "no_mail")
}

/// The example, whose condition is its own: from 10.0.0.0/8 to port 25.
fn example() -> Result<()> {
    let mut ebpf = no_mail()?;
    let program = xdp(&mut ebpf, "no_mail")?;
    let info = program.info()?.verified_instruction_count().context("no count")?;
    ensure!(info < 10_000, "the verifier processes {info} instructions");
    let mut out = vec![0; 1 << 16];
    for tags in 0..4 {
        for (source, port, is_answered) in [
            ([10, 0, 0, 0], 25, true),
            ([10, 9, 8, 7], 25, true),
            ([11, 0, 0, 1], 25, false),
            ([10, 9, 8, 7], 26, false),
        ] {
            for data in [0, 20, 900, 1460] {
                let tcp = Tcp { destination_port: port, data: vec![7; data], ..Tcp::default() };
                let mut frame = frame(&V4 { source, ..V4::with(tcp) }.bytes(), tags);
                let expected = if is_answered {
                    (XDP_TX, ethernet::reset(&frame, &mut [0; ethernet::MAX_LEN])?.to_vec())
                } else {
                    (XDP_PASS, frame.clone())
                };
                let (verdict, answer) = run(program, &frame, &mut out)?;
                ensure!((verdict, answer) == (expected.0, &expected.1), "{}", hex::encode(&frame));
                // A wrong checksum.
                *frame.last_mut().context("empty")? ^= 1;
                ensure!(run(program, &frame, &mut out)?.0 == XDP_PASS, "{}", hex::encode(&frame));
            }
        }
        let v6 = frame(&V6::with(Tcp { destination_port: 25, ..Tcp::default() }).bytes(), tags);
        ensure!(run(program, &v6, &mut out)?.0 == XDP_PASS);
    }
    Ok(())
}

/// On a veth device without native mode, because the peer has more queues, in a network namespace of this thread: which mode
/// is taken, and what becomes of a program that is there already.
fn attachment() -> Result<()> {
    enter()?;
    let link = "link add x0 numrxqueues 1 type veth peer name x1 numtxqueues 2";
    run_program("ip", &link.split(' ').collect::<Vec<_>>(), "", "iproute2")?;
    run_program("ethtool", &["-L", "x1", "tx", "2"], "", "ethtool")?;
    let device = Device::find("x0")?;
    let on_device = || netlink::program(device.index);
    let refusal = |error: Option<anyhow::Error>| error.map(|error| format!("{error:#}")).context("it is not refused");
    let has = |text: &str, part: &str| ensure_contains(text, part);
    let mut ours = Program::load()?;
    let mut other = no_mail()?;
    let other = xdp(&mut other, "no_mail")?;
    let other_id = other.info()?.id();

    // Native mode alone, and the other one where that is refused.
    has(
        &refusal(attach(&mut ours, "x0", &device, Mode::Native).err())?,
        "no native mode for this program (No space left",
    )?;
    let attached = attach(&mut ours, "x0", &device, Mode::Auto)?;
    ensure!(!attached.is_native && !attached.is_replaced()?);
    has(&attached.to_string(), "skb; the driver refuses native mode: No space left")?;
    ensure!(on_device()? == Some(OnInterface { id: ours.id()?, mode: SKB }));

    // A new one takes over from an old one, whose end then changes nothing.
    let mut newer = Program::load()?;
    has(&refusal(attach(&mut newer, "x0", &device, Mode::Auto).err())?, "--replace puts this one in its place")?;
    has(&refusal(replace(&mut newer, "x0", &device, Mode::Native).err())?, "is in skb mode")?;
    let newer_attached = replace(&mut newer, "x0", &device, Mode::Auto)?;
    ensure!(attached.is_replaced()? && !newer_attached.is_replaced()?);
    drop(attached);
    ensure!(on_device()? == Some(OnInterface { id: newer.id()?, mode: SKB }));
    drop(newer_attached);
    ensure!(on_device()?.is_none(), "the program stays without its link");

    // Another one without a link: it is attached again if ours cannot be, and removed if it can.
    let there = Some(OnInterface { id: other_id, mode: SKB });
    netlink::attach(device.index, SKB, other.fd()?)?;
    has(&refusal(attach(&mut ours, "x0", &device, Mode::Auto).err())?, "\"no_mail\"")?;
    has(
        &refusal(replace(&mut ours, "x0", &device, Mode::Native).err())?,
        &format!("\"no_mail\" (id {other_id}) is attached again"),
    )?;
    ensure!(on_device()? == there, "{:?}", on_device()?);
    let attached = replace(&mut ours, "x0", &device, Mode::Auto)?;
    ensure!(on_device()? == Some(OnInterface { id: ours.id()?, mode: SKB }));
    drop(attached);

    // Another one with a link stays.
    let _link = Link::create(other.fd()?, device.index, SKB)?;
    has(&refusal(attach(&mut ours, "x0", &device, Mode::Skb).err())?, "holds it: end the process")?;
    has(&refusal(replace(&mut ours, "x0", &device, Mode::Skb).err())?, "holds it: end the process")?;
    ensure!(on_device()? == there);
    Ok(())
}

fn ensure_contains(text: &str, part: &str) -> Result<()> {
    ensure!(text.contains(part), "{part:?} is not in {text:?}");
    Ok(())
}
