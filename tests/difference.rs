//! `support::difference`, which tells a fuzz author where another stack's reset differs from the crate's.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use support::cases::for_zero_checksum;
use support::difference::{Difference, differences, list};
use support::packet::{Tcp, V4, V6, repair, repair_header};
use tcp_reset::tcp::{ACK, SYN};
use tcp_reset::{MAX_LEN, Towards, reset};

/// The answers to a SYN and to an acknowledgment, over both versions of IP.
fn resets() -> [Vec<u8>; 4] {
    [SYN, ACK]
        .map(|flags| Tcp { flags, ..Tcp::default() })
        .map(|tcp| [V4::with(tcp.clone()).bytes(), V6::with(tcp).bytes()])
        .as_flattened()
        .iter()
        .map(|offender| reset(offender, &mut [0; MAX_LEN]).unwrap().to_vec())
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

/// What differs after a change, if the checksums are right again, or as they were.
fn after(packet: &[u8], is_repaired: bool, change: impl Fn(&mut Vec<u8>)) -> Vec<Difference> {
    let mut theirs = packet.to_vec();
    change(&mut theirs);
    if is_repaired {
        repair(&mut theirs);
    }
    differences(packet, &theirs)
}

#[test]
fn every_changed_bit_is_named_and_only_its_field() {
    for packet in resets() {
        for bit in 0..packet.len() * 8 {
            let flip = |packet: &mut Vec<u8>| packet[bit / 8] ^= 0x80 >> (bit % 8);
            let found = after(&packet, false, flip);
            assert!(!found.is_empty(), "bit {bit} of {packet:02x?}");
            // Lengths and versions change what the rest means.
            let is_v6 = packet.len() == 60;
            let is_shape = if is_v6 { bit < 4 || (32..56).contains(&bit) } else { bit < 8 || (16..32).contains(&bit) };
            let data_offset = (packet.len() - 20 + 12) * 8;
            if is_shape || (data_offset..data_offset + 4).contains(&bit) {
                continue;
            }
            let fields = found.iter().filter(|it| !it.field.ends_with("checksum")).count();
            let is_checksum =
                (packet.len() - 4) * 8 <= bit && bit < (packet.len() - 2) * 8 || !is_v6 && (80..96).contains(&bit);
            assert_eq!(fields, usize::from(!is_checksum), "bit {bit}: {}", list(&found));
        }
    }
}

type Change = fn(&mut Vec<u8>);

#[test]
fn the_values_are_printed_as_a_reader_knows_them() {
    let [v4, v6, rst_v4, _] = resets();
    let cases: [(&[u8], Change, &str, bool); 18] = [
        (&v4, |it| it[33] = 0x04, "flags [R] (ours [R.])", true),
        (&v4, |it| it[33] = 0, "flags [none] (ours [R.])", true),
        (&v4, |it| it[27] = 1, "sequence number 1 (ours 0)", true),
        (&v4, |it| it[31] += 1, "acknowledgment number 522224618 (ours 522224617)", true),
        (&rst_v4, |it| it[31] = 1, "acknowledgment number 1 (ours 0)", false),
        (&v4, |it| it[21] = 81, "source port 81 (ours 80)", true),
        (&v4, |it| it[15] = 9, "source address 198.51.100.9 (ours 198.51.100.2)", true),
        (&v6, |it| it[39] = 9, "destination address 2001:db8::9 (ours 2001:db8::1)", true),
        (&v4, |it| it[6] = 0, "fragment field 0x0000 (ours 0x4000)", false),
        (&v4, |it| it[6] = 0x20, "fragment field 0x2000 (ours 0x4000)", true),
        (&v4, |it| it[8] = 255, "TTL 255 (ours 64)", false),
        (&v6, |it| it[7] = 57, "hop limit 57 (ours 64)", false),
        (&v6, |it| it[1] = 0x20, "traffic class 2 (ours 0)", false),
        (&v6, |it| it[3] = 5, "flow label 5 (ours 0)", false),
        (&v4, |it| it[32] = 0x51, "reserved bits 1 (ours 0)", false),
        (&v4, |it| it[35] = 7, "window 7 (ours 0)", false),
        (&v4, |it| it[32] = 0x40, "length of the TCP header 16 (ours 20), length of data 4 (ours 0)", true),
        (&v4, |it| it[32] = 0x60, "length of the TCP header 24 (ours 20)", true),
    ];
    for (packet, change, text, is_seen) in cases {
        let found = after(packet, true, change);
        assert_eq!((list(&found).as_str(), found.iter().any(|it| it.is_seen)), (text, is_seen));
    }
}

#[test]
fn an_acknowledgment_of_zero_counts() {
    // The SYN has the highest sequence number.
    let offender = V4::with(Tcp { flags: SYN, seq: u32::MAX, ..Tcp::default() }).bytes();
    let ours = reset(&offender, &mut [0; MAX_LEN]).unwrap().to_vec();
    let found = after(&ours, true, |it| it[28..32].fill(0xff));
    assert_eq!((list(&found).as_str(), found[0].is_seen), ("acknowledgment number 4294967295 (ours 0)", true));
}

#[test]
fn options_data_and_padding() {
    let [v4, v6, ..] = resets();
    assert_eq!(after(&v4, false, |it| it.extend([0xa5; 6])), [], "padding is no difference");
    let options = |it: &mut Vec<u8>| {
        it.splice(20..20, [1; 4]);
        it.extend([1, 1, 1, 0, b'n', b'o']);
        (it[0], it[3], it[36]) = (0x46, 50, 0x60);
    };
    let lengths = "length of IP options 4 (ours 0), length of TCP options 4 (ours 0), length of data 2 (ours 0)";
    let found = after(&v4, true, options);
    assert_eq!(list(&found), lengths);
    assert!(found.iter().all(|it| !it.is_seen));
    // Cut off by the snapshot length: the checksum cannot be verified.
    let cut = |it: &mut Vec<u8>| {
        options(it);
        it.truncate(48);
        repair_header(it);
    };
    assert_eq!(list(&after(&v4, false, cut)), lengths);
    // A destination options header.
    let extended = after(&v6, true, |it| {
        it.splice(40..40, [6, 0, 1, 4, 0, 0, 0, 0]);
        (it[5], it[6]) = (28, 60);
    });
    assert_eq!(list(&extended), "next header 60 (ours 6)");
}

/// With another byte, and a right header checksum.
fn changed(packet: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[at] = byte;
    if packet[0] >> 4 == 4 {
        repair_header(&mut packet);
    }
    packet
}

#[test]
fn a_packet_of_another_shape() {
    let [v4, v6, ..] = resets();
    let cases = [
        (&v4, vec![], "IP version 0 (ours 4)"),
        (&v4, v6.clone(), "IP version 6 (ours 4)"),
        (&v6, v4.clone(), "IP version 4 (ours 6)"),
        (&v4, v4[..19].to_vec(), "length of the IP header 19 (ours 20)"),
        (&v4, [&[0x44], &v4[1..]].concat(), "length of the IP header 16 (ours 20)"),
        (&v6, v6[..20].to_vec(), "length of the IP header 20 (ours 40)"),
        (&v6, v6[..50].to_vec(), "length of the TCP segment 10 (ours 20)"),
        (&v6, changed(&v6, 5, 12), "length of the TCP segment 12 (ours 20)"),
        (&v6, changed(&v6, 6, 58), "next header 58 (ours 6)"),
        (&v4, changed(&v4, 9, 1), "protocol 1 (ours 6)"),
        (&v4, changed(&v4, 7, 1), "fragment field 0x4001 (ours 0x4000)"),
    ];
    for (ours, theirs, text) in cases {
        let found = differences(ours, &theirs);
        assert_eq!(list(&found), text);
        assert!(found[0].is_seen);
    }
}

#[test]
fn wrong_checksums_and_the_other_zero() {
    let [v4, v6, ..] = resets();
    for (packet, at, field) in [(&v4, 37, "TCP checksum"), (&v6, 57, "TCP checksum"), (&v4, 11, "header checksum")] {
        let found = after(packet, false, |it| it[at] ^= 1);
        assert_eq!(found.iter().map(|it| (it.field, it.is_seen)).collect::<Vec<_>>(), [(field, true)]);
    }
    for offender in for_zero_checksum(Towards::Source).as_flattened() {
        let ours = reset(offender, &mut [0; MAX_LEN]).unwrap().to_vec();
        let at = ours.len() - 4;
        let found = after(&ours, false, |it| it[at..at + 2].iter_mut().for_each(|byte| *byte = !*byte));
        let text =
            if ours[at] == 0 { "TCP checksum 0xffff (ours 0x0000)" } else { "TCP checksum 0x0000 (ours 0xffff)" };
        assert_eq!((list(&found).as_str(), found[0].is_seen), (text, false));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_compared(theirs: Vec<u8>, at in any::<prop::sample::Index>(), noise: [u8; 3]) {
        for ours in resets() {
            prop_assert_eq!(differences(&ours, &ours), []);
            let mut changed = ours.clone();
            let at = at.index(ours.len() - 2);
            changed[at..at + 3].copy_from_slice(&noise);
            for theirs in [&theirs, &changed] {
                let found = differences(&ours, theirs);
                let fields: BTreeSet<_> = found.iter().map(|it| it.field).collect();
                prop_assert_eq!(fields.len(), found.len(), "a field twice: {}", list(&found));
                prop_assert!(!found.is_empty() || theirs.starts_with(&ours), "{:02x?}", theirs);
            }
        }
    }
}
