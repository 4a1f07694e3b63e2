//! Time of each kind of packet: `cargo bench -p tcp-reset-peers`, with `-- v6` for a part of it. `benches/peers` measures
//! the checksum, trust, and the forms of the interface.
//!
//! Throughput is in elements, that is packets, and in bytes of the offending packet.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "benches may panic")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use support::packet::{Tcp, V4, V6};
use support::protocol::{DESTINATION_OPTIONS, FRAGMENT, UDP};
use support::reference;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset::{MAX_LEN, NoReset};

/// A named packet.
type Case = (String, Vec<u8>);

/// Usual packets, over both versions of IP.
fn answered() -> Vec<Case> {
    // MSS, SACK permitted, timestamps, no operation, window scale: what Linux sends.
    let syn_options = vec![2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    let data = |len| Tcp { flags: 0, data: vec![0x5a; len], ..Tcp::default() };
    let kinds = [
        ("syn", Tcp { flags: SYN, ..Tcp::default() }),
        ("syn_with_options", Tcp { flags: SYN, options: syn_options, ..Tcp::default() }),
        ("ack", Tcp { flags: ACK, ack: 1_406_759_780, ..Tcp::default() }),
        ("fin_without_ack", Tcp { flags: FIN, ..Tcp::default() }),
        ("data_576", data(576)),
        ("data_1460", data(1460)),
        ("data_64_kib", data(65_535 - 40)),
    ];
    let mut cases = Vec::new();
    for (name, tcp) in kinds {
        cases.push((format!("v4/{name}"), V4::with(tcp.clone()).bytes()));
        cases.push((format!("v6/{name}"), V6::with(tcp).bytes()));
    }
    // As many extension headers as one packet holds.
    let extensions = vec![(DESTINATION_OPTIONS, vec![0, 0, 1, 4, 0, 0, 0, 0]); (65_535 - 20) / 8];
    cases.push(("v6/chain_64_kib".to_owned(), V6 { extensions, ..V6::default() }.bytes()));
    cases
}

/// A packet for each reason for silence.
fn refused() -> Vec<(String, NoReset, Vec<u8>)> {
    let (v4, v6) = (V4::default().bytes(), V6::default().bytes());
    let rst = Tcp { flags: RST, ..Tcp::default() };
    let edit = |packet: &[u8], at: usize, value: u8| {
        let mut packet = packet.to_vec();
        packet[at] = value;
        packet
    };
    let wrong_tcp_checksum = |mut packet: Vec<u8>| {
        let at = packet.len() - 1;
        packet[at] ^= 1;
        packet
    };
    let data = Tcp { data: vec![0x5a; 1460], ..Tcp::default() };
    let short = |mut packet: Vec<u8>| {
        packet[3] = 39;
        support::packet::repair(&mut packet);
        packet
    };
    let fragment = (FRAGMENT, vec![0, 0, 0, 8, 0, 0, 0, 1]);
    let endless = (DESTINATION_OPTIONS, vec![0, 200, 0, 0, 0, 0, 0, 0]);
    [
        ("v4/truncated", NoReset::Truncated, v4[..39].to_vec()),
        ("v6/truncated", NoReset::Truncated, v6[..59].to_vec()),
        ("v4/version", NoReset::Version, edit(&v4, 0, 0x55)),
        ("v4/header_length", NoReset::HeaderLength, edit(&v4, 0, 0x44)),
        ("v4/total_length", NoReset::TotalLength, edit(&v4, 3, 19)),
        ("v4/header_checksum", NoReset::HeaderChecksum, edit(&v4, 10, 0)),
        ("v6/jumbogram", NoReset::Jumbogram, edit(&v6, 5, 0)),
        ("v6/extension_header", NoReset::ExtensionHeader, V6 { extensions: vec![endless], ..V6::default() }.bytes()),
        ("v4/fragment", NoReset::Fragment, V4 { fragment: 1, ..V4::default() }.bytes()),
        ("v6/fragment", NoReset::Fragment, V6 { extensions: vec![fragment], ..V6::default() }.bytes()),
        ("v4/not_tcp", NoReset::NotTcp, V4 { protocol: UDP, ..V4::default() }.bytes()),
        ("v6/not_tcp", NoReset::NotTcp, V6 { protocol: UDP, ..V6::default() }.bytes()),
        ("v4/source", NoReset::Source, V4 { source: [0; 4], ..V4::default() }.bytes()),
        ("v6/source", NoReset::Source, V6 { source: [0; 16], ..V6::default() }.bytes()),
        ("v4/destination", NoReset::Destination, V4 { destination: [224; 4], ..V4::default() }.bytes()),
        ("v6/destination", NoReset::Destination, V6 { destination: [0xff; 16], ..V6::default() }.bytes()),
        ("v4/tcp_header", NoReset::TcpHeader, short(v4.clone())),
        ("v6/tcp_header", NoReset::TcpHeader, edit(&v6, 5, 19)),
        ("v4/rst", NoReset::Rst, V4::with(rst.clone()).bytes()),
        ("v6/rst", NoReset::Rst, V6::with(rst).bytes()),
        ("v4/tcp_checksum_40", NoReset::TcpChecksum, wrong_tcp_checksum(v4.clone())),
        ("v6/tcp_checksum_60", NoReset::TcpChecksum, wrong_tcp_checksum(v6.clone())),
        ("v4/tcp_checksum_1500", NoReset::TcpChecksum, wrong_tcp_checksum(V4::with(data.clone()).bytes())),
        ("v6/tcp_checksum_1520", NoReset::TcpChecksum, wrong_tcp_checksum(V6::with(data).bytes())),
    ]
    .map(|(name, reason, packet)| (name.to_owned(), reason, packet))
    .to_vec()
}

/// The whole job: everything validated, the reply written with its checksums.
fn answers(criterion: &mut Criterion) {
    for (name, packet) in &answered() {
        let reply = tcp_reset::reset(packet, &mut [0; MAX_LEN]).map(|reply| reply.to_vec());
        assert_eq!(reply, reference::reset(packet, &reference::Rules::NETFILTER), "{name}");
        bench(criterion, "reset", name, packet);
    }
}

/// Each kind of silence.
fn silences(criterion: &mut Criterion) {
    for (name, reason, packet) in &refused() {
        assert_eq!(tcp_reset::reset(packet, &mut [0; MAX_LEN]), Err(*reason), "{name}");
        bench(criterion, "silence", name, packet);
    }
}

fn bench(criterion: &mut Criterion, group: &str, name: &str, packet: &[u8]) {
    let mut group = criterion.benchmark_group(group);
    group.throughput(throughput(packet)).bench_with_input(name, packet, |bencher, packet| {
        let mut buffer = [0; MAX_LEN];
        bencher.iter(|| tcp_reset::reset(black_box(packet), black_box(&mut buffer)).map(|reply| reply.len()));
    });
    group.finish();
}

fn throughput(packet: &[u8]) -> Throughput {
    Throughput::ElementsAndBytes { elements: 1, bytes: packet.len().try_into().expect("a packet") }
}

criterion_group!(benches, answers, silences);
criterion_main!(benches);
