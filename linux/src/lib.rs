//! What the programs of this package share.

pub mod exclude;
pub mod generate;
pub mod judge;
pub mod kernel;
pub mod namespace;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The option that names it to `ip`.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::V4 => "-4",
            Self::V6 => "-6",
        }
    }

    /// What a TUN device wants before each packet: flags, and the `EtherType`.
    #[must_use]
    pub const fn frame_header(self) -> [u8; 4] {
        match self {
            Self::V4 => [0, 0, 0x08, 0x00],
            Self::V6 => [0, 0, 0x86, 0xdd],
        }
    }
}
