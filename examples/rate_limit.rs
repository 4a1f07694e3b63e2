//! Limits the rate of resets: a token bucket between the decision and the answer. `cargo run --example rate_limit` sends
//! it a flood and counts.
//!
//! One bucket for all peers bounds what a flood from spoofed sources reflects. If a flood of one peer must not suppress
//! the answers to others, keep a bucket for each source network, in a table of fixed size.

#![allow(clippy::arithmetic_side_effects, reason = "counts and times of a short run")]

use std::time::{Duration, Instant};

use tcp_reset::{Config, NoReset, Reset};

/// Allows `rate` answers a second on average, and at most `burst` at once.
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn allows(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = elapsed.mul_add(self.rate, self.tokens).min(self.burst);
        let is_allowed = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(is_allowed));
        is_allowed
    }
}

/// The reset that answers `packet`; `None` if the bucket is empty.
fn answer(packet: &[u8], bucket: &mut Bucket, now: Instant) -> Result<Option<Reset>, NoReset> {
    // Decide first: a packet that is not answered takes no token.
    let reset = Reset::in_reply_to(packet, &Config::new())?;
    Ok(bucket.allows(now).then_some(reset))
}

fn main() -> Result<(), NoReset> {
    // A SYN from 192.0.2.1 to 198.51.100.2.
    let syn = b"\x45\0\0\x28\x12\x34\x40\0\x40\x06\x3c\x65\xc0\0\x02\x01\xc6\x33\x64\x02\
                \x8c\xd2\0\x50\x1f\x20\x83\xe8\x53\xd9\x73\x64\x50\x02\xfa\xf0\xd1\x51\0\0";
    let start = Instant::now();
    let mut bucket = Bucket { rate: 100.0, burst: 50.0, tokens: 50.0, filled: start };
    let mut sent = 0_u32;
    // Ten thousand a second, for two seconds.
    for packet in 0..20_000 {
        let now = start + Duration::from_micros(100) * packet;
        if let Some(reset) = answer(syn, &mut bucket, now)? {
            let _ = reset.as_bytes(); // The caller sends these bytes.
            sent += 1;
        }
    }
    println!("20000 SYNs in two seconds: {sent} resets");
    // Two seconds' worth and the burst, with one for rounding.
    assert!((248..=250).contains(&sent));
    Ok(())
}
