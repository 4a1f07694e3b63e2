//! The Internet checksum (RFC 1071): a ones'-complement sum of 16-bit words.
//!
//! Words are summed as the machine loads them, in either byte order: the sum of byte-swapped words is the byte-swapped
//! sum (RFC 1071 §2 B), so only [`Sum::checksum`] has to know that it hands out bytes. Wide words serve as well as
//! 16-bit ones, because 2^16, 2^32 and 2^64 are all 1 modulo 65535: a carry out of the top comes back in at the bottom.

/// What a sum is kept in: as wide as the machine adds in one instruction.
#[cfg(target_pointer_width = "64")]
type Accumulator = u64;
#[cfg(not(target_pointer_width = "64"))]
type Accumulator = u32;

/// A ones'-complement sum in progress, of bytes that start at an even offset.
///
/// ```
/// use tcp_reset::checksum::Sum;
///
/// // RFC 1071 §3: the words 0001 f203 f4f5 f6f7 sum to ddf2.
/// let sum = Sum::of(&[0x00, 0x01, 0xf2, 0x03]).plus(Sum::of(&[0xf4, 0xf5, 0xf6, 0xf7]));
/// assert_eq!(sum.checksum(), [!0xdd, !0xf2]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sum(Accumulator);

impl Sum {
    /// Sums `data`, of any length; an odd last byte counts as if a zero byte followed it.
    #[inline]
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        if data.len() <= BLOCK { Self::of_block(data) } else { Self::of_blocks(data) }
    }

    /// Sums more than a block, out of the way of less.
    #[inline(never)]
    fn of_blocks(data: &[u8]) -> Self {
        let (mut sum, mut rest) = (Self(0), data);
        while !rest.is_empty() {
            // `chunks` would keep a panic where little is inlined.
            let (block, tail) = rest.split_at_checked(BLOCK).unwrap_or((rest, &[]));
            sum = sum.plus(Self::of_block(block));
            rest = tail;
        }
        sum
    }

    /// Sums 32-bit words, such as IPv4 addresses, or pairs of 16-bit ones, such as ports.
    #[inline]
    #[must_use]
    pub const fn of_words<const N: usize>(words: [[u8; 4]; N]) -> Self {
        Self::of_header(&words)
    }

    /// Sums the words of a header where they lie.
    #[inline]
    pub(crate) const fn of_header(mut words: &[[u8; 4]]) -> Self {
        let mut sum = Self(0);
        while let [word, rest @ ..] = words {
            sum = sum.plus(Self::of_word(*word));
            words = rest;
        }
        sum
    }

    /// Sums one word, without a loop: any number that fits is a sum.
    #[inline]
    #[expect(clippy::as_conversions, reason = "widens on some machines; `from` is not const")]
    pub(crate) const fn of_word(word: [u8; 4]) -> Self {
        Self(u32::from_ne_bytes(word) as Accumulator)
    }

    /// Adds two sums; the order does not matter. Total: the carry comes back in at the bottom (RFC 1071 §2 A).
    #[inline]
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        let (sum, carry) = self.0.overflowing_add(other.0);
        Self(if carry { sum.wrapping_add(1) } else { sum })
    }

    /// Whether the bytes summed, their checksum field among them, carry a valid checksum.
    ///
    /// A sum of words that holds its own complement is 65535 or a multiple of it, both zeros of the checksum field
    /// included: 0x0000 and 0xFFFF differ by exactly that. Nothing but zeros sums to 0, which is no valid checksum.
    #[inline]
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.is_positive_multiple()
    }

    /// The checksum field's two bytes, in the order they stand on the wire: the complement of the folded sum.
    #[inline]
    #[must_use]
    pub const fn checksum(self) -> [u8; 2] {
        (!self.fold()).to_ne_bytes()
    }
}

/// Wide machines: data in words of 64 bits, and sums that so few of them do not fill.
#[cfg(target_pointer_width = "64")]
impl Sum {
    /// Sums at most 64 KiB, more than any packet holds: in steps of 64 bytes where setting them up pays, and what is left
    /// without a loop. Inlined, so that the caller need not save its registers for a call.
    #[inline(always)]
    pub(crate) fn of_block(data: &[u8]) -> Self {
        if data.is_empty() {
            return Self(0);
        }
        let (mut sum, mut rest) = (0_u64, data);
        if data.len() >= 32 {
            if data.len() >= 128 {
                let (steps, tail) = data.as_chunks::<64>();
                sum = Self::of_steps(steps).0;
                rest = tail;
            }
            sum = sum.wrapping_add(take::<64>(&mut rest).0);
            sum = sum.wrapping_add(take::<32>(&mut rest).0);
        }
        sum = sum.wrapping_add(take::<16>(&mut rest).0);
        sum = sum.wrapping_add(take::<8>(&mut rest).0);
        if !rest.is_empty() {
            sum = sum.wrapping_add(Self::of_end(data, rest).0);
        }
        Self(sum)
    }

    /// Sums the last bytes of `data`, fewer than eight, by one load that overlaps the word before them.
    #[inline(always)]
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "so few bytes can be counted in a u32")]
    fn of_end(data: &[u8], tail: &[u8]) -> Self {
        let seen_bits = 64_u32.wrapping_sub((tail.len() as u32) << 3);
        // By `get`: the split inside `last_chunk` keeps a panic where little is inlined.
        let last = data.len().checked_sub(8).and_then(|start| data.get(start..));
        let word = match last.and_then(<[u8]>::first_chunk::<8>) {
            // Read as little-endian, the bytes already summed are the low ones.
            Some(word) => u64::from_le_bytes(*word).wrapping_shr(seen_bits).to_le(),
            None => of_bytes(tail),
        };
        Self((word >> 32).wrapping_add(word & 0xffff_ffff))
    }

    /// Plain sums of 64-bit words and of their high halves, in lanes, are all a compiler needs to use vector registers.
    /// The first wrap, the second cannot: what the one lacks of the other, shifted up, is the sum of the low halves.
    #[inline(always)]
    fn of_steps(steps: &[[u8; 64]]) -> Self {
        let (mut wholes, mut highs) = ([0_u64; 8], [0_u64; 8]);
        for step in steps {
            for ((word, whole), high) in step.as_chunks::<8>().0.iter().zip(&mut wholes).zip(&mut highs) {
                let word = u64::from_ne_bytes(*word);
                *whole = whole.wrapping_add(word);
                *high = high.wrapping_add(word >> 32);
            }
        }
        let whole = wholes.iter().fold(0_u64, |sum, lane| sum.wrapping_add(*lane));
        let high = highs.iter().fold(0_u64, |sum, lane| sum.wrapping_add(*lane));
        let sum = whole.wrapping_sub(high << 32).wrapping_add(high);
        // Halved in width: so the compiler sees that no words added to it will carry.
        Self((sum >> 32).wrapping_add(sum & 0xffff_ffff))
    }

    /// Whether it is a multiple of 65535, but not 0. What lies below 0, 2^64 - 1, is a multiple itself.
    #[inline]
    const fn is_positive_multiple(self) -> bool {
        self.0.wrapping_sub(1) % 0xffff == 0xfffe
    }

    /// Adds the halves, twice; adding a rotated word brings each carry back in.
    #[inline]
    #[expect(clippy::as_conversions, reason = "keeps the half that holds the sum")]
    const fn fold(self) -> u16 {
        let sum = (self.0.wrapping_add(self.0.rotate_left(32)) >> 32) as u32;
        (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
    }
}

/// Fewer than eight bytes, as the first ones of a word.
#[cfg(target_pointer_width = "64")]
#[inline(never)]
fn of_bytes(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_ne_bytes(word)
}

/// Takes `N` bytes off the front of `rest` and sums them, if there are so many.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn take<const N: usize>(rest: &mut &[u8]) -> Sum {
    let Some((bytes, tail)) = rest.split_first_chunk::<N>() else { return Sum(0) };
    *rest = tail;
    Sum::of_header(bytes.as_chunks().0)
}

/// Small machines: data in words of 16 bits, which do not fill a 32-bit sum; one loop, out of line.
#[cfg(not(target_pointer_width = "64"))]
impl Sum {
    /// Sums at most 64 KiB, more than any packet holds.
    #[inline(never)]
    #[expect(clippy::as_conversions, reason = "widens; `from` is not const")]
    pub(crate) const fn of_block(mut data: &[u8]) -> Self {
        let mut sum = 0_u32;
        while let [b0, b1, rest @ ..] = data {
            sum = sum.wrapping_add(u16::from_ne_bytes([*b0, *b1]) as u32);
            data = rest;
        }
        if let [last] = *data {
            sum = sum.wrapping_add(u16::from_ne_bytes([last, 0]) as u32);
        }
        Self(sum)
    }

    /// Whether it is a multiple of 65535, but not 0; without the division, which is a call on some machines.
    #[inline]
    const fn is_positive_multiple(self) -> bool {
        self.fold() == 0xffff
    }

    /// Adds the halves; adding the rotated word brings the carry back in.
    #[inline]
    #[expect(clippy::as_conversions, reason = "keeps the half that holds the sum")]
    const fn fold(self) -> u16 {
        (self.0.wrapping_add(self.0.rotate_left(16)) >> 16) as u16
    }
}

/// How much is summed without minding carries: no sum of so few bytes overflows on any machine, and even where `usize`
/// has 16 bits an array may be so long.
const BLOCK: usize = 0x4000;
