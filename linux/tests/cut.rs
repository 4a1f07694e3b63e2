//! The table of connections that are being cut: what it sends, to whom and when.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use tcp_reset_linux::cut::{Answer, Answers, Cutter, End, Limit, MOST, QUIET, REPEATS, Segment, Settings, Verdict};

/// The reset towards an end, by its number alone.
#[derive(Clone, Debug, PartialEq)]
struct Reset(End, u32);

impl Answer for Reset {
    fn seq(&self) -> u32 {
        self.1
    }
}

/// A table, a clock, and what was sent last.
struct Bench {
    cutter: Cutter<Reset>,
    now: Instant,
}

const CLIENT: &str = "192.0.2.1:1000";
const SERVER: &str = "198.51.100.1:80";

impl Bench {
    fn new(both_ends: bool) -> Self {
        Self::with(Settings { connections: NonZeroUsize::new(2).unwrap(), both_ends, drops: false, rate: None })
    }

    fn with(settings: Settings) -> Self {
        Self { cutter: Cutter::new(settings), now: Instant::now() }
    }

    fn wait(&mut self, milliseconds: u64) -> Vec<Reset> {
        self.now += Duration::from_millis(milliseconds);
        let mut out = Vec::new();
        self.cutter.due(self.now, &mut out);
        out
    }

    /// A segment gets a reset with its number to the destination, and one with the next number to the source.
    fn pass(&mut self, segment: Segment, is_forbidden: bool) -> (Verdict, Vec<Reset>) {
        let answers =
            |end, _| -> Answers<Reset> { [Some(Reset(end, segment.seq + u32::from(end == End::Source))), None] };
        let mut out = Vec::new();
        let verdict = self.cutter.segment(&segment, is_forbidden, self.now, answers);
        self.cutter.due(self.now, &mut out);
        (verdict, out)
    }
}

fn segment(source: &str, destination: &str, seq: u32) -> Segment {
    let [source, destination] = [source, destination].map(|end| end.parse::<SocketAddr>().unwrap());
    Segment { source, destination, opens: false, rst: false, seq, scope: 0 }
}

fn both(seq: u32) -> Vec<Reset> {
    vec![Reset(End::Destination, seq), Reset(End::Source, seq + 1)]
}

#[test]
fn what_is_not_forbidden_passes() {
    let mut bench = Bench::new(true);
    assert_eq!(bench.pass(segment(CLIENT, SERVER, 1), false), (Verdict::Pass, vec![]));
    assert!(bench.cutter.is_empty() && bench.cutter.next().is_none());
}

#[test]
fn later_segments_of_both_directions_are_answered_with_their_own_numbers() {
    let mut bench = Bench::new(true);
    assert_eq!(bench.pass(segment(CLIENT, SERVER, 1), true), (Verdict::First, both(1)));
    assert_eq!(bench.pass(segment(CLIENT, SERVER, 7), false), (Verdict::Later, both(7)));
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 9), false), (Verdict::Later, both(9)));
    let other_port = segment("192.0.2.1:1001", SERVER, 1);
    assert_eq!(bench.pass(other_port, false), (Verdict::Pass, vec![]));
    let other_vlan = Segment { scope: 1, ..segment(CLIENT, SERVER, 1) };
    assert_eq!(bench.pass(other_vlan, false), (Verdict::Pass, vec![]));
}

/// A caller that is behind takes note of all segments first, and sends what the latest ones show.
#[test]
fn of_many_segments_in_a_row_the_latest_is_answered() {
    let mut bench = Bench::new(true);
    let answers = |segment: Segment| {
        move |end, _| -> Answers<Reset> { [Some(Reset(end, segment.seq + u32::from(end == End::Source))), None] }
    };
    for seq in 1..100 {
        let (to_server, to_client) = (segment(CLIENT, SERVER, seq), segment(SERVER, CLIENT, 1000 + seq));
        bench.cutter.segment(&to_server, seq == 1, bench.now, answers(to_server));
        bench.cutter.segment(&to_client, false, bench.now, answers(to_client));
    }
    // To the client, then to the server: what it has acknowledged, and what was sent to it.
    let expected =
        [(End::Source, 100), (End::Destination, 1099), (End::Source, 1100)].map(|(end, seq)| Reset(end, seq));
    // What the client has sent is before what the server has acknowledged: it waits for it no more.
    assert_eq!(bench.wait(0), expected);
}

/// An end whose segments are dropped waits for the first one that is missing, not for those that come later.
#[test]
fn of_segments_that_are_dropped_the_lowest_counts() {
    let connections = NonZeroUsize::new(2).unwrap();
    let mut bench = Bench::with(Settings { connections, both_ends: true, drops: true, rate: None });
    bench.pass(segment(CLIENT, SERVER, 10), true);
    let to_server =
        |resets: Vec<Reset>| resets.into_iter().filter(|reset| reset.0 == End::Destination).collect::<Vec<_>>();
    assert_eq!(to_server(bench.pass(segment(CLIENT, SERVER, 20), false).1), [Reset(End::Destination, 10)]);
    // One before was lost, and is sent again; or the server has it, and its acknowledgment was lost.
    let both = [Reset(End::Destination, 5), Reset(End::Destination, 10)];
    assert_eq!(to_server(bench.pass(segment(CLIENT, SERVER, 5), false).1), both);
    assert_eq!(to_server(bench.wait(100)), both);
    // The server has it.
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 9), false).1, [Reset(End::Source, 10)]);
    assert_eq!(to_server(bench.pass(segment(CLIENT, SERVER, 30), false).1), [Reset(End::Destination, 10)]);
}

#[test]
fn one_end_alone_is_reset_where_that_is_asked_for() {
    let mut bench = Bench::new(false);
    assert_eq!(bench.pass(segment(CLIENT, SERVER, 1), true).1, [Reset(End::Source, 2)]);
    // From the server, the client is the destination.
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 9), false), (Verdict::Later, vec![Reset(End::Destination, 9)]));
    // Until the server says something forbidden, too.
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 10), true), (Verdict::Later, both(10)));
}

#[test]
fn a_connection_is_forgotten_after_two_seconds_without_a_segment() {
    let mut bench = Bench::new(true);
    bench.pass(segment(CLIENT, SERVER, 1), true);
    let quiet = u64::try_from(QUIET.as_millis()).unwrap();
    bench.wait(quiet - 1);
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 2), false).0, Verdict::Later);
    bench.wait(quiet);
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 3), false), (Verdict::Pass, vec![]));
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 4), true), (Verdict::First, both(4)));
}

#[test]
fn a_new_connection_with_the_same_addresses_is_judged_anew() {
    let mut bench = Bench::new(true);
    bench.pass(segment(CLIENT, SERVER, 1), true);
    let syn = Segment { opens: true, ..segment(CLIENT, SERVER, 5) };
    assert_eq!(bench.pass(syn, false), (Verdict::Pass, vec![]));
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 6), false), (Verdict::Pass, vec![]));
    assert_eq!(bench.wait(1000), []);
}

#[test]
fn the_latest_reset_towards_each_end_is_repeated() {
    let mut bench = Bench::new(true);
    bench.pass(segment(CLIENT, SERVER, 1), true);
    assert_eq!(bench.wait(50), []);
    bench.pass(segment(CLIENT, SERVER, 2), false);
    let mut waited = 0;
    for repeat in REPEATS {
        let repeat = u64::try_from(repeat.as_millis()).unwrap();
        assert_eq!(bench.wait(repeat - waited - 1), []);
        assert_eq!(bench.wait(1), both(2));
        waited = repeat;
    }
    assert_eq!(bench.wait(1000), []);
    assert!(bench.cutter.next().is_none());
}

/// Segments overtake: what an end has acknowledged is repeated, not what an older segment of it says.
#[test]
fn the_greatest_acknowledgment_is_repeated() {
    let mut bench = Bench::new(true);
    bench.pass(segment(CLIENT, SERVER, 10), true);
    bench.pass(segment(SERVER, CLIENT, 20), false);
    // Older, and with a number before 20, 2^32 apart.
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 15), false).1, both(15));
    let old = segment(SERVER, CLIENT, u32::MAX - 5);
    assert_eq!(bench.pass(old, false).1, [Reset(End::Source, u32::MAX - 4)]);
    let mut repeated = bench.wait(100);
    repeated.sort_by_key(|reset| reset.1);
    // Towards the client: what it has acknowledged (11); the server's numbers before that are no longer expected.
    // Towards the server: what it has acknowledged (21).
    assert_eq!(repeated, [Reset(End::Source, 11), Reset(End::Source, 21)]);
}

#[test]
fn an_end_that_has_sent_a_reset_needs_no_repeat() {
    let mut bench = Bench::new(true);
    bench.pass(segment(CLIENT, SERVER, 10), true);
    let rst = Segment { rst: true, ..segment(CLIENT, SERVER, 77) };
    assert_eq!(bench.pass(rst, false), (Verdict::Pass, vec![]));
    assert_eq!(bench.wait(100), [Reset(End::Destination, 10)]);
    // Our own reset for the client, in the server's name, is seen again: it is not the server's.
    let ours = Segment { rst: true, ..segment(SERVER, CLIENT, 11) };
    assert_eq!(bench.pass(ours, false), (Verdict::Pass, vec![]));
    assert_eq!(bench.wait(200), [Reset(End::Destination, 10)]);
    let rst = Segment { rst: true, ..segment(SERVER, CLIENT, 12) };
    assert_eq!(bench.pass(rst, false), (Verdict::Pass, vec![]));
    assert_eq!(bench.wait(1000), []);
}

#[test]
fn many_segments_draw_few_resets_and_the_last_one_is_answered() {
    let mut bench = Bench::new(true);
    let (mut sent, mut last) = (vec![], 0);
    // A millisecond each, for a third of a second.
    for seq in 1..300 {
        let forbidden = seq == 1;
        sent.extend(bench.pass(segment(CLIENT, SERVER, seq), forbidden).1);
        sent.extend(bench.wait(1));
        last = seq;
    }
    sent.extend(bench.wait(20));
    assert!(sent.contains(&Reset(End::Destination, last)), "{sent:?}");
    for end in [End::Source, End::Destination] {
        let count = sent.iter().filter(|reset| reset.0 == end).count();
        assert!((30..=64).contains(&count), "{count}");
    }
}

#[test]
fn each_end_gets_so_many_resets_at_most() {
    let mut bench = Bench::new(true);
    let mut sent = vec![];
    for seq in 1..10_000 {
        sent.extend(bench.pass(segment(CLIENT, SERVER, seq), true).1);
        sent.extend(bench.wait(1));
    }
    sent.extend(bench.wait(10_000));
    assert_eq!(sent.len(), 2 * MOST as usize);
    assert!(bench.cutter.next().is_none());
    // The connection is still being cut, and dropped.
    bench.now -= Duration::from_secs(10);
    assert_eq!(bench.pass(segment(SERVER, CLIENT, 1), false), (Verdict::Later, vec![]));
}

#[test]
fn a_full_table_forgets_the_oldest_connection() {
    let mut bench = Bench::new(true);
    let clients = ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"];
    for client in clients {
        assert_eq!(bench.pass(segment(client, SERVER, 1), true).0, Verdict::First);
    }
    assert_eq!(bench.cutter.len(), 2);
    // Its repeats are forgotten with it.
    assert_eq!(bench.wait(100).len(), 4);
    assert_eq!(bench.pass(segment(clients[0], SERVER, 2), false).0, Verdict::Pass);
    assert_eq!(bench.pass(segment(clients[1], SERVER, 2), false).0, Verdict::Later);
    // The second one is the younger one now.
    assert_eq!(bench.pass(segment(clients[0], SERVER, 2), true).0, Verdict::First);
    assert_eq!(bench.pass(segment(clients[2], SERVER, 2), false).0, Verdict::Pass);
}

#[test]
fn a_million_connections_take_no_more_memory_than_the_table() {
    let connections = NonZeroUsize::new(1000).unwrap();
    let mut bench = Bench::with(Settings { connections, both_ends: true, drops: false, rate: None });
    for number in 0..1_000_000_u32 {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
        bench.pass(segment(&format!("{address}:1"), SERVER, 1), true);
    }
    assert_eq!(bench.cutter.len(), 1000);
    assert_eq!(bench.wait(100).len(), 2000);
}

#[test]
fn the_rate_limits_first_resets_and_repeats() {
    let connections = NonZeroUsize::new(100).unwrap();
    let mut bench = Bench::with(Settings { connections, both_ends: true, drops: false, rate: Some(5) });
    let clients = (1..=4).map(|port| format!("192.0.2.1:{port}"));
    let sent: usize = clients.map(|client| bench.pass(segment(&client, SERVER, 1), true).1.len()).sum();
    assert_eq!((sent, bench.cutter.limited), (5, 3));
    // Half a token comes until the first repeats.
    assert_eq!(bench.wait(100), []);
    assert_eq!(bench.wait(200).len(), 1);
    assert_eq!(bench.cutter.limited, 3 + 8 + 7);
}

#[test]
fn a_limit_gives_its_rate_and_saves_one_second() {
    let (mut limit, start) = (Limit::new(10), Instant::now());
    let mut take = |milliseconds| {
        let now = start + Duration::from_millis(milliseconds);
        (0..100).take_while(|_| limit.take(now)).count()
    };
    assert_eq!([take(0), take(50), take(100), take(1100), take(60_000)], [10, 0, 1, 10, 10]);
}
