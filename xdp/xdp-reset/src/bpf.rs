//! The calls of bpf(2) for links that aya does not offer: to update the link of another process, and to attach by a link and
//! by nothing else. The structures are those of `union bpf_attr` in `linux/bpf.h`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;

const BPF_PROG_GET_FD_BY_ID: u32 = 13;
const BPF_OBJ_GET_INFO_BY_FD: u32 = 15;
const BPF_LINK_CREATE: u32 = 28;
const BPF_LINK_UPDATE: u32 = 29;
const BPF_LINK_GET_FD_BY_ID: u32 = 30;

/// `enum bpf_attach_type`.
const BPF_XDP: u32 = 37;
/// The update fails if the link has another program than the one that is named.
const BPF_F_REPLACE: u32 = 1 << 2;

/// A BPF link. The program is attached as long as a process has it.
#[derive(Debug)]
pub struct Link(OwnedFd);

#[repr(C)]
struct LinkCreate {
    program: RawFd,
    interface: u32,
    attach_type: u32,
    flags: u32,
}

#[repr(C)]
struct LinkUpdate {
    link: RawFd,
    program: RawFd,
    flags: u32,
    old_program: RawFd,
}

#[repr(C)]
struct GetFd {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

#[repr(C)]
struct GetInfo {
    fd: RawFd,
    len: u32,
    info: u64,
}

/// The start of `struct bpf_link_info`, of a link for XDP.
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    interface: u32,
    padding_after: u32,
}

impl Link {
    /// Attaches a program to an interface. `flags` are those of `if_link.h`.
    pub fn create(program: impl AsFd, interface: u32, flags: u32) -> io::Result<Self> {
        let program = program.as_fd().as_raw_fd();
        call_for_fd(BPF_LINK_CREATE, &mut LinkCreate { program, interface, attach_type: BPF_XDP, flags }).map(Self)
    }

    /// A link that another process has.
    pub fn of(id: u32) -> io::Result<Self> {
        call_for_fd(BPF_LINK_GET_FD_BY_ID, &mut GetFd { id, next_id: 0, open_flags: 0 }).map(Self)
    }

    /// Puts a program in the place of the one that it has, without a gap.
    pub fn update(&self, old_program: impl AsFd, program: impl AsFd) -> io::Result<()> {
        let [program, old_program] = [program.as_fd().as_raw_fd(), old_program.as_fd().as_raw_fd()];
        let link = self.0.as_raw_fd();
        call(BPF_LINK_UPDATE, &mut LinkUpdate { link, program, flags: BPF_F_REPLACE, old_program }).map(|_| ())
    }

    /// The number of the program that it has.
    pub fn program(&self) -> io::Result<u32> {
        Ok(self.info()?.program)
    }

    /// The number of the interface that it attaches the program to.
    pub fn interface(&self) -> io::Result<u32> {
        Ok(self.info()?.interface)
    }

    fn info(&self) -> io::Result<LinkInfo> {
        let mut info = LinkInfo::default();
        let len = u32::try_from(size_of::<LinkInfo>()).map_err(io::Error::other)?;
        let address = &raw mut info as u64;
        call(BPF_OBJ_GET_INFO_BY_FD, &mut GetInfo { fd: self.0.as_raw_fd(), len, info: address })?;
        Ok(info)
    }
}

/// A program that is loaded. It stays so as long as this is open.
pub fn program(id: u32) -> io::Result<OwnedFd> {
    call_for_fd(BPF_PROG_GET_FD_BY_ID, &mut GetFd { id, next_id: 0, open_flags: 0 })
}

fn call_for_fd<T>(command: u32, attributes: &mut T) -> io::Result<OwnedFd> {
    let fd = call(command, attributes)?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn call<T>(command: u32, attributes: &mut T) -> io::Result<RawFd> {
    // SAFETY: the kernel reads and writes `attributes`, whose length it gets, and for the info what its length says.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { RawFd::try_from(result).map_err(io::Error::other) }
}
