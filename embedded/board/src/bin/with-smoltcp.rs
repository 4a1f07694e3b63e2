//! The same board with a service of smoltcp's, an echo on one port; for all other ports the filter answers, as Linux does.
#![no_std]
#![no_main]

use board::{Buffer, Ethernet, frame};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::panic::PanicInfo;
use cortex_m::peripheral::{Peripherals, SCB, syst::SystClkSource};
use smoltcp::iface::{self, Interface, SocketSet, SocketStorage};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr};
use tcp_reset::{Config, NoReset, Profile, ethernet};

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const IPV4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
const IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 2);
const ECHO: u16 = 7;

/// What is done with a frame before smoltcp sees it.
enum Decision {
    Pass,
    Drop,
    /// Sends the answer of this length, which has been written over the frame.
    Answer(usize),
}

/// The filter: this function and its call in `receive` are what the author of a smoltcp program adds.
fn decide(frame: &mut [u8]) -> Decision {
    match ethernet::Reset::in_reply_to(frame, const { &Config::new().profile(Profile::TcpStack) }) {
        // smoltcp has no VLANs, and ignores frames to other stations and packets to other addresses.
        Ok(reset) if reset.header().len() == 14 && reset.header()[6..].starts_with(&MAC) => {
            let packet = reset.packet();
            let is_own = [IpAddr::V4(IPV4), IpAddr::V6(IPV6)].contains(&packet.source());
            if !is_own || packet.tcp().source_port == ECHO {
                return Decision::Pass;
            }
            reset.write_to(frame).map_or(Decision::Drop, |reply| Decision::Answer(reply.len()))
        }
        // smoltcp would answer TCP from or to an address that is not of one host; TCP is the protocol 6.
        Err(NoReset::GroupAddress | NoReset::Source | NoReset::Destination)
            if matches!(frame.get(12..24), Some([0x08, 0x00, .., 6] | [0x86, 0xdd, _, _, _, _, _, _, 6, ..])) =>
        {
            Decision::Drop
        }
        _ => Decision::Pass,
    }
}

/// The device that smoltcp sees.
struct Device {
    ethernet: Ethernet,
    received: Buffer,
    sent: Buffer,
}

impl phy::Device for Device {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let len = self.ethernet.receive(&mut self.received)?;
        match decide(frame(&mut self.received).get_mut(..len)?) {
            Decision::Pass => {
                let frame = frame(&mut self.received).get(..len)?;
                Some((RxToken { frame }, TxToken { ethernet: &mut self.ethernet, buffer: &mut self.sent }))
            }
            Decision::Drop => None,
            Decision::Answer(len) => {
                self.ethernet.send(&mut self.received, len);
                None
            }
        }
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        let can_send = self.ethernet.can_send();
        can_send.then_some(TxToken { ethernet: &mut self.ethernet, buffer: &mut self.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

struct TxToken<'a> {
    ethernet: &'a mut Ethernet,
    buffer: &'a mut Buffer,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let result = f(&mut frame(self.buffer)[..len]);
        self.ethernet.send(self.buffer, len);
        result
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    let Some(mut core) = Peripherals::take() else { SCB::sys_reset() };
    // A tick of ten milliseconds at 12 MHz, the clock after a reset.
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(120_000);
    core.SYST.clear_current();
    core.SYST.enable_interrupt();
    core.SYST.enable_counter();
    let mut now = Instant::ZERO;

    let mut device = Device { ethernet: Ethernet::new(core.NVIC, MAC), received: [0; _], sent: [0; _] };
    // The seed, from which come ports and sequence numbers, has to be a random number in a product.
    let config = iface::Config::new(EthernetAddress(MAC).into());
    let mut interface = Interface::new(config, &mut device, now);
    interface.update_ip_addrs(|addresses| {
        for address in [IpCidr::new(IPV4.into(), 24), IpCidr::new(IPV6.into(), 64)] {
            let _ = addresses.push(address); // there is room for two
        }
    });
    let (mut received, mut sent, mut sockets) = ([0; 2048], [0; 2048], [SocketStorage::EMPTY]);
    let mut sockets = SocketSet::new(&mut sockets[..]);
    let socket = tcp::Socket::new(tcp::SocketBuffer::new(&mut received[..]), tcp::SocketBuffer::new(&mut sent[..]));
    let socket = sockets.add(socket);
    loop {
        // One frame at a time: also in a flood, smoltcp's timers go on.
        interface.poll_ingress_single(now, &mut device, &mut sockets);
        echo(sockets.get_mut(socket));
        interface.poll_egress(now, &mut device, &mut sockets);
        device.ethernet.sleep();
        SCB::clear_pendst();
        if core.SYST.has_wrapped() {
            now += Duration::from_millis(10);
        }
    }
}

/// Sends back what has come.
fn echo(socket: &mut tcp::Socket<'_>) {
    if !socket.is_open() {
        let _ = socket.listen(ECHO); // it fails for port 0 and for an open socket
    }
    let mut data = [0; 512];
    let room = socket.send_capacity() - socket.send_queue();
    if let Ok(len @ 1..) = socket.recv_slice(&mut data[..room.min(512)]) {
        let _ = socket.send_slice(&data[..len]); // there is room
    } else if !socket.may_recv() && socket.may_send() {
        socket.close();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    SCB::sys_reset()
}
