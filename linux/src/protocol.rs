//! Protocol numbers: TCP's, and those of the IPv6 extension headers (RFC 8200 §4, RFC 4302).

pub(crate) const TCP: u8 = 6;
pub(crate) const HOP_BY_HOP: u8 = 0;
pub(crate) const ROUTING: u8 = 43;
pub(crate) const FRAGMENT: u8 = 44;
pub(crate) const AUTHENTICATION: u8 = 51;
pub(crate) const DESTINATION_OPTIONS: u8 = 60;
