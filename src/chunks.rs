//! A fixed array as a fixed number of parts. An array that is too short does not compile.

/// The first `N` parts of `L` bytes each.
#[inline(always)]
pub(crate) const fn chunks_mut<const L: usize, const N: usize, const B: usize>(
    array: &mut [u8; B],
) -> &mut [[u8; L]; N] {
    const { assert!(L * N <= B, "the parts are longer than the array") };
    match array.as_chunks_mut().0.first_chunk_mut() {
        Some(chunks) => chunks,
        None => unreachable!(),
    }
}
