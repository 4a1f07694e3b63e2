//! Bad input: one clear line and a failure, and nothing else.

use std::thread::sleep;
use std::time::Duration;

use crate::Test;
use crate::namespace::Namespace;
use crate::tools::{Daemon, fails, output, queue, run};

const RESPONDER: &str = env!("CARGO_BIN_EXE_responder");
const QUEUE: &str = env!("CARGO_BIN_EXE_queue");
const SNIFF: &str = env!("CARGO_BIN_EXE_sniff");

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("errors_of_arguments", &[], arguments),
        Test::new("errors_of_permission", &["/dev/net/tun", "unshare"], permission),
        Test::new("errors_of_a_missing_tun", &["unshare", "mount"], missing_tun),
        Test::new("errors_of_devices", &["/dev/net/tun"], devices),
        Test::new("errors_of_a_device_that_is_gone", &["ip"], gone),
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
    fails(&[QUEUE, "7", "--payload", "(a"], "queue: bad REGEX \"(a\": unclosed group");
    fails(&[QUEUE, "7", "--payload", "a{999999999}"], "queue: bad REGEX \"a{999999999}\": ");
    fails(&[QUEUE, "7", "--both-ends=yes"], "queue: unexpected argument for option '--both-ends'");
    fails(&[QUEUE, "3-0"], "queue: the first queue's number is greater than the last one's");
    fails(
        &[QUEUE, "7", "--hop-limit", "0"],
        "queue: cannot parse argument \"0\": a packet with hop limit 0 goes nowhere",
    );
    fails(&[QUEUE, "7", "--host", "192.0.2.0/33"], "queue: cannot parse argument \"192.0.2.0/33\"");
    fails(&[QUEUE, "7", "--connections", "0"], "queue: cannot parse argument \"0\"");
    fails(&[SNIFF, "lo", "--now", "192.0.2.1:1"], "sniff: missing argument for option '--now'");
    fails(&[SNIFF, "lo", "--now", "192.0.2.1:1", "[::2]:1"], "sniff: --now: both ends need addresses of the same");
    fails(&[RESPONDER, "tun0", "--rate", "many"], "responder: cannot parse argument \"many\"");
    fails(&[SNIFF], "sniff: no DEVICE given, see --help");
    fails(&[SNIFF, "lo"], "sniff: no --payload REGEX given, see --help");
    fails(&[SNIFF, "lo", "--payload"], "sniff: missing argument for option '--payload'");
    fails(&[SNIFF, "lo", "--payload", "(a"], "sniff: bad REGEX \"(a\": unclosed group");
    fails(&[SNIFF, "lo", "eth0", "--payload", "a"], "sniff: unexpected argument \"eth0\"");
    fails(&[SNIFF, "--loud"], "sniff: invalid option '--loud'");
    for program in [RESPONDER, queue(), SNIFF] {
        let help = output(&[program, "--help"]);
        assert!(help.status.success() && help.stdout.starts_with(b"usage: "), "{help:?}");
    }
}

/// A user without rights in the network's user namespace.
fn permission() {
    let _namespace = Namespace::new();
    fails(&["unshare", "--user", RESPONDER, "tun0"], "responder: cannot attach to the TUN device tun0");
    fails(&["unshare", "--user", queue(), "7"], "queue: cannot open a raw socket, which takes CAP_NET_RAW");
    let sniff = ["unshare", "--user", SNIFF, "lo", "--payload", "a"];
    fails(&sniff, "sniff: cannot open a raw socket, which takes CAP_NET_RAW");
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
    fails(&[SNIFF, "nowhere", "--payload", "a"], "sniff: no network device nowhere");
}

fn gone() {
    let _namespace = Namespace::new();
    run("ip link add veth0 type veth peer name veth1");
    run("ip link set veth0 up");
    let sniff = Daemon::start(&[SNIFF, "veth0", "--payload", "a"], "watching veth0");
    run("ip link delete veth0");
    // It looks once a second.
    sleep(Duration::from_secs(3));
    assert_eq!(sniff.stop(), "sniff: no packets\nsniff: veth0 is gone\n");
}

fn queue_in_use() {
    let _namespace = Namespace::new();
    let _first = Daemon::start(&[queue(), "7"], "answering queue 7");
    fails(&[queue(), "7"], "queue: cannot bind queue 7");
}
