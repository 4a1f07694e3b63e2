//! The kernel's sockets accept the reset for the destination, in each state that an offender can meet.
//!
//! | offender | destination is in | works | does not |
//! |---|---|---|---|
//! | SYN, dropped | nothing yet | [`NoReset::NoConnection`](tcp_reset::NoReset) | |
//! | SYN, delivered | SYN-RECEIVED | ISN + 1 | ISN: the request stays |
//! | SYN/ACK, dropped or overtaken | SYN-SENT | RST/ACK with SEG.ACK: refused | RST without ACK is ignored |
//! | SYN/ACK, delivered | ESTABLISHED | ISN + 1 | ISN is ignored |
//! | data, with or without FIN, dropped | ESTABLISHED | SEG.SEQ | SEG.SEQ + SEG.LEN is answered with a challenge ACK |
//! | data, delivered | ESTABLISHED | SEG.SEQ + SEG.LEN | SEG.SEQ is ignored |
//! | data with FIN, delivered | CLOSE-WAIT | SEG.SEQ + SEG.LEN | SEG.SEQ is ignored, SEG.SEQ + SEG.LEN + 1 is answered with a challenge ACK |
//!
//! SEG.LEN counts FIN (RFC 9293 §3.4). In CLOSE-WAIT, Linux takes the number of the FIN itself too, because some hosts
//! reset with that (`tcp_reset_check`).
//!
//! In `one_socket`, one end of each connection is a socket of the running kernel, and the test is the other end: it
//! chooses every number. In `two_sockets`, both ends are sockets, so the kernel makes every segment, and both end by the
//! crate's two resets. The test is also the firewall: it drops or delivers a segment.
//!
//! It needs root or the right to make user namespaces, and `/dev/net/tun`. If something is missing the tests are skipped
//! and say so, and under `CI=true` they fail.

mod host;
mod one_socket;
#[path = "../trials/mod.rs"]
mod trials;
mod two_sockets;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use tcp_reset_linux::Family;
use trials::trial;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = trials::enter();
    let mut trials = Vec::new();
    for (family, name) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
        for (row, end) in one_socket::ROWS {
            let run = move || one_socket::end_connections(family, end);
            trials.push(trial(&format!("one_socket_{row}_{name}"), missing.as_deref(), run));
        }
        for (row, end) in two_sockets::ROWS {
            let run = move || two_sockets::end_connections(family, end);
            trials.push(trial(&format!("two_sockets_{row}_{name}"), missing.as_deref(), run));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
