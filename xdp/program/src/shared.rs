//! What the program and its loader agree on: the layout of the maps. The loader includes this file.

/// The settings, the one value of the map `SETTINGS`. The loader may write it while the program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    /// Nanoseconds between two resets to one source, 0 for no limit.
    pub interval: u64,
    /// Nanoseconds that a source may be ahead of that: its burst.
    pub burst: u64,
    /// 1: the TCP checksum is not verified.
    pub trust: u32,
    /// 1: what would be answered is counted and passed up.
    pub dry_run: u32,
}

/// The ports to answer for, in the map `PORTS`: a bit for each, 64 in a value, from the lowest bit on.
pub const PORT_WORDS: u32 = 65_536 / 64;

/// How many sources the map `SOURCES` remembers; the one unused for longest is forgotten first.
pub const SOURCES: u32 = 65_536;

/// What the map `COUNTERS` counts, by CPU. From 1 on are the reasons of `tcp_reset::NoReset`, under their
/// numbers, all below [`OTHER`].
pub const COUNTERS: u32 = 64;

/// A reset was sent.
pub const ANSWERED: u32 = 0;
/// Passed up: no TCP segment to one of the ports.
pub const OTHER: u32 = 32;
/// Passed up: addressed to another station.
pub const OTHER_STATION: u32 = 33;
/// Passed up: IPv4 options, IPv6 extension headers, fragments, a length of 0. Also a segment whose checksum is to be
/// verified, if it is longer than [`MAX_SEGMENT`] or not in one buffer.
pub const LEFT_TO_THE_KERNEL: u32 = 34;
/// Passed up in a dry run: a reset would have been sent.
pub const WOULD_ANSWER: u32 = 35;
/// Dropped: its source is over the limit.
pub const LIMITED: u32 = 36;
/// Dropped: it could not be cut to the length of the reset.
pub const FAILED: u32 = 37;

/// The longest TCP segment whose checksum is verified here, one less than a power of two. Where a page has 4 KiB, a buffer
/// does not hold more.
pub const MAX_SEGMENT: usize = 4095;
