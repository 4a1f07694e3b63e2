//! Both ends of an established connection are reset by a forbidden word, and other connections go on.

use std::env;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use super::{Family, IPV4, IPV6, Network, queue_to, raise, start};
use crate::Test;
use crate::tools::Daemon;

const SNIFF: &str = env!("CARGO_BIN_EXE_sniff");

/// How soon after the forbidden word both ends are reset.
const SOON: Duration = Duration::from_millis(100);

/// How many connections are cut at least.
const FORBIDDEN: usize = 1000;

/// How many connections go on beside them, how many MiB all of them carry together unless `TCP_RESET_MIB` says more,
/// and how long each waits after 64 KiB: 250 MB/s in total at most. An unoptimized `regex` reads much less.
const OTHERS: usize = 4;
const MIB: usize = if cfg!(debug_assertions) { 16 } else { 256 };
const PAUSE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 25 } else { 1 });

/// What stands on the gateway.
#[derive(Clone, Copy, PartialEq)]
enum Firewall {
    Queue,
    Sniff,
}

pub(super) fn tests() -> Vec<Test> {
    let needs = &["ip", "nft"];
    let mut tests = Vec::new();
    for family in [IPV4, IPV6] {
        let Family { name, .. } = family;
        tests.extend([
            Test::new(format!("both_ends_queue_{name}"), needs, move || both_are_reset(Firewall::Queue, family)),
            Test::new(format!("both_ends_sniff_{name}"), needs, move || both_are_reset(Firewall::Sniff, family)),
            Test::new(format!("both_ends_not_asked_for_{name}"), needs, move || source_alone_is_reset(family)),
            Test::new(format!("both_ends_queued_again_{name}"), needs, move || resets_are_queued_again(family)),
        ]);
    }
    tests
}

fn both_are_reset(firewall: Firewall, family: Family) {
    let network = Network::new();
    let _firewall = match firewall {
        Firewall::Queue => raise(&network.gateway, "forward", &["--payload", "forbidden|verboten", "--both-ends"]),
        Firewall::Sniff => {
            network.gateway.enter();
            Daemon::start(&[SNIFF, "veth1", "--payload", "forbidden|verboten"], "watching veth1")
        }
    };
    let others = others(&network, family);
    let (mut cut, mut slowest) = (0, Duration::ZERO);
    while cut < FORBIDDEN || !others.iter().all(JoinHandle::is_finished) {
        // The client says it, then the server.
        let [mut client, mut server] = network.connection(family);
        let start = Instant::now();
        let speaker = if cut % 2 == 0 { &mut client } else { &mut server };
        speaker.write_all(b"this is forbidden").unwrap();
        for (end, who) in [(&mut client, "client"), (&mut server, "server")] {
            let error = read_to_error(end);
            assert_eq!(error, ErrorKind::ConnectionReset, "{who} of connection {cut}, after {:?}", start.elapsed());
        }
        slowest = slowest.max(start.elapsed());
        cut += 1;
    }
    assert!(slowest < SOON, "the slowest of {cut} connections was reset after {slowest:?}");
    let carried: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
    println!("{}: {cut} connections cut, the slowest in {slowest:?}; {} MiB beside them", family.name, carried >> 20);
}

/// Without `--both-ends` the server is not reset.
fn source_alone_is_reset(family: Family) {
    let network = Network::new();
    let _firewall = raise(&network.gateway, "forward", &["--payload", "forbidden"]);
    let [mut client, mut server] = network.connection(family);
    client.write_all(b"this is forbidden").unwrap();
    assert_eq!(read_to_error(&mut client), ErrorKind::ConnectionReset);
    server.set_read_timeout(Some(5 * SOON)).unwrap();
    assert_eq!(read_to_error(&mut server), ErrorKind::WouldBlock);
    assert_eq!(server.take_error().unwrap().map(|error| error.kind()), None);
}

/// A rule that queues the resets too neither stops them nor makes a loop, even if the pattern matches everything.
fn resets_are_queued_again(family: Family) {
    let network = Network::new();
    let [mut client, mut server] = network.connection(family);
    let _firewall = start(&network.client, &["--payload", "", "--both-ends"]);
    queue_to("output", "");
    client.write_all(b"anything").unwrap();
    assert_eq!(read_to_error(&mut client), ErrorKind::ConnectionReset);
    assert_eq!(read_to_error(&mut server), ErrorKind::ConnectionReset);
}

/// Reads past the data to the error.
pub(super) fn read_to_error(end: &mut TcpStream) -> ErrorKind {
    loop {
        match end.read(&mut [0; 1024]) {
            Ok(0) => return ErrorKind::UnexpectedEof,
            Ok(_) => {}
            Err(error) => return error.kind(),
        }
    }
}

/// Connections that carry a lot of allowed data in both directions; each returns the number of bytes that arrived.
fn others(network: &Network, family: Family) -> Vec<JoinHandle<usize>> {
    let mib = env::var("TCP_RESET_MIB").map_or(MIB, |mib| mib.parse().expect("TCP_RESET_MIB is a number"));
    let chunks = mib * 16 / OTHERS;
    let carry = |number| {
        let mut ends = network.connection(family);
        if number % 2 == 0 {
            ends.reverse();
        }
        let [mut from, mut to] = ends;
        thread::spawn(move || {
            let writer = thread::spawn(move || {
                let chunk = vec![b'.'; 1 << 16];
                for _ in 0..chunks {
                    from.write_all(&chunk).unwrap();
                    sleep(PAUSE);
                }
            });
            let (mut arrived, mut buffer) = (0, vec![0; 1 << 18]);
            loop {
                match to.read(&mut buffer).unwrap() {
                    0 => break,
                    len => arrived += len,
                }
            }
            writer.join().unwrap();
            assert_eq!(arrived, chunks << 16);
            arrived
        })
    };
    (0..OTHERS).map(carry).collect()
}
