//! The Internet checksum of RFC 1071: the crate's sum of wide words is equal to the RFC's sum of 16-bit words.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use support::model::sum;
use support::noise;
use tcp_reset::checksum::Sum;

/// The checksum by the RFC's own loop.
fn slow(data: &[u8]) -> [u8; 2] {
    (!sum(data)).to_be_bytes()
}

/// RFC 1071 §3: 0001, f203, f4f5 and f6f7 sum to 2ddf0, that is ddf2.
#[test]
fn the_worked_example() {
    let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(sum(&data), 0xddf2);
    assert_eq!(Sum::of(&data).checksum(), (!0xddf2_u16).to_be_bytes());
}

#[test]
fn nothing_sums_to_zero() {
    assert_eq!(Sum::of(&[]).checksum(), [0xff, 0xff]);
    assert_eq!(Sum::of(&[0; 100]).checksum(), [0xff, 0xff]);
}

#[test]
fn an_odd_last_byte_is_the_high_one() {
    assert_eq!(Sum::of(&[0xab]).checksum(), (!0xab00_u16).to_be_bytes());
    assert_eq!(Sum::of(&[0x12, 0x34, 0x01]).checksum(), (!0x1334_u16).to_be_bytes());
}

#[test]
fn a_word_is_four_bytes() {
    for word in noise(4000).as_chunks::<4>().0 {
        assert_eq!(Sum::of_words(&[*word]).checksum(), slow(word));
    }
    let noise = noise(4000);
    for words in 0..100 {
        assert_eq!(Sum::of_words(&noise.as_chunks().0[..words]).checksum(), slow(&noise[..words * 4]));
    }
    assert_eq!(Sum::of_words(&[[0xff; 4]]).checksum(), [0, 0]);
}

/// Every length up to 4096 at every alignment up to 16. The expected sum is continued from one length to the next.
#[test]
fn every_length_and_alignment() {
    let noise = noise(4096 + 16);
    for start in 0..16 {
        let mut plain = 0_u16;
        for len in 0..=4096 {
            assert_eq!(Sum::of(&noise[start..start + len]).checksum(), (!plain).to_be_bytes(), "{len} from {start}");
            let next = noise[start + len];
            let next = if len % 2 == 0 { [next, 0] } else { [0, next] };
            plain = sum(&[plain.to_be_bytes(), next].concat());
        }
    }
}

/// Bytes of 0xff give the most carries: at every length, and in amounts that overflow a sum without carries.
#[test]
fn all_ones() {
    let ones = vec![0xff; 8 << 20];
    for len in (0..=1024).chain([65_515, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073]) {
        assert_eq!(Sum::of(&ones[..len]).checksum(), slow(&ones[..len]), "{len}");
    }
    assert_eq!(Sum::of(&ones).checksum(), [0, 0]);
    assert_eq!(Sum::of(&ones[1..]).checksum(), [0x00, 0xff]);
}

#[test]
fn several_megabytes() {
    let noise = noise((2 << 20) + 6);
    for part in [&noise[..], &noise[3..]] {
        assert_eq!(Sum::of(part).checksum(), slow(part));
    }
}

/// In two parts or many, in any order; parts start at even offsets.
#[test]
fn sums_add_up() {
    let noise = noise(1021);
    let whole = Sum::of(&noise).checksum();
    for at in (0..=1020).step_by(2) {
        let (left, right) = noise.split_at(at);
        assert_eq!(Sum::of(left).plus(Sum::of(right)).checksum(), whole);
        assert_eq!(Sum::of(right).plus(Sum::of(left)).checksum(), whole);
    }
    let pieces = noise.chunks(6).map(Sum::of);
    assert_eq!(pieces.clone().fold(Sum::of(&[]), Sum::plus).checksum(), whole);
    assert_eq!(pieces.rev().fold(Sum::of(&[]), Sum::plus).checksum(), whole);
}

/// No carry is lost: doubling a sum a hundred times overflows every machine word.
#[test]
fn addition_does_not_overflow() {
    for data in [&[0xff; 8][..], &[0xff, 0xff, 0xff, 0xfe], &[0x80, 0x00], &[0x00, 0x01], &[0xff, 0xfe, 0xff, 0xfe]] {
        let (mut fast, mut plain) = (Sum::of(data), sum(data));
        for doublings in 0..100 {
            assert_eq!(fast.checksum(), (!plain).to_be_bytes(), "{data:x?} doubled {doublings} times");
            fast = fast.plus(fast);
            plain = sum(&[plain.to_be_bytes(), plain.to_be_bytes()].concat());
        }
    }
}

#[test]
fn data_that_holds_its_checksum_is_valid() {
    for len in [2, 3, 20, 39, 40, 64, 257] {
        let mut data = noise(len);
        data[..2].fill(0);
        let checksum = slow(&data);
        data[..2].copy_from_slice(&checksum);
        assert!(Sum::of(&data).is_valid(), "{len}");
        for bit in 0..len * 8 {
            data[bit / 8] ^= 1 << (bit % 8);
            assert!(!Sum::of(&data).is_valid(), "{len}, bit {bit}");
            data[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// Where one of 0x0000 and 0xffff is right, the other is as well: ones'-complement has two zeros.
#[test]
fn both_zeros_are_valid() {
    let [mut zero, mut ones] = [[0x45, 0x00, 0x12, 0x34, 0xa8, 0xcb, 0x00, 0x00]; 2];
    assert_eq!(slow(&zero), [0, 0]);
    assert!(Sum::of(&zero).is_valid());
    ones[6..].fill(0xff);
    assert!(Sum::of(&ones).is_valid());
    zero[7] = 1;
    assert!(!Sum::of(&zero).is_valid());
    ones[7] = 0xfe;
    assert!(!Sum::of(&ones).is_valid());
    // All-zero bytes have no valid checksum: it would be 0xffff.
    assert!(!Sum::of(&[0; 8]).is_valid());
    assert!(!Sum::of(&[]).is_valid());
}

/// All but the sum of a slice works at compile time.
#[test]
fn sums_are_const() {
    const SUM: Sum = Sum::of_words(&[[0, 1, 0xf2, 3], [0xf4, 0xf5, 0xf6, 0xf7]]);
    const CHECKSUM: [u8; 2] = SUM.checksum();
    const VALID: [bool; 2] = [SUM.is_valid(), SUM.plus(Sum::of_words(&[[0, 0, !0xdd, !0xf2]])).is_valid()];
    assert_eq!(CHECKSUM, [!0xdd, !0xf2]);
    assert_eq!(VALID, [false, true]);
}
