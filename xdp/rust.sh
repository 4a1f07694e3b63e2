# shellcheck shell=bash
# Sourced after scripts/steps.sh by the scripts that compile the XDP program: which compiler does. bpf-linker reads what it
# makes, so both need the same LLVM.

program_rust=$NIGHTLY
program_llvm=$(rustc "+$NIGHTLY" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
test "$program_llvm" = "$BPF_LLVM" || program_rust=$XDP_NIGHTLY

# program_cargo COMMAND ARGUMENT...: cargo for the program, with core built for the kernel's virtual machine.
program_cargo() (
    need_toolchain "$program_rust" rust-src clippy
    cargo "$1" --quiet --release --locked -Zbuild-std=core --manifest-path xdp/program/Cargo.toml \
        --target bpfel-unknown-none --target-dir xdp/target/program "${@:2}"
)
