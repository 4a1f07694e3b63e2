//! The XDP program, loaded: its maps, where it is attached, and what it has counted.

#[path = "../../tcp-reset-xdp/src/shared.rs"]
pub mod shared;

pub mod attach;
pub mod bpf;
pub mod capabilities;
pub mod counters;
pub mod device;
pub mod netlink;
pub mod networks;
pub mod ports;
pub mod setup;

use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result, anyhow, ensure};
use aya::maps::PerCpuArray;
use aya::programs::{ProgramError, Xdp};
use aya::util::KernelVersion;
use aya::{Ebpf, EbpfLoader, VerifierLogLevel, include_bytes_aligned};

use crate::capabilities::{TO_LOAD, TO_SEE_OTHERS, missing};
use crate::counters::Counters;
use crate::setup::{Setup, SetupMaps};

/// What `cargo xtask xdp-build` makes of `tcp-reset-xdp/`.
static OBJECT: &[u8] = include_bytes_aligned!("../../target/program/bpfel-unknown-none/release/tcp-reset-xdp");

/// The name of the program, by which `bpftool prog` lists it.
pub const NAME: &str = "xdp_reset";

/// The oldest kernel that has all the program calls: `bpf_xdp_get_buff_len` came with it.
const OLDEST: KernelVersion = KernelVersion::new(5, 18, 0);

/// The program in the kernel.
pub struct Program {
    ebpf: Ebpf,
    setup: SetupMaps,
}

impl Program {
    /// Loads it, and has the kernel verify it; it answers for no port yet.
    pub fn load() -> Result<Self> {
        check_kernel(KernelVersion::current().map_err(|error| anyhow!("cannot read the kernel version: {error}"))?)?;
        let mut ebpf = load(OBJECT, NAME)?;
        let setup = SetupMaps::take(|name| ebpf.take_map(name))?;
        Ok(Self { ebpf, setup })
    }

    /// The program itself.
    pub fn xdp(&mut self) -> Result<&mut Xdp> {
        xdp(&mut self.ebpf, NAME)
    }

    /// Its descriptor.
    pub fn fd(&mut self) -> Result<BorrowedFd<'_>> {
        Ok(self.xdp()?.fd()?.as_fd())
    }

    /// Its number in the kernel.
    pub fn id(&mut self) -> Result<u32> {
        Ok(self.xdp()?.info()?.id())
    }

    /// How many instructions the kernel's verifier has processed to accept it.
    pub fn verified(&mut self) -> Result<u32> {
        self.xdp()?
            .info()?
            .verified_instruction_count()
            .context("this kernel does not report the verified instructions")
    }

    /// The address of the interface: frames to others are passed up.
    pub fn set_station(&mut self, station: [u8; 6]) -> Result<()> {
        self.setup.set_station(station)
    }

    /// What it answers, and how.
    pub fn setup(&mut self) -> &mut SetupMaps {
        &mut self.setup
    }

    /// Changes what it does.
    pub fn set(&mut self, setup: &Setup) -> Result<()> {
        self.setup.write(setup)
    }

    /// What it has counted, on all CPUs.
    pub fn counters(&self) -> Result<Counters> {
        let counters = self.ebpf.map("COUNTERS").context("the program has no counters")?;
        Counters::read(&PerCpuArray::try_from(counters)?)
    }
}

/// Loads an object with an XDP program of that name, and has the kernel verify it.
pub fn load(object: &[u8], name: &str) -> Result<Ebpf> {
    let mut ebpf = EbpfLoader::new()
        .verifier_log_level(VerifierLogLevel::DEBUG | VerifierLogLevel::STATS)
        .load(object)
        .map_err(|error| explain(error.into()))?;
    xdp(&mut ebpf, name)?.load().map_err(|error| match error {
        ProgramError::LoadError { io_error, verifier_log } => match verifier_log.to_string().trim() {
            // Without CAP_PERFMON, the verifier refuses what it accepts otherwise.
            log if log.is_empty() || !missing(&TO_LOAD).is_empty() => {
                explain(io_error.into()).context("the kernel does not load the program")
            }
            log => anyhow!("the kernel's verifier refuses the program ({io_error}):\n{}", last_lines(log, 12)),
        },
        error => explain(error.into()),
    })?;
    Ok(ebpf)
}

/// A program of an object.
pub fn xdp<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    Ok(ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?.try_into()?)
}

fn check_kernel(version: KernelVersion) -> Result<()> {
    ensure!(version >= OLDEST, "this kernel is too old: the program needs Linux 5.18 or newer");
    Ok(())
}

/// Says what to do about a refusal of the kernel.
fn explain(error: anyhow::Error) -> anyhow::Error {
    let refusal = error.chain().filter_map(|error| error.downcast_ref::<std::io::Error>()).next_back();
    match refusal.and_then(std::io::Error::raw_os_error) {
        Some(nix::libc::EPERM | nix::libc::EACCES) => {
            let mut missing_here = missing(&TO_LOAD);
            if missing_here.is_empty() {
                missing_here = missing(&TO_SEE_OTHERS);
            }
            match missing_here[..] {
                [] => anyhow!(
                    "no permission: this process has the capabilities, but the kernel refuses it bpf(2): they must be those \
                     of the initial user namespace, and a container or lockdown must permit it"
                ),
                _ => anyhow!("no permission: {} is missing (root has it)", missing_here.join(", ")),
            }
        }
        Some(nix::libc::ENOSYS) => anyhow!("this kernel has no bpf(2): it needs CONFIG_BPF_SYSCALL"),
        _ => error,
    }
}

/// The end of the verifier's log, which gives the reason.
fn last_lines(log: &str, count: usize) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_kernels_are_refused() {
        for (version, is_new) in [
            (KernelVersion::new(5, 17, 99), false),
            (KernelVersion::new(4, 19, 0), false),
            (KernelVersion::new(5, 18, 0), true),
            (KernelVersion::new(6, 1, 0), true),
        ] {
            let refusal = check_kernel(version).err().map(|error| error.to_string());
            let expected = "this kernel is too old: the program needs Linux 5.18 or newer";
            assert_eq!(refusal.as_deref(), (!is_new).then_some(expected), "{version:?}");
        }
    }

    #[test]
    fn a_log_is_cut_to_its_end() {
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
    }
}
