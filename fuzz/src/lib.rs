//! What the example `smoltcp` and its test share: the stack, and the comparison of its answers with the crate's.

pub mod comparison;
pub mod stack;
