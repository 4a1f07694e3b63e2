//! Which Ethernet frames the filter answers, and which it leaves to smoltcp.

use std::net::IpAddr;

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep, VlanId};
use smoltcp::phy::{Device, Loopback, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress};
use smoltcp_filter::Filter;
use tcp_reset::{Config, Profile, ethernet};

const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER: [u8; 6] = [2, 0, 0, 0, 0, 2];

fn syn(destination: [u8; 6], tag: Option<u16>, port: u16) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(PEER, destination);
    let mut frame = Vec::new();
    let ip = ([192, 0, 2, 2], [192, 0, 2, 1], 64);
    let builder = match tag {
        Some(tag) => builder.single_vlan(VlanId::try_new(tag).unwrap()).ipv4(ip.0, ip.1, ip.2),
        None => builder.ipv4(ip.0, ip.1, ip.2),
    };
    builder.tcp(40000, port, 1000, 1024).syn().write(&mut frame, &[]).unwrap();
    frame
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
    let reset = ethernet::reset_with(&syn(OWN, None, 80), &config, &mut buffer).unwrap();
    assert_eq!(received(&syn(OWN, None, 80)), reset);
    assert_eq!(reset[..12], [PEER, OWN].concat());
}

#[test]
fn other_frames_pass_as_they_are() {
    for frame in [
        syn(OWN, None, 7),
        syn(PEER, None, 80),
        syn([0xff; 6], None, 80),
        syn(OWN, Some(0), 80),
        syn(OWN, Some(5), 80),
        b"no frame".to_vec(),
        vec![0; 1514],
    ] {
        assert_eq!(received(&frame), frame);
    }
}

/// A TCP segment to a group address is dropped; what is not TCP passes, such as neighbour discovery.
#[test]
fn tcp_to_a_group_address_is_dropped() {
    let tcp = |builder: PacketBuilderStep<IpHeaders>| {
        let mut packet = Vec::new();
        builder.tcp(40000, 80, 1000, 1024).syn().write(&mut packet, &[]).unwrap();
        packet
    };
    let udp = |builder: PacketBuilderStep<IpHeaders>| {
        let mut packet = Vec::new();
        builder.udp(40000, 80).write(&mut packet, &[]).unwrap();
        packet
    };
    let ff02_1 = "ff02::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let peer = "2001:db8::2".parse::<std::net::Ipv6Addr>().unwrap().octets();
    for builder in [
        || PacketBuilder::ipv4([192, 0, 2, 2], [224, 0, 0, 1], 64),
        || PacketBuilder::ipv4([192, 0, 2, 2], [255, 255, 255, 255], 64),
        || PacketBuilder::ipv4([0, 0, 0, 0], [192, 0, 2, 1], 64),
    ] {
        assert_eq!(passed(Medium::Ip, &tcp(builder())), None);
        assert!(passed(Medium::Ip, &udp(builder())).is_some());
    }
    assert_eq!(passed(Medium::Ip, &tcp(PacketBuilder::ipv6(peer, ff02_1, 64))), None);
    assert!(passed(Medium::Ip, &udp(PacketBuilder::ipv6(peer, ff02_1, 64))).is_some());

    let frame = |packet: Vec<u8>| [&OWN[..], &PEER, &[8, 0], &packet].concat();
    let group = || PacketBuilder::ipv4([192, 0, 2, 2], [224, 0, 0, 1], 64);
    assert_eq!(passed(Medium::Ethernet, &frame(tcp(group()))), None);
    assert!(passed(Medium::Ethernet, &frame(udp(group()))).is_some());
}
