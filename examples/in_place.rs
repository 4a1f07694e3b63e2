//! Writes a reset over its own offender, as a program does that receives a frame into a buffer and sends the same buffer
//! back: `cargo run --example in_place`.

use tcp_reset::{Config, NoReset, ethernet};

/// Replaces an Ethernet frame by the frame that answers it, and returns the answer.
fn answer(frame: &mut [u8]) -> Result<&[u8], NoReset> {
    // The reset owns its bytes: nothing borrows the frame when the reset is written.
    let reset = ethernet::Reset::in_reply_to(frame, &Config::new())?;
    // A reset is never longer than its offender.
    reset.write_to(frame).map(|reply| &*reply).ok_or(NoReset::Truncated)
}

fn main() -> Result<(), NoReset> {
    // A SYN from 192.0.2.1 to 198.51.100.2, padded to the shortest Ethernet frame.
    let mut frame = *b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\
                       \x45\0\0\x28\x12\x34\x40\0\x40\x06\x3c\x65\xc0\0\x02\x01\xc6\x33\x64\x02\
                       \x8c\xd2\0\x50\x1f\x20\x83\xe8\x53\xd9\x73\x64\x50\x02\xfa\xf0\xd1\x51\0\0\
                       \0\0\0\0\0\0";
    println!("frame:  {frame:02x?}");
    println!("answer: {:02x?}", answer(&mut frame)?);
    Ok(())
}
