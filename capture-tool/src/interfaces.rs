//! What a capture says of its interfaces, and the frames that came over them.

use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{
    Block, EnhancedPacketBlock, IDB_MAGIC, InterfaceDescriptionBlock, PcapBlockOwned, PcapHeader, SimplePacketBlock,
};

use crate::link::Link;

const NANOSECONDS: u64 = 1_000_000_000;

/// A captured frame.
pub struct Frame<'a> {
    /// What it begins with.
    pub link: Link,
    /// Its bytes, as far as they were captured.
    pub data: &'a [u8],
    /// Whether a snap length has cut it.
    pub is_cut: bool,
    /// When it was captured, in nanoseconds since 1970; zero where the capture does not say.
    pub time: u64,
}

/// What is found in one block of a capture.
pub enum Found<'a> {
    Frame(Frame<'a>),
    /// A frame that cannot be read, and what it is.
    Unknown(String),
    /// No frame.
    Nothing,
}

/// The interfaces described so far; a pcap file has one.
#[derive(Default)]
pub struct Interfaces(Vec<Interface>);

struct Interface {
    /// Or its number, if it is unknown.
    link: Result<Link, u32>,
    snap_len: u32,
    /// Units of the timestamps per second.
    resolution: u64,
    /// Seconds to be added to them.
    offset: u64,
}

impl Interfaces {
    /// Looks into a block.
    pub fn find<'a>(&mut self, block: &'a PcapBlockOwned<'_>) -> Found<'a> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let interface = Interface::of_pcap(header);
                // Of all packets to come: it is told even where there are none.
                let found = interface.link.map_or_else(unknown_link, |_| Found::Nothing);
                self.0.push(interface);
                return found;
            }
            PcapBlockOwned::Legacy(record) => {
                let Some(interface) = self.0.first() else { return undescribed() };
                let time = u64::from(record.ts_sec) * interface.resolution + u64::from(record.ts_usec);
                return interface.frame(record.data, record.origlen, time);
            }
            // A section starts anew (draft-ietf-opsawg-pcapng §4.1).
            PcapBlockOwned::NG(Block::SectionHeader(_)) => self.0.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
                self.0.push(Interface::of_pcapng(description));
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => return self.enhanced(packet),
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => return self.simple(packet),
            PcapBlockOwned::NG(Block::Unknown(block)) if matches!(block.block_type, 2 | 0x0200_0000) => {
                return Found::Unknown("obsolete Packet Block".to_owned());
            }
            PcapBlockOwned::NG(_) => {}
        }
        Found::Nothing
    }

    fn enhanced<'a>(&self, packet: &'a EnhancedPacketBlock<'_>) -> Found<'a> {
        let interface = usize::try_from(packet.if_id).ok().and_then(|id| self.0.get(id));
        let Some(interface) = interface else { return undescribed() };
        let time = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
        interface.frame(packet.packet_data(), packet.origlen, time)
    }

    /// The first interface's, without a time; its snap length tells where the packet ends and padding begins.
    fn simple<'a>(&self, packet: &'a SimplePacketBlock<'_>) -> Found<'a> {
        let Some(interface) = self.0.first() else { return undescribed() };
        let data = packet.packet_data();
        let snap_len = usize::try_from(interface.snap_len).unwrap_or(0);
        let data = if snap_len == 0 { data } else { data.get(..snap_len).unwrap_or(data) };
        interface.frame(data, packet.origlen, 0)
    }
}

impl Interface {
    fn of_pcap(header: &PcapHeader) -> Self {
        Self {
            // The upper bits tell the length of a frame check sequence, which is ignored as any padding is.
            link: Link::from_number(header.network.0.cast_unsigned() & 0x03ff_ffff),
            snap_len: header.snaplen,
            resolution: if header.is_nanosecond_precision() { NANOSECONDS } else { 1_000_000 },
            offset: 0,
        }
    }

    fn of_pcapng(description: &InterfaceDescriptionBlock<'_>) -> Self {
        let is_big_endian = description.block_type != IDB_MAGIC;
        // The crate reads a resolution in powers of two as none, and a big-endian offset as little-endian.
        let power = u32::from(description.if_tsresol & 0x7f);
        let base = if description.if_tsresol & 0x80 == 0 { 10_u64 } else { 2 };
        let offset = description.if_tsoffset.cast_unsigned();
        Self {
            link: Link::from_number(description.linktype.0.cast_unsigned()),
            snap_len: description.snaplen,
            resolution: base.saturating_pow(power),
            offset: if is_big_endian { offset.swap_bytes() } else { offset },
        }
    }

    fn frame<'a>(&self, data: &'a [u8], original_len: u32, time: u64) -> Found<'a> {
        let link = match self.link {
            Ok(link) => link,
            Err(number) => return unknown_link(number),
        };
        let nanoseconds = u128::from(time) * u128::from(NANOSECONDS) / u128::from(self.resolution);
        let offset = self.offset.wrapping_mul(NANOSECONDS);
        Found::Frame(Frame {
            link,
            data,
            is_cut: u32::try_from(data.len()).is_ok_and(|len| len < original_len),
            time: u64::try_from(nanoseconds).unwrap_or(0).wrapping_add(offset),
        })
    }
}

fn undescribed() -> Found<'static> {
    Found::Unknown("interface without description".to_owned())
}

fn unknown_link(number: u32) -> Found<'static> {
    Found::Unknown(format!("unknown link type {number}"))
}
