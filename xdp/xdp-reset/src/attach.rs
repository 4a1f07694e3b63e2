//! Where the program is attached, and what is attached there already.

use std::fmt;
use std::io;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aya::programs::{loaded_links, loaded_programs};
use nix::libc::{EACCES, EBUSY, EEXIST, EPERM};

use crate::bpf::{self, Link};
use crate::capabilities::TO_SEE_OTHERS;
use crate::device::Device;
use crate::netlink::{self, DRIVER, OnInterface, SKB};
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

    /// The flags of `if_link.h`, the one that is preferred first.
    fn flags(self) -> &'static [u32] {
        match self {
            Self::Native => &[DRIVER],
            Self::Skb => &[SKB],
            Self::Auto => &[DRIVER, SKB],
        }
    }
}

/// The program on its interface. It is detached when the process ends, however it ends: then the link is closed.
#[derive(Debug)]
pub struct Attachment {
    link: Link,
    /// The number of the program.
    program: u32,
    /// Whether it runs in the driver.
    pub is_native: bool,
    /// Why it does not run in the driver, if it was tried.
    refused: Option<io::Error>,
}

impl Attachment {
    /// Whether another process has put its program in the place of this one.
    pub fn is_replaced(&self) -> Result<bool> {
        Ok(self.link.program()? != self.program)
    }
}

/// The mode that it runs in, and why it is not another one.
impl fmt::Display for Attachment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_native, &self.refused) {
            (true, _) => formatter.write_str("native"),
            (false, None) => formatter.write_str("skb"),
            (false, Some(error)) => write!(formatter, "skb; the driver refuses native mode: {error}"),
        }
    }
}

/// Attaches the program to an interface that has none.
pub fn attach(program: &mut Program, name: &str, device: &Device, mode: Mode) -> Result<Attachment> {
    let mut refused = None;
    for flag in mode.flags() {
        match Link::create(program.fd()?, device.index, *flag) {
            Ok(link) => return Ok(Attachment { link, program: program.id()?, is_native: *flag == DRIVER, refused }),
            Err(error) => match error.raw_os_error() {
                Some(EBUSY | EEXIST) => bail!("{}", busy(name, device)?),
                Some(EPERM | EACCES) => return Err(explain(error.into()).context(format!("cannot attach to {name}"))),
                _ => refused = Some(error),
            },
        }
    }
    let error = refused.context("no mode was tried")?;
    match mode {
        Mode::Native => bail!("{name} has no native mode for this program ({error}): try --mode skb or --mode auto"),
        _ => bail!("{name} takes no XDP program ({error})"),
    }
}

fn busy(name: &str, device: &Device) -> Result<String> {
    let Some(attached) = attached(device)? else { return Ok(format!("{name} has an XDP program already")) };
    let Attached { on: OnInterface { id, .. }, program, link } = &attached;
    let advice = match link {
        Some(_) if program == NAME => "--replace puts this one in its place".into(),
        Some(link) => held(*link),
        None => "--replace removes it".into(),
    };
    Ok(format!("{name} has an XDP program already, {program:?} (id {id}): {advice}"))
}

/// What to do about a link of another program.
fn held(link: u32) -> String {
    format!("BPF link {link} holds it: end the process that has the link, or bpftool link detach id {link}")
}

/// A program that is attached to an interface.
struct Attached {
    on: OnInterface,
    /// Its name, `?` where that may not be read.
    program: String,
    /// The link that holds it, if one does.
    link: Option<u32>,
}

/// What is attached to the interface.
fn attached(device: &Device) -> Result<Option<Attached>> {
    let Some(on) = netlink::program(device.index)? else { return Ok(None) };
    let program = program(on.id).ok().flatten().map_or_else(|| "?".into(), |(name, _)| name);
    Ok(Some(Attached { on, program, link: link_of(on, device).ok().flatten() }))
}

/// The maps of the program that runs on the interface, if it is one of ours.
pub fn maps_of_running(name: &str, device: &Device) -> Result<Vec<u32>> {
    let Some(OnInterface { id, .. }) = netlink::program(device.index)? else { bail!("no program runs on {name}") };
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

/// The number of the link that holds this program on the interface. It may be on others too, also on one that has the same
/// number in another network namespace.
fn link_of(OnInterface { id, mode }: OnInterface, device: &Device) -> Result<Option<u32>> {
    if !netlink::is_held(device.index, mode, bpf::program(id)?)? {
        return Ok(None);
    }
    for link in loaded_links() {
        let link = link.map_err(|error| explain(error.into()))?;
        if link.program_id() == id && Link::of(link.id())?.interface()? == device.index {
            return Ok(Some(link.id()));
        }
    }
    Ok(None)
}

/// Attaches the program in the place of what is attached.
///
/// A program of this name on a link is replaced without a gap. Another one without a link is removed first, because the
/// kernel does not let a link replace it; if ours then cannot be attached, the other one is attached again.
pub fn replace(program: &mut Program, name: &str, device: &Device, mode: Mode) -> Result<Attachment> {
    let others = crate::capabilities::missing(&TO_SEE_OTHERS);
    ensure!(others.is_empty(), "no permission: --replace needs {} too, to see other programs", others.join(", "));
    let Some(other) = attached(device)? else { return attach(program, name, device, mode) };
    let OnInterface { id, mode: flag } = other.on;
    // As long as this is open, the other program stays loaded.
    let fd = bpf::program(id).with_context(|| format!("cannot open program {id}"))?;
    match other.link {
        Some(link) if other.program == NAME => {
            ensure!(
                mode.flags().contains(&flag),
                "the link on {name} is in {} mode, and keeps it: end its process to change the mode",
                if flag == DRIVER { "native" } else { "skb" }
            );
            let link = Link::of(link).with_context(|| format!("cannot open link {link}"))?;
            link.update(&fd, program.fd()?).context("cannot put the program in the place of the other one")?;
            return Ok(Attachment { link, program: program.id()?, is_native: flag == DRIVER, refused: None });
        }
        Some(link) => bail!("{name} has an XDP program, {:?} (id {id}): {}", other.program, held(link)),
        None => {}
    }
    netlink::detach(device.index, flag, &fd).with_context(|| format!("cannot remove {:?} (id {id})", other.program))?;
    attach(program, name, device, mode).map_err(|error| {
        let removed = format!("{:?} (id {id})", other.program);
        match netlink::attach(device.index, flag, &fd) {
            Ok(()) => error.context(format!("{removed} is attached again")),
            Err(again) => {
                anyhow!("{error:#}; and {removed}, which was there before, cannot be attached again: {again:#}")
            }
        }
    })
}
