#!/bin/bash
# Builds the XDP program, and the loader with the program in it: target/release/xdp-reset. Fails if the program,
# or what the kernel's verifier processes to accept it, is over its ceiling (program.ceiling).
#
#   xdp/build.sh                     a minute the first time
#   xdp/build.sh --set-ceilings      sets the ceilings to what is measured and two percent of room
#   xdp/build.sh --install-linker    installs bpf-linker by cargo first: some minutes
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source scripts/ceilings.sh
source embedded/setup.sh
mode=$*
case $mode in "" | --set-ceilings | --install-linker) ;; *) die "usage: xdp/build.sh [--set-ceilings | --install-linker]" ;; esac

# The versions, here alone, beside those of aya in the two Cargo.toml. The linker has to have the compiler's LLVM.
linker_version=0.13.0
llvm=22
export PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

# Whether the linker is there, in this version.
has_linker() {
    command -v bpf-linker >/dev/null && bpf-linker --version | grep -qF " $linker_version"
}

if [ "$mode" = --install-linker ]; then
    need "llvm-$llvm-dev libpolly-$llvm-dev" /usr/lib/llvm-$llvm/bin/llvm-config
    if ! has_linker; then
        env -u RUSTC -u RUSTDOC -u RUSTC_BOOTSTRAP -u CARGO_TARGET_DIR \
            CARGO_PROFILE_DEV_DEBUG=0 LLVM_PREFIX=/usr/lib/llvm-$llvm LLVM_SYS_221_PREFIX=/usr/lib/llvm-$llvm \
            cargo install --quiet --locked --debug --force --no-default-features --features llvm-$llvm \
            --version $linker_version bpf-linker
    fi
    exit
fi

need "llvm" llvm-size
need "libstd-rust-web-dev-bpf" /usr/lib/rustlib/bpfel-unknown-none
has_linker || die "bpf-linker $linker_version is missing: xdp/build.sh --install-linker"
"$RUSTC" -vV | grep -q "^LLVM version: $llvm\." || die "$RUSTC has another LLVM than bpf-linker, which has $llvm"

# The verifier takes loads and stores at any address, as the processors do on which it runs.
linker=$(command -v bpf-linker)
RUSTFLAGS="-Clinker=$linker -Ctarget-feature=+allows-misaligned-mem-access" \
    $cargo build --quiet --release --locked --manifest-path xdp/program/Cargo.toml --target bpfel-unknown-none \
    --target-dir xdp/target/program
env -u RUSTC -u RUSTDOC -u RUSTC_BOOTSTRAP \
    cargo build --quiet --release --locked --manifest-path xdp/loader/Cargo.toml --target-dir target

object=xdp/target/program/bpfel-unknown-none/release/xdp-reset-program
figures=xdp/target/figures.txt
llvm-size --format=sysv $object | awk '$1 == "xdp.frags" || $1 == ".text" { size += $2 } END { print "instructions", size / 8 }' >$figures
if ! target/release/xdp-reset --verify >xdp/target/verified.txt 2>&1; then
    cat xdp/target/verified.txt >&2
    if [ "${CI:-}" = true ] || ! grep -q "no permission" xdp/target/verified.txt; then
        die "the kernel does not accept the program"
    fi
    test -z "$mode" || die "the ceilings are not set: bpf(2) is not allowed here"
    cat $figures
    grep -v '^verifier ' xdp/program.ceiling >xdp/target/program.ceiling
    ceilings xdp/target/program.ceiling $figures
    skip "the verifier's part of the ceilings" "bpf(2) is not allowed here"
    exit
fi
cat xdp/target/verified.txt >>$figures
cat $figures
if [ -n "$mode" ]; then
    set_ceilings xdp/program.ceiling $figures
else
    ceilings xdp/program.ceiling $figures
fi
