//! Where the program is attached, and what is attached there already.

use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aya::programs::{ProgramError, XdpMode, loaded_links, loaded_programs};
use nix::libc::{EBUSY, EEXIST, EINVAL, EOPNOTSUPP};
use serde_json::Value;

use crate::device::Device;
use crate::{NAME, Program, explain};

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the driver, before the kernel makes an skb.
    Native,
    /// In the kernel, on any driver.
    Skb,
    /// In the driver if it can.
    Auto,
}

impl Mode {
    /// Each by its name on the command line.
    pub const ALL: [(&str, Self); 3] = [("native", Self::Native), ("skb", Self::Skb), ("auto", Self::Auto)];
}

/// Attaches it until the process ends, however it ends. Returns the mode that it runs in.
pub fn attach(program: &mut Program, name: &str, device: Device, mode: Mode) -> Result<&'static str> {
    let modes: &[_] = match mode {
        Mode::Native => &[(XdpMode::Driver, "native")],
        Mode::Skb => &[(XdpMode::Skb, "skb")],
        Mode::Auto => &[(XdpMode::Driver, "native"), (XdpMode::Skb, "skb")],
    };
    for (mode, mode_name) in modes {
        match program.xdp()?.attach_to_if_index(device.index, *mode) {
            Ok(_) => return Ok(mode_name),
            Err(error) => match errno(&error) {
                Some(EBUSY | EEXIST) => bail!("{}", busy(name)?),
                Some(EOPNOTSUPP | EINVAL) => {}
                _ => return Err(explain(error.into()).context(format!("cannot attach to {name}"))),
            },
        }
    }
    match mode {
        Mode::Native => bail!("{name} has no native mode for this program: its driver has no XDP; try --mode skb"),
        _ => bail!("{name} takes no XDP program"),
    }
}

fn errno(error: &ProgramError) -> Option<i32> {
    match error {
        ProgramError::SyscallError(error) => error.io_error.raw_os_error(),
        _ => None,
    }
}

fn busy(name: &str) -> Result<String> {
    Ok(match attached(name)? {
        Some(Attached { id, program }) => {
            format!("{name} has an XDP program already, {program:?} (id {id}): --replace removes it")
        }
        None => format!("{name} has an XDP program already: --replace removes it"),
    })
}

/// A program that is attached to an interface.
pub struct Attached {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub program: String,
}

/// What is attached to the interface.
pub fn attached(name: &str) -> Result<Option<Attached>> {
    let answer = ip(&["-json", "link", "show", "dev", name])?;
    let answer: Value = serde_json::from_slice(&answer).context("cannot read what ip(8) says")?;
    let Some(id) = answer[0]["xdp"]["prog"]["id"].as_u64() else { return Ok(None) };
    let id = u32::try_from(id)?;
    Ok(Some(Attached { id, program: program(id)?.map_or_else(|| "?".into(), |(name, _)| name) }))
}

/// The maps of the program that runs on the interface, if it is one of ours.
pub fn maps_of_running(name: &str) -> Result<Vec<u32>> {
    let Some(Attached { id, .. }) = attached(name)? else { bail!("no program runs on {name}") };
    match program(id)? {
        Some((program, maps)) if program == NAME => Ok(maps),
        _ => bail!("the program on {name} (id {id}) is not xdp-reset"),
    }
}

/// Name and maps of a loaded program.
fn program(id: u32) -> Result<Option<(String, Vec<u32>)>> {
    for program in loaded_programs() {
        let program = program.map_err(|error| explain(error.into()))?;
        if program.id() == id {
            let maps = program.map_ids()?.context("this kernel does not report a program's maps")?;
            return Ok(Some((program.name_as_str().unwrap_or("?").into(), maps)));
        }
    }
    Ok(None)
}

fn ip(arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| anyhow!("cannot run ip ({error}): apt-get install iproute2"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), complaint.trim());
    Ok(output.stdout)
}

/// Removes what is attached to the interface, unless a process holds it there by a BPF link.
pub fn detach_others(name: &str) -> Result<()> {
    let Some(Attached { id, program }) = attached(name)? else { return Ok(()) };
    for mode in ["xdpdrv", "xdpgeneric"] {
        let off = ip(&["link", "set", "dev", name, mode, "off"]);
        if off.is_err()
            && let Some(link) = link_of(id)?
        {
            bail!(
                "BPF link {link} holds {program:?} (id {id}) on {name}: end the process that has it, or \
                 bpftool link detach id {link}"
            );
        }
        off?;
    }
    Ok(())
}

/// The number of the link that holds this program.
fn link_of(id: u32) -> Result<Option<u32>> {
    for link in loaded_links() {
        let link = link?;
        if link.program_id() == id {
            return Ok(Some(link.id()));
        }
    }
    Ok(None)
}
