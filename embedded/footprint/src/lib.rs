//! What the images share: each holds one `job`, which answers the packet at `packet` in the memory at `reply` and
//! returns the reply's length, zero for silence. They are linked, not run: `cargo xtask footprint` measures them.

#![no_std]

/// The offending packet.
///
/// # Safety
///
/// `packet` and `len` are one readable slice.
pub unsafe fn packet<'a>(packet: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(packet, len) }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
