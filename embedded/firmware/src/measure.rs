//! Measures the stack of a call, by filling it with a pattern, and its instructions, by the emulator's clock.

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::register::msp;

const PATTERN: u32 = 0x5ee_da11;
/// How many words of the stack are filled.
const FILLED: usize = 1024;

/// The stack in bytes that `call` uses: the pattern below this function's frame that the call has overwritten.
#[inline(never)]
pub fn stack(call: impl FnOnce()) -> usize {
    let top = msp::read() as *mut u32;
    // This memory is not in use, since no function is called here. Volatile, so that no `memset` is called either.
    for word in 1..=FILLED {
        // SAFETY: within the stack, which grows into all free memory, and below everything in use.
        unsafe { top.sub(word).write_volatile(PATTERN) };
    }
    call();
    let mut untouched = FILLED;
    // SAFETY: as above.
    while untouched > 0 && unsafe { top.sub(untouched).read_volatile() } == PATTERN {
        untouched -= 1;
    }
    assert!(untouched < FILLED, "the call needs more stack than was filled");
    untouched * size_of::<u32>()
}

/// The instructions that `call` takes, under QEMU's `-icount shift=0`: one nanosecond each, and the board's clock ticks
/// at 25 MHz. Many calls, so that the coarse clock does not matter.
pub fn instructions(mut call: impl FnMut() -> bool) -> u32 {
    const CALLS: u32 = 10_000;
    const INSTRUCTIONS_A_TICK: u32 = 40;
    // SAFETY: nothing else uses the timer.
    let timer = unsafe { &mut cortex_m::Peripherals::steal().SYST };
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(0x00ff_ffff);
    timer.clear_current();
    timer.enable_counter();
    let start = SYST::get_current();
    for _ in 0..CALLS {
        assert!(call());
    }
    let ticks = start.wrapping_sub(SYST::get_current()) & 0x00ff_ffff;
    ticks * INSTRUCTIONS_A_TICK / CALLS
}
