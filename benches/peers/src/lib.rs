//! Measures [`tcp_reset`]; this library holds what its programs share: the packets to answer.

pub mod packets;
