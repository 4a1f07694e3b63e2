//! What tests, fuzz targets, benchmarks and tools share.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub mod cases;
pub mod difference;
pub mod faults;
pub mod frames;
pub mod functions;
pub mod model;
pub mod packet;
pub mod protocol;
#[cfg(feature = "random")]
pub mod random;
mod text;
pub mod vectors;

/// The bytes of a buffer before the crate writes to it: a missing or an extra byte shows.
pub const FILL: u8 = 0xa5;

/// Bytes without a pattern (a xorshift generator's), the same in every run.
#[must_use]
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Calls `check` for every item, on all cores.
pub fn on_all_cores<T: Sync>(items: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            check(item);
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            // The panic of the worker, with its message, is that of the test.
            worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        }
    });
}
