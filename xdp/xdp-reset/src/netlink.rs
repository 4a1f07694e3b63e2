//! What the kernel says of the XDP program on an interface, and programs that are attached without a link: rtnetlink(7).

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use anyhow::{Context, Result, bail};
use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage, LinkXdp};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::libc::EBUSY;

/// `XDP_FLAGS_UPDATE_IF_NOEXIST`, `XDP_FLAGS_REPLACE` of `if_link.h`.
const IF_NONE: u32 = 1 << 0;
const REPLACE: u32 = 1 << 4;

/// An XDP program on an interface: its number, and the flag of `if_link.h` for the mode that it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnInterface {
    /// The number of the program.
    pub id: u32,
    /// `XDP_FLAGS_SKB_MODE`, `XDP_FLAGS_DRV_MODE` or `XDP_FLAGS_HW_MODE`.
    pub mode: u32,
}

/// `XDP_FLAGS_SKB_MODE`.
pub const SKB: u32 = 1 << 1;
/// `XDP_FLAGS_DRV_MODE`.
pub const DRIVER: u32 = 1 << 2;
/// `XDP_FLAGS_HW_MODE`.
pub const HARDWARE: u32 = 1 << 3;

/// What runs on the interface.
pub fn program(interface: u32) -> Result<Option<OnInterface>> {
    let answer = ask(RouteNetlinkMessage::GetLink(message(interface, &[])), 0)?;
    let Some(RouteNetlinkMessage::NewLink(link)) = answer else { bail!("the kernel does not describe the interface") };
    let attributes = link.attributes.into_iter().filter_map(|attribute| match attribute {
        LinkAttribute::Xdp(xdp) => Some(xdp),
        _ => None,
    });
    Ok(attributes.flatten().find_map(|attribute| match attribute {
        LinkXdp::DrvProgId(id) => Some(OnInterface { id, mode: DRIVER }),
        LinkXdp::SkbProgId(id) => Some(OnInterface { id, mode: SKB }),
        LinkXdp::HwProgId(id) => Some(OnInterface { id, mode: HARDWARE }),
        _ => None,
    }))
}

/// Takes this program off the interface, if it still is the one there.
pub fn detach(interface: u32, mode: u32, program: impl AsFd) -> Result<()> {
    let program = program.as_fd().as_raw_fd().cast_unsigned();
    set(interface, &[LinkXdp::Fd(-1), LinkXdp::Flags(mode | REPLACE), LinkXdp::ExpectedFd(program)])
}

/// Whether a link holds this program on the interface. To put it in its own place changes nothing, but is refused then.
pub fn is_held(interface: u32, mode: u32, program: impl AsFd) -> Result<bool> {
    let program = program.as_fd().as_raw_fd();
    let expected = LinkXdp::ExpectedFd(program.cast_unsigned());
    match set(interface, &[LinkXdp::Fd(program), LinkXdp::Flags(mode | REPLACE), expected]) {
        Ok(()) => Ok(false),
        Err(error) => match error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            Some(EBUSY) => Ok(true),
            _ => Err(error),
        },
    }
}

/// Attaches a program without a link, if there is none.
pub fn attach(interface: u32, mode: u32, program: impl AsFd) -> Result<()> {
    set(interface, &[LinkXdp::Fd(program.as_fd().as_raw_fd()), LinkXdp::Flags(mode | IF_NONE)])
}

fn set(interface: u32, xdp: &[LinkXdp]) -> Result<()> {
    ask(RouteNetlinkMessage::SetLink(message(interface, xdp)), NLM_F_ACK).map(|_| ())
}

fn message(interface: u32, xdp: &[LinkXdp]) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = interface;
    if !xdp.is_empty() {
        message.attributes.push(LinkAttribute::Xdp(xdp.to_vec()));
    }
    message
}

/// Sends a request, and returns what the kernel answers, or its error.
fn ask(request: RouteNetlinkMessage, flags: u16) -> Result<Option<RouteNetlinkMessage>> {
    let socket = Socket::new(NETLINK_ROUTE).context("cannot open a netlink socket")?;
    let mut request = NetlinkMessage::from(request);
    request.header.flags = NLM_F_REQUEST | flags;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).context("netlink")?;
    let (answer, _) = socket.recv_from_full().context("netlink")?;
    match NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).context("cannot read what netlink says")?.payload
    {
        NetlinkPayload::InnerMessage(answer) => Ok(Some(answer)),
        NetlinkPayload::Error(error) if error.code.is_some() => Err(error.to_io().into()),
        _ => Ok(None),
    }
}
