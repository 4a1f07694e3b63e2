//! Writes the seeds of the target `bytes`: packets made up here, one for each kind of answer, and packets from captures,
//! one of each shape.
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --example seeds -- fuzz/seeds/bytes [CAPTURE.pcap]...
//! ```

use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use std::collections::HashSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;
use tcp_reset::tcp::{ACK, FIN, RST, SYN};
use tcp_reset_fuzz::common::offender::{Tcp, V4, V6};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(directory) = arguments.next() else {
        eprintln!("usage: seeds DIRECTORY [CAPTURE.pcap]...");
        return ExitCode::FAILURE;
    };
    let directory = Path::new(&directory);
    if let Err(error) = write(directory, made_up()) {
        eprintln!("{}: {error}", directory.display());
        return ExitCode::FAILURE;
    }
    for capture in arguments {
        if let Err(error) = captured(Path::new(&capture)).and_then(|seeds| write(directory, seeds)) {
            eprintln!("{capture}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Names and packets.
type Seeds = Vec<(String, Vec<u8>)>;

fn write(directory: &Path, seeds: Seeds) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    for (name, packet) in seeds {
        fs::write(directory.join(name), packet)?;
    }
    Ok(())
}

/// What a fuzzer takes long to come by itself: right checksums, beside every field that decides something.
fn made_up() -> Seeds {
    let segments = [
        ("syn", Tcp::default()),
        ("ack", Tcp { flags: ACK, ack: 1_406_759_780, ..Tcp::default() }),
        ("fin-data", Tcp { flags: FIN, data: b"some data".to_vec(), ..Tcp::default() }),
        ("syn-options", Tcp { flags: SYN, options: vec![2, 4, 5, 0xb4, 1, 3, 3, 7], ..Tcp::default() }),
        ("data-offset-15", Tcp { flags: 0, data_offset: Some(15), ..Tcp::default() }),
        ("rst", Tcp { flags: RST, ..Tcp::default() }),
    ];
    let mut seeds = Vec::new();
    for (name, tcp) in segments {
        seeds.push((format!("v4-{name}"), V4::with(tcp.clone()).bytes()));
        seeds.push((format!("v6-{name}"), V6::with(tcp).bytes()));
    }
    let v4 = [
        ("options", V4 { options: vec![1; 12], ..V4::default() }),
        ("first-fragment", V4 { fragment: 0x2000, ..V4::default() }),
        ("fragment", V4 { fragment: 0x2001, ..V4::default() }),
        ("multicast", V4 { source: [224, 0, 0, 1], ..V4::default() }),
        ("udp", V4 { protocol: 17, ..V4::default() }),
    ];
    seeds.extend(v4.map(|(name, packet)| (format!("v4-{name}"), packet.bytes())));
    let chain = [(0, 8), (60, 16), (43, 8), (44, 8), (51, 12)];
    let extensions = chain.map(|(kind, len)| {
        let mut header = vec![0; len];
        header[1] = if kind == 51 { 1 } else { u8::try_from(len / 8 - 1).expect("a short header") };
        (kind, header)
    });
    let v6 = [
        ("chain", V6 { extensions: extensions.to_vec(), ..V6::default() }),
        ("fragment", V6 { extensions: vec![(44, vec![0, 0, 0, 9, 0, 0, 0, 1])], ..V6::default() }),
        ("mapped", V6 { source: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1], ..V6::default() }),
        ("udp", V6 { protocol: 17, ..V6::default() }),
    ];
    seeds.extend(v6.map(|(name, packet)| (format!("v6-{name}"), packet.bytes())));
    seeds
}

/// One packet of each shape: version, lengths of headers, protocol, flags, and whether there is data.
fn captured(path: &Path) -> Result<Seeds, Box<dyn Error>> {
    let mut reader = PcapReader::new(BufReader::new(File::open(path)?))?;
    let link_header = match reader.header().datalink {
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => 0,
        DataLink::ETHERNET => 14,
        DataLink::LINUX_SLL => 16,
        DataLink::LINUX_SLL2 => 20,
        other => return Err(format!("link type {other:?} is not known here").into()),
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (mut seeds, mut shapes) = (Seeds::new(), HashSet::new());
    let mut number = 0;
    while let Some(record) = reader.next_packet() {
        let record = record?;
        number += 1;
        let packet = record.data.get(link_header..).unwrap_or_default();
        if let Some(shape) = shape(packet).filter(|_| packet.len() <= 1500)
            && shapes.insert(shape)
        {
            seeds.push((format!("{stem}-{number}"), packet.to_vec()));
        }
    }
    Ok(seeds)
}

fn shape(packet: &[u8]) -> Option<[u8; 6]> {
    let (segment, protocol) = match packet.first()? >> 4 {
        4 => (usize::from(packet[0] & 0x0f) * 4, *packet.get(9)?),
        6 => (40, *packet.get(6)?),
        _ => return None,
    };
    let (flags, data_offset) = (*packet.get(segment + 13)?, packet[segment + 12] >> 4);
    let data = packet.len() > segment + usize::from(data_offset) * 4;
    Some([packet[0], protocol, flags, data_offset, u8::from(data), u8::from(packet.len() < 46)])
}
