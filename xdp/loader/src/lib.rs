//! The XDP program, loaded: its maps, where it is attached, and what it has counted.

#[path = "../../program/src/shared.rs"]
pub mod shared;

pub mod attach;
pub mod counters;
pub mod device;
pub mod ports;

use std::borrow::BorrowMut;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aya::maps::{Array, Map, MapData, PerCpuArray};
use aya::programs::{ProgramError, Xdp};
use aya::util::KernelVersion;
use aya::{Ebpf, EbpfLoader, Pod, VerifierLogLevel, include_bytes_aligned};

use crate::counters::Counters;
use crate::ports::Ports;
use crate::shared::{PORT_WORDS, Settings};

/// What `build.sh` makes of `program/`.
static OBJECT: &[u8] = include_bytes_aligned!("../../target/program/bpfel-unknown-none/release/xdp-reset-program");

/// The name of the program, by which `bpftool prog` lists it.
pub const NAME: &str = "xdp_reset";

/// The oldest kernel that has all the program calls: `bpf_xdp_get_buff_len` came with it.
const OLDEST: KernelVersion = KernelVersion::new(5, 18, 0);

// SAFETY: it holds numbers alone, without padding between or after them.
unsafe impl Pod for Settings {}

/// The program in the kernel.
pub struct Program(Ebpf);

impl Program {
    /// Loads it, and has the kernel verify it; it answers for no port yet.
    pub fn load() -> Result<Self> {
        check_kernel(KernelVersion::current().map_err(|error| anyhow!("cannot read the kernel version: {error}"))?)?;
        Self::load_object(OBJECT)
    }

    /// The same for any object with such a program.
    pub fn load_object(object: &[u8]) -> Result<Self> {
        let mut ebpf = EbpfLoader::new()
            .verifier_log_level(VerifierLogLevel::DEBUG | VerifierLogLevel::STATS)
            .load(object)
            .map_err(|error| explain(error.into()))?;
        xdp(&mut ebpf)?.load().map_err(|error| match error {
            ProgramError::LoadError { io_error, verifier_log } => match verifier_log.to_string().trim() {
                "" => explain(io_error.into()).context("the kernel does not load the program"),
                log => anyhow!("the kernel's verifier refuses the program ({io_error}):\n{}", last_lines(log, 12)),
            },
            error => explain(error.into()),
        })?;
        Ok(Self(ebpf))
    }

    /// The program itself.
    pub fn xdp(&mut self) -> Result<&mut Xdp> {
        xdp(&mut self.0)
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
        let mut map: Array<_, [u8; 6]> = Array::try_from(self.map("STATION")?)?;
        Ok(map.set(0, station, 0)?)
    }

    /// Changes what it does.
    pub fn set(&mut self, settings: &Settings, ports: &Ports) -> Result<()> {
        set(self.map("SETTINGS")?, settings)?;
        set_ports(self.map("PORTS")?, ports)
    }

    /// What it has counted, on all CPUs.
    pub fn counters(&self) -> Result<Counters> {
        let counters = self.0.map("COUNTERS").context("the program has no counters")?;
        Counters::read(&PerCpuArray::try_from(counters)?)
    }

    fn map(&mut self, name: &str) -> Result<&mut Map> {
        self.0.map_mut(name).with_context(|| format!("the program has no map {name}"))
    }
}

fn xdp(ebpf: &mut Ebpf) -> Result<&mut Xdp> {
    Ok(ebpf.program_mut(NAME).with_context(|| format!("the object has no program {NAME}"))?.try_into()?)
}

fn set(map: &mut Map, settings: &Settings) -> Result<()> {
    let mut map: Array<_, Settings> = Array::try_from(map)?;
    Ok(map.set(0, settings, 0)?)
}

fn set_ports(map: &mut Map, ports: &Ports) -> Result<()> {
    let mut map: Array<_, u64> = Array::try_from(map)?;
    for (at, word) in (0..PORT_WORDS).zip(ports.words()) {
        map.set(at, word, 0)?;
    }
    Ok(())
}

/// Changes what a program does that another process has loaded.
pub fn change(map_ids: &[u32], settings: &Settings, ports: &Ports) -> Result<()> {
    let named = |name| -> Result<Map> {
        for id in map_ids {
            let map = MapData::from_id(*id).map_err(|error| explain(error.into()))?;
            if map.info()?.name_as_str() == Some(name) {
                return Ok(Map::Array(map));
            }
        }
        bail!("the program has no map {name}")
    };
    set(named("SETTINGS")?.borrow_mut(), settings)?;
    set_ports(named("PORTS")?.borrow_mut(), ports)
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
            anyhow!("no permission for bpf(2): run as root, or with CAP_BPF and CAP_NET_ADMIN")
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
