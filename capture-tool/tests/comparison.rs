//! The resets that a capture holds, beside ours.

use tcp_reset::Profile;

use crate::captures::Pcap;
use crate::packets::{backwards, repair, reply, segment, syn};
use crate::program::{Run, Scratch, read, resets};

/// What the summary says of these packets.
fn compared(packets: &[&[u8]]) -> String {
    read(&raw(packets)).summary("same as the capture's own reset").to_owned()
}

fn raw(packets: &[&[u8]]) -> Vec<u8> {
    packets.iter().fold(Pcap::new(101), |capture, packet| capture.frame(packet)).bytes
}

#[test]
fn counts_a_reset_for_each_offender_and_each_retransmission() {
    let offender = syn();
    let reset = reply(&offender, Profile::Netfilter);
    assert_eq!(compared(&[&offender, &reset]), "1 of 1 (in the netfilter profile 1)");
    assert_eq!(compared(&[&offender, &offender, &reset, &reset]), "2 of 2 (in the netfilter profile 2)");
    assert_eq!(compared(&[&offender, &reset, &offender, &reset]), "2 of 2 (in the netfilter profile 2)");
}

#[test]
fn tells_the_profiles_apart() {
    let mut offender = syn();
    offender[1] = 0x1b;
    repair(&mut offender);
    let reset = reply(&offender, Profile::TcpStack);
    assert_eq!(compared(&[&offender, &reset]), "1 of 1 (in the TCP-stack profile alone 1)");
}

#[test]
fn forgives_routers_on_the_way() {
    let offender = syn();
    let mut reset = reply(&offender, Profile::Netfilter);
    reset[8] = 57;
    repair(&mut reset);
    assert_eq!(compared(&[&offender, &reset]), "0 of 1 (the same but for the hop limit 1)");
}

#[test]
fn tells_of_resets_unlike_ours() {
    let offender = syn();
    let mut window = reply(&offender, Profile::Netfilter);
    window[34] = 4;
    // Some stacks forget that a SYN counts.
    let mut number = reply(&offender, Profile::Netfilter);
    number[31] -= 1;
    for mut reset in [window, number] {
        repair(&mut reset);
        assert_eq!(compared(&[&offender, &reset]), "0 of 1 (differing 1)");
    }
    // Where we are silent.
    let mut silenced = syn();
    silenced[36] ^= 1;
    assert_eq!(compared(&[&silenced, &reply(&offender, Profile::Netfilter)]), "0 of 1 (differing 1)");
}

#[test]
fn leaves_out_a_reset_that_answers_nothing() {
    let ack = segment(0x10, b"");
    let abort = backwards(segment(0x14, b""));
    // Nobody was there to be answered.
    assert_eq!(compared(&[&abort]), "0 of 0");
    // Somebody was, but in a conversation that the reset gives up.
    assert_eq!(compared(&[&ack, &backwards(ack.clone()), &abort]), "0 of 0");
    // It goes where the offender went.
    let offender = syn();
    let reset = reply(&offender, Profile::Netfilter);
    assert_eq!(compared(&[&offender, &backwards(reset.clone())]), "0 of 0");
    // It is damaged, so that nobody heeds it.
    let mut damaged = reset;
    damaged[10] ^= 1;
    assert_eq!(compared(&[&offender, &damaged]), "0 of 0");
}

#[test]
fn counts_a_reset_that_ends_a_conversation_as_an_answer_does() {
    let ack = segment(0x10, b"");
    let reset = reply(&ack, Profile::Netfilter);
    let answer = backwards(ack.clone());
    assert_eq!(compared(&[&ack, &answer, &ack, &reset]), "1 of 1 (in the netfilter profile 1)");
    // From another system, which has its own hop limit and counts its packets.
    let mut other = reset;
    other[4] = 1;
    repair(&mut other);
    assert_eq!(compared(&[&ack, &answer, &ack, &other]), "0 of 1 (differing 1)");
}

#[test]
fn leaves_checksums_out_where_they_are_not_verified() {
    let offender = syn();
    let mut reset = reply(&offender, Profile::Netfilter);
    reset[36] ^= 1;
    let capture = Scratch::new("offload.pcap", &raw(&[&offender, &reset]));
    let label = "same as the capture's own reset";
    assert_eq!(Run::of(resets().arg(&capture.0)).summary(label), "0 of 1 (differing 1)");
    assert_eq!(Run::of(resets().arg("-K").arg(&capture.0)).summary(label), "1 of 1 (in the netfilter profile 1)");
}

#[test]
fn remembers_an_offender_among_many() {
    let offender = syn();
    let mut packets = vec![offender.clone()];
    packets.extend((0..10_000_u16).map(|port| {
        let mut other = syn();
        other[20..22].copy_from_slice(&port.to_be_bytes());
        repair(&mut other);
        other
    }));
    packets.push(reply(&offender, Profile::Netfilter));
    let packets: Vec<_> = packets.iter().map(Vec::as_slice).collect();
    assert_eq!(compared(&packets), "1 of 1 (in the netfilter profile 1)");
}
