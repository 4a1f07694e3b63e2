//! Writes the seeds of the target `bytes`: the offender of every conformance vector, each once.
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --example seeds -- fuzz/corpus/bytes
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

const FILES: [&str; 4] = [
    include_str!("../../testdata/vectors/ipv4-netfilter.txt"),
    include_str!("../../testdata/vectors/ipv4-tcp-stack.txt"),
    include_str!("../../testdata/vectors/ipv6-netfilter.txt"),
    include_str!("../../testdata/vectors/ipv6-tcp-stack.txt"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: seeds DIRECTORY")?);
    fs::create_dir_all(&directory)?;
    let packets: BTreeSet<_> =
        FILES.into_iter().flat_map(support::vectors::read).map(|vector| vector.offender).collect();
    for (number, packet) in packets.iter().enumerate() {
        fs::write(directory.join(format!("vector-{number}")), packet)?;
    }
    println!("{}: {} seeds", directory.display(), packets.len());
    Ok(())
}
