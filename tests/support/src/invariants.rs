//! Promises about every packet.

use crate::DIRT;
use crate::reference::{self, Rules, pseudo_header, sum};
use tcp_reset::{Fate, MAX_LEN, NoReset, Offender, Reset};

/// Asserts all that the crate promises about `packet` under `rules`, and returns its answer.
pub fn check(packet: &[u8], rules: &Rules) -> Result<Vec<u8>, NoReset> {
    let answer = reference::reset(packet, rules);
    let config = rules.config();
    let decision = Reset::in_reply_to(packet, &config);
    let with_config = written(|buffer| tcp_reset::reset_with(packet, &config, buffer));
    assert_eq!(with_config, answer, "reset_with differs from the reference model");
    let in_two_steps = written(|buffer| Ok(decision?.emit(buffer)));
    assert_eq!(in_two_steps, answer, "in_reply_to and emit differ from the reference model");
    let by_default = written(|buffer| tcp_reset::reset(packet, buffer));
    assert_eq!(by_default, reference::reset(packet, &Rules::NETFILTER), "reset differs from the reference model");

    let offender = Offender::of(packet);
    if let (Ok(reset), Ok(reply)) = (decision, &answer) {
        assert!(reply.len() <= packet.len(), "amplification");
        for rules in Rules::all() {
            assert_eq!(Reset::in_reply_to(reply, &rules.config()), Err(NoReset::Rst), "a reset answers a reset");
        }
        let mut frame = packet.to_vec();
        assert_eq!(reset.emit_to_slice(&mut frame).unwrap(), reply, "in place it differs");
        assert_eq!(frame[reply.len()..], packet[reply.len()..], "in place more than the reply was written");

        assert_eq!(reset.len(), reply.len());
        let (offender, tcp) = (offender.unwrap(), reset.tcp());
        assert_eq!((offender.source, offender.destination), (reset.destination(), reset.source()));
        assert_eq!(offender.ports, Some((tcp.destination_port, tcp.source_port)));
    }
    check_partial_checksum(packet, rules, &answer);
    check_for_destination(packet, rules, &answer);
    answer
}

/// With a partial checksum the reset is the same, except that the checksum field holds the pseudo-header's sum.
fn check_partial_checksum(packet: &[u8], rules: &Rules, complete: &Result<Vec<u8>, NoReset>) {
    let config = rules.config().partial_checksum(true);
    let at_once = written(|buffer| tcp_reset::reset_with(packet, &config, buffer));
    let in_two_steps = written(|buffer| Ok(Reset::in_reply_to(packet, &config)?.emit(buffer)));
    assert_eq!(at_once, in_two_steps, "partial checksums differ");
    let expected = complete.clone().map(|mut reply| {
        let tcp = reply.len() - 20;
        let addresses = if tcp == 20 { &reply[12..20] } else { &reply[8..40] };
        let sum = sum(&pseudo_header(addresses, 20));
        reply[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
        reply
    });
    assert_eq!(at_once, expected, "partial checksum");
}

/// The same for the reset that goes to the destination; `to_source` is the answer to the source.
fn check_for_destination(packet: &[u8], rules: &Rules, to_source: &Result<Vec<u8>, NoReset>) {
    let config = rules.config();
    for fate in [Fate::Dropped, Fate::Delivered] {
        let answer = reference::reset_for_destination(packet, fate, rules);
        let decision = Reset::for_destination(packet, fate, &config);
        let written_at_once = written(|buffer| tcp_reset::reset_for_destination(packet, fate, &config, buffer));
        assert_eq!(written_at_once, answer, "reset_for_destination differs from the reference model, {fate:?}");
        assert_eq!(written(|buffer| Ok(decision?.emit(buffer))), answer, "for_destination and emit differ, {fate:?}");
        match (decision, &answer) {
            (Ok(reset), Ok(reply)) => {
                assert_eq!(Reset::in_reply_to(reply, &config), Err(NoReset::Rst), "a reset answers a reset");
                let again = Reset::for_destination(reply, fate, &config);
                assert_eq!(again, Err(NoReset::Rst), "a reset follows a reset");
                assert_eq!(reset.emit_to_slice(&mut packet.to_vec()).unwrap(), reply, "in place it differs");
                let offender = Offender::of(packet).unwrap();
                assert_eq!((offender.source, offender.destination), (reset.source(), reset.destination()));
                let ports = (reset.tcp().source_port, reset.tcp().destination_port);
                assert_eq!(offender.ports, Some(ports));
            }
            // Both kinds have the same reasons for silence, and a dropped SYN is one more.
            (Err(NoReset::NoConnection), _) => assert!(to_source.is_ok() && fate == Fate::Dropped),
            (Err(reason), _) => assert_eq!(to_source, &Err(reason)),
            (Ok(_), Err(_)) => unreachable!(),
        }
    }
}

/// What `answer` returns. Asserts that it is the front of the buffer and that nothing else was written.
fn written(answer: impl FnOnce(&mut [u8; MAX_LEN]) -> Result<&mut [u8], NoReset>) -> Result<Vec<u8>, NoReset> {
    let mut buffer = [DIRT; MAX_LEN];
    let reply = answer(&mut buffer).map(|reply| reply.to_vec());
    let (front, rest) = buffer.split_at(reply.as_ref().map_or(0, Vec::len));
    assert_eq!(front, reply.as_deref().unwrap_or_default(), "the reply is not in the buffer");
    assert!(rest.iter().all(|&byte| byte == DIRT), "more than the reply was written");
    reply
}
