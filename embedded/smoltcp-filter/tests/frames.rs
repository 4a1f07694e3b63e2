//! Which Ethernet frames the filter answers, and which it leaves to smoltcp.

use std::net::IpAddr;

use smoltcp::phy::{Device, Loopback, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress};
use smoltcp_filter::Filter;
use support::FILL;
use support::frames::{ether_type, frame};
use support::packet::{Tcp, V4, V6};
use support::protocol::{ETHERTYPE_IPV4, TCP, UDP};
use tcp_reset::{Config, Profile, ethernet};

const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A SYN in an Ethernet frame, with a VLAN tag or without.
fn syn(destination: [u8; 6], tags: &[[u8; 4]], destination_port: u16) -> Vec<u8> {
    let tcp = Tcp { destination_port, ..Tcp::default() };
    let packet = V4 { source: [192, 0, 2, 2], destination: [192, 0, 2, 1], tcp, ..V4::default() }.bytes();
    frame(destination, PEER, tags, ether_type(&packet), &packet)
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
    let mut buffer = [FILL; ethernet::MAX_LEN];
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
        syn(OWN, &[[0x81, 0, 0, 0]], 80),
        syn(OWN, &[[0x81, 0, 0, 5]], 80),
        b"no frame".to_vec(),
        vec![0; 1514],
    ] {
        assert_eq!(received(&frame), frame);
    }
}

/// A TCP segment in a frame to a group is dropped, whatever its IP address; other protocols pass.
#[test]
fn tcp_in_a_frame_to_a_group_is_dropped() {
    for group in [[0xff; 6], [0x01, 0, 0x5e, 0, 0, 1]] {
        assert_eq!(passed(Medium::Ethernet, &syn(group, &[], 80)), None);
        let udp = V4 { protocol: UDP, destination: [192, 0, 2, 1], ..V4::default() }.bytes();
        let udp = frame(group, PEER, &[], ETHERTYPE_IPV4, &udp);
        assert_eq!(received(&udp), udp);
    }
}

/// A TCP segment to a group address is dropped; what is not TCP passes, such as neighbour discovery.
#[test]
fn tcp_to_a_group_address_is_dropped() {
    let peer = [192, 0, 2, 2];
    for (source, destination) in [(peer, [224, 0, 0, 1]), (peer, [255; 4]), ([0; 4], [192, 0, 2, 1])] {
        let [tcp, udp] = [TCP, UDP].map(|protocol| V4 { source, destination, protocol, ..V4::default() }.bytes());
        assert_eq!(passed(Medium::Ip, &tcp), None);
        assert!(passed(Medium::Ip, &udp).is_some());
        assert_eq!(passed(Medium::Ethernet, &frame(OWN, PEER, &[], ETHERTYPE_IPV4, &tcp)), None);
        assert!(passed(Medium::Ethernet, &frame(OWN, PEER, &[], ETHERTYPE_IPV4, &udp)).is_some());
    }
    let destination = "ff02::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let [tcp, udp] = [TCP, UDP].map(|protocol| V6 { destination, protocol, ..V6::default() }.bytes());
    assert_eq!(passed(Medium::Ip, &tcp), None);
    assert!(passed(Medium::Ip, &udp).is_some());
}
