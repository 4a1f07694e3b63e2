//! How to limit resets: a token bucket between the decision and the answer. `cargo run --example rate_limit` sends it a
//! flood and counts.
//!
//! One bucket for all peers bounds what a flood from spoofed sources reflects. Where one peer's flood must not silence
//! the answers to others, keep a bucket for each source network, in a table of fixed size.

#![allow(clippy::arithmetic_side_effects, reason = "counts and times of a short run")]

use std::time::{Duration, Instant};

use tcp_reset::{Config, NoReset, Reset};

/// Lets `rate` through a second on average, and at most `burst` at once.
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn new(rate: u32, burst: u32, now: Instant) -> Self {
        Self { rate: rate.into(), burst: burst.into(), tokens: burst.into(), filled: now }
    }

    fn allows(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = elapsed.mul_add(self.rate, self.tokens).min(self.burst);
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

/// Writes the reset over its offender and returns it, unless there is none or the bucket is empty.
fn answer<'packet>(packet: &'packet mut [u8], bucket: &mut Bucket, now: Instant) -> Result<&'packet [u8], Silence> {
    // The decision first: what draws no reset takes no token.
    let reset = Reset::in_reply_to(packet, &Config::new()).map_err(Silence::NoReset)?;
    if !bucket.allows(now) {
        return Err(Silence::Limited);
    }
    Ok(reset.emit(packet).unwrap_or_default())
}

#[derive(Debug)]
enum Silence {
    NoReset(NoReset),
    Limited,
}

fn main() {
    // RFC 9293 §3.10.7.1 would have it answered: a SYN from 192.0.2.1 to a port of 198.51.100.2.
    let syn = *b"\x45\0\0\x28\x12\x34\x40\0\x40\x06\x3c\x65\xc0\0\x02\x01\xc6\x33\x64\x02\
                 \x8c\xd2\0\x50\x1f\x20\x83\xe8\x53\xd9\x73\x64\x50\x02\xfa\xf0\xd1\x51\0\0";
    let start = Instant::now();
    let mut bucket = Bucket::new(100, 50, start);
    let (mut resets, mut limited) = (0, 0);
    // Ten thousand a second, for two seconds.
    for packet in 0..20_000 {
        let now = start + Duration::from_micros(100) * packet;
        match answer(&mut syn.clone(), &mut bucket, now) {
            Ok(_) => resets += 1,
            Err(Silence::Limited) => limited += 1,
            Err(Silence::NoReset(reason)) => panic!("{reason}"),
        }
    }
    println!("20000 SYNs in two seconds: {resets} resets, {limited} withheld");
    // Two seconds' worth and the burst, give or take one for the clock's rounding.
    assert!((248..=250).contains(&resets));
}
