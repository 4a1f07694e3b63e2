//! A filter between a network device and smoltcp: it answers what comes for a closed port with a reset, as Linux would,
//! drops TCP from or to an address that is not unicast, and passes everything else on. It needs neither heap nor
//! threads, and works with every smoltcp device that carries IP packets or Ethernet frames.
//!
//! smoltcp answers such segments too, but a FIN or data without ACK with a RST that acknowledges nothing, which its
//! receiver must ignore (RFC 9293 §3.10.7.3).

use std::net::IpAddr;

use smoltcp::phy::{self, Device, DeviceCapabilities, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::HardwareAddress;
use tcp_reset::{Config, NoReset, Profile, Reset, ethernet};

/// The longest frame or packet that is passed on: an Ethernet header and 1500 bytes.
pub const MTU: usize = 1514;

const CONFIG: Config = Config::new().profile(Profile::TcpStack);

/// The device that smoltcp sees: it filters what the real device receives.
pub struct Filter<D, F> {
    device: D,
    address: HardwareAddress,
    is_closed: F,
    frame: [u8; MTU],
}

impl<D: Device, F: Fn(IpAddr, u16) -> bool> Filter<D, F> {
    /// Filters what `device` receives, and answers for each address and port for which `is_closed` returns true. Return
    /// true for this host's own addresses only, and not for ports of sockets that listen or are connected.
    ///
    /// `address` is the one in the interface's configuration: [`HardwareAddress::Ip`], or the Ethernet address. Frames to
    /// other addresses are passed on, and smoltcp ignores them.
    pub fn new(device: D, address: HardwareAddress, is_closed: F) -> Self {
        Self { device, address, is_closed, frame: [0; MTU] }
    }

    /// Decides, and writes the reset if there is one.
    fn decide<'a>(&self, frame: &[u8], buffer: &'a mut [u8; ethernet::MAX_LEN]) -> Action<'a> {
        let decision = match self.address {
            HardwareAddress::Ip => match Reset::in_reply_to(frame, &CONFIG) {
                Ok(reset) => reset.write_to(buffer).map(|reply| (reset, &*reply)),
                Err(reason) => return Action::after(reason, frame),
            },
            HardwareAddress::Ethernet(own) => match ethernet::Reset::in_reply_to(frame, &CONFIG) {
                // smoltcp has no VLANs.
                Ok(reset) if reset.header().len() == 14 && reset.header()[6..].starts_with(&own.0) => {
                    reset.write_to(buffer).map(|reply| (reset.packet(), &*reply))
                }
                Ok(_) => None,
                Err(reason) => return Action::after(reason, frame.get(14..).unwrap_or_default()),
            },
        };
        match decision {
            Some((packet, reply)) if (self.is_closed)(packet.source(), packet.tcp().source_port) => {
                Action::Answer(reply)
            }
            _ => Action::Pass,
        }
    }
}

/// What to do with a frame or packet.
enum Action<'a> {
    Answer(&'a [u8]),
    Drop,
    Pass,
}

impl Action<'_> {
    /// TCP from or to an address that is not unicast is dropped, as by Linux, since smoltcp would answer it. Everything else
    /// that gets no reset is passed on.
    fn after(reason: NoReset, packet: &[u8]) -> Self {
        let is_tcp =
            matches!(packet, [0x40..=0x4f, _, _, _, _, _, _, _, _, 6, ..] | [0x60..=0x6f, _, _, _, _, _, 6, ..]);
        match reason {
            NoReset::GroupAddress | NoReset::Source | NoReset::Destination if is_tcp => Self::Drop,
            _ => Self::Pass,
        }
    }
}

impl<D: Device, F: Fn(IpAddr, u16) -> bool> Device for Filter<D, F> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let len = loop {
            let (rx, _) = self.device.receive(timestamp)?;
            let len = phy::RxToken::consume(rx, |frame| {
                self.frame.get_mut(..frame.len())?.copy_from_slice(frame);
                Some(frame.len())
            });
            let Some(len) = len else { continue };
            let mut buffer = [0; ethernet::MAX_LEN];
            match self.decide(&self.frame[..len], &mut buffer) {
                Action::Pass => break len,
                Action::Drop => (),
                // A full queue loses the reset; the peer will try again.
                Action::Answer(reset) => {
                    if let Some(tx) = self.device.transmit(timestamp) {
                        tx.consume(reset.len(), |reply| reply.copy_from_slice(reset));
                    }
                }
            }
        };
        let tx = self.device.transmit(timestamp)?;
        Some((RxToken { frame: &self.frame[..len] }, tx))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(timestamp)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.device.capabilities();
        capabilities.max_transmission_unit = capabilities.max_transmission_unit.min(MTU);
        capabilities
    }
}

/// A frame or packet that is passed on.
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}
