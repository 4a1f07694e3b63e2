//! Network namespaces, one or several to a test, entered by the thread that runs it.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::process;

use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getgid, getuid};

/// Makes a plain user root of a user namespace, in which network namespaces may be made.
pub(crate) fn become_root() -> Result<(), String> {
    let (user, group) = (getuid(), getgid());
    let become_root = || {
        if !user.is_root() {
            unshare(CloneFlags::CLONE_NEWUSER)?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
            fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
        }
        unshare(CloneFlags::CLONE_NEWNET).map_err(std::io::Error::from)
    };
    become_root().map_err(|error| format!("no network namespace can be made ({error}): try as root"))
}

/// A network namespace, which ends with the value and its last process.
pub(crate) struct Namespace(File);

impl Namespace {
    /// Makes one and enters it.
    pub(crate) fn new() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        // Nobody else is here who could have our IPv6 addresses; waiting a second for his objection is in vain.
        fs::write("/proc/sys/net/ipv6/conf/default/accept_dad", "0").unwrap();
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
