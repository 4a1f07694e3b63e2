//! The running kernel, asked one packet at a time.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tun_rs::SyncDevice;

use crate::Family;
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
        self.receive()
    }

    /// Sends `packet` and returns what comes back in time.
    pub fn ask_patiently(&mut self, packet: &[u8]) -> Result<Option<&[u8]>> {
        self.send(packet)?;
        self.wait()
    }

    /// Returns what comes in time without being asked for.
    pub fn wait(&mut self) -> Result<Option<&[u8]>> {
        let end = Instant::now() + PATIENCE;
        loop {
            let length = self.read()?;
            let left = end.saturating_duration_since(Instant::now());
            if length.is_some() || left.is_zero() {
                return Ok(length.map(|length| &self.answer[FRAME_HEADER_LEN..length]));
            }
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            poll(&mut [PollFd::new(self.device.as_fd(), PollFlags::POLLIN)], timeout)?;
        }
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

    fn receive(&mut self) -> Result<Option<&[u8]>> {
        let length = self.read()?;
        Ok(length.map(|length| &self.answer[FRAME_HEADER_LEN..length]))
    }

    /// Reads past what is no answer: errors and neighbour discovery.
    fn read(&mut self) -> Result<Option<usize>> {
        loop {
            match self.device.recv(&mut self.answer[..]) {
                Ok(length) if is_icmp(&self.answer[FRAME_HEADER_LEN..length]) => {}
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error).context("cannot read from the TUN device"),
            }
        }
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
