#!/bin/bash
# Builds the XDP program, and the loader with the program in it: target/release/xdp-reset. Fails if the program
# (program.ceiling), or what the kernel's verifier processes to accept it (verifier.ceiling), is over its ceiling.
#
#   xdp/build.sh                     a minute the first time
#   xdp/build.sh --set-ceilings      sets the ceilings to what is measured and two percent of room
#   xdp/build.sh --install-linker    installs bpf-linker by cargo first: some minutes
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source scripts/ceilings.sh
mode=$*
case $mode in "" | --set-ceilings | --install-linker) ;; *) die "usage: xdp/build.sh [--set-ceilings | --install-linker]" ;; esac
export PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

if [ "$mode" = --install-linker ]; then
    need "llvm-$BPF_LLVM-dev libpolly-$BPF_LLVM-dev" "/usr/lib/llvm-$BPF_LLVM/bin/llvm-config"
    if ! has_version bpf-linker "$BPF_LINKER"; then
        env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 "LLVM_PREFIX=/usr/lib/llvm-$BPF_LLVM" \
            "LLVM_SYS_${BPF_LLVM}1_PREFIX=/usr/lib/llvm-$BPF_LLVM" \
            cargo install --quiet --locked --debug --force --no-default-features --features "llvm-$BPF_LLVM" \
            --version "=$BPF_LINKER" bpf-linker
    fi
    exit
fi

source xdp/rust.sh
has_version bpf-linker "$BPF_LINKER" || die "bpf-linker $BPF_LINKER is missing: xdp/build.sh --install-linker"
if [ "$program_rust" != "$NIGHTLY" ]; then
    report "the XDP program by $NIGHTLY" "it has LLVM $program_llvm, bpf-linker has $BPF_LLVM; $program_rust compiles it"
fi

# The verifier takes loads and stores at any address, as the processors do on which it runs.
linker=$(command -v bpf-linker)
RUSTFLAGS="-Clinker=$linker -Ctarget-feature=+allows-misaligned-mem-access -Clink-arg=--btf" program_cargo build --bins --examples
cargo build --quiet --release --locked --manifest-path xdp/loader/Cargo.toml --target-dir "$target_dir"

# hold FILE FIGURES: under the ceilings of the file, or sets them. The compiler that they belong to is the program's.
hold() (
    need_toolchain "$program_rust"
    if [ -n "$mode" ]; then
        set_ceilings "$@"
    else
        ceilings "$@"
    fi
)

# instructions: of the program.
instructions() (
    need_toolchain "$program_rust" llvm-tools
    tools=$(compgen -G "$(rustc --print sysroot)/lib/rustlib/*/bin/llvm-size")
    "$tools" --format=sysv xdp/target/program/bpfel-unknown-none/release/xdp-reset-program |
        awk '$1 == "xdp.frags" || $1 == ".text" { size += $2 } END { print "instructions", size / 8 }'
)
instructions >xdp/target/program.txt
cat xdp/target/program.txt
hold xdp/program.ceiling xdp/target/program.txt
if "$target_dir/release/xdp-reset" --verify >xdp/target/verifier.txt 2>&1; then
    cat xdp/target/verifier.txt
    hold xdp/verifier.ceiling xdp/target/verifier.txt
else
    cat xdp/target/verifier.txt >&2
    if [ "${CI:-}" = true ] || ! grep -q "no permission" xdp/target/verifier.txt; then
        die "the kernel does not accept the program"
    fi
    test -z "$mode" || die "the verifier's ceiling is not set: bpf(2) is not allowed here"
    skip "xdp/verifier.ceiling" "bpf(2) is not allowed here"
fi
