//! One packet in, the reset that answers it out, both in hex: `cargo run --example reject -- 4500…`, or without an
//! argument for a SYN that is built in.

use std::env;
use std::process::ExitCode;

use tcp_reset::MAX_LEN;

/// A SYN from 192.0.2.1 port 36050 to 198.51.100.2 port 80.
const SYN: &str = "450000281234400040063c65c0000201c6336402 8cd200501f2083e800000000500204008f800000";

fn main() -> ExitCode {
    let argument = env::args().nth(1);
    let Some(packet) = from_hex(argument.as_deref().unwrap_or(SYN)) else {
        eprintln!("reject: the packet is not in hex");
        return ExitCode::from(2);
    };
    let mut buffer = [0; MAX_LEN];
    match tcp_reset::reset(&packet, &mut buffer) {
        Ok(reset) => {
            for byte in reset {
                print!("{byte:02x}");
            }
            println!();
        }
        Err(reason) => println!("no reset: {reason}"),
    }
    ExitCode::SUCCESS
}

/// The bytes of pairs of hex digits; blanks are ignored.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
    let (pairs, odd): (&[[u8; 2]], _) = digits.as_ref()?.as_chunks();
    odd.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
