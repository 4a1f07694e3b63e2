//! The kernel completes the partial checksum that [`Config::partial_checksum`] leaves.
//!
//! Resets go into a TUN device whose packets have a virtio header (`IFF_VNET_HDR`), which says where the checksum starts and
//! where it is stored. The kernel forwards them to a device that has none, and has to complete them on the way. What comes out
//! is the complete reset, its hop limit one less.
//!
//! It needs root or the right to make user namespaces, and `/dev/net/tun`. If something is missing the test is skipped and
//! says so, and under `CI=true` it fails.

mod trials;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use libtest_mimic::Arguments;
use support::packet::{Tcp, V4, V6};
use support::protocol::TCP;
use tcp_reset::tcp::{ACK, SYN};
use tcp_reset::{Config, MAX_LEN, reset_with};
use tcp_reset_linux::namespace::{receive, run, set, tun};
use trials::trial;
use tun_rs::{DeviceBuilder, SyncDevice};

/// How many resets of each IP version.
const RESETS: usize = 20_000;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = trials::enter();
    let trial = trial("the_kernel_completes_it", missing.as_deref(), || complete().unwrap());
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}

fn complete() -> Result<()> {
    let from = DeviceBuilder::new().name("partial").offload(true).enable(false).build_sync()?;
    let to = tun("complete", false)?;
    to.set_nonblocking(true)?;
    for sysctl in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
        set(sysctl, "1")?;
    }
    for sysctl in ["ipv4/conf/all/rp_filter", "ipv4/conf/partial/rp_filter"] {
        set(sysctl, "0")?;
    }
    for arguments in [
        "link set partial up",
        "link set complete up",
        "addr add 198.51.100.1/24 dev partial",
        "addr add 192.0.2.1/24 dev complete",
        "-6 addr add 2001:db8:1::1/64 dev partial nodad",
        "-6 addr add 2001:db8:2::1/64 dev complete nodad",
    ] {
        run("ip", &arguments.split(' ').collect::<Vec<_>>(), "", "iproute2")?;
    }
    let mut rng = Rng::new();
    for round in 0..2 * RESETS {
        let tcp = Tcp {
            source_port: rng.u16(1..),
            destination_port: rng.u16(1..),
            seq: rng.u32(..),
            ack: rng.u32(..),
            flags: if rng.bool() { ACK } else { SYN },
            data: vec![rng.u8(..); rng.usize(..256)],
            ..Tcp::default()
        };
        let host = rng.u8(2..254);
        let (offender, start, kind) = if round % 2 == 0 {
            let (source, destination) = ([192, 0, 2, host], [198, 51, 100, host]);
            (V4 { source, destination, tcp, ..V4::default() }.bytes(), 20_u16, 4)
        } else {
            let [source, destination] =
                [2, 1].map(|net| [0x20, 1, 0x0d, 0xb8, 0, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
            (V6 { source, destination, tcp, ..V6::default() }.bytes(), 40, 6)
        };
        let (mut partial, mut complete) = ([0; MAX_LEN], [0; MAX_LEN]);
        let partial = reset_with(&offender, &Config::new().partial_checksum(true), &mut partial)?;
        let complete = reset_with(&offender, &Config::new().hop_limit(63), &mut complete)?;

        // struct virtio_net_hdr: VIRTIO_NET_HDR_F_NEEDS_CSUM, no segmentation, csum_start and csum_offset, little-endian
        // or big-endian as the host is.
        let mut frame = vec![1, 0, 0, 0, 0, 0];
        frame.extend(start.to_ne_bytes());
        frame.extend(16_u16.to_ne_bytes());
        frame.extend(&*partial);
        from.send(&frame).context("cannot write to the TUN device")?;
        let arrived = next(&to, kind)?;
        // A checksum of zero may be written as either zero.
        let (mut arrived, mut complete) = (arrived, complete.to_vec());
        for packet in [&mut arrived, &mut complete] {
            let at = usize::from(start) + 16;
            if let Some(field @ [0, 0]) = packet.get_mut(at..at + 2) {
                field.fill(0xff);
            }
        }
        ensure!(arrived == complete, "{arrived:02x?} arrived instead of {complete:02x?}");
    }
    Ok(())
}

/// The next TCP packet of this IP version.
fn next(device: &SyncDevice, version: u8) -> Result<Vec<u8>> {
    let mut packet = [0; 1500];
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let len = receive(device, &mut packet, deadline)?.context("nothing arrives within a second")?;
        let packet = packet.get(..len).context("no packet")?;
        let protocol = packet.get(if version == 4 { 9 } else { 6 });
        if packet.first().is_some_and(|first| first >> 4 == version) && protocol == Some(&TCP) {
            return Ok(packet.to_vec());
        }
    }
}
