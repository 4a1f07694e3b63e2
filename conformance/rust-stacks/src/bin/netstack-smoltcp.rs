// SPDX-License-Identifier: MIT OR Apache-2.0
//! netstack-smoltcp on a TUN device. It is made for proxies: it accepts every connection, and here each is closed at once.

use std::error::Error;

use futures::{SinkExt, StreamExt};
use netstack_smoltcp::StackBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let device = std::env::args().nth(1).ok_or("usage: netstack-smoltcp DEVICE")?;
    let device = tun::create_as_async(tun::Configuration::default().tun_name(device))?;
    let (stack, runner, _, listener) = StackBuilder::default().enable_tcp(true).mtu(1500).build()?;
    tokio::spawn(runner.ok_or("no runner")?);
    let mut listener = listener.ok_or("no listener")?;
    tokio::spawn(async move { while listener.next().await.is_some() {} });

    let (mut to_stack, mut from_stack) = stack.split();
    let mut packet = vec![0; 1 << 16];
    loop {
        tokio::select! {
            len = device.recv(&mut packet) => {
                // What its filters refuse is an error here, and goes nowhere.
                let _ = to_stack.send(packet[..len?].to_vec()).await;
            }
            Some(reply) = from_stack.next() => {
                device.send(&reply?).await?;
            }
        }
    }
}
