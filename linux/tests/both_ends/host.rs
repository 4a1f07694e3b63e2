//! A host: the running kernel in a network namespace of its own, behind a TUN device.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use etherparse::{SlicedPacket, TcpHeader, TransportSlice};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Socket, Type};
use support::packet::repair;
use tcp_reset::tcp::RST;
use tcp_reset::{Config, Reset, Towards};
use tcp_reset_linux::Family;
use tcp_reset_linux::namespace::{enter, receive, run, set, tun};
use tun_rs::SyncDevice;

/// How long the kernel may take to send something. Nearly always it is there when the `write` that it answers returns.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// The port with a listener.
pub(crate) const LISTENING: u16 = 80;

/// A kernel of its own, behind a TUN device.
pub(crate) struct Host {
    pub(crate) address: IpAddr,
    namespace: File,
    device: SyncDevice,
}

/// A TCP segment that the kernel has sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) packet: Vec<u8>,
    pub(crate) tcp: TcpHeader,
    pub(crate) data: Vec<u8>,
}

impl Host {
    pub(crate) fn new(family: Family, address: &str) -> Self {
        enter().unwrap();
        let device = tun("tun0", false).unwrap();
        // Challenge ACKs are limited by the second, and requests beyond a limit become cookies.
        set("ipv4/tcp_challenge_ack_limit", "2147483647").unwrap();
        set("ipv4/tcp_syncookies", "0").unwrap();
        // Without a link-local address the kernel sends nothing of its own.
        set("ipv6/conf/tun0/addr_gen_mode", "1").unwrap();
        let [length, nodad] = if family == Family::V4 { ["24", ""] } else { ["64", "nodad"] };
        let script = format!("link set tun0 up\naddress add {address}/{length} dev tun0 {nodad}\n");
        run("ip", &[family.option(), "-batch", "-"], &script, "iproute2").unwrap();
        device.set_nonblocking(true).unwrap();
        let namespace = File::open("/proc/thread-self/ns/net").unwrap();
        Self { address: address.parse().unwrap(), namespace, device }
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
    pub(crate) fn listen(&self) -> Socket {
        let socket = self.socket();
        socket.bind(&SocketAddr::new(self.address, LISTENING).into()).unwrap();
        socket.listen(4096).unwrap();
        socket
    }

    /// A socket that has sent a SYN.
    pub(crate) fn connect(&self, to: IpAddr, port: u16) -> Socket {
        let socket = self.socket();
        let error = socket.connect(&SocketAddr::new(to, port).into()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::EINPROGRESS as i32), "{error}");
        socket
    }

    /// Sends a packet to the kernel. What the kernel has sent before is discarded: it is no answer.
    pub(crate) fn send(&self, packet: &[u8]) {
        self.discard();
        assert_eq!(self.device.send(packet).unwrap(), packet.len());
    }

    pub(crate) fn send_reset(&self, reset: impl AsRef<[u8]>) {
        self.send(reset.as_ref());
    }

    pub(crate) fn discard(&self) {
        while self.read().is_some() {}
    }

    /// The next segment that the kernel has sent, if there is one.
    pub(crate) fn read(&self) -> Option<Sent> {
        self.wait(Duration::ZERO, |_| true)
    }

    /// The next segment that the kernel sends in time and that is `expected`; others are discarded.
    pub(crate) fn wait(&self, patience: Duration, expected: impl Fn(&TcpHeader) -> bool) -> Option<Sent> {
        let deadline = Instant::now() + patience;
        let mut packet = [0; 2048];
        while let Some(len) = receive(&self.device, &mut packet, deadline).unwrap() {
            let packet = &packet[..len];
            let Some(TransportSlice::Tcp(tcp)) = SlicedPacket::from_ip(packet).unwrap().transport else { continue };
            let (header, data) = (tcp.to_header(), tcp.payload().to_vec());
            if expected(&header) {
                return Some(Sent { packet: packet.to_vec(), tcp: header, data });
            }
        }
        None
    }

    /// The states of all sockets in the kernel's table, listening ones first.
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

// States in `/proc/net/tcp`.
pub(crate) const SYN_RECEIVED: &str = "03";
pub(crate) const LISTEN: &str = "0A";

/// The socket has ended, with that error.
#[track_caller]
pub(crate) fn has_ended(socket: &Socket, error: Errno) {
    assert_eq!(ended_by(socket), Some(error));
}

/// The socket has a connection, and nothing worse than data or an end to read.
#[track_caller]
pub(crate) fn lives(socket: &mut Socket) {
    assert_eq!(ended_by(socket), None);
    if let Err(error) = socket.read(&mut [0; 4096]) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    socket.peer_addr().expect("it is connected");
}

/// The socket still waits for a connection.
#[track_caller]
pub(crate) fn waits(socket: &mut Socket) {
    assert_eq!(ended_by(socket), None);
    assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn ended_by(socket: &Socket) -> Option<Errno> {
    socket.take_error().unwrap().map(|error| Errno::from_raw(error.raw_os_error().expect("an error of the kernel")))
}

pub(crate) fn for_destination(segment: &[u8], towards: Towards) -> Reset {
    Reset::in_reply_to(segment, &Config::new().towards(towards)).unwrap()
}

/// The reset with another sequence number.
pub(crate) fn with_seq(reset: Reset, seq: u32) -> Vec<u8> {
    edited(reset, |tcp| tcp[4..8].copy_from_slice(&seq.to_be_bytes()))
}

/// A plain RST of the same sequence number.
pub(crate) fn without_ack(reset: Reset) -> Vec<u8> {
    edited(reset, |tcp| {
        tcp[8..12].fill(0);
        tcp[13] = RST;
    })
}

fn edited(reset: Reset, edit: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut packet = reset.as_bytes().to_vec();
    let tcp_at = packet.len() - 20;
    edit(&mut packet[tcp_at..]);
    repair(&mut packet);
    packet
}
