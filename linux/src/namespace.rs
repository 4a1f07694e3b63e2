//! A network namespace of the program's own. Devices, routes, rules and settings in it end with the process.

use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, getgid, getuid};
use tun_rs::{DeviceBuilder, SyncDevice};

/// Moves the calling thread into a new network namespace: directly with the privilege, through a user namespace
/// without. Call it before any other thread starts.
pub fn enter() -> Result<()> {
    match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => Ok(()),
        Err(Errno::EPERM) => enter_as_user(),
        Err(error) => bail!("no network namespace ({error}): the kernel needs CONFIG_NET_NS"),
    }
}

/// In a user namespace a plain user is root over the network namespace that comes with it.
fn enter_as_user() -> Result<()> {
    let (uid, gid) = (getuid(), getgid());
    if let Err(error) = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET) {
        bail!(
            "no network namespace ({error}): run as root, or allow user namespaces \
             (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, \
             kernel.apparmor_restrict_unprivileged_userns)"
        );
    }
    // user_namespaces(7): a group map may be written only once setgroups(2) is given up.
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", &format!("0 {gid} 1"))
}

/// Opens a new TUN device. With `packet_information`, four bytes before each packet name its protocol. Without, the driver
/// takes the IP version from the packet's first byte and refuses any but 4 and 6.
pub fn tun(name: &str, packet_information: bool) -> Result<SyncDevice> {
    let device = DeviceBuilder::new().name(name).packet_information(packet_information).enable(false).build_sync();
    device.map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("no TUN device: /dev/net/tun is missing (modprobe tun)"),
        ErrorKind::PermissionDenied if !Uid::effective().is_root() || std::fs::File::open("/dev/net/tun").is_err() => {
            anyhow::anyhow!("no permission to open /dev/net/tun: run as root, or chmod 666 /dev/net/tun")
        }
        _ => anyhow::anyhow!("no TUN device: {error}"),
    })
}

/// The length of the next packet or frame of a device that does not wait itself, or `None` if none comes before
/// `deadline`.
pub fn receive(device: &SyncDevice, buffer: &mut [u8], deadline: Instant) -> Result<Option<usize>> {
    loop {
        match device.recv(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            received => return received.map(Some).context("cannot read from the device"),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        poll(&mut [PollFd::new(device.as_fd(), PollFlags::POLLIN)], timeout)?;
    }
}

/// Sets a sysctl of the namespace, given by its path below `net/`, such as `ipv4/ip_forward`.
pub fn set(sysctl: &str, value: &str) -> Result<()> {
    write(&format!("/proc/sys/net/{sysctl}"), value)
}

/// Runs `program` with `input` on its standard input; `package` is where to get it.
pub fn run(program: &str, arguments: &[&str], input: &str, package: &str) -> Result<()> {
    let child = Command::new(program)
        .args(arguments)
        // No other program changes the tables of this namespace, and a plain user cannot write the usual lock file.
        .env("XTABLES_LOCKFILE", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("{program} is not installed: apt-get install {package}")
        }
        child => child.with_context(|| format!("cannot run {program}"))?,
    };
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).with_context(|| format!("cannot write to {program}"))?;
    }
    let output = child.wait_with_output().with_context(|| format!("cannot wait for {program}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), complaint.trim().replace('\n', "; "));
    Ok(())
}

/// Runs a Bash script in the namespace. What it complains about is the error.
pub fn run_script(script: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .args(arguments)
        // No other program changes the tables of this namespace, and a plain user cannot write the usual lock file.
        .env("XTABLES_LOCKFILE", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .context("cannot run bash")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", complaint.trim().replace('\n', "; "));
    Ok(())
}

fn write(path: &str, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {text:?} to {path}"))
}
