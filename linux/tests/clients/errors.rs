//! Bad input: one clear line and a failure, and nothing else.

use crate::Test;
use crate::namespace::Namespace;
use crate::tools::{Daemon, fails, output, queue};

const RESPONDER: &str = env!("CARGO_BIN_EXE_responder");

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("errors_of_arguments", &[], arguments),
        Test::new("errors_of_permission", &["/dev/net/tun", "unshare"], permission),
        Test::new("errors_of_a_missing_tun", &["unshare", "mount"], missing_tun),
        Test::new("errors_of_devices", &["/dev/net/tun"], devices),
        Test::new("errors_of_a_queue_in_use", &[], queue_in_use),
    ]
}

fn arguments() {
    fails(&[RESPONDER], "responder: no DEVICE given, see --help");
    fails(&[RESPONDER, "--loud"], "responder: invalid option '--loud'");
    fails(&[RESPONDER, "tun0", "tun1"], "responder: unexpected argument \"tun1\"");
    fails(&[RESPONDER, "--tap"], "responder: no DEVICE given, see --help");
    fails(&[queue()], "queue: no queue NUMBER given, see --help");
    fails(&[queue(), "first"], "queue: cannot parse argument \"first\"");
    fails(&[queue(), "65536"], "queue: cannot parse argument \"65536\"");
    fails(&[queue(), "--mark", "0xrs", "7"], "queue: cannot parse argument \"0xrs\"");
    fails(&[queue(), "7", "8"], "queue: unexpected argument \"8\"");
    for program in [RESPONDER, queue()] {
        let help = output(&[program, "--help"]);
        assert!(help.status.success() && help.stdout.starts_with(b"usage: "), "{help:?}");
    }
}

/// A user without rights in the network's user namespace.
fn permission() {
    let _namespace = Namespace::new();
    fails(&["unshare", "--user", RESPONDER, "tun0"], "responder: cannot attach to the TUN device tun0");
    fails(&["unshare", "--user", queue(), "7"], "queue: cannot open a raw socket, which takes CAP_NET_RAW");
}

fn missing_tun() {
    let hidden = format!("mount -t tmpfs none /dev/net && exec {RESPONDER} tun0");
    let arguments = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &hidden];
    fails(&arguments, "responder: cannot attach to the TUN device tun0, which takes /dev/net/tun");
}

fn devices() {
    let _namespace = Namespace::new();
    fails(&[RESPONDER, "lo"], "responder: cannot attach to the TUN device lo");
    fails(&[RESPONDER, "a-name-of-16-chr"], "responder: cannot attach to the TUN device a-name-of-16-chr");
    let _first = Daemon::start(&[RESPONDER, "tun0"], "answering on tun0");
    fails(&[RESPONDER, "tun0"], "responder: cannot attach to the TUN device tun0");
    fails(&[RESPONDER, "--tap", "tun0"], "responder: cannot attach to the TAP device tun0");
}

fn queue_in_use() {
    let _namespace = Namespace::new();
    let _first = Daemon::start(&[queue(), "7"], "answering queue 7");
    fails(&[queue(), "7"], "queue: cannot bind queue 7");
}
