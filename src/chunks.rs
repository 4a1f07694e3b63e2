//! A fixed array as parts of fixed lengths. An array that is too short does not compile.

/// The first `N` parts of `L` bytes each.
#[inline(always)]
pub(crate) const fn chunks_mut<const L: usize, const N: usize, const B: usize>(all: &mut [u8; B]) -> &mut [[u8; L]; N] {
    const { assert!(L * N <= B, "the parts are longer than the array") };
    let Some(parts) = all.as_chunks_mut().0.first_chunk_mut() else { unreachable!() };
    parts
}

/// The first `A` bytes and the `B` bytes after them.
#[inline(always)]
pub(crate) const fn split_mut<const A: usize, const B: usize, const N: usize>(
    array: &mut [u8; N],
) -> (&mut [u8; A], &mut [u8; B]) {
    const { assert!(A + B <= N, "the parts are longer than the array") };
    let Some((first, rest)) = array.split_first_chunk_mut() else { unreachable!() };
    let Some(second) = rest.first_chunk_mut() else { unreachable!() };
    (first, second)
}

/// The `N` bytes at `AT`.
pub(crate) const fn part<const AT: usize, const N: usize, const B: usize>(all: &[u8; B]) -> &[u8; N] {
    const { assert!(AT + N <= B, "the part is outside the array") };
    let Some(part) = all.split_at(AT).1.first_chunk() else { unreachable!() };
    part
}

/// Copies words, as many as both have, one by one: whole arrays are a call of `memcpy` on small machines, which takes 600
/// bytes.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
