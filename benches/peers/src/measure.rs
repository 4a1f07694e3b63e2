//! Measures in turn: every round measures each implementation once, so that other load on the machine affects all.

use std::time::Instant;

/// One implementation, or one kind of packet: its argument is the number of passes over the packets, its result the
/// nanoseconds for one packet.
pub type Implementation<'a> = Box<dyn FnMut(usize) -> f64 + 'a>;

/// The medians of an implementation.
#[derive(Clone, Copy)]
pub struct Time {
    /// Nanoseconds for a piece of work.
    pub nanoseconds: f64,
    /// How many times as long as the first implementation: the median of the ratios within each round.
    pub ratio: f64,
}

/// Measures `implementations`, with ratios to the first. Each batch is long enough for the clock's resolution.
pub fn in_turn(rounds: usize, pieces: usize, implementations: &mut [Implementation<'_>]) -> Vec<Time> {
    const BATCH: f64 = 20_000.0;
    let Some(first) = implementations.first_mut() else { return Vec::new() };
    let passes = (BATCH / (first(1000 / pieces + 1) * pieces as f64)).ceil() as usize;

    let mut nanoseconds = vec![Vec::new(); implementations.len()];
    let mut ratios = nanoseconds.clone();
    for round in 0..rounds {
        let mut times = vec![0.0; implementations.len()];
        for turn in 0..implementations.len() {
            // No implementation always follows the same one.
            let turn = (turn + round) % implementations.len();
            times[turn] = implementations[turn](passes);
        }
        for (turn, time) in times.iter().enumerate() {
            nanoseconds[turn].push(*time);
            ratios[turn].push(time / times[0]);
        }
    }
    std::iter::zip(nanoseconds, ratios)
        .map(|(nanoseconds, ratios)| Time { nanoseconds: median(nanoseconds), ratio: median(ratios) })
        .collect()
}

/// Nanoseconds that `work` takes for each of `pieces`, after one pass to warm up.
///
/// The pieces lie one after the other as in a ring of packets, each `place` bytes into a new cache line. Every call has
/// them in another order: a branch predictor would learn a fixed order, even of thousands, within a few passes.
///
/// `work` calls through a pointer that went through [`std::hint::black_box`], so that the compiler keeps all of it. A
/// `black_box` around each piece would go through memory, which on some processors and at some addresses costs several
/// times what is measured here.
pub fn time(pieces: &[Vec<u8>], place: usize, passes: usize, mut work: impl FnMut(&[u8])) -> f64 {
    for piece in pieces {
        work(piece);
    }
    let mut order: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    fastrand::shuffle(&mut order);
    let mut ring = vec![0; order.iter().map(|piece| slot_len(piece)).sum::<usize>() + 2 * LINE];
    let start = ring.as_ptr().align_offset(LINE) + place;
    let mut rest = &mut ring[start..];
    for piece in &mut order {
        let (slot, after) = rest.split_at_mut(slot_len(piece));
        let (copy, _) = slot.split_at_mut(piece.len());
        copy.copy_from_slice(piece);
        (*piece, rest) = (copy, after);
    }
    let start = Instant::now();
    for _ in 0..passes {
        for piece in &order {
            work(piece);
        }
    }
    start.elapsed().as_nanos() as f64 / (passes * pieces.len()) as f64
}

/// A cache line.
const LINE: usize = 64;

/// In most buffers, an Ethernet header begins a cache line: so the IP packet begins here in it.
pub const ETHERNET_HEADER_LEN: usize = 14;

/// The cache lines of a piece and one more, so that long pieces are not all mapped to the same cache set.
const fn slot_len(piece: &[u8]) -> usize {
    piece.len().next_multiple_of(LINE) + LINE
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
