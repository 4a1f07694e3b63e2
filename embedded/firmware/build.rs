//! Packs the conformance vectors (`testdata/vectors/README.md`) for the flash memory, and gives the linker its address.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use support::vectors::{Vector, read};

const FILES: [&str; 4] = ["ipv4-netfilter", "ipv4-tcp-stack", "ipv6-netfilter", "ipv6-tcp-stack"];

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = Path::new(&out);
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../testdata/vectors");

    let texts = FILES.map(|file| {
        let path = format!("../../testdata/vectors/{file}.txt");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    });
    let reasons: BTreeSet<String> = texts.iter().flat_map(|text| read(text)).filter_map(|v| v.answer.err()).collect();
    let reasons: Vec<String> = reasons.into_iter().collect();
    let names: Vec<String> = reasons.iter().map(|reason| format!("tcp_reset::NoReset::{reason}")).collect();
    fs::write(out.join("reasons.rs"), format!("[{}]", names.join(", "))).expect("reasons.rs");
    for (file, text) in FILES.iter().zip(&texts) {
        let packed: Vec<u8> = read(text).flat_map(|vector| pack(&vector, &reasons)).collect();
        assert!(!packed.is_empty(), "{file}: no vectors");
        fs::write(out.join(file), packed).expect("packed vectors");
    }
}

/// The offender's length, its bytes, the reply's length; then the reply's bytes or, if there is none, the index of the
/// reason.
fn pack(vector: &Vector, reasons: &[String]) -> Vec<u8> {
    let offender_len = u16::try_from(vector.offender.len()).expect("an offender of at most 64 KiB");
    let mut packed = offender_len.to_le_bytes().to_vec();
    packed.extend(&vector.offender);
    match &vector.answer {
        Ok(reply) => {
            packed.push(u8::try_from(reply.len()).expect("a reply of at most 60 bytes"));
            packed.extend(reply);
        }
        Err(reason) => {
            let place = reasons.iter().position(|known| known == reason).expect("it was collected");
            packed.extend([0, u8::try_from(place).expect("few reasons")]);
        }
    }
    packed
}
