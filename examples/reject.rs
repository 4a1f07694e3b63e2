//! One packet in, the reset that answers it out, both in hex: `cargo run --example reject -- 4500…`, or without an
//! argument for a SYN that is built in.

use std::env;
use std::process::ExitCode;

use tcp_reset::MAX_LEN;

/// A SYN from 192.0.2.1 port 36050 to 198.51.100.2 port 80.
const SYN: &str = "450000281234400040063c65c0000201c63364028cd200501f2083e800000000500204008f800000";

fn main() -> ExitCode {
    let argument = env::args().nth(1);
    let Ok(packet) = hex::decode(argument.as_deref().unwrap_or(SYN)) else {
        eprintln!("reject: the packet is not in hex");
        return ExitCode::from(2);
    };
    let mut buffer = [0; MAX_LEN];
    match tcp_reset::reset(&packet, &mut buffer) {
        Ok(reset) => println!("{}", hex::encode(reset)),
        Err(reason) => println!("no reset: {reason}"),
    }
    ExitCode::SUCCESS
}
