//! A network device that is watched, through a packet socket (packet(7)) that receives what the device receives and sends.

use std::io::{self, IoSliceMut, Read};
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, getsockopt, recvmsg, sendto, setsockopt, sockopt};
use nix::{cmsg_space, getsockopt_impl, libc, setsockopt_impl, sockopt_impl};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tcp_reset::ethernet;

/// How many bytes may wait to be read. The kernel drops what finds no room.
const BACKLOG: usize = 64 << 20;

/// More than the longest packet of Linux, which has 524,280 bytes (`GSO_MAX_SIZE`, BIG TCP).
const LONGEST: usize = 1 << 20;

/// The bytes of an Ethernet frame before its tags, and those of a tag.
const ADDRESSES_LEN: usize = 12;
const TAG_LEN: usize = 4;

/// `struct tpacket_auxdata`: 20 bytes.
type Auxiliary = [u8; 20];

sockopt_impl!(
    /// Whether auxiliary data come with each packet.
    PacketAuxdata, SetOnly, libc::SOL_PACKET, libc::PACKET_AUXDATA, bool
);

sockopt_impl!(
    /// How many packets have been received and how many missed since this was asked last: `struct tpacket_stats`.
    PacketStatistics, GetOnly, libc::SOL_PACKET, libc::PACKET_STATISTICS, [u32; 2]
);

pub(crate) struct Device {
    name: String,
    index: u32,
    /// Where Ethernet frames are sent, if the device has such frames.
    ethernet: Option<LinkAddr>,
    socket: Socket,
    buffer: Vec<u8>,
    control: Vec<u8>,
}

/// What the device has received or sent.
pub(crate) enum Seen<'a> {
    /// An Ethernet frame, with all its tags.
    Frame(&'a [u8]),
    /// A packet of a device of another kind, without its link-layer header.
    Packet(&'a [u8]),
}

impl Device {
    pub(crate) fn watch(name: &str) -> Result<Self> {
        let index = if_nametoindex(name).with_context(|| format!("no network device {name}"))?;
        // A device without an address, such as a TUN device, is not listed as a link.
        let devices = getifaddrs().context("cannot list the network devices")?;
        let mut links = devices.filter(|device| device.interface_name == name);
        let link = links.find_map(|device| device.address?.as_link_addr().copied());
        // The loopback device has Ethernet headers too.
        let ethernet = link.filter(|link| matches!(link.hatype(), libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK));
        let kind = if ethernet.is_some() { Type::RAW } else { Type::DGRAM };
        let socket = open(index, kind).context("cannot open a packet socket, which takes CAP_NET_RAW")?;
        let (buffer, control) = (vec![0; LONGEST], cmsg_space!(Auxiliary));
        Ok(Self { name: name.to_owned(), index, ethernet, socket, buffer, control })
    }

    pub(crate) const fn index(&self) -> u32 {
        self.index
    }

    /// The next frame or packet. If none is there, it returns without one: at once, or after up to a second if it shall
    /// wait.
    pub(crate) fn read(&mut self, waits: bool) -> Result<Option<Seen<'_>>> {
        let (len, tag) = loop {
            match self.receive(waits) {
                Ok(received) => break received,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    if waits && if_nametoindex(&*self.name) != Ok(self.index) {
                        bail!("{} is gone", self.name);
                    }
                    return Ok(None);
                }
                Err(error) => return Err(error).with_context(|| format!("cannot read from {}", self.name)),
            }
        };
        let end = TAG_LEN + len;
        Ok(Some(match tag {
            _ if self.ethernet.is_none() => Seen::Packet(&self.buffer[TAG_LEN..end]),
            None => Seen::Frame(&self.buffer[TAG_LEN..end]),
            Some(tag) => {
                self.buffer.copy_within(TAG_LEN..TAG_LEN + ADDRESSES_LEN, 0);
                self.buffer[ADDRESSES_LEN..ADDRESSES_LEN + TAG_LEN].copy_from_slice(&tag);
                Seen::Frame(&self.buffer[..end])
            }
        }))
    }

    /// Receives to the buffer, after room for a tag: returns the length, and the tag that the kernel has taken out.
    fn receive(&mut self, waits: bool) -> nix::Result<(usize, Option<[u8; TAG_LEN]>)> {
        let flags = if waits { MsgFlags::empty() } else { MsgFlags::MSG_DONTWAIT };
        let mut data = [IoSliceMut::new(&mut self.buffer[TAG_LEN..])];
        let received = recvmsg::<LinkAddr>(self.socket.as_raw_fd(), &mut data, Some(&mut self.control), flags)?;
        let tag = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::Unknown(message) => tag(message.data_bytes.first_chunk()?),
            _ => None,
        });
        Ok((received.bytes, tag))
    }

    /// What sends frames out of the device.
    pub(crate) fn writer(&self) -> Result<Writer> {
        Ok(Writer { ethernet: self.ethernet, socket: self.socket.try_clone()? })
    }
}

/// Sends frames out of the device, and knows what was missed.
pub(crate) struct Writer {
    ethernet: Option<LinkAddr>,
    socket: Socket,
}

impl Writer {
    /// How many packets the socket had no room for since this was asked last.
    pub(crate) fn missed(&self) -> u64 {
        getsockopt(&self.socket, PacketStatistics).map_or(0, |[_, missed]| missed.into())
    }

    pub(crate) fn write(&self, reset: &ethernet::Reset) -> io::Result<usize> {
        let ethernet = self.ethernet.ok_or(io::ErrorKind::Unsupported)?;
        Ok(sendto(self.socket.as_raw_fd(), reset.as_bytes(), &ethernet, MsgFlags::MSG_DONTWAIT)?)
    }
}

/// Opens a packet socket that gives each packet of a device, in and out.
///
/// A filter (socket(7)) chooses the device instead of `bind`, whose address cannot be made without unsafe code for a device
/// that is not listed as a link.
fn open(device: u32, kind: Type) -> io::Result<Socket> {
    let all = u16::try_from(libc::ETH_P_ALL).map_err(io::Error::other)?.to_be();
    let socket = Socket::new(Domain::PACKET, kind, Some(Protocol::from(i32::from(all))))?;
    // First refuse everything, and remove what has come from other devices before.
    let refuse = || SockFilter::new(RETURN, 0, 0, 0);
    socket.attach_filter(&[refuse()])?;
    socket.set_nonblocking(true)?;
    while (&socket).read(&mut [0]).is_ok() {}
    socket.set_nonblocking(false)?;

    setsockopt(&socket, PacketAuxdata, &true)?;
    // Beyond the system's limit (net.core.rmem_max) with CAP_NET_ADMIN, else up to it.
    if setsockopt(&socket, sockopt::RcvBufForce, &BACKLOG).is_err() {
        socket.set_recv_buffer_size(BACKLOG)?;
    }
    // How often to check that a silent device still exists.
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let accept = SockFilter::new(RETURN, 0, 0, u32::MAX);
    let load_device = SockFilter::new(LOAD, 0, 0, (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX).cast_unsigned());
    socket.attach_filter(&[load_device, SockFilter::new(SKIP_UNLESS_EQUAL, 0, 1, device), accept, refuse()])?;
    Ok(socket)
}

// Operation codes of the filter machine.
const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const SKIP_UNLESS_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// The VLAN tag in the auxiliary data: the kernel takes the outermost one out of a frame when it receives it.
fn tag(auxiliary: &Auxiliary) -> Option<[u8; TAG_LEN]> {
    let &[s0, s1, s2, s3, .., tci0, tci1, tpid0, tpid1] = auxiliary;
    let status = u32::from_ne_bytes([s0, s1, s2, s3]);
    let [tci, tpid] = [[tci0, tci1], [tpid0, tpid1]].map(|field| u16::from_ne_bytes(field).to_be_bytes());
    (status & libc::TP_STATUS_VLAN_VALID != 0).then_some([tpid[0], tpid[1], tci[0], tci[1]])
}
