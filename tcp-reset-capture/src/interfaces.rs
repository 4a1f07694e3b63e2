//! The interfaces that a capture describes, and the frames captured on them.

use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{
    Block, EnhancedPacketBlock, IDB_MAGIC, InterfaceDescriptionBlock, PcapBlockOwned, PcapHeader, SimplePacketBlock,
};

use crate::NANOSECONDS;
use crate::link::{Frame, Link};

/// What one block of a capture holds.
pub enum Found<'a> {
    Frame(Frame<'a>),
    /// A frame with a link type that is not supported.
    UnknownLink(u32),
    /// The interface of a pcap file, with such a link type.
    UnknownInterface(u32),
    /// A frame that cannot be read for another reason.
    Unknown(&'static str),
    /// No frame.
    Nothing,
}

impl Found<'_> {
    /// Whether it is a packet, read or not.
    pub fn is_packet(&self) -> bool {
        matches!(self, Self::Frame(_) | Self::UnknownLink(_) | Self::Unknown(_))
    }
}

/// The interfaces described so far; a pcap file has one.
#[derive(Default)]
pub struct Interfaces(Vec<Interface>);

struct Interface {
    /// The number of its link type.
    link: u32,
    snap_len: u32,
    /// Units of the timestamps per second.
    resolution: u64,
    /// Seconds to be added to them.
    offset: u64,
}

impl Interfaces {
    /// Reads a block.
    pub fn find<'a>(&mut self, block: &'a PcapBlockOwned<'_>) -> Found<'a> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let interface = Interface::of_pcap(header);
                let link = interface.link;
                self.0.push(interface);
                // It is the link type of all packets: reported even if there are none.
                if Link::from_number(link).is_none() { Found::UnknownInterface(link) } else { Found::Nothing }
            }
            PcapBlockOwned::Legacy(record) => self.with(0, |interface| {
                let time = u64::from(record.ts_sec) * interface.resolution + u64::from(record.ts_usec);
                interface.frame(record.data, record.origlen, Some(time))
            }),
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                // Interfaces belong to a section (draft-ietf-opsawg-pcapng §4.1).
                self.0.clear();
                Found::Nothing
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
                self.0.push(Interface::of_pcapng(description));
                Found::Nothing
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                self.with(packet.if_id, |interface| interface.enhanced(packet))
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => self.with(0, |interface| interface.simple(packet)),
            PcapBlockOwned::NG(Block::Unknown(block)) if matches!(block.block_type, 2 | 0x0200_0000) => {
                Found::Unknown("obsolete Packet Block")
            }
            PcapBlockOwned::NG(_) => Found::Nothing,
        }
    }

    fn with<'a>(&self, id: u32, frame: impl FnOnce(&Interface) -> Found<'a>) -> Found<'a> {
        let interface = usize::try_from(id).ok().and_then(|id| self.0.get(id));
        interface.map_or(Found::Unknown("interface without description"), frame)
    }
}

impl Interface {
    fn of_pcap(header: &PcapHeader) -> Self {
        Self {
            // The upper bits give the length of a frame check sequence, which is ignored like padding.
            link: header.network.0.cast_unsigned() & 0x03ff_ffff,
            snap_len: header.snaplen,
            resolution: if header.is_nanosecond_precision() { NANOSECONDS } else { 1_000_000 },
            offset: 0,
        }
    }

    fn of_pcapng(description: &InterfaceDescriptionBlock<'_>) -> Self {
        // pcap-parser ignores a resolution in powers of two, and reads every offset as little-endian.
        let power = u32::from(description.if_tsresol & 0x7f);
        let base = if description.if_tsresol & 0x80 == 0 { 10_u64 } else { 2 };
        let is_big_endian = description.block_type != IDB_MAGIC;
        let offset = description.if_tsoffset.cast_unsigned();
        Self {
            link: description.linktype.0.cast_unsigned(),
            snap_len: description.snaplen,
            resolution: base.saturating_pow(power),
            offset: if is_big_endian { offset.swap_bytes() } else { offset },
        }
    }

    fn enhanced<'a>(&self, packet: &'a EnhancedPacketBlock<'_>) -> Found<'a> {
        let time = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
        self.frame(packet.packet_data(), packet.origlen, Some(time))
    }

    /// A packet without a time. The snap length says where the packet ends and padding begins.
    fn simple<'a>(&self, packet: &'a SimplePacketBlock<'_>) -> Found<'a> {
        let data = packet.packet_data();
        let snap_len = usize::try_from(self.snap_len).ok().filter(|snap_len| *snap_len > 0);
        self.frame(snap_len.and_then(|snap_len| data.get(..snap_len)).unwrap_or(data), packet.origlen, None)
    }

    fn frame<'a>(&self, data: &'a [u8], original_len: u32, time: Option<u64>) -> Found<'a> {
        let Some(link) = Link::from_number(self.link) else { return Found::UnknownLink(self.link) };
        Found::Frame(Frame {
            link,
            data,
            is_cut: u32::try_from(data.len()).is_ok_and(|len| len < original_len),
            time: time.map(|time| self.nanoseconds(time)),
        })
    }

    /// A timestamp in nanoseconds since 1970.
    fn nanoseconds(&self, time: u64) -> u64 {
        let offset = self.offset.wrapping_mul(NANOSECONDS);
        // Without the division of 128-bit numbers in the usual case.
        let nanoseconds = match NANOSECONDS.checked_div(self.resolution) {
            Some(unit) if unit.checked_mul(self.resolution) == Some(NANOSECONDS) => time.saturating_mul(unit),
            _ => {
                let nanoseconds = u128::from(time) * u128::from(NANOSECONDS) / u128::from(self.resolution);
                u64::try_from(nanoseconds).unwrap_or(0)
            }
        };
        nanoseconds.wrapping_add(offset)
    }
}
