//! The Internet checksum (RFC 1071): a ones'-complement sum of 16-bit words.
//!
//! Words are summed as the machine loads them, in either byte order: the sum of byte-swapped words is the byte-swapped
//! sum (RFC 1071 §2 B), so only [`Sum::checksum`] has to know that it hands out bytes. Wide words serve as well as
//! 16-bit ones, because 2^16, 2^32 and 2^64 are all 1 modulo 65535: a carry out of the top comes back in at the bottom.

/// Where speed on wide machines and size on small ones want different code, the difference is made in this file. This
/// one marks a function that wide machines inline at every call, and of which small machines keep one copy.
macro_rules! shared_where_small {
    ($($function:tt)*) => {
        #[cfg_attr(target_pointer_width = "64", inline(always))]
        #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
        $($function)*
    };
}
pub(crate) use shared_where_small;

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
        match data.len() {
            8..=BLOCK => Self::of_rest(data, data),
            _ => Self::of_few_or_many(data),
        }
    }

    /// Sums fewer than eight bytes or more than a block, out of the way of what lies between.
    #[cold]
    #[inline(never)]
    fn of_few_or_many(data: &[u8]) -> Self {
        let (mut sum, mut rest) = (Self(0), data);
        loop {
            // `chunks` would keep a panic where little is inlined.
            let (block, tail) = rest.split_at_checked(BLOCK).unwrap_or((rest, &[]));
            sum = sum.plus(Self::of_block(block));
            if tail.is_empty() {
                return sum;
            }
            rest = tail;
        }
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

/// Wide machines: data in words of 64 bits.
#[cfg(target_pointer_width = "64")]
impl Sum {
    /// Sums at most 64 KiB, more than any packet holds.
    #[inline]
    fn of_block(data: &[u8]) -> Self {
        if data.len() >= 8 {
            return Self::of_rest(data, data);
        }
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(data) {
            *to = *from;
        }
        Self(u64::from_ne_bytes(word))
    }

    /// Sums `rest`, the end of `data`: in steps of 64 bytes where setting them up pays, what is left without a loop.
    /// `data` has eight bytes at least, or the last ones would count as zeros; `rest` has 64 KiB at most. Inlined, so
    /// that the caller need not save its registers for a call.
    #[inline(always)]
    pub(crate) fn of_rest(data: &[u8], mut rest: &[u8]) -> Self {
        // The steps apart, so that the sum of what is left need not wait for theirs.
        let (mut steps, mut sum) = (Self(0), Self(0));
        if rest.is_empty() {
            return sum;
        }
        if rest.len() >= 32 {
            if rest.len() >= 128 {
                let (whole, tail) = rest.as_chunks();
                steps = Self::of_steps(whole);
                rest = tail;
            }
            take::<64>(&mut rest, &mut sum);
            take::<32>(&mut rest, &mut sum);
        }
        take::<16>(&mut rest, &mut sum);
        take::<8>(&mut rest, &mut sum);
        if !rest.is_empty() {
            sum = sum.plus(Self::of_end(data, rest.len()));
        }
        sum.plus(steps)
    }

    /// Sums the last `len` bytes of `data`, fewer than eight, by one load that takes in the bytes before them.
    #[inline(always)]
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "so few bytes can be counted in a u32")]
    fn of_end(data: &[u8], len: usize) -> Self {
        let bits_before = 64_u32.wrapping_sub((len as u32) << 3);
        // By `get`: the split inside `last_chunk` keeps a panic where little is inlined.
        let last = data.len().checked_sub(8).and_then(|start| data.get(start..));
        let word = last.and_then(<[u8]>::first_chunk).unwrap_or(&[0; 8]);
        // Read as little-endian, the bytes before them are the low ones, and are shifted out.
        Self(u64::from_le_bytes(*word).wrapping_shr(bits_before).to_le())
    }

    /// Copies an IPv6 address and sums it.
    #[inline]
    pub(crate) fn of_copied(from: &[u8; 16], to: &mut [u8; 16]) -> Self {
        *to = *from;
        Self::of_rest(from, from)
    }

    /// Plain sums of 64-bit words and of their high halves, in lanes, are all a compiler needs to use vector registers.
    /// The first wrap, the second cannot: the first less the second, shifted up, is the sum of the low halves.
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

    /// The same sum in half the width and a bit: so the compiler sees that a few words added to it will not carry.
    #[inline]
    pub(crate) const fn narrow(self) -> Self {
        Self((self.0 >> 32).wrapping_add(self.0 & 0xffff_ffff))
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

/// Takes `N` bytes off the front of `rest` and adds them to `sum`, if there are so many.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn take<const N: usize>(rest: &mut &[u8], sum: &mut Sum) {
    let Some((bytes, tail)) = rest.split_first_chunk::<N>() else { return };
    for word in bytes.as_chunks().0 {
        *sum = sum.plus(Sum(u64::from_ne_bytes(*word)));
    }
    *rest = tail;
}

/// Small machines: data in words of 16 bits, which do not fill a 32-bit sum; in loops, out of line.
#[cfg(not(target_pointer_width = "64"))]
impl Sum {
    /// Sums at most 64 KiB, more than any packet holds.
    #[inline(never)]
    #[expect(clippy::as_conversions, reason = "widens; `from` is not const")]
    const fn of_block(mut data: &[u8]) -> Self {
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

    /// Sums `rest`, the end of `data`, at most 64 KiB.
    #[inline]
    pub(crate) const fn of_rest(_data: &[u8], rest: &[u8]) -> Self {
        Self::of_block(rest)
    }

    /// Copies an IPv6 address and sums it, word by word: copied whole, it would be a call of `memcpy`, a large one.
    #[inline(never)]
    pub(crate) fn of_copied(from: &[u8; 16], to: &mut [u8; 16]) -> Self {
        let mut sum = Self(0);
        for (to, from) in to.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks().0) {
            *to = *from;
            sum = sum.plus(Self::of_word(*from));
        }
        sum
    }

    /// As narrow as it is.
    #[inline]
    pub(crate) const fn narrow(self) -> Self {
        self
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

/// How much of longer data is summed at a time: an even number of bytes, within what `of_block` can take, and no more
/// than an array may have where `usize` has 16 bits.
const BLOCK: usize = 0x4000;
