//! The link-layer headers of frames.

use crate::captures::Pcap;
use crate::packets::{SYN_LINE, changed, ethernet, syn};
use crate::program::read;
use support::packet::V6;

const PFLOG: [u8; 64] = {
    let mut header = [0; 64];
    header[0] = 61;
    header
};

#[test]
fn every_link_type_carries_ipv4() {
    let cases: &[(u32, &[u8])] = &[
        (1, b"............\x08\x00"),
        // 802.1Q, QinQ and its predecessor.
        (1, b"............\x81\x00\x00\x05\x08\x00"),
        (1, b"............\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00"),
        (1, b"............\x91\x00\x00\x05\x81\x00\x00\x06\x08\x00"),
        // Raw IP.
        (101, b""),
        (12, b""),
        (14, b""),
        (228, b""),
        // Linux cooked.
        (113, b"..............\x08\x00"),
        (113, b"..............\x81\x00\x00\x05\x08\x00"),
        (276, b"\x08\x00.................."),
        // BSD loopback.
        (0, b"\x02\0\0\0"),
        (0, b"\0\0\0\x02"),
        (108, b"\0\0\0\x02"),
        // PPP: without HDLC, with it, with a protocol number of one byte; Cisco HDLC.
        (9, b"\x00\x21"),
        (9, b"\xff\x03\x00\x21"),
        (9, b"\x21"),
        (50, b"\xff\x03\x00\x21"),
        (50, b"\xff\x03\x21"),
        (50, b"\x0f\x00\x08\x00"),
        (50, b"\x8f\x00\x08\x00"),
        (104, b"\x0f\x00\x08\x00"),
        // NFLOG, with a mark before the packet, of a little-endian and of a big-endian host; pflog, whose header has 61
        // bytes and three that pad it.
        (239, b"\x02\0\0\x05\x05\0\x0a\0x\0\0\0\x2c\0\x09\0"),
        (239, b"\x02\0\0\x05\0\x05\0\x0ax\0\0\0\0\x2c\0\x09"),
        (117, &PFLOG),
        // With the length of a frame check sequence in the upper bits.
        (0x2400_0001, b"............\x08\x00"),
    ];
    for (number, link) in cases {
        // A frame check sequence, or padding, is no data.
        let frame = [link, &syn()[..], b"fcs!"].concat();
        assert_eq!(read(&Pcap::new(*number).frame(&frame).bytes).good_lines(), [SYN_LINE], "{number} {link:?}");
    }
}

#[test]
fn every_link_type_carries_ipv6() {
    let cases: &[(u32, &[u8])] = &[
        (1, b"............\x86\xdd"),
        (1, b"............\x81\x00\x00\x05\x86\xdd"),
        (101, b""),
        (229, b""),
        (113, b"..............\x86\xdd"),
        (276, b"\x86\xdd.................."),
        // Linux, OpenBSD and NetBSD, FreeBSD, macOS.
        (0, b"\x0a\0\0\0"),
        (0, b"\x18\0\0\0"),
        (0, b"\x1c\0\0\0"),
        (0, b"\x1e\0\0\0"),
        (108, b"\0\0\0\x18"),
        (9, b"\x00\x57"),
        (50, b"\xff\x03\x57"),
        (50, b"\x0f\x00\x86\xdd"),
    ];
    let line = "2001:db8::1.36050 > 2001:db8:1::2.80: Flags [S], seq 522224616, win 1024, length 0  ->  \
                reset: Flags [R.], seq 0, ack 522224617, win 0, length 0";
    for (number, link) in cases {
        let frame = [link, &V6::default().bytes()[..]].concat();
        assert_eq!(read(&Pcap::new(*number).frame(&frame).bytes).good_lines(), [line], "{number} {link:?}");
    }
}

#[test]
fn padding_is_no_data() {
    for padding in [0, 1, 6, 1460] {
        let frame = [ethernet(&syn()), vec![0xa5; padding]].concat();
        assert_eq!(read(&Pcap::new(1).frame(&frame).bytes).lines(), [SYN_LINE]);
    }
}

#[test]
fn pppoe_and_mpls_are_named() {
    let [pppoe, mpls] = ["  (in a PPPoE session)", "  (under an MPLS label)"];
    let cases: &[(u32, &[u8], &str)] = &[
        (1, b"............\x88\x64\x11\x00\x00\x01\x00\x2a\x00\x21", pppoe),
        (1, b"............\x81\x00\x00\x05\x88\x64\x11\x00\x00\x01\x00\x2a\x00\x21", pppoe),
        (113, b"..............\x88\x64\x11\x00\x00\x01\x00\x2a\x00\x21", pppoe),
        (51, b"\x11\x00\x00\x01\x00\x2a\x00\x21", pppoe),
        (1, b"............\x88\x47\x00\x06\x41\x40", mpls),
        // Two labels.
        (1, b"............\x88\x47\x00\x06\x40\x40\x00\x06\x41\x40", mpls),
        (219, b"\x00\x06\x41\x40", mpls),
    ];
    for (number, link, words) in cases {
        let run = read(&Pcap::new(*number).frame(&[link, &syn()[..]].concat()).bytes);
        assert_eq!(run.good_lines(), [format!("{SYN_LINE}{words}")], "{number} {link:?}");
    }
    // A frame to a group is not answered with these either.
    let frame = [b"\xff\xff\xff\xff\xff\xff......\x88\x47\x00\x06\x41\x40", &syn()[..]].concat();
    assert_eq!(read(&Pcap::new(1).frame(&frame).bytes).summary("silences"), "1 (group address in an Ethernet frame 1)");
}

/// The frame alone is the reason: the packet would be answered.
#[test]
fn frames_that_are_not_answered() {
    let cases: &[(&[u8], &str)] = &[
        (b"\xff\xff\xff\xff\xff\xff......\x08\x00", "group address in an Ethernet frame"),
        (b"......\x01.....\x08\x00", "group address in an Ethernet frame"),
        (b"............\x88\xa8\x00\x05\x81\x00\x00\x06\x81\x00\x00\x07\x08\x00", "too many VLAN tags"),
        (b"............\x86\xdd", "bad IP version"),
    ];
    let (offender, _) = SYN_LINE.split_once("  ->  ").unwrap();
    for (link, reason) in cases {
        let run = read(&Pcap::new(1).frame(&[link, &syn()[..]].concat()).bytes);
        assert_eq!(run.good_lines(), [format!("{offender}  ->  silence: {reason}")]);
        assert_eq!(run.summary("silences"), format!("1 ({reason} 1)"));
    }
}

/// If the packet and its frame both get silence, the packet's reason is given.
#[test]
fn the_reason_of_the_packet_goes_first() {
    let frame = [b"\xff\xff\xff\xff\xff\xff......\x08\x00", &changed(syn(), 16, 224)[..]].concat();
    let run = read(&Pcap::new(1).frame(&frame).bytes);
    assert_eq!(run.summary("silences"), "1 (destination address not unicast 1)");
}

#[test]
fn other_protocols_are_named() {
    let cases: &[(u32, &[u8], &str)] = &[
        (1, b"............\x08\x06", "ARP"),
        (1, b"............\x88\xcc", "LLDP"),
        (1, b"............\x88\x63", "PPPoE discovery"),
        (1, b"............\xab\xcd", "EtherType 0xabcd"),
        (1, b"............\x88\x47\0\x06\x41\x40\0\0\0\0", "MPLS without an IP packet"),
        (1, b"............\x88\x47\0\x06\x40\x40", "short frame"),
        (239, b"\x02\0\0\x05\x08\0\x01\0\x08\0\x01\0", "NFLOG record without a packet"),
        (117, b"\x3d\x02", "short frame"),
        (1, b"............\x00\x26", "802.3 frame of 38 bytes"),
        (1, b"............\x08", "short frame"),
        (1, b"............\x81\x00\x00\x05\x08", "short frame"),
        (1, b"", "short frame"),
        (113, b"..............\x08\x06", "ARP"),
        (276, b"\x08\x00..............", "short frame"),
        (0, b"\x07\0\0\0....", "address family 07000000"),
        (0, b"\x02\0\0", "short frame"),
        (9, b"\xff\x03\xc0\x21", "PPP LCP"),
        (9, b"\xff\x03\x2d", "PPP Van Jacobson compressed TCP"),
        (9, b"\xff\x03\x00", "short frame"),
        (50, b"\xff\x03", "short frame"),
        (50, b"\x8f\x00\x80\x35", "RARP"),
        (9, b"\xc0\x57", "PPP protocol 0xc057"),
    ];
    for (number, frame, what) in cases {
        let run = read(&Pcap::new(*number).frame(frame).bytes);
        assert_eq!(run.good_lines(), [format!("{what}  ->  silence: not IP")]);
        assert_eq!(run.summary("silences"), "1 (not IP 1)");
    }
}

#[test]
fn an_unknown_link_type_is_an_error_also_without_packets() {
    for capture in [Pcap::new(105), Pcap::new(105).frame(b"beacon")] {
        let run = read(&capture.bytes);
        let supported = "Ethernet, raw IP, Linux cooked, BSD loopback, PPP, PPPoE, Cisco HDLC, MPLS, NFLOG, pflog";
        let error = format!("packets left out: unknown link type 105 (IEEE 802.11) (supported: {supported})");
        assert_eq!(run.error(), error);
        assert_eq!((run.lines(), run.summary("packets")), (Vec::<String>::new(), "0"));
    }
    assert!(read(&Pcap::new(300).bytes).error().contains(": unknown link type 300 (supported: "));
}
