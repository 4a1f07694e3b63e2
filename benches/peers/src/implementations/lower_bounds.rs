//! Lower bounds: parts of the work that every implementation has to do.

use super::{Buffer, Config};

/// Copies the 40 bytes that every packet has.
#[inline(never)]
pub fn copy_40(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    *buffer.first_chunk_mut()? = *packet.first_chunk::<40>()?;
    Some(40)
}

/// Reads every byte once.
#[inline(never)]
pub fn read(packet: &[u8], _: &Config, _: &mut Buffer) -> Option<usize> {
    Some(read_all(packet) as usize)
}

/// Copies the whole packet.
#[inline(never)]
pub fn copy(packet: &[u8], _: &Config, buffer: &mut Buffer) -> Option<usize> {
    buffer.get_mut(..packet.len())?.copy_from_slice(packet);
    Some(packet.len())
}

/// Adds all words, eight at a time in separate sums: the cheapest way to read every byte. The step is so long that the
/// alignment of the loop does not matter.
pub fn read_all(data: &[u8]) -> u64 {
    let (steps, rest) = data.as_chunks::<64>();
    let mut lanes = [0_u64; 8];
    for step in steps {
        for (lane, word) in lanes.iter_mut().zip(step.as_chunks::<8>().0) {
            *lane = lane.wrapping_add(u64::from_ne_bytes(*word));
        }
    }
    let (words, rest) = rest.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_ne_bytes(*word));
    words.chain(lanes).chain(rest.iter().copied().map(u64::from)).fold(0, u64::wrapping_add)
}
