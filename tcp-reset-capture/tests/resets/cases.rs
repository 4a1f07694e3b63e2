//! The captures of `tests/cases/`, with the answers that README.md names.

use std::path::Path;

use crate::program::{Run, resets};

#[test]
fn captures_of_firewalls_and_of_sending_hosts_are_answered() {
    let syn = "192.0.2.1.40000 > 198.51.100.2.443: Flags [S], seq 1000, win 8192, length 0  ->  \
               reset: Flags [R.], seq 0, ack 1001, win 0, length 0";
    let long = "192.0.2.1.1 > 198.51.100.2.2: Flags [P.], seq 2:3002, ack 9, win 8192, length 3000  ->  \
                reset: Flags [R], seq 9, win 0, length 0";
    let cases = [
        ("nflog", syn, ""),
        ("pflog", syn, ""),
        ("cisco-hdlc", syn, ""),
        ("pppoe", syn, "  (in a PPPoE session)"),
        ("mpls", syn, "  (under an MPLS label)"),
        ("tso", long, "  (no IPv4 header checksum yet)  (length 0: to the end of the record)"),
    ];
    for (name, line, notes) in cases {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/{name}.pcap"));
        assert_eq!(Run::of(resets().arg(path)).good_lines(), [format!("{line}{notes}")], "{name}");
    }
}
