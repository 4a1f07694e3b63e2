//! Driver of the LM3S6965's Ethernet controller, with the least registers. What cannot be sent at once is dropped: the
//! peer repeats its segment.
#![no_std]

use core::ptr::with_exposed_provenance_mut;
use cortex_m::{asm, interrupt, peripheral::NVIC};

// The registers, and the bits that are used.
const CLOCKS: (usize, u32) = (0x400f_e108, 1 << 28 | 1 << 30); // controller and PHY
const EVENTS: usize = 0x4004_8000; // a write acknowledges
const EVENT_MASK: usize = 0x4004_8004;
const RECEIVED: u32 = 1;
const RECEIVE_CONTROL: usize = 0x4004_8008; // on, groups, no bad check sequences
const TRANSMIT_CONTROL: usize = 0x4004_800c; // on, padding, check sequences
const FIFO: usize = 0x4004_8010; // two: a read takes from one, a write puts into the other
const ADDRESS: [usize; 2] = [0x4004_8014, 0x4004_8018];
const FRAMES: usize = 0x4004_8034; // how many have been received
const TRANSMIT: usize = 0x4004_8038; // 1 until the frame is sent
const ENABLE_INTERRUPT: usize = 0xe000_e104; // of interrupts 32 to 63
const CLEAR_INTERRUPT: usize = 0xe000_e284;
const INTERRUPT: u32 = 1 << (42 - 32);

/// The longest frame, without its check sequence: two addresses, two VLAN tags, the EtherType, 1500 bytes.
pub const MAX_LEN: usize = 1522;

/// A frame as the FIFOs have it, in whole words: a length in two bytes, the frame, its check sequence.
pub type Buffer = [u8; 2 + MAX_LEN + 4];

/// Where the frame is in the buffer, with room for the longest one.
pub const fn frame([_, _, frame @ .., _, _, _, _]: &mut Buffer) -> &mut [u8; MAX_LEN] {
    frame
}

/// The controller. There is one, as there is one `NVIC`.
pub struct Ethernet(NVIC);

impl Ethernet {
    /// Starts the controller. From now on no interrupt is taken: a pending one only ends `sleep`.
    pub fn new(nvic: NVIC, [a, b, c, d, e, f]: [u8; 6]) -> Self {
        interrupt::disable();
        write(CLOCKS.0, CLOCKS.1);
        write(ADDRESS[0], u32::from_le_bytes([a, b, c, d]));
        write(ADDRESS[1], u32::from_le_bytes([e, f, 0, 0]));
        write(EVENT_MASK, RECEIVED);
        write(ENABLE_INTERRUPT, INTERRUPT);
        write(TRANSMIT_CONTROL, 1 | 2 | 4);
        write(RECEIVE_CONTROL, 1 | 2 | 8);
        Self(nvic)
    }

    /// Sleeps until there is a frame to receive, or another interrupt is pending.
    pub fn sleep(&mut self) {
        if read(FRAMES) == 0 {
            asm::wfi();
        }
        write(EVENTS, RECEIVED);
        write(CLEAR_INTERRUPT, INTERRUPT);
    }

    /// Takes the next frame from the FIFO, and returns its length; 0 for a frame that is longer than the buffer.
    pub fn receive(&mut self, buffer: &mut Buffer) -> Option<usize> {
        if read(FRAMES) == 0 {
            return None;
        }
        let first = read(FIFO).to_le_bytes();
        let len = usize::from(u16::from_le_bytes([first[0], first[1]])); // of all: length, frame, check sequence
        let words = buffer.as_chunks_mut().0;
        words[0] = first;
        for index in 1..len.div_ceil(4) {
            let word = read(FIFO).to_le_bytes();
            if let Some(place) = words.get_mut(index) {
                *place = word;
            }
        }
        len.checked_sub(2 + 4).filter(|len| *len <= MAX_LEN).or(Some(0))
    }

    /// Whether a frame can be sent at once.
    pub fn can_send(&self) -> bool {
        read(TRANSMIT) == 0
    }

    /// Sends the buffer's frame, unless the one before is still being sent. The controller pads it to 60 bytes.
    pub fn send(&mut self, buffer: &mut Buffer, len: usize) {
        if self.can_send() {
            // Its length counts what follows addresses and EtherType.
            [buffer[0], buffer[1], ..] = (len.saturating_sub(14) as u32).to_le_bytes();
            for word in buffer.as_chunks().0.iter().take((2 + len).div_ceil(4)) {
                write(FIFO, u32::from_le_bytes(*word));
            }
            write(TRANSMIT, 1);
        }
    }
}

fn read(register: usize) -> u32 {
    // SAFETY: the address is one of those above, of a register that has no effect on memory.
    unsafe { with_exposed_provenance_mut::<u32>(register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: the same: the controller does not access memory, and no interrupt has a handler.
    unsafe { with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}
