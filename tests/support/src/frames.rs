//! Builds Ethernet frames; promises about every frame.

use crate::DIRT;
use crate::protocol::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TAGS};
use crate::reference::{self, Rules, word};
use tcp_reset::{Fate, NoReset, ethernet};

/// A frame: addresses, tags, EtherType, packet.
pub fn frame(destination: [u8; 6], source: [u8; 6], tags: &[[u8; 4]], ether_type: u16, packet: &[u8]) -> Vec<u8> {
    [&destination[..], &source, tags.as_flattened(), &ether_type.to_be_bytes(), packet].concat()
}

/// The EtherType of a packet: IPv6 or, by default, IPv4.
pub fn ether_type(packet: &[u8]) -> u16 {
    if packet.first().is_some_and(|first| first >> 4 == 6) { ETHERTYPE_IPV6 } else { ETHERTYPE_IPV4 }
}

/// The reference model: the reset for the frame, or the reason for silence. It shares only names with the crate.
pub fn model(frame: &[u8], fate: Option<Fate>, rules: &Rules) -> Result<Vec<u8>, NoReset> {
    if frame.len() < 22 {
        return Err(NoReset::Truncated);
    }
    if frame[0] % 2 == 1 || frame[6] % 2 == 1 {
        return Err(NoReset::GroupAddress);
    }
    let mut at = 12;
    while ETHERTYPE_TAGS.contains(&word(frame, at)) {
        at += 4;
        if at > 20 {
            return Err(NoReset::VlanTags);
        }
    }
    let packet = &frame[at + 2..];
    let (version, header_len) = match word(frame, at) {
        ETHERTYPE_IPV4 => (4, 20),
        ETHERTYPE_IPV6 => (6, 40),
        _ => return Err(NoReset::EtherType),
    };
    if packet.len() < header_len {
        return Err(NoReset::Truncated);
    }
    if packet[0] >> 4 != version {
        return Err(NoReset::Version);
    }
    let reply = match fate {
        None => reference::reset(packet, rules)?,
        Some(fate) => reference::reset_for_destination(packet, fate, rules)?,
    };
    let addresses = if fate.is_none() { [&frame[6..12], &frame[..6]] } else { [&frame[..6], &frame[6..12]] };
    Ok([&addresses.concat(), &frame[12..at + 2], &reply].concat())
}

/// Asserts all that the crate promises about `frame` under `rules`.
pub fn check(frame: &[u8], rules: &Rules) {
    let config = rules.config();
    for fate in [None, Some(Fate::Dropped), Some(Fate::Delivered)] {
        let expected = model(frame, fate, rules);
        let decision = match fate {
            None => ethernet::Reset::in_reply_to(frame, &config),
            Some(fate) => ethernet::Reset::for_destination(frame, fate, &config),
        };
        let mut buffer = [DIRT; ethernet::MAX_LEN];
        let reply = match fate {
            None => ethernet::reset_with(frame, &config, &mut buffer),
            Some(fate) => ethernet::reset_for_destination(frame, fate, &config, &mut buffer),
        };
        assert_eq!(reply.map(|reply| reply.to_vec()), expected, "{fate:?} {frame:02x?}");
        let written = expected.as_ref().map_or(0, Vec::len);
        // Nothing after the reply was written.
        assert!(buffer[written..].iter().all(|&byte| byte == DIRT), "{fate:?} {frame:02x?}");

        assert_eq!(decision.err(), expected.as_ref().err().copied());
        if let (Ok(reset), Ok(expected)) = (decision, expected) {
            assert!(expected.len() <= frame.len(), "amplification");
            let mut buffer = [DIRT; ethernet::MAX_LEN];
            assert_eq!(reset.emit(&mut buffer), &expected[..]);
            assert!(buffer[written..].iter().all(|&byte| byte == DIRT));
            let mut in_place = frame.to_vec();
            assert_eq!(reset.emit_to_slice(&mut in_place).unwrap(), &expected[..]);
            assert_eq!(in_place[expected.len()..], frame[expected.len()..]);
            let mut short = vec![DIRT; expected.len() - 1];
            assert_eq!(reset.emit_to_slice(&mut short), None);
            assert!(short.iter().all(|&byte| byte == DIRT));

            assert_eq!(reset.len(), expected.len());
            assert_eq!(reset.destination(), expected[..6]);
            assert_eq!(reset.source(), expected[6..12]);
            let tags = &expected[12..expected.len() - reset.packet.len() - 2];
            assert_eq!(reset.vlan_tags().collect::<Vec<_>>().as_flattened(), tags);
        }
    }
    if *rules == Rules::NETFILTER {
        let mut buffer = [DIRT; ethernet::MAX_LEN];
        let reply = ethernet::reset(frame, &mut buffer).map(|reply| reply.to_vec());
        assert_eq!(reply, model(frame, None, rules));
    }
}
