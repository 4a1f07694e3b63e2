//! `tcp_reset::ethernet` beside the kernel: nftables' `reject with tcp reset` where frames enter a device (hook `ingress` of
//! the family `netdev`), byte for byte. Frames carry no VLAN tag, as Linux answers tagged frames without their tags.
//!
//! It needs root or the right to make user namespaces, and `/dev/net/tun`. If something is missing the tests are skipped and
//! say so, and under `CI=true` they fail. `TCP_RESET_FRAMES` is how many frames are compared of each IP version.

mod trials;

use std::collections::BTreeMap;
use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use libtest_mimic::Arguments;
use tcp_reset::{Checksum, Config, NoReset, ethernet};
use tcp_reset_linux::Family;
use tcp_reset_linux::exclude::has_authentication;
use tcp_reset_linux::generate::Generator;
use tcp_reset_linux::namespace::{receive, run};
use trials::trial;
use tun_rs::{DeviceBuilder, Layer};

/// How long a late answer is waited for.
const PATIENCE: Duration = Duration::from_millis(2);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = trials::enter();
    let trials = [(Family::V4, "ipv4"), (Family::V6, "ipv6")]
        .map(|(family, name)| trial(name, missing.as_deref(), move || compare(family).unwrap()));
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn compare(family: Family) -> Result<()> {
    let name = format!("frames{}", family.number());
    let device = DeviceBuilder::new().name(&name).layer(Layer::L2).enable(false).build_sync()?;
    std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1")?;
    run("ip", &["link", "set", &name, "mtu", "65521", "up"], "", "iproute2")?;
    let script = format!(
        "table netdev {name} {{ chain answer {{ type filter hook ingress device \"{name}\" priority 0; policy drop;\n\
         meta l4proto tcp reject with tcp reset\n}}\n}}\n"
    );
    run("nft", &["-f", "-"], &script, "nftables")?;
    device.set_nonblocking(true)?;

    let frames = env::var("TCP_RESET_FRAMES").map_or(Ok(1_000_000), |number| number.parse())?;
    let mut rng = Rng::with_seed(7);
    let mut generator = Generator::new(family, 7);
    let (mut frame, mut answer) = (Vec::new(), vec![0; 1 << 16]);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..frames {
        let mut packet = generator.draw();
        packet.truncate(65_000);
        let mut addresses: [u8; 12] = std::array::from_fn(|_| rng.u8(..));
        // Most are addresses of one host.
        if rng.u32(..16) > 0 {
            addresses[0] &= !1;
            addresses[6] &= !1;
        }
        frame.clear();
        frame.extend(addresses);
        frame.extend(&family.frame_header()[2..]);
        frame.extend(&packet);
        let mut buffer = [0; ethernet::MAX_LEN];
        let ours = ethernet::reset(&frame, &mut buffer).map(|reply| &*reply);
        let has_authentication = family == Family::V6 && ours.is_ok() && has_authentication(packet[6], &packet[40..]);
        let expected = ours.is_ok() && !is_padded(&packet) && !has_authentication;
        device.send(&frame).context("cannot write to the TAP device")?;
        let deadline = Instant::now() + if expected { PATIENCE } else { Duration::ZERO };
        let theirs = receive(&device, &mut answer, deadline)?.map(|len| &answer[..len]);
        let class = match (ours, theirs) {
            (Ok(ours), Some(theirs)) if ours == theirs => "the same reset".to_owned(),
            (Err(_), None) => "both silent".to_owned(),
            // Resets are compared, not reasons.
            (Err(reason), Some(_)) if is_linux_alone(reason, &packet) => format!("Linux alone, {reason:?}"),
            (Ok(_), Some(theirs)) if is_padded(&packet) && counting_padding(&frame).as_deref() == Some(theirs) => {
                "Linux counts padding".to_owned()
            }
            (Ok(_), None) if is_padded(&packet) => "ours alone, padded".to_owned(),
            (Ok(_), None) if has_authentication => "ours alone, authentication header".to_owned(),
            _ => bail!("ours {ours:02x?}, Linux's {theirs:02x?}: {}", hex::encode(&frame)),
        };
        *counts.entry(class).or_default() += 1;
    }
    println!("{frames} frames, {family:?}: {counts:?}");
    Ok(())
}

/// Whether Linux answers here a packet that it drops at other hooks: it has not yet checked the addresses of the frame and of
/// the packet, nor IPv4's header checksum, and padding still counts as part of the segment.
fn is_linux_alone(reason: NoReset, packet: &[u8]) -> bool {
    match reason {
        NoReset::GroupAddress | NoReset::Source | NoReset::Destination | NoReset::HeaderChecksum => true,
        NoReset::TcpChecksum | NoReset::TcpHeader | NoReset::ExtensionHeader | NoReset::Jumbogram => is_padded(packet),
        _ => false,
    }
}

/// The reset for a frame whose padding is part of the packet, whatever its length field and its checksums say.
fn counting_padding(frame: &[u8]) -> Option<Vec<u8>> {
    let mut frame = frame.to_vec();
    let (at, len) = if frame.get(14)? >> 4 == 4 { (16, frame.len() - 14) } else { (18, frame.len() - 54) };
    frame.get_mut(at..at + 2)?.copy_from_slice(&u16::try_from(len).ok()?.to_be_bytes());
    let config = Config::new().ipv4_checksum(Checksum::Trust).tcp_checksum(Checksum::Trust);
    ethernet::reset_with(&frame, &config, &mut [0; ethernet::MAX_LEN]).ok().map(|reply| reply.to_vec())
}

/// Whether bytes follow the packet, by the length in its header.
fn is_padded(packet: &[u8]) -> bool {
    let len = match packet {
        [0x40..=0x4f, _, l0, l1, ..] => usize::from(u16::from_be_bytes([*l0, *l1])),
        [_, _, _, _, l0, l1, ..] => 40 + usize::from(u16::from_be_bytes([*l0, *l1])),
        _ => 0,
    };
    packet.len() > len
}
