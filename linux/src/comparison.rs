//! Compares the crate's answers with the kernel's, packet by packet.

use anyhow::Result;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tcp_reset::{Config, MAX_LEN, NoReset};

use crate::Family;
use crate::exclude::exclusion;
use crate::generate::Generator;
use crate::kernel::Kernel;
use crate::reference::Reference;

/// An offender, and both answers to it.
#[derive(Debug)]
pub struct Exchange {
    /// The offender.
    pub packet: Vec<u8>,
    /// The crate's answer.
    pub ours: Result<Vec<u8>, NoReset>,
    /// The kernel's.
    pub kernels: Option<Vec<u8>>,
}

impl Exchange {
    /// Whether both answers are the same bytes, or silence both.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.ours.as_ref().ok() == self.kernels.as_ref()
    }
}

/// A comparison of the crate with one reference, for one version of IP.
pub struct Comparison {
    reference: Reference,
    family: Family,
    config: Config,
    kernel: Kernel,
    resets: u64,
    silent: u64,
    zero_checksums: u64,
}

impl Comparison {
    /// Sets the kernel up in the namespace that the thread is in.
    pub fn new(reference: Reference, family: Family, config: Config) -> Result<Self> {
        let kernel = Kernel::new(reference, family)?;
        Ok(Self { reference, family, config, kernel, resets: 0, silent: 0, zero_checksums: 0 })
    }

    /// Compares `count` packets, or up to the first mismatch.
    pub fn run(&mut self, count: u64, seed: u64) -> Result<Option<Exchange>> {
        let style = "{human_pos} of {human_len} packets {wide_bar} {per_sec}, {eta} left";
        let progress = ProgressBar::new(count).with_style(ProgressStyle::with_template(style)?);
        let mut generator = Generator::new(self.family, seed);
        let mut previous = Vec::new();
        for nth in 0..count {
            let mut packet = generator.draw();
            while exclusion(self.reference, self.family, &packet).is_some() {
                packet = generator.draw();
            }
            if let Some(mismatch) = self.compare(&packet, &previous)? {
                progress.abandon();
                return Ok(Some(mismatch));
            }
            previous = packet;
            if nth % 4096 == 0 {
                progress.set_position(nth);
            }
        }
        progress.finish_and_clear();
        Ok(None)
    }

    /// One line for the end of a run.
    #[must_use]
    pub fn summary(&self, mismatches: u64) -> String {
        format!(
            "{} packets: {} resets, {} silent, {} zero checksums, {} mismatches",
            HumanCount(self.resets + self.silent),
            HumanCount(self.resets),
            HumanCount(self.silent),
            HumanCount(self.zero_checksums),
            HumanCount(mismatches),
        )
    }

    fn compare(&mut self, packet: &[u8], previous: &[u8]) -> Result<Option<Exchange>> {
        let mut buffer = [0; MAX_LEN];
        let ours = self.family.answer(packet, &self.config, &mut buffer);
        match ours {
            Ok(reset) => {
                self.resets += 1;
                self.zero_checksums += u64::from(is_checksum_zero(reset));
            }
            Err(_) => self.silent += 1,
        }
        let kernels = self.kernel.ask(packet)?;
        if kernels == ours.ok() {
            return Ok(None);
        }
        let Some(unexpected) = kernels.map(<[u8]>::to_vec) else {
            if self.kernel.wait()? == ours.ok() {
                return Ok(None);
            }
            return self.mismatch(packet);
        };
        // It may be a late answer to the packet before, for which no answer was expected.
        self.kernel.drain()?;
        let mismatch = self.mismatch(packet)?;
        let mismatch = if mismatch.is_none() && !previous.is_empty() { self.mismatch(previous)? } else { mismatch };
        let once = Exchange { packet: packet.to_vec(), ours: ours.map(<[u8]>::to_vec), kernels: Some(unexpected) };
        Ok(mismatch.or(Some(once)))
    }

    fn mismatch(&mut self, packet: &[u8]) -> Result<Option<Exchange>> {
        let exchange = self.exchange(packet)?;
        Ok((!exchange.is_same()).then_some(exchange))
    }

    /// Both answers to one packet, with time to answer.
    pub fn exchange(&mut self, packet: &[u8]) -> Result<Exchange> {
        let mut buffer = [0; MAX_LEN];
        let ours = self.family.answer(packet, &self.config, &mut buffer).map(<[u8]>::to_vec);
        let kernels = self.kernel.ask_patiently(packet)?.map(<[u8]>::to_vec);
        self.kernel.drain()?;
        Ok(Exchange { packet: packet.to_vec(), ours, kernels })
    }
}

/// Whether the TCP checksum of the reset, four bytes before its end, is written as zero in either form.
fn is_checksum_zero(reset: &[u8]) -> bool {
    matches!(reset, [.., 0x00, 0x00, _, _] | [.., 0xff, 0xff, _, _])
}
