//! What the program and its loader agree on: the layout of the maps. The loader includes this file.

/// What is in force: the value of the map `ACTIVE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Active {
    /// The slot of the settings.
    pub slot: u32,
    /// The address of the interface: frames to others are passed up.
    pub station: [u8; 6],
    /// Nothing.
    pub padding: [u8; 2],
}

/// All that is set: a value of the map `SETTINGS`. It has two, of which the map `ACTIVE` names the one in force. The loader
/// writes the other one, then `ACTIVE`: so a frame sees all of a change or nothing of it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Slot {
    /// The settings.
    pub settings: Settings,
    /// The ports to answer for: a bit for each, 64 in a word, from the lowest bit on.
    pub ports: [u64; PORT_WORDS],
}

/// The settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    /// Nanoseconds between two resets to one source, 0 for no limit.
    pub interval: u64,
    /// Nanoseconds that a source may be ahead of that: its burst.
    pub burst: u64,
    /// The same for all sources together.
    pub total_interval: u64,
    /// The same for all sources together.
    pub total_burst: u64,
    /// Odd and random, where there is an `interval`: by it the sources are spread over their budgets.
    pub factor: u64,
    /// 1: the TCP checksum is not verified.
    pub trust: u32,
    /// 1: what would be answered is counted and passed up.
    pub dry_run: u32,
    /// 1: only segments with SYN and without ACK are answered.
    pub syn: u32,
    /// 1: only for destination addresses in the map `TO`.
    pub to: u32,
}

/// How many slots there are.
pub const SLOTS: usize = 2;

/// How many words the ports take.
pub const PORT_WORDS: usize = 65_536 / 64;

/// How many networks the map `TO` holds, those of both slots together.
pub const NETWORKS: usize = 2048;

/// A key of the map `TO`: the slot, and the bytes of an address in words, IPv4 as `::ffff:a.b.c.d`. The length of the prefix
/// counts the bits of both.
pub type NetworkKey = [u32; 5];

/// How many budgets the map `SOURCES` has: so many bits of a hash of the source choose one.
pub const BUDGET_BITS: u32 = 20;

/// What the map `COUNTERS` counts, by CPU. From 1 on are the reasons of `tcp_reset::NoReset`, under their
/// numbers, all below [`OTHER`].
pub const COUNTERS: usize = 64;

/// A reset was sent.
pub const ANSWERED: u32 = 0;
/// Passed up: no TCP segment to one of the ports.
pub const OTHER: u32 = 32;
/// Passed up: addressed to another station.
pub const OTHER_STATION: u32 = 33;
/// Passed up: IPv4 options, IPv6 extension headers, fragments, a length of 0. Also a segment whose checksum is to be
/// verified, if it is longer than 4,095 bytes or not in one buffer.
pub const LEFT_TO_THE_KERNEL: u32 = 34;
/// Passed up in a dry run: a reset would have been sent.
pub const WOULD_ANSWER: u32 = 35;
/// Dropped: its source is over the limit.
pub const LIMITED: u32 = 36;
/// Dropped: it could not be cut to the length of the reset.
pub const FAILED: u32 = 37;
/// Passed up: no SYN, or an ACK.
pub const NO_SYN: u32 = 38;
/// Passed up: to an address that is not in the map `TO`.
pub const OTHER_ADDRESS: u32 = 39;
/// Dropped: all sources together are over the limit.
pub const TOTAL_LIMITED: u32 = 40;
