//! What a silence costs beside a reset, and what trust saves.

use std::hint::black_box;

use anyhow::{Result, ensure};
use tcp_reset::{Checksum, Config, MAX_LEN, Reset};
use tcp_reset_peers::packets;

use crate::measure::{self, Time};

/// One comparison: the time of the first, its ratio to the second.
pub struct Row {
    /// What is measured.
    pub name: &'static str,
    /// What it is compared with.
    pub beside: &'static str,
    /// How long it took, and how many times as long as what it is compared with.
    pub time: Time,
}

/// What is handed to the crate, and how.
struct Work {
    packets: Vec<Vec<u8>>,
    checksum: Checksum,
    answered: bool,
}

/// Measures all of them.
pub fn measure(rounds: usize) -> Result<Vec<Row>> {
    let resets = |packets| Work { packets, checksum: Checksum::Verify, answered: true };
    let silences = |packets| Work { packets, checksum: Checksum::Verify, answered: false };
    let trusts = |packets| Work { packets, checksum: Checksum::Trust, answered: true };
    let syn = packets::syn_40;
    let data = packets::data_1500;
    let short = packets::data_576;
    [
        ("RST, 40 bytes", "a SYN of 40", silences(packets::rst_40()), resets(syn())),
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
        let time = |work: &Work, passes| {
            let config = black_box(Config::new().tcp_checksum(work.checksum));
            let mut buffer = [0; MAX_LEN];
            measure::time(&work.packets, passes, |packet| {
                black_box(answer(packet, &config, &mut buffer));
            })
        };
        for work in [&work, &other] {
            let answered = |packet: &Vec<u8>| Reset::in_reply_to(packet, &Config::new().tcp_checksum(work.checksum));
            ensure!(work.packets.iter().all(|packet| answered(packet).is_ok() == work.answered), "{name}: not so");
        }
        let mut contenders: [measure::Contender<'_>; 2] =
            [Box::new(|passes| time(&other, passes)), Box::new(|passes| time(&work, passes))];
        let times = measure::in_turn(rounds, work.packets.len(), &mut contenders);
        Ok(Row { name, beside, time: times[1] })
    })
    .collect()
}

/// The crate with a configuration that the compiler does not know.
#[inline(never)]
fn answer(packet: &[u8], config: &Config, buffer: &mut [u8; MAX_LEN]) -> Option<usize> {
    Reset::in_reply_to(packet, config).ok()?.emit(buffer).map(|reply| reply.len())
}
