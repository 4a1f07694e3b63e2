//! A network device that is watched, through a packet socket (packet(7)) that gives what passes in and out.

use std::io::{self, IoSliceMut, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, bind, recvmsg, setsockopt, sockopt};
use nix::{cmsg_space, libc, setsockopt_impl, sockopt_impl};
use socket2::{Domain, Protocol, Socket, Type};
use tcp_reset::ethernet;

/// How many bytes may wait to be looked at. What finds no room is not seen.
const BACKLOG: usize = 64 << 20;

/// The bytes of an Ethernet frame before its tags, and those of a tag.
const ADDRESSES_LEN: usize = 12;
const TAG_LEN: usize = 4;

/// `struct tpacket_auxdata`: 20 bytes.
type Auxiliary = [u8; 20];

sockopt_impl!(
    /// Whether auxiliary data come with each packet.
    PacketAuxdata, SetOnly, libc::SOL_PACKET, libc::PACKET_AUXDATA, bool
);

pub(crate) struct Device {
    name: String,
    index: u32,
    is_ethernet: bool,
    socket: Socket,
    buffer: Vec<u8>,
    control: Vec<u8>,
}

/// What passes.
pub(crate) enum Seen<'a> {
    /// An Ethernet frame, with all its tags.
    Frame(&'a [u8]),
    /// A packet of a device of another kind, without its link-layer header.
    Packet(&'a [u8]),
}

impl Device {
    pub(crate) fn watch(name: &str) -> Result<Self> {
        let devices = getifaddrs().context("cannot list the network devices")?;
        let mut addresses = devices.filter(|device| device.interface_name == name);
        let address = addresses.find_map(|device| device.address?.as_link_addr().copied());
        let address = address.with_context(|| format!("no network device {name}"))?;
        // The loopback device has Ethernet headers too.
        let is_ethernet = matches!(address.hatype(), libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK);
        let socket = open(&address, is_ethernet).context("cannot open a packet socket, which takes CAP_NET_RAW")?;
        Ok(Self {
            name: name.to_owned(),
            index: address.ifindex().try_into()?,
            is_ethernet,
            socket,
            buffer: vec![0; 1 << 17],
            control: cmsg_space!(Auxiliary),
        })
    }

    pub(crate) const fn index(&self) -> u32 {
        self.index
    }

    /// Waits for the next frame or packet.
    pub(crate) fn read(&mut self) -> Result<Seen<'_>> {
        let (len, tag) = loop {
            match self.receive() {
                Ok((index, len, tag)) if index == self.index => break (len, tag),
                // Received before the socket was bound.
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENETDOWN) => {
                    if if_nametoindex(&*self.name) != Ok(self.index) {
                        bail!("{} is gone", self.name);
                    }
                }
                Err(error) => return Err(error).with_context(|| format!("cannot read from {}", self.name)),
            }
        };
        let end = TAG_LEN + len;
        Ok(match tag {
            _ if !self.is_ethernet => Seen::Packet(&self.buffer[TAG_LEN..end]),
            None => Seen::Frame(&self.buffer[TAG_LEN..end]),
            Some(tag) => {
                self.buffer.copy_within(TAG_LEN..TAG_LEN + ADDRESSES_LEN, 0);
                self.buffer[ADDRESSES_LEN..ADDRESSES_LEN + TAG_LEN].copy_from_slice(&tag);
                Seen::Frame(&self.buffer[..end])
            }
        })
    }

    /// Receives to the buffer, behind room for a tag: the device it came from, its length, and the tag that the kernel
    /// has taken out of it.
    fn receive(&mut self) -> nix::Result<(u32, usize, Option<[u8; TAG_LEN]>)> {
        let mut data = [IoSliceMut::new(&mut self.buffer[TAG_LEN..])];
        let received =
            recvmsg::<LinkAddr>(self.socket.as_raw_fd(), &mut data, Some(&mut self.control), MsgFlags::empty())?;
        let index = received.address.and_then(|address| address.ifindex().try_into().ok());
        let tag = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::Unknown(message) => tag(message.data_bytes.first_chunk()?),
            _ => None,
        });
        Ok((index.unwrap_or(0), received.bytes, tag))
    }

    /// Sends a frame out of the device.
    pub(crate) fn write(&self, reset: &ethernet::Reset) -> io::Result<usize> {
        (&self.socket).write(reset.emit(&mut [0; ethernet::MAX_LEN]))
    }
}

/// Opens a packet socket that is bound to a device.
fn open(address: &LinkAddr, is_ethernet: bool) -> io::Result<Socket> {
    let all = u16::try_from(libc::ETH_P_ALL).map_err(io::Error::other)?.to_be();
    let kind = if is_ethernet { Type::RAW } else { Type::DGRAM };
    let socket = Socket::new(Domain::PACKET, kind, Some(Protocol::from(i32::from(all))))?;
    bind(socket.as_raw_fd(), address)?;
    setsockopt(&socket, PacketAuxdata, &true)?;
    // Beyond the system's limit (net.core.rmem_max) with CAP_NET_ADMIN, else up to it.
    if setsockopt(&socket, sockopt::RcvBufForce, &BACKLOG).is_err() {
        socket.set_recv_buffer_size(BACKLOG)?;
    }
    // How often to see whether a device that is silent is still there.
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    Ok(socket)
}

/// The VLAN tag in the auxiliary data: the kernel takes the outermost one out of a frame when it receives it.
fn tag(auxiliary: &Auxiliary) -> Option<[u8; TAG_LEN]> {
    let &[s0, s1, s2, s3, .., tci0, tci1, tpid0, tpid1] = auxiliary;
    let status = u32::from_ne_bytes([s0, s1, s2, s3]);
    let [tci, tpid] = [[tci0, tci1], [tpid0, tpid1]].map(|field| u16::from_ne_bytes(field).to_be_bytes());
    (status & libc::TP_STATUS_VLAN_VALID != 0).then_some([tpid[0], tpid[1], tci[0], tci[1]])
}
