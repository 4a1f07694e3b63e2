//! The Internet checksum (RFC 1071): a ones'-complement sum of 16-bit words.
//!
//! Words are summed as the machine loads them, in either byte order: the sum of byte-swapped words is the byte-swapped
//! sum (RFC 1071 §2 B), so only [`Sum::checksum`] deals with bytes. Wider words give the same sum as 16-bit ones,
//! because 2^16, 2^32 and 2^64 are all 1 modulo 65535: a carry out of the top is added at the bottom.

/// What a sum is kept in: the machine's own width.
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
    pub fn of(data: &[u8]) -> Self {
        // Common lengths are inlined.
        if (8..=BLOCK).contains(&data.len()) { Self::of_tail(data, data) } else { Self::of_blocks(data) }
    }

    /// Sums data of any length, a block at a time: for the rare lengths, below 8 bytes or more than a block.
    #[cold]
    #[inline(never)]
    fn of_blocks(data: &[u8]) -> Self {
        let (blocks, rest) = data.as_chunks::<BLOCK>();
        blocks.iter().fold(Self::of_block(rest), |sum, block| sum.plus(Self::of_block(block)))
    }

    /// Sums at most a block.
    #[inline(never)]
    fn of_block(block: &[u8]) -> Self {
        Self::of_tail(block, block)
    }

    /// Sums 32-bit words, such as IPv4 addresses, or pairs of 16-bit ones, such as ports.
    #[cfg_attr(target_pointer_width = "64", inline)]
    pub const fn of_words(mut words: &[[u8; 4]]) -> Self {
        let mut sum = Self(0);
        while let [word, rest @ ..] = words {
            sum = sum.plus(Self::of_word(*word));
            words = rest;
        }
        sum
    }

    /// Sums one word. No carry is possible.
    #[inline]
    #[expect(clippy::as_conversions, reason = "widens on some machines; `from` is not const")]
    pub(crate) const fn of_word(word: [u8; 4]) -> Self {
        Self(u32::from_ne_bytes(word) as Accumulator)
    }

    /// Adds two sums; the order does not matter. The carry is added at the bottom (RFC 1071 §2 A).
    #[inline]
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        let (sum, carry) = self.0.overflowing_add(other.0);
        Self(if carry { sum.wrapping_add(1) } else { sum })
    }

    /// Whether the bytes summed, their checksum field among them, carry a valid checksum.
    ///
    /// Their sum is then 65535 or a multiple of it, also where the field holds the other zero: 0x0000 and 0xFFFF differ by
    /// 65535. The sum is 0 only if all bytes are, which is not valid.
    #[inline]
    pub const fn is_valid(self) -> bool {
        if cfg!(target_pointer_width = "64") {
            // 0 wraps to 2^64 - 1, a multiple of 65535, and so is not valid.
            self.0.wrapping_sub(1) % 0xffff == 0xfffe
        } else {
            self.fold() == 0xffff
        }
    }

    /// Adds the halves until 16 bits are left; adding a rotated word adds each carry at the bottom.
    #[inline]
    #[expect(clippy::as_conversions, reason = "keeps the half that holds the sum")]
    const fn fold(self) -> u16 {
        #[cfg(target_pointer_width = "64")]
        let sum = (self.0.wrapping_add(self.0.rotate_left(32)) >> 32) as u32;
        #[cfg(not(target_pointer_width = "64"))]
        let sum = self.0;
        (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
    }

    /// The checksum field's two bytes, as they stand in the packet: the complement of the folded sum.
    #[inline]
    pub const fn checksum(self) -> [u8; 2] {
        (!self.fold()).to_ne_bytes()
    }

    /// The folded sum's two bytes: of a pseudo-header, what a checksum field holds before offload completes it.
    #[inline]
    pub(crate) const fn partial(self) -> [u8; 2] {
        self.fold().to_ne_bytes()
    }
}

/// 64-bit machines: data in words of 64 bits.
#[cfg(target_pointer_width = "64")]
impl Sum {
    /// Sums `tail`, the last bytes of `data`, at most a packet's. Inlined, so that the caller saves no registers.
    #[inline(always)]
    pub(crate) fn of_tail(data: &[u8], mut tail: &[u8]) -> Self {
        // Two sums: neither waits for the other's carry.
        let (mut steps, mut sum) = (Self(0), Self(0));
        if tail.is_empty() {
            return sum;
        }
        if tail.len() >= 32 {
            if tail.len() >= 128 {
                let (whole, rest) = tail.as_chunks();
                steps = Self::of_steps(whole);
                tail = rest;
            }
            take::<64>(&mut tail, &mut sum);
            take::<32>(&mut tail, &mut sum);
        }
        take::<16>(&mut tail, &mut sum);
        take::<8>(&mut tail, &mut sum);
        let sum = if tail.is_empty() { sum } else { sum.plus(Self::of_last(data, tail)) };
        sum.plus(steps)
    }

    /// Sums `last`, the last bytes of `data`, fewer than eight: by one load, with the bytes before them shifted out.
    #[inline(always)]
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "the length is below eight")]
    fn of_last(data: &[u8], last: &[u8]) -> Self {
        let Some(word) = data.last_chunk::<8>() else {
            return Self(last.iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte)).to_le());
        };
        let bits_before = 64_u32.wrapping_sub((last.len() as u32) << 3);
        Self(u64::from_le_bytes(*word).wrapping_shr(bits_before).to_le())
    }

    /// Sums of 64-bit words and of their high halves, in lanes: the compiler makes vector instructions of them.
    /// `wholes` may wrap, `highs` cannot; `wholes - (highs << 32)` is the sum of the low halves.
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
        Self(whole.wrapping_sub(high << 32)).plus(Self(high))
    }
}

/// Takes `N` bytes off the front of `tail` and adds them to `sum`, if there are so many.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn take<const N: usize>(tail: &mut &[u8], sum: &mut Sum) {
    let Some((bytes, rest)) = tail.split_first_chunk::<N>() else { return };
    for word in bytes.as_chunks().0 {
        *sum = sum.plus(Sum(u64::from_ne_bytes(*word)));
    }
    *tail = rest;
}

/// Smaller machines: data in words of 16 bits, of which 65,537 fit in a 32-bit sum; one loop, never inlined.
#[cfg(not(target_pointer_width = "64"))]
impl Sum {
    /// Sums `tail`, at most 64 KiB.
    #[inline(never)]
    pub(crate) fn of_tail(_data: &[u8], mut tail: &[u8]) -> Self {
        let mut sum = 0_u32;
        while let [b0, b1, rest @ ..] = tail {
            sum = sum.wrapping_add(u16::from_ne_bytes([*b0, *b1]).into());
            tail = rest;
        }
        Self(if let [last] = *tail { sum.wrapping_add(u16::from_ne_bytes([last, 0]).into()) } else { sum })
    }
}

/// How much of longer data is summed at a time. It is a multiple of every step; the 32-bit sum of that many bytes cannot
/// overflow; and where `usize` has 16 bits an array can be that long.
const BLOCK: usize = 0x4000;
