//! A Cortex-M that answers TCP segments to its addresses with resets, and else only ARP and neighbor discovery: QEMU's
//! lm3s6965evb. An answer is written over the frame that it answers.
#![no_std]
#![no_main]

use board::{Ethernet, MAX_LEN, frame};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::panic::PanicInfo;
use cortex_m::peripheral::{Peripherals, SCB};
use tcp_reset::{Config, NoReset, checksum::Sum, ethernet};

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const IPV4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
const IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 2);

#[cortex_m_rt::entry]
fn main() -> ! {
    let Some(core) = Peripherals::take() else { SCB::sys_reset() };
    let mut ethernet = Ethernet::new(core.NVIC, MAC);
    let mut buffer = [0; _];
    loop {
        ethernet.sleep();
        while let Some(len) = ethernet.receive(&mut buffer) {
            if let Some(len) = answer(frame(&mut buffer), len) {
                ethernet.send(&mut buffer, len);
            }
        }
    }
}

/// Writes the answer over the frame of this length, and returns the answer's length.
fn answer(buffer: &mut [u8; MAX_LEN], len: usize) -> Option<usize> {
    let frame = buffer.get_mut(..len)?;
    match ethernet::Reset::in_reply_to(frame, const { &Config::new() }) {
        _ if *frame.first()? & 1 == 0 && !frame.starts_with(&MAC) => None, // to another station
        Ok(reset) => {
            let is_own = [IpAddr::V4(IPV4), IpAddr::V6(IPV6)].contains(&reset.packet().source());
            if is_own { Some(reset.write_to(frame)?.len()) } else { None }
        }
        Err(NoReset::EtherType | NoReset::GroupAddress | NoReset::NotTcp) => {
            arp(frame.first_chunk_mut()?).or_else(|| neighbor_discovery(buffer, len))
        }
        Err(_) => None,
    }
}

/// Answers a request for the own address, from one station (RFC 826, for Ethernet and IPv4).
fn arp(frame: &mut [u8; 42]) -> Option<usize> {
    if frame[12..22] != [8, 6, 0, 1, 8, 0, 6, 4, 0, 1] || frame[38..] != IPV4.octets() || frame[6] & 1 == 1 {
        return None;
    }
    frame.copy_within(6..12, 0);
    frame.copy_within(22..32, 32);
    frame[6..12].copy_from_slice(&MAC);
    frame[21] = 2;
    frame[22..28].copy_from_slice(&MAC);
    frame[28..32].copy_from_slice(&IPV4.octets());
    Some(42)
}

/// Answers a neighbor solicitation for the own address, from one station (RFC 4861 §7.1.1, §7.2.4); none for duplicates.
fn neighbor_discovery(frame: &mut [u8; MAX_LEN], len: usize) -> Option<usize> {
    let message_len = u16::from_be_bytes([frame[18], frame[19]]);
    let message = frame.get(54..len)?.get(..message_len.into())?.first_chunk::<24>()?;
    if [frame[12], frame[13], frame[20], frame[21]] != [0x86, 0xdd, 58, 255]
        || message[..2] != [135, 0]
        || message[8..] != IPV6.octets()
        || (frame[6] & 1 == 1 || frame[22] == 0xff || frame[22..38] == [0; 16])
        || !icmp(frame, message_len).is_valid()
    {
        return None;
    }
    frame.copy_within(6..12, 0);
    frame.copy_within(22..38, 38);
    frame[6..12].copy_from_slice(&MAC);
    frame[18..20].copy_from_slice(&[0, 32]);
    frame[22..38].copy_from_slice(&IPV6.octets());
    // An advertisement, solicited, which replaces what is known, and its option: this address.
    frame[54..62].copy_from_slice(&[136, 0, 0, 0, 0x60, 0, 0, 0]);
    frame[78..80].copy_from_slice(&[2, 1]);
    frame[80..86].copy_from_slice(&MAC);
    let checksum = icmp(frame, 32).checksum();
    frame[56..58].copy_from_slice(&checksum);
    Some(86)
}

/// The sum of the addresses, the message after them, and the rest of the pseudo-header (RFC 8200 §8.1).
fn icmp(frame: &[u8; MAX_LEN], message_len: u16) -> Sum {
    let addresses_and_message = frame.get(22..54 + usize::from(message_len)).unwrap_or_default();
    Sum::of(addresses_and_message).plus(Sum::of(&(58 + u32::from(message_len)).to_be_bytes()))
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    SCB::sys_reset()
}
