//! What holds for every packet there is.

use super::DIRT;
use super::reference::{self, Rules};
use tcp_reset::{MAX_LEN, NoReset, Reset};

/// Asserts all that the crate promises about `packet` under `rules`, and returns its answer.
pub fn check(packet: &[u8], rules: &Rules) -> Result<Vec<u8>, NoReset> {
    let answer = answer(packet, rules);
    assert_eq!(answer, reference::reset(packet, rules), "the reference model differs");

    let mut buffer = [DIRT; MAX_LEN];
    let short = tcp_reset::reset(packet, &mut buffer).map(|reply| reply.to_vec());
    assert_eq!(short, reference::reset(packet, &Rules::NETFILTER), "the short way differs");
    let written = short.map_or(0, |reply| reply.len());
    assert!(buffer[written..].iter().all(|&byte| byte == DIRT), "more than the reply was written");

    if let Ok(reply) = &answer {
        assert!(reply.len() <= packet.len(), "amplification");
        for rules in Rules::all() {
            assert_eq!(Reset::in_reply_to(reply, &rules.config()), Err(NoReset::Rst), "a reset answers a reset");
        }
        let mut frame = packet.to_vec();
        let reset = Reset::in_reply_to(&frame, &rules.config()).unwrap();
        assert_eq!(reset.emit(&mut frame).unwrap(), reply, "in place it differs");
        assert_eq!(frame[reply.len()..], packet[reply.len()..], "in place more than the reply was written");
    }
    answer
}

/// The crate's answer, written into a buffer with room behind it.
fn answer(packet: &[u8], rules: &Rules) -> Result<Vec<u8>, NoReset> {
    let reset = Reset::in_reply_to(packet, &rules.config())?;
    let mut buffer = [DIRT; MAX_LEN + 4];
    let reply = reset.emit(&mut buffer).unwrap().to_vec();
    assert!(buffer[reply.len()..].iter().all(|&byte| byte == DIRT), "more than the reply was written");
    Ok(reply)
}
