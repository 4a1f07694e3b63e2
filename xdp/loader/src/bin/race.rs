//! How long an answer takes: the XDP program beside netfilter and a closed port, interleaved, on a veth pair in a network
//! namespace of its own. One pinned CPU does all: it sends, answers and counts the answers.
//!
//! `race [PACKETS] [ROUNDS]` prints a table, and fails if an answer is missing or the program is not as far ahead as the
//! README says.

use std::collections::BTreeMap;
use std::env;

use anyhow::{Context, Result, ensure};
use aya::maps::{Array, MapData, PerCpuArray};
use aya::programs::{TestRunAttrs, TestRunOptions, Xdp, XdpMode};
use aya::{Ebpf, TestRun, include_bytes_aligned};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tcp_reset::checksum::Sum;
use tcp_reset_linux::namespace::{enter, run, set};
use xdp_reset::Program;
use xdp_reset::device::Device;
use xdp_reset::shared::Settings;

static OBJECT: &[u8] = include_bytes_aligned!("../../../target/program/bpfel-unknown-none/release/race");

const STATION: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// Who answers, and whether at all.
const RUNNERS: [(&str, bool); 7] = [
    ("this program, native", true),
    ("nft, netdev ingress", true),
    ("nft, prerouting", true),
    ("iptables, INPUT", true),
    ("closed port", true),
    ("floor: dropped at XDP", false),
    ("not for this program: passed and dropped by nft ingress", false),
];

fn main() -> Result<()> {
    let number = |nth, default| env::args().nth(nth).map_or(Ok(default), |text| text.parse());
    let (packets, rounds): (u32, u32) = (number(1, 100_000)?, number(2, 5)?);
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
    let mut race = Race::new()?;
    let frames = [("SYN", frame(4, 0)?), ("1,500 bytes", frame(4, 1460)?), ("IPv6 SYN", frame(6, 0)?)];
    let mut times: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for (row, (name, answers)) in RUNNERS.iter().enumerate() {
            for (column, (kind, frame)) in frames.iter().enumerate() {
                let time = race.time(row, frame, packets, *answers).with_context(|| format!("{name}, {kind}"))?;
                times.entry((row, column)).or_default().push(time);
            }
        }
    }
    report(&times)
}

fn report(times: &BTreeMap<(usize, usize), Vec<f64>>) -> Result<()> {
    let median = |row, column| {
        let mut all = times[&(row, column)].clone();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    println!(
        "| nanoseconds a packet, whole loop (times ours; with the floor taken off) | SYN | 1,500 bytes | IPv6 SYN |"
    );
    println!("|---|--:|--:|--:|");
    for (row, (name, _)) in RUNNERS.iter().enumerate() {
        print!("| {name} |");
        for column in 0..3 {
            let [time, ours, floor] = [row, 0, 5].map(|row| median(row, column));
            print!(" {time:.0} ({:.1}×; {:.1}×) |", time / ours, (time - floor) / (ours - floor));
        }
        println!();
    }
    let [ours, ingress, input, floor] = [0, 1, 3, 5].map(|row| median(row, 0));
    println!("{:.1} million SYNs answered a second", 1e3 / ours);
    ensure!(input >= 5.0 * ours && ingress >= 3.0 * ours, "not 5 times iptables, or not 3 times nft ingress");
    let net = |time| (time - floor) / (ours - floor);
    ensure!(net(input) >= 10.0 && net(ingress) >= 6.0, "not 10 and 6 times without the floor");
    Ok(())
}

struct Race {
    ebpf: Ebpf,
    arrived: PerCpuArray<MapData, u64>,
    program: Program,
    veth0: u32,
    veth1: u32,
}

impl Race {
    fn new() -> Result<Self> {
        let mut ebpf = Ebpf::load(OBJECT)?;
        for name in ["send", "sink", "floor", "pass"] {
            xdp(&mut ebpf, name)?.load()?;
        }
        let (veth0, veth1) = (Device::find("veth0")?.index, Device::find("veth1")?.index);
        xdp(&mut ebpf, "sink")?.attach_to_if_index(veth1, XdpMode::Driver)?;
        let arrived = PerCpuArray::try_from(ebpf.take_map("ARRIVED").context("no counter")?)?;
        let mut program = Program::load()?;
        program.set_station(STATION)?;
        program.set(&Settings::default(), &"80".parse()?)?;
        Ok(Self { ebpf, arrived, program, veth0, veth1 })
    }

    fn arrived(&self) -> Result<u64> {
        Ok(self.arrived.get(&0, 0)?.iter().sum())
    }

    fn time(&mut self, row: usize, frame: &[u8], packets: u32, answers: bool) -> Result<f64> {
        let nft = |script: &str| run("nft", &["-f", "-"], script, "nftables");
        let ingress = |rule: &str| {
            nft(&format!(
                "table netdev race {{ chain race {{ type filter hook ingress device veth0 priority 0;\n{rule}\n}}\n}}\n"
            ))
        };
        nft("flush ruleset\n")?;
        for tables in ["iptables-legacy", "ip6tables-legacy"] {
            run(tables, &["-F", "INPUT"], "", "iptables")?;
        }
        match row {
            1 => ingress("tcp dport 80 reject with tcp reset")?,
            2 => nft("table inet race { chain race { type filter hook prerouting priority 0;\n\
                 tcp dport 80 reject with tcp reset\n}\n}\n")?,
            3 => {
                for tables in ["iptables-legacy", "ip6tables-legacy"] {
                    let rule = "-A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset";
                    run(tables, &rule.split(' ').collect::<Vec<_>>(), "", "iptables")?;
                }
            }
            6 => ingress("tcp dport 80 drop")?,
            _ => {}
        }
        let ports = if row == 6 { "81" } else { "80" };
        self.program.set(&Settings::default(), &ports.parse()?)?;
        let xdp = match row {
            0 | 6 => self.program.xdp()?,
            5 => xdp(&mut self.ebpf, "floor")?,
            _ => xdp(&mut self.ebpf, "pass")?,
        };
        let link = xdp.attach_to_if_index(self.veth0, XdpMode::Driver)?;
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
        match row {
            0 | 6 => self.program.xdp()?.detach(link)?,
            5 => self::xdp(&mut self.ebpf, "floor")?.detach(link)?,
            _ => self::xdp(&mut self.ebpf, "pass")?.detach(link)?,
        }
        // Neighbour discovery and the like may be among them.
        ensure!((expected..expected + 8).contains(&arrived), "{arrived} answers to {packets} packets");
        Ok(time)
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

fn xdp<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    Ok(ebpf.program_mut(name).with_context(|| format!("no program {name}"))?.try_into()?)
}

/// A SYN to port 80, with so much data.
fn frame(version: u8, data: usize) -> Result<Vec<u8>> {
    let mut segment = vec![0x30, 0x39, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0];
    segment.resize(20 + data, 0x5a);
    let [high, low] = u16::try_from(segment.len())?.to_be_bytes();
    let (mut header, ether_type) = if version == 4 {
        let [h, l] = u16::try_from(20 + segment.len())?.to_be_bytes();
        (vec![0x45, 0, h, l, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1], [0x08, 0x00])
    } else {
        let mut header = vec![0x60, 0, 0, 0, high, low, 6, 64];
        for host in [2, 1] {
            header.extend([0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
        }
        (header, [0x86, 0xdd])
    };
    let addresses = if version == 4 { 12 } else { 8 };
    let sum = Sum::of(&header[addresses..]).plus(Sum::of(&segment)).plus(Sum::of(&[0, 6, high, low]));
    segment[16..18].copy_from_slice(&sum.checksum());
    if version == 4 {
        let checksum = Sum::of(&header).checksum();
        header[10..12].copy_from_slice(&checksum);
    }
    // The last byte is not sent.
    Ok([&STATION[..], &SENDER, &ether_type, &header, &segment, &[0]].concat())
}
