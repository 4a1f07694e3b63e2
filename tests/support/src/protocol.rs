//! EtherTypes; protocol numbers of IPv4 and IPv6, with the IPv6 extension headers (RFC 8200 §4, RFC 4302); and the bits of
//! TCP for which the crate has no name (RFC 9293 §3.1).

use std::fmt;

pub const ETHERTYPE_IPV4: u16 = 0x0800;
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
/// The EtherTypes of VLAN tags: 802.1Q, 802.1ad, and the one in use before 802.1ad.
pub const ETHERTYPE_TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];

pub const HOP_BY_HOP: u8 = 0;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ROUTING: u8 = 43;
pub const FRAGMENT: u8 = 44;
pub const ESP: u8 = 50;
pub const AUTHENTICATION: u8 = 51;
pub const NO_NEXT_HEADER: u8 = 59;
pub const DESTINATION_OPTIONS: u8 = 60;

/// The headers that IPv6 may have before TCP.
pub const EXTENSIONS: [u8; 5] = [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS];

pub const PSH: u8 = 0x08;
pub const URG: u8 = 0x20;
pub const ECE: u8 = 0x40;
pub const CWR: u8 = 0x80;

/// The bits of TCP's flags as tcpdump's letters.
pub struct Flags(pub u8);

impl fmt::Display for Flags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return formatter.write_str("none");
        }
        let letters = "FSRP.UEW".chars().enumerate();
        letters.filter(|(bit, _)| self.0 >> bit & 1 == 1).try_for_each(|(_, letter)| write!(formatter, "{letter}"))
    }
}
