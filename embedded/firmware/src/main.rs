//! Replays the conformance vectors and measures the stack and the instructions that a reset takes. `cargo xtask firmware` runs it in QEMU;
//! it prints by semihosting.

#![no_std]
#![no_main]
#![cfg_attr(any(feature = "only-ipv4", feature = "only-reset"), allow(dead_code))]

mod measure;

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use tcp_reset::{Config, MAX_LEN, NoReset, Profile, ipv4, ipv6};

const REASONS: &[NoReset] = &include!(concat!(env!("OUT_DIR"), "/reasons.rs"));

macro_rules! vectors {
    ($file:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $file)).as_slice()
    };
}

type File = (&'static str, &'static [u8], Answer);

/// Everything, on every level of the interface.
#[cfg(not(any(feature = "only-ipv4", feature = "only-reset")))]
const FILES: [File; 6] = [
    ("ipv4-netfilter", vectors!("ipv4-netfilter"), ipv4_netfilter),
    ("ipv4-netfilter by reset()", vectors!("ipv4-netfilter"), by_reset),
    ("ipv4-tcp-stack", vectors!("ipv4-tcp-stack"), ipv4_tcp_stack),
    ("ipv6-netfilter", vectors!("ipv6-netfilter"), ipv6_netfilter),
    ("ipv6-netfilter by reset()", vectors!("ipv6-netfilter"), by_reset),
    ("ipv6-tcp-stack", vectors!("ipv6-tcp-stack"), ipv6_tcp_stack),
];

/// As in a program that needs IPv4 alone: one caller, into which the compiler can inline.
#[cfg(feature = "only-ipv4")]
const FILES: [File; 1] = [("ipv4-netfilter, alone", vectors!("ipv4-netfilter"), ipv4_netfilter)];

/// As in a program that calls `reset` alone.
#[cfg(feature = "only-reset")]
const FILES: [File; 2] = [
    ("ipv4-netfilter by reset(), alone", vectors!("ipv4-netfilter"), by_reset),
    ("ipv6-netfilter by reset(), alone", vectors!("ipv6-netfilter"), by_reset),
];

#[entry]
fn main() -> ! {
    let mut different = 0;
    for (name, packed, answer) in FILES {
        different += replay(name, packed, answer);
    }
    debug::exit(if different == 0 { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    loop {}
}

/// Writes the reset into the buffer and returns its length.
type Answer = fn(&[u8], &mut [u8; MAX_LEN]) -> Result<usize, NoReset>;

/// `reset`, which takes either version of IP.
fn by_reset(offender: &[u8], buffer: &mut [u8; MAX_LEN]) -> Result<usize, NoReset> {
    tcp_reset::reset(offender, buffer).map(|reply| reply.len())
}

fn ipv4_netfilter(offender: &[u8], buffer: &mut [u8; MAX_LEN]) -> Result<usize, NoReset> {
    ipv4(offender, &Config::new(), buffer)
}

fn ipv4_tcp_stack(offender: &[u8], buffer: &mut [u8; MAX_LEN]) -> Result<usize, NoReset> {
    ipv4(offender, &Config::new().profile(Profile::TcpStack), buffer)
}

fn ipv6_netfilter(offender: &[u8], buffer: &mut [u8; MAX_LEN]) -> Result<usize, NoReset> {
    ipv6(offender, &Config::new(), buffer)
}

fn ipv6_tcp_stack(offender: &[u8], buffer: &mut [u8; MAX_LEN]) -> Result<usize, NoReset> {
    ipv6(offender, &Config::new().profile(Profile::TcpStack), buffer)
}

fn ipv4(offender: &[u8], config: &Config, buffer: &mut [u8; MAX_LEN]) -> Result<usize, NoReset> {
    let Some(reset) = buffer.first_chunk_mut::<{ ipv4::RESET_LEN }>() else { return Err(NoReset::Truncated) };
    ipv4::reset_with(offender, config, reset).map(|()| ipv4::RESET_LEN)
}

fn ipv6(offender: &[u8], config: &Config, buffer: &mut [u8; MAX_LEN]) -> Result<usize, NoReset> {
    ipv6::reset_with(offender, config, buffer).map(|()| ipv6::RESET_LEN)
}

/// Replays one file, prints the result, and returns how many answers were not Linux's.
fn replay(name: &str, packed: &[u8], answer: Answer) -> u32 {
    let (mut same, mut different, mut deepest) = (0_u32, 0_u32, 0);
    let mut rest = packed;
    while let Some((offender, expected, after)) = vector(rest) {
        rest = after;
        // `reset` takes it for a packet of the other version.
        if name.contains("by reset()") && expected == Err(NoReset::Version) {
            continue;
        }
        let mut buffer = [0xa5; MAX_LEN];
        let mut actual = Err(NoReset::Truncated);
        deepest = deepest.max(measure::stack(|| actual = black_box(answer)(offender, &mut buffer)));
        let (reply, untouched) = buffer.split_at(actual.unwrap_or(0));
        if actual.map(|_| reply) == expected && untouched.iter().all(|byte| *byte == 0xa5) {
            same += 1;
        } else {
            different += 1;
            hprintln!("{}: {:02x?} is answered {:02x?}, {:?}, not {:02x?}", name, offender, reply, actual, expected);
        }
    }
    if same + different == 0 || !rest.is_empty() {
        hprintln!("{}: the vectors are incomplete", name);
        different += 1;
    }
    let count = instructions(packed, answer);
    hprintln!(
        "{}: {} as Linux answers, {} not; stack {} bytes, {} instructions for the first",
        name,
        same,
        different,
        deepest,
        count
    );
    different
}

/// Measures the first vector, a SYN.
fn instructions(packed: &[u8], answer: Answer) -> u32 {
    let Some((offender, ..)) = vector(packed) else { return 0 };
    let mut buffer = [0; MAX_LEN];
    measure::instructions(|| black_box(answer)(black_box(offender), &mut buffer).is_ok())
}

/// The first vector: an offender and what Linux answers, and the vectors after it.
fn vector(packed: &[u8]) -> Option<(&[u8], Result<&[u8], NoReset>, &[u8])> {
    let (len, rest) = packed.split_first_chunk()?;
    let (offender, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    match rest {
        [0, reason, rest @ ..] => Some((offender, Err(*REASONS.get(usize::from(*reason))?), rest)),
        [len, rest @ ..] => {
            let (reply, rest) = rest.split_at_checked(usize::from(*len))?;
            Some((offender, Ok(reply), rest))
        }
        [] => None,
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
