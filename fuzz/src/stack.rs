//! The stack under test: smoltcp with two addresses and no sockets.

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use std::mem::take;
use support::FILL;

/// The stack's IPv4 address, in a network of 256.
pub const IPV4: [u8; 4] = [192, 0, 2, 2];
/// The broadcast address of that network.
pub const IPV4_BROADCAST: [u8; 4] = [192, 0, 2, 255];
/// The stack's IPv6 address.
pub const IPV6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// A host without a listener.
pub struct Stack {
    interface: Interface,
    sockets: SocketSet<'static>,
    wire: Wire,
}

impl Stack {
    /// Starts the host. It keeps no state between packets, so that one host serves for all.
    pub fn new() -> Self {
        let mut wire = Wire::default();
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut wire, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::Ipv4(IPV4.into()), 24)).expect("room for one address");
            addresses.push(IpCidr::new(IpAddress::Ipv6(IPV6.into()), 64)).expect("room for another");
        });
        Self { interface, sockets: SocketSet::new(Vec::new()), wire }
    }

    /// What the host sends when it receives `packet`.
    pub fn answer(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.wire.received = Some(packet.to_vec());
        self.interface.poll(Instant::ZERO, &mut self.wire, &mut self.sockets);
        let mut sent = take(&mut self.wire.sent);
        assert!(sent.len() <= 1, "several answers to one packet: {sent:x?}");
        sent.pop()
    }
}

impl Default for Stack {
    fn default() -> Self {
        Self::new()
    }
}

/// A device that holds one packet to receive, and all packets sent.
#[derive(Default)]
struct Wire {
    received: Option<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1 << 16;
        // Nothing is offloaded: the stack verifies and computes every checksum itself.
        capabilities.checksum = ChecksumCapabilities::default();
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let packet = self.received.take()?;
        Some((Received(packet), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }
}

struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, receive: F) -> R {
        receive(&self.0)
    }
}

struct Sending<'a>(&'a mut Vec<Vec<u8>>);

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, send: F) -> R {
        let mut packet = vec![FILL; len];
        let result = send(&mut packet);
        self.0.push(packet);
        result
    }
}
