//! Packs the conformance vectors (`../vectors/README.md`) for the flash memory, and tells the linker where that is.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

const FILES: [&str; 4] = ["ipv4-netfilter", "ipv4-tcp-stack", "ipv6-netfilter", "ipv6-tcp-stack"];

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = Path::new(&out);
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../vectors");

    let texts = FILES.map(|file| {
        let path = format!("../../testdata/vectors/{file}.txt");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    });
    let reasons: BTreeSet<&str> = texts.iter().flat_map(|text| vectors(text)).filter_map(|v| v.answer.err()).collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    let names: Vec<String> = reasons.iter().map(|reason| format!("tcp_reset::NoReset::{reason}")).collect();
    fs::write(out.join("reasons.rs"), format!("[{}]", names.join(", "))).expect("reasons.rs");
    for (file, text) in FILES.iter().zip(&texts) {
        let packed: Vec<u8> = vectors(text).flat_map(|vector| vector.pack(&reasons)).collect();
        assert!(!packed.is_empty(), "{file}: no vectors");
        fs::write(out.join(file), packed).expect("packed vectors");
    }
}

struct Vector<'a> {
    offender: Vec<u8>,
    /// The reset, or the reason for silence.
    answer: Result<Vec<u8>, &'a str>,
}

impl Vector<'_> {
    /// The offender's length, its bytes, the reply's length; then the reply's bytes or, if there are none, the reason's
    /// place among all reasons.
    fn pack(&self, reasons: &[&str]) -> Vec<u8> {
        let offender_len = u16::try_from(self.offender.len()).expect("an offender of at most 64 KiB");
        let mut packed = offender_len.to_le_bytes().to_vec();
        packed.extend(&self.offender);
        match &self.answer {
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
}

fn vectors(text: &str) -> impl Iterator<Item = Vector<'_>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            [_, offender, "reset", reply] => (offender, Ok(bytes(reply))),
            [_, offender, "silence", reason] => (offender, Err(reason)),
            _ => panic!("not a vector: {line}"),
        };
        Vector { offender: bytes(answer.0), answer: answer.1 }
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex digits")).collect()
}
