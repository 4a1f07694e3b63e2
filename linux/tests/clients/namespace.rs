//! Network namespaces, one or several to a test, entered by the thread that runs it.

use std::env;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use crate::tools::{output, run};

/// Moves the whole process out of the network it is in, or says why it cannot.
///
/// A plain user enters a user namespace, which gives the right to make network namespaces, and keeps the user id: tcpdump
/// as root would change to a user that does not exist in the namespace.
pub(crate) fn leave() -> Result<(), String> {
    let Err(error) = unshare(CloneFlags::CLONE_NEWNET) else { return Ok(()) };
    let unshare = ["unshare", "--user", "--map-current-user", "--keep-caps"];
    let again = [&unshare[..], &["unshare", "--net", "true"]].concat();
    let mut why = error.to_string();
    if error == Errno::EPERM {
        let attempt = output(&again);
        if attempt.status.success() {
            why = Command::new(unshare[0]).args(&unshare[1..]).args(env::args_os()).exec().to_string();
        } else {
            why = String::from_utf8_lossy(&attempt.stderr).trim().into();
        }
    }
    Err(format!("no network namespace can be made: {why} (try as root)"))
}

/// A network namespace, which ends with the value and its last process.
pub(crate) struct Namespace(File);

impl Namespace {
    /// Makes one and enters it.
    pub(crate) fn new() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        run("ip link set lo up");
        Self(File::open("/proc/thread-self/ns/net").unwrap())
    }

    /// Moves this thread into it, with the programs it starts and the sockets it opens from now on.
    pub(crate) fn enter(&self) {
        setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
    }

    /// Its name for ip(8).
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.0.as_raw_fd())
    }
}

/// Gives a device of the present namespace an address, and waits until packets to it would arrive.
pub(crate) fn add_address(address: &str, device: &str) {
    if !address.contains(':') {
        run(&format!("ip address add {address} dev {device}"));
        return;
    }
    // No other host can have it: duplicate address detection is not needed (RFC 4862 §5.4).
    run(&format!("ip address add {address} dev {device} nodad"));
    // Linux leaves the route of an IPv6 address to a worker.
    let address = address.split('/').next().unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(10);
    while run(&format!("ip -6 route show table local {address} dev {device}")).is_empty() {
        assert!(Instant::now() < deadline, "{address} has no route to {device}");
        sleep(Duration::from_millis(10));
    }
}
