//! Measures the whole job: packet in, reset out.

use std::hint::black_box;

use tcp_reset_peers::packets;

use crate::contenders::{Answer, Buffer, FLOORS, PEERS, tcp_reset, tcp_reset_frame};
use crate::measure::{self, Contender, Time};

/// Packets of a kind, all answered.
pub struct Set {
    /// The head of its column.
    pub name: &'static str,
    /// The packets.
    pub packets: Vec<Vec<u8>>,
}

/// All of them, in the order of the columns.
pub fn sets() -> Vec<Set> {
    let set = |name, packets| Set { name, packets };
    vec![
        set("SYN 40", packets::syn_40()),
        set("SYN 60", packets::syn_60()),
        set("ACK 40", packets::ack_40()),
        set("FIN 65", packets::fin_65()),
        set("data 576", packets::data_576()),
        set("data 1500", packets::data_1500()),
        set("mixed", packets::mixed()),
        set("IPv6 SYN 60", packets::ipv6_syn_60()),
    ]
}

/// A contender and its results for every set.
pub struct Row {
    /// Its name.
    pub name: String,
    /// Whether it answers, or is a lower bound.
    pub answers: bool,
    /// One cell for each set.
    pub cells: Vec<Cell>,
}

/// A contender's result for one set.
pub struct Cell {
    /// How long an answer took.
    pub time: Time,
    /// How many packets it answered with other bytes than this crate.
    pub wrong: usize,
    /// How many packets it did not answer.
    pub refused: usize,
}

/// Measures all contenders on all sets. The first row is this crate, the second this crate on Ethernet frames.
pub fn measure(rounds: usize, sets: &[Set]) -> Vec<Row> {
    let here = |name: &str| Row { name: name.to_owned(), answers: true, cells: Vec::new() };
    let mut rows = vec![here("**tcp-reset**"), here("tcp-reset, Ethernet frames")];
    rows.extend(PEERS.iter().map(|(name, _)| here(name)));
    rows.extend(FLOORS.iter().map(|(name, _)| Row { answers: false, ..here(name) }));

    for set in sets {
        eprintln!("{}: {} packets", set.name, set.packets.len());
        // First compare the answers. This crate's own two rows and the lower bounds are not compared.
        let mut compared = vec![(0, 0); 2];
        compared.extend(PEERS.iter().map(|(_, answer)| compare(*answer, &set.packets)));
        compared.resize(rows.len(), (0, 0));

        let frames: Vec<Vec<u8>> = set.packets.iter().map(|packet| frame(packet)).collect();
        let mut contenders: Vec<Contender<'_>> = vec![
            Box::new(|passes| time(tcp_reset, &set.packets, passes)),
            Box::new(|passes| time(tcp_reset_frame, &frames, passes)),
        ];
        for (_, answer) in PEERS.iter().chain(FLOORS) {
            contenders.push(Box::new(|passes| time(*answer, &set.packets, passes)));
        }
        let times = measure::in_turn(rounds, set.packets.len(), &mut contenders);
        for ((row, time), (wrong, refused)) in rows.iter_mut().zip(times).zip(compared) {
            row.cells.push(Cell { time, wrong, refused });
        }
    }
    rows
}

/// The packet in an Ethernet frame without a VLAN tag.
fn frame(packet: &[u8]) -> Vec<u8> {
    let ether_type = if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &ether_type[..], packet].concat()
}

/// Nanoseconds for an answer to one of the packets.
pub fn time(answer: Answer, packets: &[Vec<u8>], passes: usize) -> f64 {
    let mut buffer = [0; 1 << 16];
    let answer = black_box(answer);
    measure::time(packets, passes, |packet| {
        answer(packet, &mut buffer);
    })
}

/// How many packets are answered with other bytes than this crate's, and how many are not answered.
pub fn compare(answer: Answer, packets: &[Vec<u8>]) -> (usize, usize) {
    let (mut wrong, mut refused) = (0, 0);
    for packet in packets {
        // The buffers hold different bytes before, so that a byte that is not written shows.
        let (mut ours, mut theirs): (Buffer, Buffer) = ([0xa5; 1 << 16], [0x5a; 1 << 16]);
        let ours = tcp_reset(packet, &mut ours).and_then(|len| ours.get(..len));
        match answer(packet, &mut theirs).and_then(|len| theirs.get(..len)) {
            None => refused += 1,
            theirs if theirs != ours => wrong += 1,
            _ => {}
        }
    }
    (wrong, refused)
}
