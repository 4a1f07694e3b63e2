//! Cuts connections: remembers which ones are being cut, and which resets go to which end, and when.
//!
//! One segment does not show the whole state of a connection in motion, and a reset may be lost. So a connection that has
//! sent something forbidden stays in a table until no segment of it has been seen for [`QUIET`]. Each segment of it, in
//! either direction, is answered with resets again, with the numbers that this segment shows. The latest reset towards each end is
//! repeated after [`REPEATS`].
//!
//! There is no socket, no thread and no clock in here: the caller passes segments and the time, and sends what comes out.

use std::collections::BTreeSet;
use std::mem;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

/// A connection is forgotten when so long none of its segments has been seen.
pub const QUIET: Duration = Duration::from_secs(2);

/// When resets towards an end are sent again, counted from the time when the latest one was sent first.
///
/// The third repeat is for an end that has a gap before the segment, and whose challenge ACK was lost: Linux sends the next
/// one only half a second later (`tcp_invalid_ratelimit`).
pub const REPEATS: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(650)];

/// How many resets are sent to each end of a connection at most.
pub const MOST: u32 = 64;

/// So many of them as fast as segments are seen. Then, with the numbers of the latest segments, once in a pace, and after as
/// many again once in two: so the last segments of a fast connection are answered too.
const AT_ONCE: u32 = 16;
const PACE: Duration = Duration::from_millis(10);

/// What a caller sends: a reset, with whatever it needs to send it.
pub trait Answer: Clone {
    /// The sequence number, by which the reset is recognized when it is seen again.
    fn seq(&self) -> u32;
}

/// The resets towards one end that one segment gets: at most two, since a segment that is still on its way and one that
/// has arrived need different numbers.
pub type Answers<A> = [Option<A>; 2];

/// What has to be known about a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Who has sent it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// SYN without ACK: it opens a connection.
    pub opens: bool,
    /// RST.
    pub rst: bool,
    /// SEG.SEQ.
    pub seq: u32,
    /// Tells connections with the same addresses and ports apart: by their VLAN, or by the link of link-local addresses.
    pub scope: u64,
}

/// An end of a connection, as seen from a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that has sent the segment.
    Source,
    /// The other one.
    Destination,
}

/// What becomes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs to no connection that is being cut.
    Pass,
    /// It begins to be cut with this segment.
    First,
    /// It is being cut already.
    Later,
}

/// Settings of a [`Cutter`].
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many connections can be cut at the same time. Beyond that, the one with the oldest segment is forgotten.
    pub connections: NonZeroUsize,
    /// Whether both ends are reset, or only one that has sent what is forbidden.
    pub both_ends: bool,
    /// Whether the caller drops the segments of connections that are being cut, or delivers them.
    pub drops: bool,
    /// How many resets a second are sent at most, and how many at once after a pause.
    pub rate: Option<u32>,
}

/// The table. `A` is what the caller sends.
pub struct Cutter<A> {
    settings: Settings,
    table: LruCache<Connection, Cut<A>>,
    /// When something is due, of which connection. Each connection is in here at most once.
    due: BTreeSet<(Instant, Connection)>,
    limit: Option<Limit>,
    /// How many resets were not sent because of the rate.
    pub limited: u64,
}

/// The scope and the two ends, the lower address first: the same for both directions.
type Connection = (u64, [SocketAddr; 2]);

struct Cut<A> {
    last: Instant,
    due: Option<Instant>,
    /// To which end resets go first: the destination of the latest segment. While it still has the connection, its reset
    /// finds the segment not yet answered.
    first: usize,
    /// In the order of [`Connection`].
    ends: [State<A>; 2],
}

/// The resets towards one end.
struct State<A> {
    is_cut: bool,
    sent: u32,
    /// Not sent yet: those that the latest segment of the end got, and those of the latest segment to it.
    fresh: [Answers<A>; 2],
    /// What the end itself has acknowledged is what it expects. Segments may overtake, so the greatest number counts.
    acknowledged: Option<A>,
    /// What the segments to the end show: the latest one if they are delivered. If they are dropped, the end waits for the
    /// first one, or for an earlier one that was lost on its way or whose acknowledgment was lost: the lowest number, and the
    /// one before it was seen.
    expected: Answers<A>,
    /// When the latest were sent first.
    since: Option<Instant>,
    /// When something is sent next, and how many repeats there have been.
    due: Option<Instant>,
    repeats: usize,
    /// Sequence numbers of the last resets, to recognize them when they are seen again.
    seqs: [Option<u32>; 8],
}

impl<A: Answer> Cutter<A> {
    /// An empty table.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let limit = settings.rate.map(Limit::new);
        Self { settings, table: LruCache::new(settings.connections), due: BTreeSet::new(), limit, limited: 0 }
    }

    /// Takes note of a segment, which is forbidden or not.
    ///
    /// If its connection is being cut, now or already, `answers` makes the resets to the end it is given. [`due`](Self::due)
    /// returns those that are sent at once. A caller that has more segments waiting takes note of them first: only the
    /// latest segment in each direction shows what the ends expect now.
    pub fn segment(
        &mut self,
        segment: &Segment,
        is_forbidden: bool,
        now: Instant,
        mut answers: impl FnMut(End, Verdict) -> Answers<A>,
    ) -> Verdict {
        let (connection, source) = connection(segment);
        // A new connection, with the same addresses as an old one perhaps.
        if segment.opens {
            self.forget(&connection);
        }
        let is_cut = self.table.peek(&connection).is_some_and(|cut| now < cut.last + QUIET);
        if segment.rst {
            if is_cut {
                self.hear_reset(&connection, source, segment.seq);
            }
            // A reset is not answered. It ends the connection, as ours do.
            return Verdict::Pass;
        }
        let verdict = match (is_cut, is_forbidden) {
            (true, _) => Verdict::Later,
            (false, true) => Verdict::First,
            (false, false) => return Verdict::Pass,
        };
        if verdict == Verdict::First {
            self.forget(&connection);
            let ends = [0, 1].map(|_| State::new(self.settings.both_ends));
            if let Some((evicted, cut)) = self.table.push(connection, Cut { last: now, due: None, first: 0, ends }) {
                cut.due.map(|due| self.due.remove(&(due, evicted)));
            }
        }
        // This makes it the youngest one of the table, too.
        let Some(cut) = self.table.get_mut(&connection) else { return verdict };
        cut.last = now;
        cut.first = 1 - source;
        cut.ends[source].is_cut |= is_forbidden;
        for (end, at) in [(End::Destination, 1 - source), (End::Source, source)] {
            let state = &mut cut.ends[at];
            // Past its last reset, none is made.
            if state.is_cut && state.sent < MOST {
                state.take(answers(end, verdict), end, self.settings.drops, now);
            }
        }
        schedule(&mut self.due, connection, cut);
        verdict
    }

    /// Cuts the connection of a segment from the next one on that is seen.
    pub fn begin(&mut self, segment: &Segment, now: Instant) {
        self.segment(segment, true, now, |_, _| [None, None]);
    }

    /// When [`due`](Self::due) has something to send next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Adds the resets to `out` that are due now: those of the segments noted since, and repeats.
    pub fn due(&mut self, now: Instant, out: &mut Vec<A>) {
        while self.next().is_some_and(|due| due <= now) {
            let Some((_, connection)) = self.due.pop_first() else { return };
            let Some(cut) = self.table.peek_mut(&connection) else { continue };
            cut.due = None;
            for at in [cut.first, 1 - cut.first] {
                cut.ends[at].send(now, &mut self.limit, &mut self.limited, out);
            }
            schedule(&mut self.due, connection, cut);
        }
    }

    /// How many connections the table holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether another reset may be sent now that has no connection in the table.
    pub fn may_send(&mut self, now: Instant) -> bool {
        may_send(&mut self.limit, &mut self.limited, now)
    }

    fn forget(&mut self, connection: &Connection) {
        let due = self.table.pop(connection).and_then(|cut| cut.due);
        due.map(|due| self.due.remove(&(due, *connection)));
    }

    /// A reset from an end: it has no connection any more, and needs no repeats. Unless it is one of ours in its name.
    fn hear_reset(&mut self, connection: &Connection, source: usize, seq: u32) {
        let Some(cut) = self.table.peek_mut(connection) else { return };
        if !cut.ends[1 - source].seqs.contains(&Some(seq)) {
            cut.ends[source].due = None;
            schedule(&mut self.due, *connection, cut);
        }
    }
}

impl<A: Answer> State<A> {
    const fn new(is_cut: bool) -> Self {
        let (fresh, expected, seqs) = ([[None, None], [None, None]], [None, None], [None; 8]);
        Self { is_cut, sent: 0, fresh, acknowledged: None, expected, since: None, due: None, repeats: 0, seqs }
    }

    /// Newer resets replace those before. They are sent at once if there is room, or else in their turn.
    fn take(&mut self, answers: Answers<A>, end: End, drops: bool, now: Instant) {
        let Some(first) = answers.iter().flatten().next() else { return };
        if end == End::Source {
            if self.acknowledged.as_ref().is_none_or(|acknowledged| !is_before(first, acknowledged)) {
                self.acknowledged = Some(first.clone());
            }
            self.fresh[0] = answers;
        } else {
            match &mut self.expected {
                [Some(lowest), other] if drops => {
                    if is_before(first, lowest) {
                        *other = Some(mem::replace(lowest, first.clone()));
                    }
                }
                expected => *expected = answers,
            }
            self.fresh[1].clone_from(&self.expected);
        }
        let turn = now.max(self.since.map_or(now, |since| since + PACE * (self.sent / AT_ONCE).min(2)));
        // Resets that wait for their turn already keep it.
        let waiting = self.due.filter(|_| self.repeats == 0);
        self.due = Some(waiting.map_or(turn, |due| due.min(turn)));
        self.repeats = 0;
    }

    /// Sends what is due, and says when it is sent again.
    fn send(&mut self, now: Instant, limit: &mut Option<Limit>, limited: &mut u64, out: &mut Vec<A>) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let [of_end, to_end] = mem::take(&mut self.fresh);
        let of_end = if self.repeats == 0 { of_end } else { [self.acknowledged.clone(), None] };
        let to_end = if self.repeats == 0 { to_end } else { self.expected.clone() };
        let answers = self.useful(of_end, to_end);
        for answer in answers {
            if self.sent == MOST {
                break;
            }
            if may_send(limit, limited, now) {
                self.seqs[self.sent as usize % self.seqs.len()] = Some(answer.seq());
                self.sent += 1;
                out.push(answer);
            }
        }
        let first = if self.repeats == 0 { now } else { self.since.unwrap_or(now) };
        self.since = Some(first);
        self.due = REPEATS.get(self.repeats).filter(|_| self.sent < MOST).map(|repeat| first + *repeat);
        self.repeats += 1;
    }

    /// Each number once, and none before what the end has acknowledged.
    fn useful(&self, of_end: Answers<A>, to_end: Answers<A>) -> Vec<A> {
        let mut useful: Vec<A> = of_end.into_iter().flatten().collect();
        for answer in to_end.into_iter().flatten() {
            let is_old = self.acknowledged.as_ref().is_some_and(|acknowledged| is_before(&answer, acknowledged));
            if !is_old && useful.iter().all(|other| other.seq() != answer.seq()) {
                useful.push(answer);
            }
        }
        useful
    }
}

/// In sequence space (RFC 9293 §3.4).
fn is_before<A: Answer>(a: &A, b: &A) -> bool {
    a.seq().wrapping_sub(b.seq()).cast_signed() < 0
}

/// Notes when the next reset of a connection is due.
fn schedule<A>(due: &mut BTreeSet<(Instant, Connection)>, connection: Connection, cut: &mut Cut<A>) {
    let next = cut.ends.iter().filter_map(|state| state.due).min();
    if next != cut.due {
        cut.due.map(|was| due.remove(&(was, connection)));
        next.map(|next| due.insert((next, connection)));
        cut.due = next;
    }
}

/// The connection of a segment, and which of its ends has sent the segment.
fn connection(segment: &Segment) -> (Connection, usize) {
    // Scope and flow label of IPv6 are no part of it.
    let [source, destination] =
        [segment.source, segment.destination].map(|address| SocketAddr::new(address.ip(), address.port()));
    let (ends, at) = if source <= destination { ([source, destination], 0) } else { ([destination, source], 1) };
    ((segment.scope, ends), at)
}

fn may_send(limit: &mut Option<Limit>, limited: &mut u64, now: Instant) -> bool {
    let may = limit.as_mut().is_none_or(|limit| limit.take(now));
    *limited += u64::from(!may);
    may
}

/// A limit by the second: a token bucket that holds the tokens of one second.
#[derive(Clone, Debug)]
pub struct Limit {
    rate: f64,
    tokens: f64,
    at: Option<Instant>,
}

impl Limit {
    /// So many a second.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self { rate: rate.into(), tokens: rate.into(), at: None }
    }

    /// Whether there is one more.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        self.tokens = (self.tokens + passed.as_secs_f64() * self.rate).min(self.rate);
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }
}
