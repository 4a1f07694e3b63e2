//! Which Ethernet frames the filter answers, and which it leaves to smoltcp.

use std::net::IpAddr;

use smoltcp::phy::{Device, Loopback, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress};
use smoltcp_filter::Filter;
use support::packet::{Tcp, V4, V6};
use support::protocol::{TCP, UDP};
use tcp_reset::{Config, Profile, ethernet};

const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER: [u8; 6] = [2, 0, 0, 0, 0, 2];

fn syn(destination: [u8; 6], tag: &[u8], destination_port: u16) -> Vec<u8> {
    let (source, own) = ([192, 0, 2, 2], [192, 0, 2, 1]);
    let tcp = Tcp { destination_port, ..Tcp::default() };
    let packet = V4 { source, destination: own, tcp, ..V4::default() }.bytes();
    [&destination, &PEER, tag, &[8, 0], &packet].concat()
}

/// What smoltcp receives when `frame` comes, if anything. The device loops: an answer of the filter comes next, and passes.
fn passed(medium: Medium, frame: &[u8]) -> Option<Vec<u8>> {
    let mut device = Loopback::new(medium);
    device.transmit(Instant::ZERO).unwrap().consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
    let address = match medium {
        Medium::Ethernet => HardwareAddress::Ethernet(EthernetAddress(OWN)),
        Medium::Ip => HardwareAddress::Ip,
    };
    let is_closed = |address: IpAddr, port| address == IpAddr::from([192, 0, 2, 1]) && port == 80;
    let mut filter = Filter::new(device, address, is_closed);
    let passed = filter.receive(Instant::ZERO).map(|(rx, _)| rx.consume(<[u8]>::to_vec));
    assert!(filter.receive(Instant::ZERO).is_none());
    passed
}

fn received(frame: &[u8]) -> Vec<u8> {
    passed(Medium::Ethernet, frame).unwrap()
}

#[test]
fn a_frame_to_a_closed_port_is_answered() {
    let mut buffer = [0xa5; ethernet::MAX_LEN];
    let config = Config::new().profile(Profile::TcpStack);
    let reset = ethernet::reset_with(&syn(OWN, &[], 80), &config, &mut buffer).unwrap();
    assert_eq!(received(&syn(OWN, &[], 80)), reset);
    assert_eq!(reset[..12], [PEER, OWN].concat());
}

#[test]
fn other_frames_pass_as_they_are() {
    for frame in [
        syn(OWN, &[], 7),
        syn(PEER, &[], 80),
        syn([0xff; 6], &[], 80),
        syn(OWN, &[0x81, 0, 0, 0], 80),
        syn(OWN, &[0x81, 0, 0, 5], 80),
        b"no frame".to_vec(),
        vec![0; 1514],
    ] {
        assert_eq!(received(&frame), frame);
    }
}

/// A TCP segment to a group address is dropped; what is not TCP passes, such as neighbour discovery.
#[test]
fn tcp_to_a_group_address_is_dropped() {
    let v4 = |source, destination, protocol| V4 { source, destination, protocol, ..V4::default() }.bytes();
    let peer = [192, 0, 2, 2];
    for (source, destination) in [(peer, [224, 0, 0, 1]), (peer, [255; 4]), ([0; 4], [192, 0, 2, 1])] {
        assert_eq!(passed(Medium::Ip, &v4(source, destination, TCP)), None);
        assert!(passed(Medium::Ip, &v4(source, destination, UDP)).is_some());
    }
    let destination = "ff02::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let v6 = |protocol| V6 { destination, protocol, ..V6::default() }.bytes();
    assert_eq!(passed(Medium::Ip, &v6(TCP)), None);
    assert!(passed(Medium::Ip, &v6(UDP)).is_some());

    let frame = |protocol| [&OWN[..], &PEER, &[8, 0], &v4(peer, [224, 0, 0, 1], protocol)].concat();
    assert_eq!(passed(Medium::Ethernet, &frame(TCP)), None);
    assert!(passed(Medium::Ethernet, &frame(UDP)).is_some());
}
