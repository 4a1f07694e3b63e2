//! Ethernet frames: the header, its refusals, and the same answer as the IP packet alone draws.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;
use support::frames::{check, ether_type, frame};
use support::packet::{Tcp, both};
use support::protocol::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TAGS};
use support::random::{Arbitrary, Packet, Unstructured};
use support::reference::{self, Rules};
use tcp_reset::{Checksum, Config, NoReset, ethernet};

const DESTINATION: [u8; 6] = [0x02, 0x11, 0x22, 0x33, 0x44, 0x55];
const SOURCE: [u8; 6] = [0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee];

/// One frame, written out.
#[test]
fn textbook() {
    let [v4, _] = both(&Tcp::default());
    let offender = frame(DESTINATION, SOURCE, &[[0x81, 0x00, 0x60, 0x05]], ETHERTYPE_IPV4, &v4);
    let mut buffer = [support::DIRT; ethernet::MAX_LEN];
    let reply = ethernet::reset(&offender, &mut buffer).unwrap();
    assert_eq!(reply[..12], [SOURCE, DESTINATION].concat());
    assert_eq!(reply[12..18], [0x81, 0x00, 0x60, 0x05, 0x08, 0x00], "priority and VLAN as they were");
    assert_eq!(reply[18..], reference::reset(&v4, &Rules::NETFILTER).unwrap());
    let printed = ethernet::Reset::in_reply_to(&offender, &Config::new()).unwrap().to_string();
    assert_eq!(
        printed,
        "02:11:22:33:44:55 > 02:aa:bb:cc:dd:ee, vlan 5, IP 198.51.100.2.80 > 192.0.2.1.36050: \
         Flags [R.], seq 0, ack 522224617, win 0, length 0"
    );
}

/// No tag to four tags, of every kind; all bits of priority, DEI and VLAN identifier are copied. Frames of every length,
/// also padded ones.
#[test]
fn tags_and_lengths() {
    for packet in both(&Tcp { data: vec![1, 2, 3], ..Tcp::default() }) {
        for depth in 0..=4 {
            for kind in 0..3_usize.pow(depth) {
                let tags: Vec<[u8; 4]> = (0..depth)
                    .map(|nth| ETHERTYPE_TAGS[kind / 3_usize.pow(nth) % 3].to_be_bytes())
                    .zip([[0xff, 0xff], [0x10, 0x01], [0x00, 0x00], [0xef, 0xfe]])
                    .map(|([t0, t1], [v0, v1])| [t0, t1, v0, v1])
                    .collect();
                let mut offender = frame(DESTINATION, SOURCE, &tags, ether_type(&packet), &packet);
                check(&offender, &Rules::NETFILTER);
                if depth > 2 {
                    let reason = ethernet::Reset::in_reply_to(&offender, &Config::new());
                    assert_eq!(reason, Err(NoReset::VlanTags));
                }
                for len in 0..offender.len() {
                    check(&offender[..len], &Rules::NETFILTER);
                    check(&offender[..len], &Rules { tcp_checksum: Checksum::Trust, ..Rules::TCP_STACK });
                }
                offender.extend([0xee; 30]);
                check(&offender, &Rules::NETFILTER);
            }
        }
    }
}

/// Every EtherType, lengths of IEEE 802.3 among them, without a tag and after one.
#[test]
fn every_ether_type() {
    for packet in both(&Tcp::default()) {
        for number in 0..=u16::MAX {
            check(&frame(DESTINATION, SOURCE, &[], number, &packet), &Rules::NETFILTER);
            check(&frame(DESTINATION, SOURCE, &[[0x81, 0, 0, 7]], number, &packet), &Rules::NETFILTER);
        }
    }
}

/// Every refusal alone, and each before the next in their order.
#[test]
fn refusals() {
    let [v4, v6] = both(&Tcp::default());
    let group = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x01];
    let three = [[0x81, 0, 0, 1]; 3];
    for (offender, reason) in [
        (frame(group, SOURCE, &[], ETHERTYPE_IPV4, &v4), NoReset::GroupAddress),
        (frame([0xff; 6], SOURCE, &[], ETHERTYPE_IPV4, &v4), NoReset::GroupAddress),
        (frame(DESTINATION, group, &[], ETHERTYPE_IPV6, &v6), NoReset::GroupAddress),
        (frame(group, group, &[], ETHERTYPE_IPV4, &v4), NoReset::GroupAddress),
        (frame(DESTINATION, [0xff; 6], &[], ETHERTYPE_IPV6, &v6), NoReset::GroupAddress),
        (frame(DESTINATION, SOURCE, &three, ETHERTYPE_IPV4, &v4), NoReset::VlanTags),
        (frame(DESTINATION, SOURCE, &[], 0x0806, &v4), NoReset::EtherType),
        (frame(DESTINATION, SOURCE, &[], 0x0028, &v4), NoReset::EtherType),
        (frame(DESTINATION, SOURCE, &[], ETHERTYPE_IPV4, &v6), NoReset::Version),
        (frame(DESTINATION, SOURCE, &[], ETHERTYPE_IPV6, &v4), NoReset::Version),
        (frame(DESTINATION, SOURCE, &[], ETHERTYPE_IPV6, &v4[..39]), NoReset::Truncated),
        // Pairs of neighbours.
        (frame(group, SOURCE, &[], ETHERTYPE_IPV4, &[])[..14].to_vec(), NoReset::Truncated),
        (frame(group, SOURCE, &three, ETHERTYPE_IPV4, &v4), NoReset::GroupAddress),
        (frame(DESTINATION, SOURCE, &three, 0x0806, &v4), NoReset::VlanTags),
        (frame(DESTINATION, SOURCE, &[], 0x0806, &v4[..20]), NoReset::EtherType),
    ] {
        assert_eq!(ethernet::Reset::in_reply_to(&offender, &Config::new()), Err(reason), "{offender:02x?}");
        check(&offender, &Rules::NETFILTER);
    }
}

proptest! {
    /// Frames with some bytes of header and packet changed, cut and padded.
    #[test]
    fn changed_frames(choices in prop::collection::vec(any::<u8>(), 300)) {
        let unstructured = &mut Unstructured::new(&choices);
        let tags = <[[u8; 4]; 3]>::arbitrary(unstructured).unwrap();
        let tags = tags.map(|[kind, _, t0, t1]| { let [k0, k1] = ETHERTYPE_TAGS[usize::from(kind) % 3].to_be_bytes(); [k0, k1, t0, t1] });
        let depth = unstructured.int_in_range(0..=3).unwrap();
        let change = unstructured.int_in_range(0..=50).unwrap();
        let Packet { bytes, rules } = Packet::arbitrary(unstructured).unwrap();
        let ether_type = bytes.first().map_or(ETHERTYPE_IPV4, |_| ether_type(&bytes));
        let mut offender = frame(DESTINATION, SOURCE, &tags[..depth], ether_type, &bytes);
        if let Some(byte) = offender[..14 + 4 * depth].get_mut(change) {
            *byte ^= 1;
        }
        check(&offender, &rules);
    }
}
