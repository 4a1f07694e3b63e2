//! Mistakes of other stacks and firewalls in their resets, and the test that shows that this crate does not make them.
//!
//! A project is named with a version, mostly with a file, or with an issue or pull request about the mistake. "Before PR n"
//! is the code before that change, "at issue n" the code when the issue was opened. A mistake without a project has no
//! source. Vectors are those of `testdata/vectors/ipv4-netfilter.txt`, and of `ipv4-destination.txt` for the destination.
//! Wrong numbers are tested here, the other mistakes in other files:
//!
//! | mistake | test |
//! |---|---|
//! | smoltcp 0.14, src/wire/tcp.rs, refuses port 0 | `every_function` |
//! | smoltcp 0.14, src/wire/tcp.rs, refuses malformed TCP options | `every_function` |
//! | lwIP 2.1.3, `tcp_rst` in src/core/tcp_out.c: the window is not zero | `every_function` |
//! | window and urgent pointer of the offender stay in the reset | `every_function`, in place |
//! | a type of service of 0x10; `traffic-class-10` | `every_function` |
//! | Calico before PR 13925, eBPF data plane: padding counts, and `connect()` waits for 127 seconds; `padding-zero-1` | `lengths::padding_changes_nothing` |
//! | Calico before PR 12430, eBPF data plane: a wrong checksum, dropped by a cloud provider; picoTCP at issue 54: a wrong checksum | `every_function` |
//! | OVN before bcd9a8fb1, controller/pinctrl.c; Antrea at issue 2548; picoTCP at issue 142; Nebula 9c5d7016: RST is answered with RST; `flags-04` | `rfc9293` |
//! | SEG.LEN is the length of the header | `every_function` |
//! | a time to live of 0 | `every_function::every_hop_limit` |
//! | etherparse 0.21, src/transport/tcp_header_slice.rs, and pnet_packet 0.35, src/tcp.rs, compute a checksum to compare, which refuses one of the two zeros; `tcp-checksum-0000`, `tcp-checksum-ffff` | `zero_checksum::an_offender_whose_checksum_computes_to_zero` |
//! | edge-raw 0.8: a panic on a total length of 0, and on an IHL of 15 with a total length of 20; `total-length-0` | `exhaustive`, `every_function` |
//! | Zephyr at issues 10780 and 10782 answers broadcasts; `destination-255.255.255.255` | `reasons::addresses` |
//! | Suricata before 235ee36211: wrong IPv6 payload length and next header | `rfc9293::textbook` |
//! | Suricata at 01415e002, src/respond-reject-libnet11.c: towards the destination, a delivered segment is not counted; `delivered-flags-10-data` | `vectors::towards_the_destination` |

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::doors;
use support::packet::{Tcp, both};
use support::protocol::{CWR, ECE, PSH};
use support::reference::long;
use tcp_reset::Config;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};

const SEQ: u32 = 522_224_616;
const NUMBER: u32 = 1_406_759_780;

/// Control bits, SEQ and ACK of the reset for a segment, the same over both versions of IP.
fn answer(tcp: &Tcp) -> (u8, u32, u32) {
    let [v4, v6] = both(tcp).map(|packet| {
        let reply = doors::answer(&packet, &Config::new()).unwrap();
        let segment = &reply[reply.len() - 20..];
        (segment[13], long(segment, 4), long(segment, 8))
    });
    assert_eq!(v4, v6);
    v4
}

/// What was wrong, in what project if one is named, and an example vector if there is one. Then a segment: flags, SEQ, ACK,
/// data; and the reset: SEQ, ACK. The reset has ACK set if the segment has not.
type Mistake = (&'static str, u8, u32, u32, &'static [u8], (u32, u32));

/// Mistakes in the numbers.
#[rustfmt::skip]
const NUMBERS: &[Mistake] = &[
    // smoltcp acknowledges nothing but a SYN: these get a bare RST with SEQ 0, which their sender ignores.
    ("smoltcp 0.14, rst_reply in src/socket/tcp.rs: FIN; flags-01", FIN, SEQ, 0, b"", (0, SEQ + 1)),
    ("smoltcp 0.14, the same: data; flags-00-data", 0, SEQ, 0, b"data", (0, SEQ + 4)),
    ("smoltcp 0.14, the same: no flags; flags-00", 0, SEQ, 0, b"", (0, SEQ)),
    ("smoltcp 0.14, src/wire/tcp.rs, refuses SYN with FIN; flags-03", SYN | FIN, SEQ, 0, b"", (0, SEQ + 2)),
    // RST/ACK always: lwIP 2.1.3, `tcp_rst` in src/core/tcp_out.c; NuttX before PR 17683.
    ("lwIP 2.1.3: RST/ACK for ACK; flags-10-data", ACK, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("lwIP 2.1.3: RST/ACK for FIN/ACK; flags-11-data", ACK | FIN, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("lwIP 2.1.3: RST/ACK for SYN/ACK; flags-12-data", ACK | SYN, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("lwIP 2.1.3: RST/ACK for SYN/FIN/ACK; flags-13-data", ACK | FIN | SYN, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("picoTCP at issue 56: RST/ACK for PSH/ACK; flags-18-data", ACK | PSH, SEQ, NUMBER, b"data", (NUMBER, 0)),
    ("lwIP 2.1.3: SYN with FIN counts one; flags-03-data", SYN | FIN, SEQ, 0, b"data", (0, SEQ + 6)),
    ("Zephyr at issue 90086: SYN does not count; flags-02", SYN, SEQ, 0, b"", (0, SEQ + 1)),
    ("Zephyr before PR 114449: FIN does not count; flags-01", FIN, SEQ, 0, b"", (0, SEQ + 1)),
    ("FreeRTOS+TCP at issue 700: data and FIN do not count; flags-01-data", FIN, SEQ, 0, b"data", (0, SEQ + 5)),
    ("data does not count", 0, SEQ, 0, &[0; 100], (0, SEQ + 100)),
    ("SYN does not count", SYN, SEQ, 0, &[0; 100], (0, SEQ + 101)),
    ("FIN does not count", FIN, SEQ, 0, &[0; 100], (0, SEQ + 101)),
    ("SYN and FIN do not count", SYN | FIN, SEQ, 0, &[0; 100], (0, SEQ + 102)),
    // Suricata at 01415e002, src/respond-reject-libnet11.c, tests the number instead of the bit.
    ("Suricata: ACK with the number 0", ACK, SEQ, 0, b"", (0, 0)),
    ("Suricata: a number without ACK", SYN, SEQ, NUMBER, b"", (0, SEQ + 1)),
    ("gVisor at issue 7075: flags are compared as a whole; flags-c2", SYN | ECE | CWR, SEQ, 0, b"", (0, SEQ + 1)),
    ("gVisor, the same", ACK | ECE | CWR, SEQ, NUMBER, b"", (NUMBER, 0)),
    // OVN 2411e964d, controller/pinctrl.c: SEQ 0 and ACK = SEQ + 1 for all segments.
    // ELKS before PR 985: SEQ is the segment's SEQ.
    ("OVN: ACK; flags-10", ACK, SEQ, NUMBER, b"", (NUMBER, 0)),
    ("OVN: ACK with data; flags-10-data", ACK, SEQ, NUMBER, b"data", (NUMBER, 0)),
    // One is added to big-endian bytes, so that the carry is lost.
    ("the carry is lost; wrap-syn-ffffffff", SYN, 0xff, 0, b"", (0, 0x100)),
    ("the carry is lost", SYN, 0xffff, 0, b"", (0, 0x1_0000)),
    ("the carry is lost", SYN, 0x00ff_ffff, 0, b"", (0, 0x0100_0000)),
    ("the carry is lost", SYN, 0x12ff_ffff, 0, b"", (0, 0x1300_0000)),
];

#[test]
fn numbers() {
    for &(mistake, flags, seq, ack, data, numbers) in NUMBERS {
        let control = if flags & ACK == 0 { RST | ACK } else { RST };
        let tcp = Tcp { flags, seq, ack, data: data.to_vec(), ..Tcp::default() };
        assert_eq!(answer(&tcp), (control, numbers.0, numbers.1), "{mistake}");
    }
}
