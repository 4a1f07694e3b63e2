//! A filter between a network device and smoltcp: it answers what comes for a closed port with a reset, as Linux would,
//! and lets everything else through. It needs neither heap nor threads, and any smoltcp device will do.
//!
//! smoltcp answers such segments too, but a FIN or data without ACK with a RST that acknowledges nothing, which its
//! receiver must ignore (RFC 9293 §3.10.7.3).

use std::net::IpAddr;

use smoltcp::phy::{self, Device, DeviceCapabilities, TxToken};
use smoltcp::time::Instant;
use tcp_reset::{Config, Profile, Reset};

/// The longest packet that is let through.
pub const MTU: usize = 1500;

/// What stands for the device before smoltcp.
pub struct Filter<D, F> {
    device: D,
    is_closed: F,
    packet: [u8; MTU],
}

impl<D: Device, F: Fn(IpAddr, u16) -> bool> Filter<D, F> {
    /// Before `device`, answers for each address and port of which `is_closed` says that nobody is there. Say so of this
    /// host's own addresses only, and not of the ports of sockets that listen or are connected.
    pub fn new(device: D, is_closed: F) -> Self {
        Self { device, is_closed, packet: [0; MTU] }
    }

    pub fn device(&self) -> &D {
        &self.device
    }

    /// The reset, where it is the filter that has to answer.
    fn reset(&self, packet: &[u8]) -> Option<Reset> {
        let reset = Reset::in_reply_to(packet, &Config::new().profile(Profile::TcpStack)).ok()?;
        (self.is_closed)(reset.source(), reset.tcp().source_port).then_some(reset)
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
            let len = phy::RxToken::consume(rx, |packet| {
                self.packet.get_mut(..packet.len())?.copy_from_slice(packet);
                Some(packet.len())
            });
            let Some(len) = len else { continue };
            let Some(reset) = self.reset(&self.packet[..len]) else { break len };
            // A full queue loses the reset; the peer will try again.
            if let Some(tx) = self.device.transmit(timestamp) {
                tx.consume(reset.len(), |reply| reset.emit_to_slice(reply).is_some());
            }
        };
        let tx = self.device.transmit(timestamp)?;
        Some((RxToken { packet: &self.packet[..len] }, tx))
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

/// A packet that was let through.
pub struct RxToken<'a> {
    packet: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.packet)
    }
}
