//! Mistakes of other stacks and firewalls in their resets, each a test of this crate.
//!
//! The source of each is named: the file, or the issue or pull request of the project. Vectors are those of
//! `testdata/vectors/ipv4-netfilter.txt`.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::DIRT;
use support::packet::{Tcp, V4, both, repair};
use support::reference::{Rules, sum};
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset::{Checksum, Config, MAX_LEN, NoReset, Reset, reset_with};

const SEQ: u32 = 522_224_616;
const NUMBER: u32 = 1_406_759_780;

/// Control bits, SEQ and ACK of the reset for a segment, the same over both versions of IP.
fn answer(tcp: &Tcp) -> (u8, u32, u32) {
    let [v4, v6] = both(tcp).map(|packet| {
        let mut buffer = [DIRT; MAX_LEN];
        let reply = tcp_reset::reset(&packet, &mut buffer).unwrap();
        let segment = reply.last_chunk::<20>().unwrap();
        let long = |at| u32::from_be_bytes([segment[at], segment[at + 1], segment[at + 2], segment[at + 3]]);
        (segment[13], long(4), long(8))
    });
    assert_eq!(v4, v6);
    v4
}

fn segment(flags: u8, data: &[u8]) -> Tcp {
    Tcp { flags, seq: SEQ, ack: 0, data: data.to_vec(), ..Tcp::default() }
}

/// Who was wrong, where, and how; with an example vector. Then a segment: flags, SEQ, ACK, data; and the reset: SEQ, ACK.
/// The reset acknowledges exactly if the segment does not.
type Mistake = (&'static str, u8, u32, u32, &'static [u8], (u32, u32));

const ECE: u8 = 0x40;
const CWR: u8 = 0x80;

/// Mistakes in the numbers.
#[rustfmt::skip]
const NUMBERS: &[Mistake] = &[
    // smoltcp acknowledges nothing but a SYN: these draw a bare RST with SEQ 0, which their sender ignores.
    ("smoltcp 0.14, rst_reply in src/socket/tcp.rs: FIN; flags-01", FIN, SEQ, 0, b"", (0, SEQ + 1)),
    ("smoltcp 0.14, the same: data; flags-00-data", 0, SEQ, 0, b"data", (0, SEQ + 4)),
    ("smoltcp 0.14, the same: no flags; flags-00", 0, SEQ, 0, b"", (0, SEQ)),
    ("smoltcp 0.14 refuses SYN with FIN; flags-03", SYN | FIN, SEQ, 0, b"", (0, SEQ + 2)),
    // RST/ACK always: lwIP, `tcp_rst` in src/core/tcp_out.c; Snort 3; OpenBSD pf; NuttX before PR 17683.
    ("lwIP: RST/ACK for ACK; flags-10", ACK, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("lwIP: RST/ACK for FIN/ACK; flags-11", ACK | FIN, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("lwIP: RST/ACK for SYN/ACK; flags-12", ACK | SYN, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("lwIP: RST/ACK for SYN/FIN/ACK; flags-13", ACK | FIN | SYN, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("lwIP, tcp_rst: SYN with FIN counts one; flags-03", SYN | FIN, SEQ, 0, b"data", (0, SEQ + 6)),
    ("Zephyr, issue 90086: SYN does not count; flags-02", SYN, SEQ, 0, b"", (0, SEQ + 1)),
    ("Zephyr, PR 114449: FIN does not count; flags-01", FIN, SEQ, 0, b"", (0, SEQ + 1)),
    ("FreeRTOS+TCP, issue 700: data and FIN do not count; flags-01-data", FIN, SEQ, 0, b"data", (0, SEQ + 5)),
    ("picoTCP, issues 54 and 56, and ipfw: data does not count", 0, SEQ, 0, &[0; 100], (0, SEQ + 100)),
    ("picoTCP: SYN does not count", SYN, SEQ, 0, &[0; 100], (0, SEQ + 101)),
    ("picoTCP: FIN does not count", FIN, SEQ, 0, &[0; 100], (0, SEQ + 101)),
    ("picoTCP: SYN and FIN do not count", SYN | FIN, SEQ, 0, &[0; 100], (0, SEQ + 102)),
    // Suricata, `SetupTCP` in src/respond-reject-libnet11.c, tests the number instead of the bit.
    ("Suricata: ACK with the number 0", ACK, SEQ, 0, b"", (0, 0)),
    ("Suricata: a number without ACK", SYN, SEQ, NUMBER, b"", (0, SEQ + 1)),
    ("gVisor, issue 7075: flags are compared as a whole; flags-c2", SYN | ECE | CWR, SEQ, 0, b"", (0, SEQ + 1)),
    ("gVisor, the same", ACK | ECE | CWR, SEQ, NUMBER, b"", (NUMBER, 0)),
    // OVN, controller/pinctrl.c (28097d5ad), and Portmaster's Windows driver: SEQ 0 and ACK = SEQ + 1 for all segments.
    // ELKS before PR 985: SEQ is the segment's SEQ.
    ("OVN: ACK; flags-10", ACK, SEQ, NUMBER, b"", (NUMBER, 0)),
    ("OVN: ACK with data; flags-10-data", ACK, SEQ, NUMBER, b"data", (NUMBER, 0)),
    // An XDP example adds one to big-endian bytes, so that the carry is lost.
    ("XDP example; wrap-syn-ffffffff", SYN, 0xff, 0, b"", (0, 0x100)),
    ("XDP example", SYN, 0xffff, 0, b"", (0, 0x1_0000)),
    ("XDP example", SYN, 0x00ff_ffff, 0, b"", (0, 0x0100_0000)),
    ("XDP example", SYN, 0x12ff_ffff, 0, b"", (0, 0x1300_0000)),
];

#[test]
fn numbers() {
    for &(mistake, flags, seq, ack, data, numbers) in NUMBERS {
        let control = if flags & ACK == 0 { RST | ACK } else { RST };
        let tcp = Tcp { seq, ack, ..segment(flags, data) };
        assert_eq!(answer(&tcp), (control, numbers.0, numbers.1), "{mistake}");
    }
}

// smoltcp 0.14 refuses port 0.
#[test]
fn smoltcp_ports_may_be_zero() {
    for ports in [(0, 80), (36050, 0), (0, 0)] {
        let tcp = Tcp { source_port: ports.0, destination_port: ports.1, ..segment(SYN, b"") };
        assert_eq!(answer(&tcp), (RST | ACK, 0, SEQ + 1));
    }
}

/// An option of length 0, one of length 1, one past the header's end, a timestamp cut short.
#[test]
fn smoltcp_malformed_tcp_options_are_nobodys_concern() {
    for options in [[2, 0, 0, 0], [2, 1, 0, 0], [1, 1, 1, 2], [8, 10, 0, 0], [0xff; 4]] {
        let tcp = Tcp { options: options.to_vec(), ..segment(SYN, b"") };
        assert_eq!(answer(&tcp), (RST | ACK, 0, SEQ + 1));
    }
}

// lwIP, `tcp_rst`: the window is not zero.
#[test]
fn lwip_the_window_is_zero() {
    for flags in [SYN, ACK] {
        for packet in both(&Tcp { window: 0x5555, ..segment(flags, b"") }) {
            let mut buffer = [DIRT; MAX_LEN];
            let reply = tcp_reset::reset(&packet, &mut buffer).unwrap();
            assert_eq!(reply[reply.len() - 6..reply.len() - 4], [0, 0]);
        }
    }
}

// FreeRTOS+TCP: the offender's window and urgent pointer stay in the reset.
#[test]
fn freertos_nothing_is_left_of_the_offender() {
    for flags in [FIN, ACK] {
        for mut packet in both(&Tcp { window: 0xffff, urgent: 0xffff, reserved: 0xf, ..segment(flags, b"") }) {
            let reset = Reset::in_reply_to(&packet, &Config::new()).unwrap();
            let reply = reset.emit_to_slice(&mut packet).unwrap();
            let segment = reply.last_chunk::<20>().unwrap();
            assert_eq!(segment[12], 0x50);
            assert_eq!((&segment[14..16], &segment[18..20]), (&[0, 0][..], &[0, 0][..]));
        }
    }
}

// OpenBSD pf sends its resets with a type of service of 0x10.
#[test]
fn pf_the_type_of_service_is_zero_or_reflected() {
    let packet = V4 { tos: 0x2e << 2 | 1, ..V4::default() }.bytes();
    let tos = |rules: Rules| reset_with(&packet, &rules.config(), &mut [0; MAX_LEN]).unwrap()[1];
    assert_eq!(tos(Rules::NETFILTER), 0);
    assert_eq!(tos(Rules::TCP_STACK), 0x2e << 2);
}

// Calico, eBPF data plane (PR 13925): padding was counted, and connect() waited for 127 seconds.
#[test]
fn calico_padding_is_not_data() {
    let mut frame = V4::with(segment(SYN, b"")).bytes();
    frame.resize(60 - 14, 0);
    let mut buffer = [DIRT; MAX_LEN];
    let reply = tcp_reset::reset(&frame, &mut buffer).unwrap();
    assert_eq!(reply[28..32], (SEQ + 1).to_be_bytes());
}

// Calico, eBPF data plane (PR 12430): a wrong checksum, dropped by a cloud provider.
#[test]
fn calico_both_checksums_are_right() {
    for flags in [SYN, ACK] {
        for packet in both(&segment(flags, b"data")) {
            let mut buffer = [DIRT; MAX_LEN];
            let reply = tcp_reset::reset(&packet, &mut buffer).unwrap();
            let addresses = if reply.len() == 40 { 12 } else { 8 };
            assert_eq!(sum(&[&reply[addresses..], &[0, 6, 0, 20]].concat()), 0xffff);
            assert!(reply.len() == 60 || sum(&reply[..20]) == 0xffff);
        }
    }
}

// Demikernel answers RST with RST; so did OVN before bcd9a8fb1 and Antrea (issue 2548). Vector `flags-04`.
#[test]
fn demikernel_resets_end_it() {
    for flags in [SYN, ACK] {
        for packet in both(&segment(flags, b"")) {
            for rules in Rules::all() {
                let mut buffer = [DIRT; MAX_LEN];
                let reply = reset_with(&packet, &rules.config(), &mut buffer).unwrap();
                assert_eq!(Reset::in_reply_to(reply, &rules.config()), Err(NoReset::Rst));
            }
        }
    }
}

// Demikernel: SEG.LEN is the length of the header.
#[test]
fn demikernel_the_header_takes_no_sequence_numbers() {
    for options in [0, 4, 40] {
        assert_eq!(answer(&Tcp { options: vec![1; options], ..segment(SYN, b"") }).2, SEQ + 1);
    }
}

// sing-tun sent resets with a time to live of 0.
#[test]
fn sing_tun_a_reset_lives_long_enough() {
    let [v4, v6] = both(&segment(SYN, b""));
    let mut buffer = [DIRT; MAX_LEN];
    assert_eq!(tcp_reset::reset(&v4, &mut buffer).unwrap()[8], 64);
    assert_eq!(tcp_reset::reset(&v6, &mut buffer).unwrap()[7], 64);
}

// etherparse 0.21 and pnet 0.35 compute a checksum and compare: to verify in this way refuses one of the two zeros.
#[test]
fn etherparse_either_zero_is_a_valid_checksum() {
    let [v4, v6] = both(&segment(SYN, b""));
    for (version, packet) in [v4, v6].into_iter().enumerate() {
        let at = packet.len() - 4;
        let urgent = u16::from_be_bytes([packet[at], packet[at + 1]]);
        let mut packet = both(&Tcp { urgent, ..segment(SYN, b"") })[version].clone();
        assert_eq!(packet[at..at + 2], [0, 0]);
        assert!(Reset::in_reply_to(&packet, &Config::new()).is_ok());
        packet[at..at + 2].fill(0xff);
        assert!(Reset::in_reply_to(&packet, &Config::new()).is_ok());
    }
}

// edge-raw 0.8 panics on a total length of 0, and on an IHL of 15 with a total length of 20.
#[test]
fn edge_raw_every_pair_of_lengths_is_survived() {
    let trusting = Config::new().ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
    let mut packet = V4::default().bytes();
    for header_len in 0..=15_u16 {
        for total_len in 0..=100_u16 {
            packet[0] = 0x40 | u8::try_from(header_len).unwrap();
            packet[2..4].copy_from_slice(&total_len.to_be_bytes());
            repair(&mut packet);
            let decision = Reset::in_reply_to(&packet, &Config::new()).map(drop);
            let trusting = Reset::in_reply_to(&packet, &trusting).map(drop);
            if header_len < 5 {
                assert_eq!((decision, trusting), (Err(NoReset::HeaderLength), Err(NoReset::HeaderLength)));
            } else if total_len < header_len * 4 {
                assert_eq!((decision, trusting), (Err(NoReset::TotalLength), Err(NoReset::TotalLength)));
            } else if total_len > 40 || header_len > 10 {
                assert_eq!(decision, Err(NoReset::Truncated));
            } else if total_len < header_len * 4 + 20 {
                assert_eq!((decision, trusting), (Err(NoReset::TcpHeader), Err(NoReset::TcpHeader)));
            } else {
                assert_eq!((decision, trusting), (Ok(()), Ok(())));
            }
        }
    }
}

// Zephyr (issues 10780, 10782) answered broadcasts. Vector `source-224.0.0.1`, among others.
#[test]
fn zephyr_broadcast_is_not_answered() {
    for address in [[255; 4], [224, 0, 0, 1]] {
        let packet = V4 { destination: address, ..V4::with(segment(SYN, b"")) }.bytes();
        assert_eq!(Reset::in_reply_to(&packet, &Config::new()), Err(NoReset::Destination));
        let packet = V4 { source: address, ..V4::with(segment(SYN, b"")) }.bytes();
        assert_eq!(Reset::in_reply_to(&packet, &Config::new()), Err(NoReset::Source));
    }
}

// Suricata before 235ee36211: wrong IPv6 payload length and next header.
#[test]
fn suricata_the_ipv6_header_is_right() {
    let [_, v6] = both(&segment(SYN, b"data"));
    let mut buffer = [DIRT; MAX_LEN];
    let reply = tcp_reset::reset(&v6, &mut buffer).unwrap();
    assert_eq!(reply[4..7], [0, 20, 6]);
}
