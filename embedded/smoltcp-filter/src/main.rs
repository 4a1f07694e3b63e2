//! A smoltcp host on a TUN or TAP device, with an echo service on one port and every other port closed.
//!
//! ```text
//! ip tuntap add dev smol0 mode tun
//! ip address add 192.0.2.1/24 dev smol0
//! ip link set smol0 up
//! cargo run --release -p smoltcp-filter -- --device smol0 --address 192.0.2.2/24
//! ```
//!
//! For a TAP device, `mode tap`, add the host's Ethernet address: `--ethernet 02-00-00-00-00-02`.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, Medium, TunTapInterface, wait};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};
use smoltcp_filter::Filter;

const USAGE: &str = "usage: smoltcp-filter --device NAME [--ethernet MAC] --address ADDRESS/LENGTH... [--port PORT] \
                     [--no-filter]";

struct Options {
    device: String,
    /// TUN or TAP.
    medium: Medium,
    hardware_address: HardwareAddress,
    addresses: Vec<IpCidr>,
    port: u16,
    filter: bool,
}

fn main() -> std::process::ExitCode {
    match options().and_then(|options| serve(&options)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("smoltcp-filter: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let mut options = Options {
        device: String::new(),
        medium: Medium::Ip,
        hardware_address: HardwareAddress::Ip,
        addresses: Vec::new(),
        port: 7,
        filter: true,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("device") => options.device = lexopt::ValueExt::string(parser.value()?)?,
            lexopt::Arg::Long("address") => {
                let address = lexopt::ValueExt::string(parser.value()?)?;
                let cidr = IpCidr::from_str(&address);
                options.addresses.push(cidr.map_err(|()| anyhow!("{address} is no address with a length"))?);
            }
            lexopt::Arg::Long("ethernet") => {
                let text = lexopt::ValueExt::string(parser.value()?)?;
                let address = EthernetAddress::from_str(&text).ok().filter(EthernetAddress::is_unicast);
                let address = address.with_context(|| format!("{text} is no Ethernet address of one host"))?;
                (options.medium, options.hardware_address) = (Medium::Ethernet, address.into());
            }
            lexopt::Arg::Long("port") => options.port = lexopt::ValueExt::parse(&parser.value()?)?,
            lexopt::Arg::Long("no-filter") => options.filter = false,
            lexopt::Arg::Long("help") => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            _ => return Err(argument.unexpected()).context(USAGE),
        }
    }
    ensure!(!options.device.is_empty() && !options.addresses.is_empty() && options.port != 0, USAGE);
    Ok(options)
}

fn serve(options: &Options) -> Result<()> {
    let device = TunTapInterface::new(&options.device, options.medium)
        .with_context(|| format!("cannot use the device {} (as root: ip tuntap add)", options.device))?;
    let descriptor = device.as_raw_fd();
    let is_closed = |address: IpAddr, port: u16| {
        port != options.port && options.addresses.iter().any(|own| own.address() == address.into())
    };
    if options.filter {
        echo(options, Filter::new(device, options.hardware_address, is_closed), descriptor)
    } else {
        echo(options, device, descriptor)
    }
}

/// The host: an echo service behind `device`.
fn echo(options: &Options, mut device: impl Device, descriptor: RawFd) -> Result<()> {
    let mut config = Config::new(options.hardware_address);
    // The time is a sufficient seed for an echo service; a product needs a random number.
    config.random_seed = u64::from(SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos());
    let mut interface = Interface::new(config, &mut device, Instant::now());
    let mut fits = Ok(());
    interface.update_ip_addrs(|addresses| {
        for address in &options.addresses {
            fits = fits.and(addresses.push(*address));
        }
    });
    fits.map_err(|address| anyhow!("no room for {address}: more addresses than this smoltcp was built for"))?;

    let mut sockets = SocketSet::new(vec![]);
    let buffer = || tcp::SocketBuffer::new(vec![0; 4096]);
    let socket = sockets.add(tcp::Socket::new(buffer(), buffer()));
    loop {
        let now = Instant::now();
        interface.poll(now, &mut device, &mut sockets);
        answer(sockets.get_mut(socket), options.port)?;
        let delay = interface.poll_delay(now, &sockets).unwrap_or(Duration::from_secs(1));
        wait(descriptor, Some(delay)).context("cannot wait for the device")?;
    }
}

/// Sends back what has come.
fn answer(socket: &mut tcp::Socket, port: u16) -> Result<()> {
    if !socket.is_open() {
        socket.listen(port)?;
    }
    if socket.can_recv() && socket.can_send() {
        let mut data = [0; 4096];
        let room = socket.send_capacity() - socket.send_queue();
        let len = socket.recv_slice(&mut data[..room.min(4096)])?;
        socket.send_slice(&data[..len])?;
    } else if !socket.may_recv() && socket.may_send() {
        socket.close();
    }
    Ok(())
}
