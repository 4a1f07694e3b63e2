//! Compares the answers of a stack under test with this crate's, and finds differences that are not known.
//!
//! It is written for smoltcp, as an example for the test of any other stack. It has three parts:
//!
//! 1. a packet for the stack, addressed to it and with right checksums ([`Offender`]);
//! 2. the answer it should give: one call of the crate ([`compare`]);
//! 3. the differences that are known, each with a name ([`Class`]). A known difference *predicts* the stack's answer, byte
//!    for byte; an answer that nothing predicts is a finding.
//!
//! Without known differences, the third part is `assert_eq!(theirs, ours)`; `support::difference` names the fields.

use crate::stack::{IPV4, IPV4_BROADCAST, IPV6};
use std::collections::BTreeSet;
use std::fmt;
use support::difference::{differences, list};
use support::packet::{Tcp, V4, V6, repair};
use support::protocol::HOP_BY_HOP;
use support::random::{self, Arbitrary, Unstructured};
use tcp_reset::tcp::{ACK, FIN, SYN};
use tcp_reset::{Config, MAX_LEN, NoReset, Profile, reset_with};

/// A packet that the stack receives.
#[derive(Clone, Debug)]
pub enum Offender {
    /// Over IPv4.
    V4(V4),
    /// Over IPv6.
    V6(V6),
}

impl<'a> Arbitrary<'a> for Offender {
    /// Any of the fuzzer's packets, sent to the stack from somewhere else.
    fn arbitrary(unstructured: &mut Unstructured<'a>) -> random::Result<Self> {
        Ok(match bool::arbitrary(unstructured)? {
            false => {
                let broadcast = unstructured.ratio(1, 32)?;
                let offender = random::v4(unstructured)?;
                let source = if broadcast { IPV4_BROADCAST } else { offender.source };
                Self::V4(V4 { source, destination: IPV4, ..offender })
            }
            true => Self::V6(V6 { destination: IPV6, ..random::v6(unstructured)? }),
        })
    }
}

impl Offender {
    /// The packet, with correct checksums: smoltcp does not verify them when it is built for fuzzing.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::V4(v4) => v4.bytes(),
            Self::V6(v6) => v6.bytes(),
        }
    }

    fn tcp(&self) -> &Tcp {
        match self {
            Self::V4(v4) => &v4.tcp,
            Self::V6(v6) => &v6.tcp,
        }
    }

    fn has(&self, flag: u8) -> bool {
        self.tcp().flags & flag != 0
    }
}

/// A known difference between smoltcp's answer and Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Against RFC 9293: FIN without ACK gets a bare RST with SEQ 0, which its sender ignores.
    FinWithoutAck,
    /// Against RFC 9293: the same for data without ACK.
    DataWithoutAck,
    /// Against RFC 9293: the same for a segment without data, SYN, FIN and ACK.
    NothingWithoutAck,
    /// Silence, where either port is zero.
    PortZero,
    /// Silence, where SYN and FIN are set both.
    SynAndFin,
    /// Silence, where a TCP option is malformed.
    TcpOptions,
    /// Silence, where more fragments follow the first, even if it holds the whole segment.
    FirstFragment,
    /// Silence, where the source is the broadcast address of the stack's own network. smoltcp is right: the crate has no
    /// routing table.
    SubnetBroadcast,
    /// Silence or an ICMP error, where smoltcp does not accept a hop-by-hop header.
    HopByHop,
    /// An ICMP error, where smoltcp does not implement an extension header: all but hop-by-hop.
    ExtensionHeader,
    /// A reset, where the source is an IPv4-mapped IPv6 address, which must not appear in a packet.
    MappedSource,
    /// A reset like Linux's but for a type of service or traffic class of zero, which Linux reflects.
    TrafficClass,
    /// A reset like Linux's but for the other zero as its TCP checksum; receivers take both.
    OtherZero,
}

impl Class {
    /// Every class there is.
    pub const ALL: [Self; 13] = [
        Self::FinWithoutAck,
        Self::DataWithoutAck,
        Self::NothingWithoutAck,
        Self::PortZero,
        Self::SynAndFin,
        Self::TcpOptions,
        Self::FirstFragment,
        Self::SubnetBroadcast,
        Self::HopByHop,
        Self::ExtensionHeader,
        Self::MappedSource,
        Self::TrafficClass,
        Self::OtherZero,
    ];
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::FinWithoutAck => "FIN without ACK gets a bare RST with SEQ 0",
            Self::DataWithoutAck => "data without ACK gets a bare RST with SEQ 0",
            Self::NothingWithoutAck => "an empty segment without ACK gets a bare RST with SEQ 0",
            Self::PortZero => "port 0 gets silence",
            Self::SynAndFin => "SYN with FIN gets silence",
            Self::TcpOptions => "malformed TCP options get silence",
            Self::FirstFragment => "a first fragment gets silence",
            Self::SubnetBroadcast => "a subnet's broadcast address as source gets silence",
            Self::HopByHop => "a hop-by-hop header gets silence or an ICMP error",
            Self::ExtensionHeader => "an extension header gets an ICMP error",
            Self::MappedSource => "an IPv4-mapped source gets a reset",
            Self::TrafficClass => "the traffic class is not reflected",
            Self::OtherZero => "a TCP checksum of zero is the other zero",
        })
    }
}

/// An answer that no known difference predicts.
#[derive(Debug)]
pub struct Unclassified {
    /// What the stack received.
    pub offender: Vec<u8>,
    /// What Linux would have answered, or why nothing.
    pub ours: Result<Vec<u8>, NoReset>,
    /// What the stack answered, if anything.
    pub theirs: Option<Vec<u8>>,
}

impl fmt::Display for Unclassified {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offender, ours, theirs } = self;
        match (ours, theirs) {
            (Ok(ours), Some(theirs)) => formatter.write_str(&list(&differences(ours, theirs)))?,
            (Ok(_), None) => formatter.write_str("silence (ours a reset)")?,
            (Err(reason), _) => write!(formatter, "an answer (ours silence: {reason})")?,
        }
        let hex = |packet: &Vec<u8>| hex::encode(packet);
        let (ours, theirs) = (ours.as_ref().map_or("-".into(), hex), theirs.as_ref().map_or("-".into(), hex));
        write!(formatter, "; offender {}, answer {theirs}, ours {ours}", hex(offender))
    }
}

/// Compares the stack's answer with the one it should have given, and names every difference.
pub fn compare(offender: &Offender, theirs: Option<Vec<u8>>) -> Result<BTreeSet<Class>, Box<Unclassified>> {
    let packet = offender.bytes();

    // The right answer: a stack answers for its closed ports as Linux's does.
    let config = Config::new().profile(Profile::TcpStack);
    let mut buffer = [0; MAX_LEN];
    let ours = reset_with(&packet, &config, &mut buffer).map(|reply| reply.to_vec());

    let known = match (&ours, theirs.as_deref()) {
        (Err(_), None) => Some(BTreeSet::new()),
        (Ok(ours), Some(theirs)) if is_tcp(theirs) => both_reset(offender, ours, theirs),
        (Ok(_), None) => only_we_reset(offender).map(|class| BTreeSet::from([class])),
        (_, Some(theirs)) if !is_tcp(theirs) => icmp_error(offender).map(|class| BTreeSet::from([class])),
        (Err(reason), Some(_)) => only_they_reset(*reason).map(|class| BTreeSet::from([class])),
        (Ok(_), Some(_)) => None,
    };
    known.ok_or_else(|| Box::new(Unclassified { offender: packet, ours, theirs }))
}

/// Two resets: the known differences are applied to ours, and the result has to be theirs.
fn both_reset(offender: &Offender, ours: &[u8], theirs: &[u8]) -> Option<BTreeSet<Class>> {
    let (mut predicted, mut classes) = (ours.to_vec(), BTreeSet::new());
    let tcp = predicted.len() - 20;
    let mut differs = |class| classes.insert(class);

    // smoltcp acknowledges a SYN and nothing else.
    if !offender.has(ACK) && !offender.has(SYN) {
        predicted[tcp + 8..tcp + 12].fill(0);
        predicted[tcp + 13] &= !ACK;
        differs(match ours[tcp + 8..tcp + 12] == offender.tcp().seq.to_be_bytes() {
            _ if offender.has(FIN) => Class::FinWithoutAck,
            false => Class::DataWithoutAck,
            true => Class::NothingWithoutAck,
        });
    }
    // It always sends a traffic class of zero.
    let traffic_class = u16::from_be_bytes([ours[0], ours[1]]) & if ours[0] >> 4 == 4 { 0x00ff } else { 0x0ff0 };
    if traffic_class != 0 {
        predicted[..2].copy_from_slice(if ours[0] >> 4 == 4 { &[0x45, 0] } else { &[0x60, 0] });
        differs(Class::TrafficClass);
    }
    // It leaves a checksum that computes to zero as zero, over either version of IP.
    repair(&mut predicted);
    if predicted[tcp + 16..tcp + 18] != ours[tcp + 16..tcp + 18] && ours[tcp + 16..tcp + 18] == [0xff, 0xff] {
        differs(Class::OtherZero);
    }
    (predicted == theirs).then_some(classes)
}

/// A reset of ours that smoltcp does not send.
fn only_we_reset(offender: &Offender) -> Option<Class> {
    let tcp = offender.tcp();
    Some(match offender {
        _ if tcp.source_port == 0 || tcp.destination_port == 0 => Class::PortZero,
        _ if offender.has(SYN) && offender.has(FIN) => Class::SynAndFin,
        Offender::V4(v4) if v4.fragment & 0x2000 != 0 => Class::FirstFragment,
        Offender::V4(v4) if v4.source == IPV4_BROADCAST => Class::SubnetBroadcast,
        Offender::V6(v6) if v6.extensions.first().is_some_and(|(kind, _)| *kind == HOP_BY_HOP) => Class::HopByHop,
        _ if malformed_options(tcp) => Class::TcpOptions,
        _ => return None,
    })
}

/// An ICMP error instead of a reset, or of silence.
fn icmp_error(offender: &Offender) -> Option<Class> {
    let Offender::V6(v6) = offender else { return None };
    match v6.extensions.iter().find(|(kind, _)| *kind != HOP_BY_HOP) {
        Some(_) => Some(Class::ExtensionHeader),
        None if !v6.extensions.is_empty() => Some(Class::HopByHop),
        None => None,
    }
}

/// A reset of smoltcp's that we do not send.
fn only_they_reset(reason: NoReset) -> Option<Class> {
    (reason == NoReset::Source).then_some(Class::MappedSource)
}

fn is_tcp(packet: &[u8]) -> bool {
    match packet {
        [first, ..] if first >> 4 == 4 => packet.get(9) == Some(&6),
        _ => packet.get(6) == Some(&6),
    }
}

/// Whether the options are malformed, or one of a known kind has a wrong length.
fn malformed_options(tcp: &Tcp) -> bool {
    // A data offset that is not the right one makes options of data, or data of options.
    let header = [&tcp.options[..], &tcp.data[..]].concat();
    let options_len = tcp.data_offset.map_or(tcp.options.len(), |words| (usize::from(words) * 4).saturating_sub(20));
    let mut options = header.get(..options_len).unwrap_or_default();
    loop {
        options = match options {
            // End of list.
            [] | [0, ..] => return false,
            // No operation.
            [1, rest @ ..] => rest,
            [kind, len, ..] => {
                let possible = match kind {
                    2 => *len == 4,
                    3 => *len == 3,
                    4 => *len == 2,
                    5 => *len >= 10 && (*len - 2) % 8 == 0,
                    _ => *len >= 2,
                };
                match options.get(usize::from(*len)..) {
                    Some(rest) if possible => rest,
                    _ => return true,
                }
            }
            [_] => return true,
        }
    }
}
