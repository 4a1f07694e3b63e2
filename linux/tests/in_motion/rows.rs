//! {queue, sniff} × {veth, cable} × {idle, client sends bulk, server sends bulk, both} × {IPv4, IPv6}.

use std::env;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use tcp_reset_linux::realtime::become_realtime;

use crate::Test;
use crate::network::{Family, IPV4, IPV6, Link, Network, queue_forwarded};
use crate::tools::{Daemon, queue};
use crate::traffic::{SOON, Times, Traffic, cut};

const SNIFF: &str = env!("CARGO_BIN_EXE_sniff");

/// How many connections a row has, unless `TCP_RESET_CONNECTIONS` says more, and how many of them go on at a time.
const CONNECTIONS: usize = 50;
const AT_A_TIME: usize = 10;

/// What stands on the gateway.
#[derive(Clone, Copy, Debug)]
enum Firewall {
    Queue,
    Sniff,
}

pub(crate) fn tests() -> Vec<Test> {
    let needs = &["ip", "iptables-nft", "/dev/net/tun"];
    let mut tests = Vec::new();
    for firewall in [Firewall::Queue, Firewall::Sniff] {
        for link in [Link::Veth, Link::Cable] {
            for traffic in Traffic::ALL {
                for family in [IPV4, IPV6] {
                    let name = format!("row_{firewall:?}_{link:?}_{traffic:?}_{}", family.name).to_lowercase();
                    let run = move || both_are_cut(firewall, link, traffic, family);
                    tests.push(Test::new(name, needs, run));
                }
            }
        }
    }
    tests
}

/// A short row that misses is measured once more: another program may have taken the processor.
fn both_are_cut(firewall: Firewall, link: Link, traffic: Traffic, family: Family) {
    if let Err(missed) = measure(firewall, link, traffic, family) {
        println!("once more: {missed}");
        assert!(env::var_os("TCP_RESET_CONNECTIONS").is_none(), "{missed}");
        measure(firewall, link, traffic, family).unwrap();
    }
}

fn measure(firewall: Firewall, link: Link, traffic: Traffic, family: Family) -> Result<(), String> {
    let count = env::var("TCP_RESET_CONNECTIONS").map_or(CONNECTIONS, |count| count.parse().expect("a number"));
    // A connection over the cable takes its time, and little of the processor's.
    let at_a_time = if link == Link::Veth { AT_A_TIME } else { 5 * AT_A_TIME };
    let network = Network::new(link);
    network.gateway.enter();
    let is_throttled = matches!(firewall, Firewall::Sniff) && !may_be_realtime();
    let (mut cuts, mut said) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while cuts.len() < count {
        let firewall = start_firewall(firewall, cuts.is_empty());
        // The program lives for a minute at most.
        let minute = Instant::now() + Duration::from_secs(35);
        while cuts.len() < count && Instant::now() < minute {
            cuts.extend(cut_some(&network, traffic, family, at_a_time.min(count - cuts.len()), is_throttled));
        }
        network.gateway.enter();
        said.push(firewall.stop().lines().last().unwrap_or_default().to_owned());
    }
    let is_soon = |time: &Option<Duration>| time.is_some_and(|time| time <= SOON);
    let good = cuts.iter().filter(|times| times.iter().all(is_soon)).count();
    let missed: Vec<_> = cuts.iter().filter(|times| !times.iter().all(is_soon)).take(10).collect();
    let mut times: Vec<_> = cuts.iter().flatten().flatten().collect();
    times.sort();
    let [half, most, slowest] =
        [50, 99, 100].map(|percent| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)));
    println!("{good} of {count} cut: half {half:?}, 99 % {most:?}, slowest {slowest:?}; in {:?}", start.elapsed());
    println!("others: {missed:?}; {said:?}");
    let least = if count < 1000 { 980 } else { 995 };
    let is_enough = good * 1000 >= count * least;
    is_enough.then_some(()).ok_or(format!("{good} of {count} connections cut at both ends within {SOON:?}: {missed:?}"))
}

/// Without real-time priority, a monitor that waits for a processor misses what the memory of one machine can carry.
fn may_be_realtime() -> bool {
    let may = thread::spawn(|| become_realtime().is_ok()).join().unwrap();
    if !may {
        static NOTE: Once = Once::new();
        NOTE.call_once(|| eprintln!("NOTE no real-time priority here (CAP_SYS_NICE): bulk under sniff is throttled"));
    }
    may
}

fn start_firewall(firewall: Firewall, is_first: bool) -> Daemon {
    match firewall {
        Firewall::Queue => {
            let daemon = Daemon::start(&[queue(), "7", "--payload", "#", "--both-ends"], "answering queue 7");
            if is_first {
                queue_forwarded("--queue-num 7");
            }
            daemon
        }
        Firewall::Sniff => Daemon::start(&[SNIFF, "link1", "--payload", "#"], "watching link1"),
    }
}

/// Makes connections, and cuts all of them at the same time.
fn cut_some(network: &Network, traffic: Traffic, family: Family, count: usize, is_throttled: bool) -> Vec<Times> {
    let connections = network.connections(family, count);
    thread::scope(|scope| {
        let cut = |ends| {
            let before = Duration::from_millis(fastrand::u64(200..400));
            scope.spawn(move || cut(ends, traffic, before, is_throttled))
        };
        let cutting: Vec<_> = connections.iter().map(cut).collect();
        cutting.into_iter().map(|cutting| cutting.join().unwrap()).collect()
    })
}
