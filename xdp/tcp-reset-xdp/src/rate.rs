/// A limit, by the generic cell rate algorithm: the whole state of a budget is the time at which it is full again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Rate {
    /// Nanoseconds between two resets, 0 for no limit.
    pub interval: u64,
    /// Nanoseconds that a budget may be ahead of that: its burst.
    pub burst: u64,
}

impl Rate {
    /// Takes one reset at the time `now` out of the budget that is full at `full`: when it is full afterwards. `None` if
    /// nothing is left of it.
    #[must_use]
    #[inline(always)]
    pub fn take(self, full: u64, now: u64) -> Option<u64> {
        let from = if full < now { now } else { full };
        if from - now > self.burst { None } else { Some(from + self.interval) }
    }
}
