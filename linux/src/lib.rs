//! What the programs of this package share: a network namespace of their own, and a TUN device in it.

pub mod namespace;
