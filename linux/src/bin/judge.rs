//! Compares the crate's resets with the running kernel's.

use tcp_reset_linux::namespace;

fn main() -> anyhow::Result<()> {
    namespace::enter()?;
    let _device = namespace::tun("judge", true)?;
    Ok(())
}
