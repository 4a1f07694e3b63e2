//! The time of a silence compared with a reset, and the time that trust saves.

use anyhow::{Result, ensure};
use tcp_reset::{Checksum, Config, reset_with};
use tcp_reset_peers::packets::{self, DATA_576, DATA_1500, RST_40, SYN_40, of};

use crate::answers;
use crate::implementations::{Answer, Buffer, tcp_reset};
use crate::measure::{self, ETHERNET_HEADER_LEN, Time};

/// One comparison: the time of the first, its ratio to the second.
pub struct Row {
    /// What is measured.
    pub name: &'static str,
    /// What it is compared with.
    pub beside: &'static str,
    /// How long it took, and how many times as long as what it is compared with.
    pub time: Time,
}

/// Packets, and the function that answers them.
struct Work {
    packets: Vec<Vec<u8>>,
    answer: Answer,
    answered: bool,
}

/// Measures all of them.
pub fn measure(rounds: usize) -> Result<Vec<Row>> {
    let resets = |packets| Work { packets, answer: tcp_reset, answered: true };
    let silences = |packets| Work { packets, answer: tcp_reset, answered: false };
    let trusts = |packets| Work { packets, answer: trust, answered: true };
    let [syn, short, data] = [SYN_40, DATA_576, DATA_1500].map(|kind| move || of(kind));
    [
        ("RST, 40 bytes", "a SYN of 40", silences(of(RST_40)), resets(syn())),
        ("later fragment, 40 bytes", "a SYN of 40", silences(packets::as_fragments(syn())), resets(syn())),
        ("later fragment, 1500 bytes", "the packet whole", silences(packets::as_fragments(data())), resets(data())),
        ("UDP, 40 bytes", "a SYN of 40", silences(packets::as_udp(syn())), resets(syn())),
        ("UDP, 1500 bytes", "the packet as TCP", silences(packets::as_udp(data())), resets(data())),
        ("wrong TCP checksum, 40 bytes", "the right one", silences(packets::as_damaged(syn())), resets(syn())),
        ("wrong TCP checksum, 576 bytes", "the right one", silences(packets::as_damaged(short())), resets(short())),
        ("wrong TCP checksum, 1500 bytes", "the right one", silences(packets::as_damaged(data())), resets(data())),
        ("trusted TCP checksum, 65535 bytes", "a trusted SYN of 40", trusts(packets::data_65535()), trusts(syn())),
        ("trusted TCP checksum, 65535 bytes", "a verified SYN of 40", trusts(packets::data_65535()), resets(syn())),
    ]
    .into_iter()
    .map(|(name, beside, work, other)| {
        eprintln!("{name}");
        let time = |work: &Work, passes| answers::time(work.answer, &work.packets, ETHERNET_HEADER_LEN, passes);
        for work in [&work, &other] {
            let answered = |packet: &Vec<u8>| (work.answer)(packet, &Config::new(), &mut [0; 1 << 16]).is_some();
            ensure!(
                work.packets.iter().all(|packet| answered(packet) == work.answered),
                "{name}: a packet is answered that should not be, or the other way round"
            );
        }
        let mut implementations: [measure::Implementation<'_>; 2] =
            [Box::new(|passes| time(&other, passes)), Box::new(|passes| time(&work, passes))];
        let times = measure::in_turn(rounds, work.packets.len(), &mut implementations);
        Ok(Row { name, beside, time: times[1] })
    })
    .collect()
}

/// The crate, with the TCP checksum trusted.
#[inline(never)]
fn trust(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    const CONFIG: Config = Config::new().tcp_checksum(Checksum::Trust);
    reset_with(packet, &CONFIG, buffer.first_chunk_mut()?).ok().map(|reply| reply.len())
}
