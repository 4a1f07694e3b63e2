//! Measures the whole job: packet in, reset out.

use std::hint::black_box;

use support::frames::{ether_type, frame};
use tcp_reset_peers::packets::{self, ACK_40, DATA_576, DATA_1500, FIN_65, IPV6_SYN_60, SYN_40, SYN_60, of};

use crate::implementations::{
    Answer, Buffer, Config, FORMS, LOWER_BOUNDS, ON_FRAMES, PEERS, tcp_reset, tcp_reset_frame,
};
use crate::measure::{self, ETHERNET_HEADER_LEN, Implementation, Time};

/// The addresses of the Ethernet frames.
const DESTINATION: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 2];

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
        set("SYN 40", of(SYN_40)),
        set("SYN 60", of(SYN_60)),
        set("ACK 40", of(ACK_40)),
        set("FIN 65", of(FIN_65)),
        set("data 576", of(DATA_576)),
        set("data 1500", of(DATA_1500)),
        set("mixed", packets::mixed()),
        set("IPv6 SYN 60", of(IPV6_SYN_60)),
    ]
}

/// An implementation and its results for every set.
pub struct Row {
    /// Its name.
    pub name: String,
    /// Whether it answers, or is a lower bound.
    pub answers: bool,
    /// One cell for each set.
    pub cells: Vec<Cell>,
}

/// An implementation's result for one set.
pub struct Cell {
    /// How long an answer took.
    pub time: Time,
    /// How many packets it answered with other bytes than this crate.
    pub wrong: usize,
    /// How many packets it did not answer.
    pub refused: usize,
}

/// Measures all implementations on all sets. The first row is this crate.
pub fn measure(rounds: usize, sets: &[Set]) -> Vec<Row> {
    let ours: (&str, Answer) = ("**tcp-reset**", tcp_reset);
    let on_packets = [&[ours], PEERS, FORMS].concat();
    let names = on_packets.iter().chain(ON_FRAMES).chain(LOWER_BOUNDS).map(|(name, _)| (*name).to_owned());
    let mut rows: Vec<Row> = names.map(|name| Row { name, answers: true, cells: Vec::new() }).collect();
    let answering = on_packets.len() + ON_FRAMES.len();
    rows[answering..].iter_mut().for_each(|row| row.answers = false);

    for Set { name, packets } in sets {
        eprintln!("{name}: {} packets", packets.len());
        let frames: Vec<Vec<u8>> =
            packets.iter().map(|packet| frame(DESTINATION, SOURCE, &[], ether_type(packet), packet)).collect();
        let compared = on_packets.iter().map(|(_, answer)| compare(tcp_reset, *answer, packets));
        let compared = compared.chain(ON_FRAMES.iter().map(|(_, answer)| compare(tcp_reset_frame, *answer, &frames)));
        let compared: Vec<_> = compared.chain(LOWER_BOUNDS.iter().map(|_| (0, 0))).collect();

        let on_packets = on_packets.iter().map(|(_, answer)| (answer, packets, ETHERNET_HEADER_LEN));
        let on_frames = ON_FRAMES.iter().map(|(_, answer)| (answer, &frames, 0));
        let lower_bounds = LOWER_BOUNDS.iter().map(|(_, answer)| (answer, packets, ETHERNET_HEADER_LEN));
        let mut implementations: Vec<Implementation<'_>> = on_packets
            .chain(on_frames)
            .chain(lower_bounds)
            .map(|(answer, pieces, place)| -> Implementation<'_> {
                Box::new(move |passes| time(*answer, pieces, place, passes))
            })
            .collect();
        let times = measure::in_turn(rounds, packets.len(), &mut implementations);
        for ((row, time), (wrong, refused)) in rows.iter_mut().zip(times).zip(compared) {
            row.cells.push(Cell { time, wrong, refused });
        }
    }
    rows
}

/// Nanoseconds for an answer to one of the packets, each `place` bytes into a cache line.
pub fn time(answer: Answer, packets: &[Vec<u8>], place: usize, passes: usize) -> f64 {
    let mut buffer = [0; 1 << 16];
    let (answer, settings) = (black_box(answer), black_box(Config::new()));
    measure::time(packets, place, passes, |packet| {
        answer(packet, &settings, &mut buffer);
    })
}

/// How many packets are answered with other bytes than `ours`, and how many are not answered.
pub fn compare(ours: Answer, theirs: Answer, packets: &[Vec<u8>]) -> (usize, usize) {
    let (settings, mut wrong, mut refused) = (Config::new(), 0, 0);
    for packet in packets {
        // The buffers hold different bytes before, so that a byte that is not written shows.
        let (mut a, mut b): (Buffer, Buffer) = ([0xa5; 1 << 16], [0x5a; 1 << 16]);
        let expected = ours(packet, &settings, &mut a).and_then(|len| a.get(..len));
        match theirs(packet, &settings, &mut b).and_then(|len| b.get(..len)) {
            None => refused += 1,
            answer if answer != expected => wrong += 1,
            _ => {}
        }
    }
    (wrong, refused)
}
