#!/bin/bash
# Builds the XDP program, and the loader with the program in it: xdp/target/loader/release/xdp-reset.
#
#   xdp/build.sh    a minute the first time
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source embedded/setup.sh

# The versions, here alone. Another linker has another LLVM than the compiler, or makes other code.
linker_version=0.13.0
llvm=22

linker=$(command -v bpf-linker || true)
test -n "$linker" || die "bpf-linker is missing: xdp/build.sh --install-linker"
RUSTFLAGS="-Clinker=$linker -Ctarget-feature=+allows-misaligned-mem-access" \
    $cargo build --release --locked --manifest-path xdp/program/Cargo.toml --target bpfel-unknown-none \
    --target-dir xdp/target/program
env -u RUSTC -u RUSTDOC -u RUSTC_BOOTSTRAP cargo build --release --locked --manifest-path xdp/loader/Cargo.toml --target-dir xdp/target/loader
