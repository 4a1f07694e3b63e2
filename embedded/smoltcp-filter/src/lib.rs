//! A filter between a network device and smoltcp: it answers what comes for a closed port with a reset, as Linux would,
//! and lets everything else through. It needs neither heap nor threads, and any smoltcp device will do, whether it carries
//! IP packets or Ethernet frames.
//!
//! smoltcp answers such segments too, but a FIN or data without ACK with a RST that acknowledges nothing, which its
//! receiver must ignore (RFC 9293 §3.10.7.3).

use std::net::IpAddr;

use smoltcp::phy::{self, Device, DeviceCapabilities, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::HardwareAddress;
use tcp_reset::{Config, Profile, Reset, ethernet};

/// The longest frame or packet that is let through: 1500 bytes behind an Ethernet header.
pub const MTU: usize = 1514;

const CONFIG: Config = Config::new().profile(Profile::TcpStack);

/// What stands for the device before smoltcp.
pub struct Filter<D, F> {
    device: D,
    address: HardwareAddress,
    is_closed: F,
    frame: [u8; MTU],
}

impl<D: Device, F: Fn(IpAddr, u16) -> bool> Filter<D, F> {
    /// Before `device`, answers for each address and port of which `is_closed` says that nobody is there. Say so of this
    /// host's own addresses only, and not of the ports of sockets that listen or are connected.
    ///
    /// `address` is what the interface's configuration has: [`HardwareAddress::Ip`], or the Ethernet address. A frame to
    /// another one is smoltcp's to ignore.
    pub fn new(device: D, address: HardwareAddress, is_closed: F) -> Self {
        Self { device, address, is_closed, frame: [0; MTU] }
    }

    pub fn device(&self) -> &D {
        &self.device
    }

    /// Writes the reset, where it is the filter that has to answer.
    fn reset<'a>(&self, frame: &[u8], buffer: &'a mut [u8; ethernet::MAX_LEN]) -> Option<&'a [u8]> {
        let (packet, reply) = match self.address {
            HardwareAddress::Ip => {
                let reset = Reset::in_reply_to(frame, &CONFIG).ok()?;
                (reset, reset.emit(buffer.first_chunk_mut()?))
            }
            HardwareAddress::Ethernet(own) => {
                let reset = ethernet::Reset::in_reply_to(frame, &CONFIG).ok()?;
                // smoltcp has no VLANs.
                if reset.source() != own.0 || reset.vlan_tags().next().is_some() {
                    return None;
                }
                (reset.packet, reset.emit(buffer))
            }
        };
        (self.is_closed)(packet.source(), packet.tcp().source_port).then_some(reply)
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
            let Some(reset) = self.reset(&self.frame[..len], &mut buffer) else { break len };
            // A full queue loses the reset; the peer will try again.
            if let Some(tx) = self.device.transmit(timestamp) {
                tx.consume(reset.len(), |reply| reply.copy_from_slice(reset));
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

/// A frame or packet that was let through.
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}
