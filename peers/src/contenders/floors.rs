//! What no answer can be faster than: these do not answer.

use super::Buffer;

/// Copies the 40 bytes that every packet has.
#[inline(never)]
pub fn copy_40(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    *buffer.first_chunk_mut()? = *packet.first_chunk::<40>()?;
    Some(40)
}

/// Reads every byte once.
#[inline(never)]
pub fn read(packet: &[u8], _: &mut Buffer) -> Option<usize> {
    Some(read_all(packet) as usize)
}

/// Copies the whole packet.
#[inline(never)]
pub fn copy(packet: &[u8], buffer: &mut Buffer) -> Option<usize> {
    buffer.get_mut(..packet.len())?.copy_from_slice(packet);
    Some(packet.len())
}

/// Adds all words up, in eights as long as there are eight: the least that touches every byte.
pub fn read_all(data: &[u8]) -> u64 {
    let (words, rest) = data.as_chunks::<8>();
    let sum = words.iter().fold(0_u64, |sum, word| sum.wrapping_add(u64::from_ne_bytes(*word)));
    rest.iter().fold(sum, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}
