//! `Checksum::Trust`: what is not verified, and how much of the packet the buffer has to hold.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::packet::{Tcp, V4, V6};
use support::protocol::UDP;
use tcp_reset::Checksum::{Trust, Verify};
use tcp_reset::tcp::{FIN, RST};
use tcp_reset::{Config, MAX_LEN, NoReset, Profile, Reset, ipv4};

fn tcp() -> Tcp {
    Tcp { flags: FIN, options: vec![1; 12], data: vec![0x55; 1000], ..Tcp::default() }
}

fn v4() -> Vec<u8> {
    V4 { options: vec![1; 8], tcp: tcp(), ..V4::default() }.bytes()
}

fn v6() -> Vec<u8> {
    V6::with(tcp()).bytes()
}

fn bytes(packet: &[u8], config: &Config) -> Result<Vec<u8>, NoReset> {
    Reset::in_reply_to(packet, config).map(|reset| reset.emit(&mut [0; MAX_LEN]).to_vec())
}

/// Two wrong checksums under all four settings.
#[test]
fn each_checksum_is_trusted_by_itself() {
    let mut packet = v4();
    let whole = bytes(&packet, &Config::new());
    packet[10] ^= 1;
    packet[28 + 16] ^= 1;
    let with = |header, tcp| bytes(&packet, &Config::new().ipv4_checksum(header).tcp_checksum(tcp));
    assert_eq!(with(Verify, Verify), Err(NoReset::HeaderChecksum));
    assert_eq!(with(Verify, Trust), Err(NoReset::HeaderChecksum));
    assert_eq!(with(Trust, Verify), Err(NoReset::TcpChecksum));
    assert_eq!(with(Trust, Trust), whole);
}

/// IPv6 has no header checksum to trust.
#[test]
fn over_ipv6_there_is_one_checksum() {
    let mut packet = v6();
    let whole = bytes(&packet, &Config::new());
    packet[40 + 16] ^= 1;
    let with = |header, tcp| bytes(&packet, &Config::new().ipv4_checksum(header).tcp_checksum(tcp));
    assert_eq!(with(Verify, Verify), Err(NoReset::TcpChecksum));
    assert_eq!(with(Trust, Verify), Err(NoReset::TcpChecksum));
    assert_eq!(with(Verify, Trust), whole);
    assert_eq!(with(Trust, Trust), whole);
}

/// A later setting replaces an earlier one.
#[test]
fn trust_can_be_taken_back() {
    let config = Config::new().tcp_checksum(Trust).ipv4_checksum(Trust).ipv4_checksum(Verify).tcp_checksum(Verify);
    assert_eq!(config, Config::new());
    assert_eq!(config, Config::default());
}

/// TCP options and data may be missing from the buffer, and still count. Everything else has to be there.
#[test]
fn the_headers_are_enough() {
    for profile in [Profile::Netfilter, Profile::TcpStack] {
        let config = Config::new().profile(profile).tcp_checksum(Trust);
        for (packet, headers) in [(v4(), 20 + 8 + 20), (v6(), 40 + 20)] {
            let whole = Reset::in_reply_to(&packet, &config).unwrap();
            assert_eq!(whole.tcp().ack, Some(522_224_616 + 1000 + 1));
            for present in 0..=packet.len() {
                let expected = if present < headers { Err(NoReset::Truncated) } else { Ok(whole) };
                assert_eq!(Reset::in_reply_to(&packet[..present], &config), expected, "{present} bytes");
            }
        }
    }
}

/// Bytes after the packet's end do not complete a short TCP header.
#[test]
fn trust_does_not_read_padding() {
    let config = Config::new().tcp_checksum(Trust).ipv4_checksum(Trust);
    let mut packet = v4();
    packet[2..4].copy_from_slice(&(28_u16 + 19).to_be_bytes());
    assert_eq!(Reset::in_reply_to(&packet, &config), Err(NoReset::TcpHeader));
    let mut packet = v6();
    packet[4..6].copy_from_slice(&19_u16.to_be_bytes());
    assert_eq!(Reset::in_reply_to(&packet, &config), Err(NoReset::TcpHeader));
}

/// A short TCP header is known from the IP header, and is the reason even if bytes are missing as well.
#[test]
fn a_short_tcp_header_is_worse_than_a_short_buffer() {
    let config = Config::new().tcp_checksum(Trust).ipv4_checksum(Trust);
    let mut packet = v4();
    packet[2..4].copy_from_slice(&(28_u16 + 19).to_be_bytes());
    assert_eq!(Reset::in_reply_to(&packet[..28], &config), Err(NoReset::TcpHeader));
    let mut packet = v6();
    packet[4..6].copy_from_slice(&19_u16.to_be_bytes());
    assert_eq!(Reset::in_reply_to(&packet[..40], &config), Err(NoReset::TcpHeader));
}

/// The data offset is checked against the length that the IP header states, present or not.
#[test]
fn the_data_offset_of_an_absent_segment() {
    let config = Config::new().profile(Profile::TcpStack).tcp_checksum(Trust);
    let tcp = |data_offset| Tcp { flags: FIN, data_offset: Some(data_offset), data: vec![0; 20], ..Tcp::default() };
    let decide = |data_offset| ipv4::Reset::in_reply_to(&V4::with(tcp(data_offset)).bytes()[..40], &config).map(drop);
    assert_eq!(decide(4), Err(NoReset::DataOffset));
    assert_eq!(decide(10), Ok(()));
    assert_eq!(decide(11), Err(NoReset::DataOffset));
}

/// All other checks are made.
#[test]
fn every_other_check_is_made() {
    let config = Config::new().tcp_checksum(Trust).ipv4_checksum(Trust);
    let edit = |at: usize, value: u8| {
        let mut packet = v4();
        packet[at] = value;
        Reset::in_reply_to(&packet, &config).map(drop)
    };
    assert_eq!(edit(0, 0x50), Err(NoReset::Version));
    assert_eq!(edit(0, 0x44), Err(NoReset::HeaderLength));
    assert_eq!(edit(7, 1), Err(NoReset::Fragment));
    assert_eq!(edit(9, UDP), Err(NoReset::NotTcp));
    assert_eq!(edit(12, 224), Err(NoReset::Source));
    assert_eq!(edit(16, 224), Err(NoReset::Destination));
    assert_eq!(edit(28 + 13, RST), Err(NoReset::Rst));
}
