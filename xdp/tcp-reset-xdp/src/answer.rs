use core::net::IpAddr;

use tcp_reset::checksum::Sum;
use tcp_reset::{Checksum, Config, NoReset, ipv4, ipv6};

use crate::{Frame, Reason};

/// The checksum of the segment is verified here.
const CONFIG: Config = Config::new().tcp_checksum(Checksum::Trust);

const TCP: u8 = 6;

/// IPv6 extension headers, as the next header of the IPv6 header.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// What an Ethernet header ends in, or a VLAN tag begins with.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TAG: u16 = 0x8100;
const SERVICE_TAG: u16 = 0x88a8;
/// A service tag before 802.1ad.
const OLD_SERVICE_TAG: u16 = 0x9100;

/// What a program answers, and how. Mark each method `#[inline(always)]`.
pub trait Policy {
    /// Whether this segment is answered, if nothing forbids it: `Err` with the reason if not. It is asked before the
    /// checksum is verified.
    ///
    /// A frame for another host on the same link also arrives here, where the network card or a switch delivers it: compare
    /// [`Segment::link`] with the interface's address if yours may.
    fn wants(&mut self, segment: &Segment) -> Result<(), Reason>;

    /// Whether the TCP checksum is verified, 30 ns for 1,500 bytes. `false` only where the sender or the network card
    /// answers for it.
    #[inline(always)]
    fn verifies_checksum(&self) -> bool {
        true
    }

    /// The last question before the reset is written: a limit goes here. `source` is the address that gets the reset, an
    /// IPv4 address as the last four of the bytes, after 0, 0, 0xff, 0xff; of an IPv6 address the first eight, since one
    /// host may use a whole /64.
    #[inline(always)]
    fn permits(&mut self, source: [u8; 8]) -> Result<(), Reason> {
        let _ = source;
        Ok(())
    }

    /// Whether the frame is cut to the length of the reset. If not, what the offender had after its TCP header is sent after
    /// the reset, as padding.
    #[inline(always)]
    fn cuts(&self) -> bool {
        true
    }
}

/// The headers of a TCP segment, in place.
pub struct Segment<'a> {
    /// The Ethernet header, without VLAN tags: destination, source, type.
    pub link: &'a [u8; 14],
    /// The addresses of the IP header, source and destination.
    addresses: Addresses<'a>,
    /// The TCP header, without options.
    pub tcp: &'a [u8; 20],
}

enum Addresses<'a> {
    V4([&'a [u8; 4]; 2]),
    V6([&'a [u8; 16]; 2]),
}

impl Segment<'_> {
    /// The address that it says it comes from.
    #[must_use]
    #[inline(always)]
    pub fn source(&self) -> IpAddr {
        match self.addresses {
            Addresses::V4([source, _]) => (*source).into(),
            Addresses::V6([source, _]) => (*source).into(),
        }
    }

    /// The address that it goes to.
    #[must_use]
    #[inline(always)]
    pub fn destination(&self) -> IpAddr {
        match self.addresses {
            Addresses::V4([_, destination]) => (*destination).into(),
            Addresses::V6([_, destination]) => (*destination).into(),
        }
    }

    /// The port that it comes from.
    #[must_use]
    #[inline(always)]
    pub fn source_port(&self) -> u16 {
        u16::from_be_bytes([self.tcp[0], self.tcp[1]])
    }

    /// The port that it goes to.
    #[must_use]
    #[inline(always)]
    pub fn destination_port(&self) -> u16 {
        u16::from_be_bytes([self.tcp[2], self.tcp[3]])
    }

    /// Its flag bits, such as [`tcp_reset::tcp::SYN`].
    #[must_use]
    #[inline(always)]
    pub fn flags(&self) -> u8 {
        self.tcp[13]
    }
}

/// Makes the frame the reset that answers it, as the policy says. After an error it is untouched, except after
/// [`Reason::FAILED`]. Call it once for a frame.
#[inline(always)]
pub fn answer(frame: &mut Frame, policy: &mut impl Policy) -> Result<(), Reason> {
    // Constant offsets: so each number of tags has code of its own.
    match ether_type::<14>(frame)? {
        IPV4 => return answer_ipv4::<14, 54>(frame, policy),
        IPV6 => return answer_ipv6::<14, 74>(frame, policy),
        TAG | SERVICE_TAG | OLD_SERVICE_TAG => {}
        _ => return Err(Reason::OTHER),
    }
    match ether_type::<18>(frame)? {
        IPV4 => return answer_ipv4::<18, 58>(frame, policy),
        IPV6 => return answer_ipv6::<18, 78>(frame, policy),
        TAG | SERVICE_TAG | OLD_SERVICE_TAG => {}
        _ => return Err(Reason::OTHER),
    }
    match ether_type::<22>(frame)? {
        IPV4 => answer_ipv4::<22, 62>(frame, policy),
        IPV6 => answer_ipv6::<22, 82>(frame, policy),
        _ => Err(Reason::OTHER),
    }
}

/// The last two bytes of a header of this length.
#[inline(always)]
fn ether_type<const LINK: usize>(frame: &Frame) -> Result<u16, Reason> {
    let type_bytes = frame.first::<LINK>()?.last_chunk().ok_or(Reason::OTHER)?;
    Ok(u16::from_be_bytes(*type_bytes))
}

#[inline(always)]
fn answer_ipv4<const LINK: usize, const HEADERS: usize>(
    frame: &mut Frame,
    policy: &mut impl Policy,
) -> Result<(), Reason> {
    let (link, packet) = headers::<LINK, 40, HEADERS>(frame)?;
    if packet[9] != TCP {
        return Err(Reason::OTHER);
    }
    // Options, more fragments, a fragment that is not the first.
    if packet[0] != 0x45 || packet[6] & 0x3f != 0 || packet[7] != 0 {
        return Err(Reason::LEFT_TO_THE_KERNEL);
    }
    let addresses = [chunk(&packet[12..])?, chunk(&packet[16..])?];
    policy.wants(&Segment { link, addresses: Addresses::V4(addresses), tcp: chunk(&packet[20..])? })?;
    check_link(link)?;
    // The verifier needs this check again after a map call: the offset of the segment is then constant.
    let (_, packet) = headers::<LINK, 40, HEADERS>(frame)?;
    let total_len = u16::from_be_bytes([packet[2], packet[3]]);
    if packet[0] != 0x45 || total_len == 0 {
        return Err(Reason::LEFT_TO_THE_KERNEL);
    }
    let mut reset = [0; 40];
    ipv4::reset_with(packet, &CONFIG, &mut reset)?;
    let addresses = Sum::of_words(packet[12..20].as_chunks().0);
    let frame_len = verify::<{ 1500 - 20 }>(frame, policy, LINK + 20, total_len.wrapping_sub(20), addresses)?;
    policy.permits([0, 0, 0xff, 0xff, reset[16], reset[17], reset[18], reset[19]])?;
    let (link, packet) = headers_mut::<LINK, 40, HEADERS>(frame)?;
    swap_addresses(link);
    *packet = reset;
    if policy.cuts() { frame.cut(frame_len, HEADERS) } else { Ok(()) }
}

#[inline(always)]
fn answer_ipv6<const LINK: usize, const HEADERS: usize>(
    frame: &mut Frame,
    policy: &mut impl Policy,
) -> Result<(), Reason> {
    let (link, packet) = headers::<LINK, 60, HEADERS>(frame)?;
    match packet[6] {
        TCP => {}
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS => {
            return Err(Reason::LEFT_TO_THE_KERNEL);
        }
        _ => return Err(Reason::OTHER),
    }
    let addresses = [chunk(&packet[8..])?, chunk(&packet[24..])?];
    policy.wants(&Segment { link, addresses: Addresses::V6(addresses), tcp: chunk(&packet[40..])? })?;
    check_link(link)?;
    // As above.
    let (_, packet) = headers::<LINK, 60, HEADERS>(frame)?;
    let payload_len = u16::from_be_bytes([packet[4], packet[5]]);
    if packet[6] != TCP || payload_len == 0 {
        return Err(Reason::LEFT_TO_THE_KERNEL);
    }
    let mut reset = [0; 60];
    ipv6::reset_with(packet, &CONFIG, &mut reset)?;
    let addresses = Sum::of(&packet[8..40]);
    let frame_len = verify::<{ 1500 - 40 }>(frame, policy, LINK + 40, payload_len, addresses)?;
    policy.permits(*chunk(&reset[24..])?)?;
    let (link, packet) = headers_mut::<LINK, 60, HEADERS>(frame)?;
    swap_addresses(link);
    *packet = reset;
    if policy.cuts() { frame.cut(frame_len, HEADERS) } else { Ok(()) }
}

/// The header of the link, its tags left out, and the packet after it.
#[inline(always)]
fn headers<const LINK: usize, const PACKET: usize, const HEADERS: usize>(
    frame: &Frame,
) -> Result<(&[u8; 14], &[u8; PACKET]), Reason> {
    let (link, rest) = frame.first::<HEADERS>()?.split_first_chunk::<LINK>().ok_or(Reason::OTHER)?;
    Ok((chunk(link)?, chunk(rest)?))
}

/// The same, to write them.
#[inline(always)]
fn headers_mut<const LINK: usize, const PACKET: usize, const HEADERS: usize>(
    frame: &mut Frame,
) -> Result<(&mut [u8; 12], &mut [u8; PACKET]), Reason> {
    let (link, rest) = frame.first_mut::<HEADERS>()?.split_first_chunk_mut::<LINK>().ok_or(Reason::OTHER)?;
    Ok((link.first_chunk_mut().ok_or(Reason::OTHER)?, rest.first_chunk_mut().ok_or(Reason::OTHER)?))
}

/// The first bytes of a slice whose length the compiler knows.
#[inline(always)]
fn chunk<const LEN: usize>(bytes: &[u8]) -> Result<&[u8; LEN], Reason> {
    bytes.first_chunk().ok_or(Reason::OTHER)
}

/// A frame to a group is not ours alone to answer; one from a group has no sender to answer.
#[inline(always)]
fn check_link(link: &[u8; 14]) -> Result<(), Reason> {
    if (link[0] | link[6]) & 1 == 1 { Err(NoReset::GroupAddress.into()) } else { Ok(()) }
}

/// Verifies that the segment is there, as long as the packet says, and its checksum. Returns the length of the frame.
/// `IN_1500` is the length of a segment in a packet of 1500 bytes.
#[inline(always)]
fn verify<const IN_1500: usize>(
    frame: &Frame,
    policy: &impl Policy,
    at: usize,
    len: u16,
    addresses: Sum,
) -> Result<usize, Reason> {
    let frame_len = frame.len();
    if frame_len < at + usize::from(len) {
        return Err(NoReset::Truncated.into());
    }
    if !policy.verifies_checksum() {
        return Ok(frame_len);
    }
    let [high, low] = len.to_be_bytes();
    let pseudo_header = addresses.plus(Sum::of_words(&[[0, TCP, high, low]]));
    let len = usize::from(len);
    // The most frequent lengths are one block: a SYN, an ACK, and a segment in a packet of 1500 bytes.
    let segment = match len {
        20 => frame.sum_of::<20>(at),
        40 => frame.sum_of::<40>(at),
        _ if len == IN_1500 => frame.sum_of::<IN_1500>(at),
        _ => frame.sum(at, len),
    }?;
    if segment.plus(pseudo_header).is_valid() { Ok(frame_len) } else { Err(NoReset::TcpChecksum.into()) }
}

/// Swaps the addresses of an Ethernet header: by words, since arrays would be copied byte by byte.
#[inline(always)]
fn swap_addresses(link: &mut [u8; 12]) {
    if let [a, b, c, d, e, f] = link.as_chunks_mut::<2>().0 {
        for (one, other) in [(a, d), (b, e), (c, f)] {
            let word = u16::from_ne_bytes(*one);
            *one = *other;
            *other = word.to_ne_bytes();
        }
    }
}
