//! Two adoptions: what a stack that parses segments adds, and what a program that has a pointer to a TCP header writes.

#![allow(clippy::as_conversions, clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "as the stack has it")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

use core::net::Ipv4Addr;

use tcp_reset::{Config, NoReset, tcp};

/// A parsed segment, as smoltcp's stack has it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct TcpRepr<'a> {
    source_port: u16,
    destination_port: u16,
    control: Control,
    seq_number: SeqNumber,
    ack_number: Option<SeqNumber>,
    payload: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Control {
    None,
    Syn,
    Fin,
    Rst,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct SeqNumber(i32);

impl TcpRepr<'_> {
    /// SEG.LEN.
    fn segment_len(&self) -> usize {
        self.payload.len() + usize::from(matches!(self.control, Control::Syn | Control::Fin))
    }

    fn header(&self) -> [u8; 20] {
        let mut header = [0; 20];
        header[..2].copy_from_slice(&self.source_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        header[4..8].copy_from_slice(&self.seq_number.0.to_be_bytes());
        header[8..12].copy_from_slice(&self.ack_number.map_or(0, |ack| ack.0).to_be_bytes());
        let control = match self.control {
            Control::None => 0,
            Control::Syn => tcp::SYN,
            Control::Fin => tcp::FIN,
            Control::Rst => tcp::RST,
        };
        header[12] = 0x50;
        header[13] = if self.ack_number.is_some() { control | tcp::ACK } else { control };
        header
    }
}

/// The reset for a segment that is none. The signature is smoltcp's; five lines are for the numbers: both `let`, `control`,
/// `seq_number` and `ack_number`.
fn rst_reply(repr: &TcpRepr<'_>) -> TcpRepr<'static> {
    let ack = repr.ack_number.map(|ack| ack.0 as u32);
    let (seq, ack) = tcp::reset_numbers(repr.seq_number.0 as u32, ack, repr.segment_len() as u32);
    TcpRepr {
        source_port: repr.destination_port,
        destination_port: repr.source_port,
        control: Control::Rst,
        seq_number: SeqNumber(seq as i32),
        ack_number: ack.map(|ack| SeqNumber(ack as i32)),
        payload: &[],
    }
}

/// As from an XDP program or an skb: a pointer to the header, the length of the segment, and the addresses as they are in
/// memory. Five lines.
fn write_reset(header: &[u8; 20], segment_len: u32, addresses: [u32; 2], reply: &mut [u8; 20]) -> Result<(), NoReset> {
    let addresses = addresses.map(|address| Ipv4Addr::from(address.to_ne_bytes())).into();
    tcp::Reset::in_reply_to_header(header, segment_len, &Config::new())?.write_to(addresses, reply);
    Ok(())
}

/// The addresses as the header has them, in network byte order.
const ADDRESSES: [u32; 2] = [u32::from_ne_bytes([192, 0, 2, 1]), u32::from_ne_bytes([198, 51, 100, 2])];

/// Segments from port 36050 to port 80, and what Linux answers: testdata/vectors/ipv4-netfilter.txt.
const CASES: [(Control, bool, &[u8], &str); 6] = [
    (Control::Syn, false, &[], "00508cd2000000001f2083e950140000936d0000"),
    (Control::None, true, &[], "00508cd253d9736400000000500400006f490000"),
    (Control::None, false, &[], "00508cd2000000001f2083e850140000936e0000"),
    (Control::None, false, &[1, 2, 3], "00508cd2000000001f2083eb50140000936b0000"),
    (Control::Fin, false, &[], "00508cd2000000001f2083e950140000936d0000"),
    (Control::Fin, false, &[1, 2, 3], "00508cd2000000001f2083ec50140000936a0000"),
];

/// The parsed segment and the bytes of Linux' answer.
fn cases() -> impl Iterator<Item = (TcpRepr<'static>, Vec<u8>)> {
    CASES.into_iter().map(|(control, has_ack, payload, answer)| {
        let seq_number = SeqNumber(0x1f20_83e8);
        let ack_number = has_ack.then_some(SeqNumber(0x53d9_7364));
        let repr = TcpRepr { source_port: 36050, destination_port: 80, control, seq_number, ack_number, payload };
        (repr, hex::decode(answer).unwrap())
    })
}

#[test]
fn a_stack_that_parses_segments() {
    for (repr, mut answer) in cases() {
        // The stack fills in the checksum.
        answer[16..18].fill(0);
        assert_eq!(rst_reply(&repr).header(), *answer, "{repr:?}");
    }
}

#[test]
fn a_program_with_a_pointer_to_the_header() {
    for (repr, answer) in cases() {
        let mut reply = [0xa5; 20];
        write_reset(&repr.header(), 20 + repr.payload.len() as u32, ADDRESSES, &mut reply).unwrap();
        assert_eq!(reply, *answer, "{repr:?}");
    }
    let reset = TcpRepr { control: Control::Rst, ..cases().next().unwrap().0 };
    let mut reply = [0xa5; 20];
    assert_eq!(write_reset(&reset.header(), 20, ADDRESSES, &mut reply), Err(NoReset::Rst));
    assert_eq!(reply, [0xa5; 20]);
}
