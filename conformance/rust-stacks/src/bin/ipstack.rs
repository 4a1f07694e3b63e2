// SPDX-License-Identifier: MIT OR Apache-2.0
//! ipstack on a TUN device. It is made for proxies: it accepts every connection, and here each is closed at once.

use std::error::Error;

use ipstack::{IpStack, IpStackConfig, IpStackStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let device = std::env::args().nth(1).ok_or("usage: ipstack DEVICE")?;
    let device = tun::create_as_async(tun::Configuration::default().tun_name(device))?;
    let mut config = IpStackConfig::default();
    config.mtu(1500)?;
    let mut stack = IpStack::new(config, device);
    loop {
        if let IpStackStream::Tcp(stream) = stack.accept().await? {
            drop(stream);
        }
    }
}
