//! Sockets of the running kernel behind a TUN device, for the tests that end connections by resets.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use etherparse::{SlicedPacket, TransportSlice};
use libtest_mimic::Arguments;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Socket, Type};
use tcp_reset::{MAX_LEN, Reset};
use tcp_reset_linux::Family;
use tcp_reset_linux::namespace::{enter, run, set, tun};
use tun_rs::SyncDevice;

use crate::trials::{self, trial};

/// How long the kernel may take to send something. Nearly always it is there when the `write` of the question returns.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// The port of the listening socket.
pub(crate) const LISTENING: u16 = 80;

/// Its state in `/proc/net/tcp`.
pub(crate) const LISTEN: &str = "0A";

/// Runs a test for each row of a table and each family.
pub(crate) fn main<R: Copy + Send + 'static>(rows: &[(&str, R)], test: fn(Family, R)) -> ExitCode {
    let arguments = Arguments::from_args();
    // The main thread's own network is never the machine's.
    let missing = trials::enter();
    let mut trials = Vec::new();
    for (family, name) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
        for (row, steps) in rows.iter().copied() {
            trials.push(trial(&format!("{row}_{name}"), missing.as_deref(), move || test(family, steps)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A kernel of its own: a network namespace, behind a TUN device.
pub(crate) struct Kernel {
    namespace: File,
    device: SyncDevice,
    pub(crate) address: IpAddr,
}

impl Kernel {
    pub(crate) fn new(family: Family, address: &str) -> Self {
        enter().unwrap();
        let device = tun("tun0", false).unwrap();
        // Challenge ACKs are limited by the second, and requests beyond a limit become cookies.
        set("ipv4/tcp_challenge_ack_limit", "2147483647").unwrap();
        set("ipv4/tcp_syncookies", "0").unwrap();
        // No link-local address, and so no packets of the kernel's own.
        set("ipv6/conf/tun0/addr_gen_mode", "1").unwrap();
        let [length, nodad] = if family == Family::V4 { ["24", ""] } else { ["64", "nodad"] };
        let script = format!("link set tun0 up\naddress add {address}/{length} dev tun0 {nodad}\n");
        run("ip", &[family.option(), "-batch", "-"], &script, "iproute2").unwrap();
        device.set_nonblocking(true).unwrap();
        let namespace = File::open("/proc/thread-self/ns/net").unwrap();
        Self { namespace, device, address: address.parse().unwrap() }
    }

    /// Moves this thread there.
    pub(crate) fn enter(&self) {
        setns(&self.namespace, CloneFlags::CLONE_NEWNET).unwrap();
    }

    /// A socket that does not wait.
    pub(crate) fn socket(&self) -> Socket {
        self.enter();
        let domain = if self.address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    /// A socket that listens on [`LISTENING`].
    pub(crate) fn listener(&self) -> Socket {
        let listener = self.socket();
        listener.bind(&SocketAddr::new(self.address, LISTENING).into()).unwrap();
        listener.listen(4096).unwrap();
        listener
    }

    /// The packet goes in. What the kernel sent before is no answer to it.
    pub(crate) fn send(&self, packet: &[u8]) {
        while self.read().is_some() {}
        assert_eq!(self.device.send(packet).unwrap(), packet.len());
    }

    pub(crate) fn send_reset(&self, reset: Reset) {
        self.send(reset.emit(&mut [0; MAX_LEN]));
    }

    /// The next TCP segment that the kernel has sent, in its packet.
    pub(crate) fn read(&self) -> Option<Vec<u8>> {
        let mut packet = [0; 2048];
        loop {
            let len = match self.device.recv(&mut packet) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) => panic!("the TUN device: {error}"),
            };
            let sliced = SlicedPacket::from_ip(&packet[..len]).unwrap();
            if let Some(TransportSlice::Tcp(_)) = sliced.transport {
                return Some(packet[..len].to_vec());
            }
        }
    }

    /// The next segment that the kernel sends in time, and that is `wanted`.
    pub(crate) fn wait<T>(&self, patience: Duration, wanted: impl Fn(Vec<u8>) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            while let Some(packet) = self.read() {
                if let Some(found) = wanted(packet) {
                    return Some(found);
                }
            }
            if left.is_zero() {
                return None;
            }
            let timeout = PollTimeout::try_from(left).unwrap();
            poll(&mut [PollFd::new(self.device.as_fd(), PollFlags::POLLIN)], timeout).unwrap();
        }
    }

    /// The states of the kernel's sockets, but for those that are closed; that of the listening one first.
    pub(crate) fn states(&self) -> Vec<String> {
        self.enter();
        let file = if self.address.is_ipv4() { "tcp" } else { "tcp6" };
        let table = fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
        let states = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(3));
        let mut states: Vec<_> = states.map(str::to_owned).collect();
        states.sort_unstable_by_key(|state| state != LISTEN);
        states
    }
}

/// The socket has ended, with that error.
#[track_caller]
pub(crate) fn has_ended(socket: &Socket, error: Errno) {
    let ended = socket.take_error().unwrap().map(|error| Errno::from_raw(error.raw_os_error().unwrap()));
    assert_eq!(ended, Some(error));
}

/// The socket has a connection, and nothing worse than data or an end to read.
#[track_caller]
pub(crate) fn lives(socket: &mut Socket) {
    assert!(socket.take_error().unwrap().is_none());
    if let Err(error) = socket.read(&mut [0; 4096]) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    socket.peer_addr().expect("it is connected");
}

/// The reset with another number, which is wrong.
pub(crate) fn with_seq(mut reset: Reset, seq: u32) -> Reset {
    match &mut reset {
        Reset::V4(reset) => reset.tcp.seq = seq,
        Reset::V6(reset) => reset.tcp.seq = seq,
    }
    reset
}

/// The reset as a plain RST.
pub(crate) fn without_ack(mut reset: Reset) -> Reset {
    match &mut reset {
        Reset::V4(reset) => reset.tcp.ack = None,
        Reset::V6(reset) => reset.tcp.ack = None,
    }
    reset
}
