//! The running kernel, asked one packet at a time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tun_rs::SyncDevice;

use crate::Family;
use crate::namespace::receive;
use crate::reference::Reference;

/// How long to wait for an answer that the kernel defers. Nearly all are there when the `write` of the offender returns.
const PATIENCE: Duration = Duration::from_millis(2);

/// The kernel behind a TUN device.
pub struct Kernel {
    device: SyncDevice,
    question: Vec<u8>,
    answer: Box<[u8]>,
}

impl Kernel {
    /// Sets the kernel up in the namespace that the thread is in.
    pub fn new(reference: Reference, family: Family) -> Result<Self> {
        let question = family.frame_header().to_vec();
        Ok(Self { device: reference.set_up(family)?, question, answer: vec![0; 1 << 16].into() })
    }

    /// Sends `packet` and returns what has come back when the system call is done, or nothing.
    pub fn ask(&mut self, packet: &[u8]) -> Result<Option<&[u8]>> {
        self.send(packet)?;
        self.read(Duration::ZERO)
    }

    /// Sends `packet` and returns what comes back in time.
    pub fn ask_patiently(&mut self, packet: &[u8]) -> Result<Option<&[u8]>> {
        self.send(packet)?;
        self.read(PATIENCE)
    }

    /// Returns what comes in time without being asked for.
    pub fn wait(&mut self) -> Result<Option<&[u8]>> {
        self.read(PATIENCE)
    }

    /// Reads until nothing comes any more.
    pub fn drain(&mut self) -> Result<()> {
        while self.wait()?.is_some() {}
        Ok(())
    }

    fn send(&mut self, packet: &[u8]) -> Result<()> {
        self.question.truncate(FRAME_HEADER_LEN);
        self.question.extend_from_slice(packet);
        self.device.send(&self.question).context("cannot write to the TUN device")?;
        Ok(())
    }

    /// The next answer in time. ICMP errors and neighbour discovery do not count as answers.
    fn read(&mut self, patience: Duration) -> Result<Option<&[u8]>> {
        let deadline = Instant::now() + patience;
        while let Some(length) = receive(&self.device, &mut self.answer, deadline)? {
            if !is_icmp(&self.answer[FRAME_HEADER_LEN..length]) {
                return Ok(Some(&self.answer[FRAME_HEADER_LEN..length]));
            }
        }
        Ok(None)
    }
}

const FRAME_HEADER_LEN: usize = 4;

/// Whether it is ICMP, or `ICMPv6` with or without the hop-by-hop header of multicast listener reports.
fn is_icmp(packet: &[u8]) -> bool {
    let byte = |at: usize| packet.get(at).copied();
    match byte(0) {
        Some(0x40..0x50) => byte(9) == Some(1),
        _ => byte(6) == Some(58) || byte(6) == Some(0) && byte(40) == Some(58),
    }
}
