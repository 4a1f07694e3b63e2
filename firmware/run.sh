#!/bin/bash
# Builds the firmware for small machines, runs it in QEMU and passes on what it says: how many vectors are answered as
# Linux answers them, the deepest stack of a reset, the instructions of one. Fails unless all are, or where the stack is
# over its ceiling.
#
#   firmware/run.sh    half a minute
set -euo pipefail
source "$(dirname "$0")/../proof/setup.sh"
need "lld qemu-system-arm" ld.lld qemu-system-arm

# run TARGET OPT_LEVEL FEATURE FILES STACK_CEILING. A Cortex-M4 runs the code of its smaller sisters too.
run() {
    echo "$1, opt-level $2:"
    RUSTFLAGS="-Clinker=ld.lld -Clink-arg=-Tlink.x -Clink-arg=--nmagic" \
        $cargo build --quiet --manifest-path firmware/Cargo.toml --release -Zbuild-std=core \
        --target "$1" --features "$3" --config "profile.release.package.firmware.opt-level=$2" \
        --config "profile.release.package.tcp-reset.opt-level=$2"
    timeout 120 qemu-system-arm -machine mps2-an386 -display none -monitor none -serial none -icount shift=0 \
        -semihosting-config enable=on,target=native -kernel "$CARGO_TARGET_DIR/$1/release/firmware" </dev/null |
        tee "$CARGO_TARGET_DIR/firmware.log"
    awk -v files="$4" -v ceiling="$5" '
        match($0, /; stack [0-9]+/) { seen++; if (substr($0, RSTART + 8, RLENGTH - 8) + 0 > ceiling) over = 1 }
        END { exit over || seen != files }' "$CARGO_TARGET_DIR/firmware.log" ||
        die "the stack is over its ceiling of $5 bytes, or a file is missing"
}

run thumbv6m-none-eabi '"z"' "" 6 248
run thumbv6m-none-eabi '"z"' only-ipv4 1 112
run thumbv6m-none-eabi '"z"' only-reset 2 176
run thumbv7m-none-eabi '"z"' "" 6 192
run thumbv7m-none-eabi '"z"' only-ipv4 1 96
run thumbv7m-none-eabi '"z"' only-reset 2 144
run thumbv7m-none-eabi 3 "" 6 144
run thumbv7m-none-eabi 3 only-ipv4 1 80
run thumbv7m-none-eabi 3 only-reset 2 144
