//! Random, nearly correct packets, so that most of them pass the checks.

pub use arbitrary::{Arbitrary, Result, Unstructured};

use crate::FILL;
use crate::packet::{Tcp, V4, V6, repair};
use crate::protocol::{AUTHENTICATION, EXTENSIONS, FRAGMENT, TCP};
use tcp_reset::tcp::RST;
use tcp_reset::{Checksum, Config, Profile};

/// A packet, and the settings under which it is answered.
#[derive(Debug)]
pub struct Packet {
    /// The packet, maybe cut or padded.
    pub bytes: Vec<u8>,
    /// The settings.
    pub config: Config,
}

impl<'a> Arbitrary<'a> for Packet {
    fn arbitrary(unstructured: &mut Unstructured<'a>) -> Result<Self> {
        let config = config(unstructured)?;
        let mut bytes = match bool::arbitrary(unstructured)? {
            false => v4(unstructured)?.bytes(),
            true => v6(unstructured)?.bytes(),
        };
        // Up to four bytes are changed, mostly in the headers; most checksums are made right again.
        for _ in 0..unstructured.int_in_range(0..=4)? {
            let most = if unstructured.ratio(3, 4)? { 80.min(bytes.len() - 1) } else { bytes.len() - 1 };
            let at = unstructured.int_in_range(0..=most)?;
            bytes[at] = u8::arbitrary(unstructured)?;
        }
        if unstructured.ratio(9, 10)? {
            repair(&mut bytes);
        }
        // Some are padded, some cut.
        if unstructured.ratio(1, 5)? {
            let end = i8::arbitrary(unstructured)?;
            bytes.resize(bytes.len().saturating_add_signed(end.into()), FILL);
        }
        Ok(Self { bytes, config })
    }
}

fn config(unstructured: &mut Unstructured<'_>) -> Result<Config> {
    let mut checksum = || Ok(if unstructured.ratio(3, 4)? { Checksum::Verify } else { Checksum::Trust });
    let config = Config::new().ipv4_checksum(checksum()?).tcp_checksum(checksum()?);
    let profile = if bool::arbitrary(unstructured)? { Profile::TcpStack } else { Profile::Netfilter };
    let hop_limit = if unstructured.ratio(3, 4)? { 64 } else { u8::arbitrary(unstructured)? };
    Ok(config.profile(profile).hop_limit(hop_limit).partial_checksum(unstructured.ratio(1, 8)?))
}

/// A segment: its data offset is mostly right, its flags are mostly not RST, and its data is mostly short, but may be longer
/// than a packet.
pub fn tcp(unstructured: &mut Unstructured<'_>) -> Result<Tcp> {
    let flags = u8::arbitrary(unstructured)?;
    let words = if unstructured.ratio(1, 2)? { 0 } else { unstructured.int_in_range(0..=10)? };
    let data_len = if unstructured.ratio(15, 16)? { 0..=40 } else { 0..=65_535 };
    let data_len = unstructured.int_in_range(data_len)?;
    let (first, step) = <(u8, u8)>::arbitrary(unstructured)?;
    let data = std::iter::successors(Some(first), |byte| Some(byte.wrapping_add(step))).take(data_len).collect();
    Ok(Tcp {
        source_port: u16::arbitrary(unstructured)?,
        destination_port: u16::arbitrary(unstructured)?,
        seq: u32::arbitrary(unstructured)?,
        ack: u32::arbitrary(unstructured)?,
        data_offset: if unstructured.ratio(1, 8)? { Some(unstructured.int_in_range(0..=15)?) } else { None },
        reserved: u8::arbitrary(unstructured)? & 0x0f,
        flags: if unstructured.ratio(7, 8)? { flags & !RST } else { flags },
        window: u16::arbitrary(unstructured)?,
        urgent: u16::arbitrary(unstructured)?,
        options: unstructured.bytes(words * 4).unwrap_or_default().to_vec(),
        data,
    })
}

/// An IPv4 packet: mostly TCP, mostly no fragment, mostly between unicast addresses.
pub fn v4(unstructured: &mut Unstructured<'_>) -> Result<V4> {
    let words = if unstructured.ratio(3, 4)? { 0 } else { unstructured.int_in_range(0..=10)? };
    let mut v4 = V4 {
        tos: u8::arbitrary(unstructured)?,
        id: u16::arbitrary(unstructured)?,
        fragment: match unstructured.int_in_range(0..=15)? {
            0 => u16::arbitrary(unstructured)?,
            1 => 0x2000,
            _ => 0x4000,
        },
        ttl: u8::arbitrary(unstructured)?,
        protocol: TCP,
        source: <[u8; 4]>::arbitrary(unstructured)?,
        destination: <[u8; 4]>::arbitrary(unstructured)?,
        options: unstructured.bytes(words * 4).unwrap_or_default().to_vec(),
        tcp: tcp(unstructured)?,
    };
    let headers = v4.parts().ip.len() + 20 + v4.tcp.options.len();
    v4.tcp.data.truncate(65_535 - headers);
    Ok(v4)
}

/// An IPv6 packet: with up to four extension headers of any kind in any order.
pub fn v6(unstructured: &mut Unstructured<'_>) -> Result<V6> {
    let mut extensions = Vec::new();
    if unstructured.ratio(1, 4)? {
        for _ in 0..unstructured.int_in_range(1..=4)? {
            extensions.push(extension(unstructured)?);
        }
    }
    let mut v6 = V6 {
        traffic_class: u8::arbitrary(unstructured)?,
        flow_label: u32::arbitrary(unstructured)?,
        hop_limit: u8::arbitrary(unstructured)?,
        source: address(unstructured)?,
        destination: address(unstructured)?,
        extensions,
        protocol: TCP,
        tcp: tcp(unstructured)?,
    };
    let headers = v6.parts().ip.len() - 40 + 20 + v6.tcp.options.len();
    v6.tcp.data.truncate(65_535 - headers);
    Ok(v6)
}

/// An IPv6 address: mostly global, at times mapped, compatible or anything else.
fn address(unstructured: &mut Unstructured<'_>) -> Result<[u8; 16]> {
    let mut address = <[u8; 16]>::arbitrary(unstructured)?;
    let prefix: &[u8] = match unstructured.int_in_range(0..=9)? {
        0 => &[],
        1 => &[0; 12],
        2 => &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        _ => &[0x20, 0x01],
    };
    address[..prefix.len()].copy_from_slice(prefix);
    Ok(address)
}

/// An extension header of the length that it states, with random fields.
fn extension(unstructured: &mut Unstructured<'_>) -> Result<(u8, Vec<u8>)> {
    let kind = *unstructured.choose(&EXTENSIONS)?;
    let units = unstructured.int_in_range(0..=3)?;
    let len = match kind {
        FRAGMENT => 8,
        AUTHENTICATION => 4 * (usize::from(units) + 2),
        _ => 8 * (usize::from(units) + 1),
    };
    let mut bytes = vec![0; len];
    unstructured.fill_buffer(&mut bytes)?;
    if kind != FRAGMENT {
        bytes[1] = units;
    } else if unstructured.ratio(7, 8)? {
        bytes[2..4].fill(0);
    }
    Ok((kind, bytes))
}
