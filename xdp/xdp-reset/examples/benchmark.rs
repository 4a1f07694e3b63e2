//! How long an answer takes: the XDP program beside netfilter and a closed port, interleaved, on a veth pair in a network
//! namespace of its own. One pinned CPU does all: it sends, answers and counts the answers.
//!
//! `benchmark [PACKETS] [ROUNDS] [CHART.svg] [SHARE]` prints a table, draws a chart of it, and fails if an answer is missing or
//! the program is not as fast as the README asks. SHARE, such as 0.5, asks for so much of it; with 0, the ratios are only printed.

use std::fmt::Write;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use aya::maps::{Array, MapData, PerCpuArray};
use aya::programs::{TestRunAttrs, TestRunOptions, Xdp, XdpMode};
use aya::{Ebpf, TestRun, include_bytes_aligned};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use support::frames;
use support::packet::{Tcp, V4, V6};
use tcp_reset_linux::namespace::{enter, run, set};
use xdp_reset::device::Device;
use xdp_reset::setup::Setup;
use xdp_reset::shared::Settings;
use xdp_reset::{Program, xdp};

static OBJECT: &[u8] = include_bytes_aligned!("../../target/program/bpfel-unknown-none/release/benchmark");

const STATION: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// What happens to the frames.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    Native,
    Skb,
    NftIngress,
    NftPrerouting,
    Iptables,
    ClosedPort,
    LowerBound,
    Swap,
    Rate,
    TotalRate,
    To,
    NoProgram,
    PassedByEmpty,
    PassedByThis,
}

use Runner::{
    ClosedPort, Iptables, LowerBound, Native, NftIngress, NftPrerouting, NoProgram, PassedByEmpty, PassedByThis, Rate,
    Skb, Swap, To, TotalRate,
};

/// The rows of the table, and whether the frames are answered.
const RUNNERS: [(Runner, &str, bool); 14] = [
    (Native, "this program, native", true),
    (Skb, "this program, skb", true),
    (NftIngress, "nft, netdev ingress", true),
    (NftPrerouting, "nft, prerouting", true),
    (Iptables, "iptables, INPUT", true),
    (ClosedPort, "closed port", true),
    (LowerBound, "lower bound: dropped at XDP", false),
    (Swap, "limit: a program that swaps the addresses, cuts and sends", true),
    (Rate, "this program, native, `--rate`", true),
    (TotalRate, "this program, native, `--rate` and `--total-rate`", true),
    (To, "this program, native, `--to`", true),
    (NoProgram, "dropped by nft ingress, no XDP program", false),
    (PassedByEmpty, "dropped by nft ingress, passed by an empty XDP program", false),
    (PassedByThis, "dropped by nft ingress, passed by this program", false),
];

fn main() -> Result<()> {
    let number = |nth, default| env::args().nth(nth).map_or(Ok(default), |text| text.parse());
    let (packets, rounds): (u32, u32) = (number(1, 100_000)?, number(2, 5)?);
    let share = env::args().nth(4).map_or(Ok(1.0), |text| text.parse())?;
    enter()?;
    let mut cpu = CpuSet::new();
    cpu.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &cpu)?;
    let script = "link add veth0 address 02:00:00:00:00:01 type veth peer name veth1 address 02:00:00:00:00:02\n\
         link set veth0 up\nlink set veth1 up\naddress add 10.9.0.1/24 dev veth0\n\
         address add fd09::1/64 dev veth0 nodad\n\
         neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev veth0\n\
         neighbour add fd09::2 lladdr 02:00:00:00:00:02 dev veth0\n";
    set("ipv6/conf/default/accept_ra", "0")?;
    run("ip", &["-batch", "-"], script, "iproute2")?;
    std::thread::sleep(std::time::Duration::from_secs(3));
    let mut benchmark = Benchmark::new()?;
    let frames = [
        ("SYN", frame(4, 0)),
        ("1,500 bytes", frame(4, 1460)),
        ("1,499 bytes", frame(4, 1459)),
        ("IPv6 SYN", frame(6, 0)),
    ];
    // Other load can only increase a time: so the minimum of the rounds counts.
    let mut times = [[f64::INFINITY; COLUMNS]; RUNNERS.len()];
    for _ in 0..rounds {
        for (row, (runner, name, answers)) in RUNNERS.iter().enumerate() {
            for (column, (kind, frame)) in frames.iter().enumerate() {
                let time =
                    benchmark.time(*runner, frame, packets, *answers).with_context(|| format!("{name}, {kind}"))?;
                times[row][column] = times[row][column].min(time);
            }
        }
    }
    if let Some(path) = env::args().nth(3) {
        fs::write(&path, chart(&times)).with_context(|| format!("cannot write {path}"))?;
    }
    report(&times);
    check(&times, share)
}

/// Nanoseconds a packet, by row and kind of frame.
type Times = [[f64; COLUMNS]; RUNNERS.len()];

/// The kinds of frame: a SYN, two long segments, a SYN over IPv6.
const COLUMNS: usize = 4;

/// Bars of those that answer, a column for each of two kinds of frame.
fn chart(times: &Times) -> String {
    let answering = RUNNERS.iter().take_while(|(.., answers)| *answers);
    let height = 34 + 26 * answering.clone().count();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 620 {height}\" width=\"620\" height=\"{height}\" \
         role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#76818c\">\n\
         <title>Time from a frame to its reset, in nanoseconds</title>\n"
    );
    for (column, title) in ["SYN", "1,500 bytes"].into_iter().enumerate() {
        let left = 180 + 220 * column;
        _ = writeln!(svg, "<text x=\"{left}\" y=\"18\" font-weight=\"600\">{title}</text>");
        for (row, (_, name, _)) in answering.clone().enumerate() {
            let (time, y) = (times[row][column], 50 + 26 * row);
            let (bar, fill) = (time / 10.0, if row < 2 { "#1a7fe0" } else { "#a8b0b7" });
            if column == 0 {
                _ = writeln!(svg, "<text x=\"170\" y=\"{y}\" text-anchor=\"end\">{name}</text>");
            }
            _ = writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{}\" width=\"{bar:.1}\" height=\"18\" rx=\"2\" fill=\"{fill}\"/>\n\
                 <text x=\"{left}\" dx=\"{:.1}\" y=\"{y}\">{time:.0} ns</text>",
                y - 13,
                bar + 6.0
            );
        }
    }
    svg + "</svg>\n"
}

fn report(times: &Times) {
    println!(
        "| nanoseconds per packet, whole loop (ratio to this program; after subtracting the lower bound) \
         | SYN | 1,500 bytes | 1,499 bytes | IPv6 SYN |"
    );
    println!("|---|--:|--:|--:|--:|");
    for ((_, name, _), row) in RUNNERS.iter().zip(times) {
        print!("| {name} |");
        for ((time, ours), lower_bound) in row.iter().zip(times[0]).zip(times[6]) {
            print!(" {time:.0} ({:.1}×; {:.1}×) |", time / ours, (time - lower_bound) / (ours - lower_bound));
        }
        println!();
    }
    println!("{:.1} million SYNs answered a second", 1e3 / times[0][0]);
}

/// How many times as fast as iptables and as nft's ingress hook the program has to be, in the whole loop, and the same with
/// the lower bound subtracted. Both sides sum the long segments.
const BOUNDS: [[f64; 4]; COLUMNS] =
    [[5.0, 3.0, 10.0, 6.0], [4.5, 3.0, 8.0, 5.0], [4.0, 2.5, 6.5, 3.5], [5.0, 3.0, 10.0, 6.0]];

/// How many times as long as the limit the program may take, and how many times as long with `--rate` as without.
const AT_MOST: [[f64; 2]; COLUMNS] = [SHORT, LONG, [1.7, 1.15], SHORT];
const SHORT: [f64; 2] = [1.25, 1.15];
const LONG: [f64; 2] = [1.6, 1.15];

fn check(times: &Times, share: f64) -> Result<()> {
    for (column, (bounds, at_most)) in BOUNDS.iter().zip(AT_MOST).enumerate() {
        let [ours, ingress, input, lower_bound, limit, rate] = [0, 2, 4, 6, 7, 8].map(|row| times[row][column]);
        let net = ours - lower_bound;
        let measured = [input / ours, ingress / ours, (input - lower_bound) / net, (ingress - lower_bound) / net];
        let bounds = bounds.map(|bound| bound * share);
        let enough = measured.iter().zip(bounds).all(|(measured, bound)| *measured >= bound);
        ensure!(enough, "column {}: {measured:.1?} times as fast, not {bounds:.1?}", column + 1);
        let (measured, at_most) = ([ours / limit, rate / ours], at_most.map(|bound| bound / share));
        println!("column {}: {:.2} of the limit, {:.2} with `--rate`", column + 1, measured[0], measured[1]);
        let enough = measured.iter().zip(at_most).all(|(measured, bound)| *measured <= bound);
        ensure!(enough, "column {}: {measured:.2?} times as long, more than {at_most:.2?}", column + 1);
    }
    Ok(())
}

struct Benchmark {
    ebpf: Ebpf,
    arrived: PerCpuArray<MapData, u64>,
    program: Program,
    veth0: u32,
    veth1: u32,
}

impl Benchmark {
    fn new() -> Result<Self> {
        let mut ebpf = Ebpf::load(OBJECT)?;
        for name in ["send", "sink", "lower_bound", "swap", "pass"] {
            xdp(&mut ebpf, name)?.load()?;
        }
        let (veth0, veth1) = (Device::find("veth0")?.index, Device::find("veth1")?.index);
        xdp(&mut ebpf, "sink")?.attach_to_if_index(veth1, XdpMode::Driver)?;
        let arrived = PerCpuArray::try_from(ebpf.take_map("ARRIVED").context("no counter")?)?;
        let mut program = Program::load()?;
        program.set_station(STATION)?;
        Ok(Self { ebpf, arrived, program, veth0, veth1 })
    }

    fn arrived(&self) -> Result<u64> {
        Ok(self.arrived.get(&0, 0)?.iter().sum())
    }

    fn time(&mut self, runner: Runner, frame: &[u8], packets: u32, answers: bool) -> Result<f64> {
        let nft = |script: &str| run("nft", &["-f", "-"], script, "nftables");
        let ingress = |rule: &str| {
            nft(&format!(
                "table netdev benchmark {{ chain benchmark {{ type filter hook ingress device veth0 priority 0;\n{rule}\n}}\n}}\n"
            ))
        };
        nft("flush ruleset\n")?;
        for tables in ["iptables-legacy", "ip6tables-legacy"] {
            run(tables, &["-F", "INPUT"], "", "iptables")?;
        }
        match runner {
            NftIngress => ingress("tcp dport 80 reject with tcp reset")?,
            NftPrerouting => nft("table inet benchmark { chain benchmark { type filter hook prerouting priority 0;\n\
                 tcp dport 80 reject with tcp reset\n}\n}\n")?,
            Iptables => {
                for tables in ["iptables-legacy", "ip6tables-legacy"] {
                    let rule = "-A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset";
                    run(tables, &rule.split(' ').collect::<Vec<_>>(), "", "iptables")?;
                }
            }
            NoProgram | PassedByEmpty | PassedByThis => ingress("tcp dport 80 drop")?,
            Native | Skb | ClosedPort | LowerBound | Swap | Rate | TotalRate | To => {}
        }
        let ports = if runner == PassedByThis { "81" } else { "80" };
        // So high that all is answered.
        let (interval, burst) = (1, u64::MAX / 2);
        let settings = match runner {
            Rate => Settings { interval, burst, factor: 1, ..Settings::default() },
            TotalRate => Settings {
                interval,
                burst,
                factor: 1,
                total_interval: interval,
                total_burst: burst,
                ..Settings::default()
            },
            _ => Settings::default(),
        };
        let to = if runner == To { vec!["10.9.0.1".parse()?, "fd09::1".parse()?] } else { Vec::new() };
        self.program.set(&Setup { settings, ports: ports.parse()?, to })?;
        // Without a program in driver mode, veth receives frames sent by XDP only with GRO on. It is also on for the runners
        // that are compared with one without such a program.
        let gro = matches!(runner, Skb | NoProgram | PassedByEmpty | PassedByThis);
        run("ethtool", &["-K", "veth0", "gro", if gro { "on" } else { "off" }], "", "ethtool")?;
        let (veth0, mode) = (self.veth0, if runner == Skb { XdpMode::Skb } else { XdpMode::Driver });
        let link = match self.program(runner)? {
            Some(program) => Some(program.attach_to_if_index(veth0, mode)?),
            None => None,
        };
        let mut headers = [0; 74];
        for (to, from) in headers.iter_mut().zip(frame) {
            *to = *from;
        }
        let map = self.ebpf.map_mut("HEADERS").context("no headers")?;
        Array::<_, [u8; 74]>::try_from(map)?.set(0, headers, 0)?;
        self.send(frame, packets / 10)?;
        let before = self.arrived()?;
        let time = self.send(frame, packets)?;
        let arrived = self.arrived()? - before;
        let expected = if answers { packets.into() } else { 0 };
        if let (Some(program), Some(link)) = (self.program(runner)?, link) {
            program.detach(link)?;
        }
        // Neighbour discovery and the like may be among them.
        ensure!((expected..expected + 8).contains(&arrived), "{arrived} answers to {packets} packets");
        Ok(time)
    }

    /// The program on the interface.
    fn program(&mut self, runner: Runner) -> Result<Option<&mut Xdp>> {
        Ok(match runner {
            Native | Skb | PassedByThis | Rate | TotalRate | To => Some(self.program.xdp()?),
            LowerBound => Some(xdp(&mut self.ebpf, "lower_bound")?),
            Swap => Some(xdp(&mut self.ebpf, "swap")?),
            NoProgram => None,
            _ => Some(xdp(&mut self.ebpf, "pass")?),
        })
    }

    /// Sends as from veth1; how long each takes in nanoseconds, as the kernel measures, without what comes before and after.
    fn send(&mut self, frame: &[u8], packets: u32) -> Result<f64> {
        let mut context = [0; 24];
        context[4..8].copy_from_slice(&u32::try_from(frame.len())?.to_ne_bytes());
        context[12..16].copy_from_slice(&self.veth1.to_ne_bytes());
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.ctx_in = Some(&context);
        options.repeat = packets;
        options.attrs = TestRunAttrs::new().xdp_live_frames(64);
        Ok(xdp(&mut self.ebpf, "send")?.test_run(options)?.duration.as_secs_f64() * 1e9)
    }
}

/// A SYN to port 80, with so much data.
fn frame(version: u8, data: usize) -> Vec<u8> {
    let tcp = Tcp { data: vec![0x5a; data], ..Tcp::default() };
    let packet = if version == 4 {
        V4 { source: [10, 9, 0, 2], destination: [10, 9, 0, 1], ..V4::with(tcp) }.bytes()
    } else {
        let host = |number| [0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number];
        V6 { source: host(2), destination: host(1), ..V6::with(tcp) }.bytes()
    };
    // The last byte is not sent.
    frames::frame(STATION, SENDER, &[], frames::ether_type(&packet), &[&packet[..], &[0]].concat())
}
