#!/bin/bash
# The whole test suite on other kinds of machine, in QEMU: big-endian (s390x) and 32-bit (armv7, little-endian); then
# builds for machines whose usize has 16 bits, on which no test can run here.
#
#   embedded/other-machines.sh    some minutes
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need "gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user" s390x-linux-gnu-gcc qemu-s390x
need "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user" arm-linux-gnueabihf-gcc qemu-arm

# tests TARGET GNU_PREFIX QEMU: every test and every example of the documentation, in one call: two would build the
# dependencies twice.
tests() {
    local variable
    variable=$(tr a-z- A-Z_ <<<"$1")
    export "CARGO_TARGET_${variable}_LINKER=$2-gcc" "CARGO_TARGET_${variable}_RUNNER=$3 -L /usr/$2"
    echo "$1:"
    has_target "$1" || return 0
    cargo test --target "$1" --config profile.dev.debug=0 --config 'profile.dev.opt-level="z"'
}

tests s390x-unknown-linux-gnu s390x-linux-gnu qemu-s390x
tests armv7-unknown-linux-gnueabihf arm-linux-gnueabihf qemu-arm

# build TARGET FLAGS: core is built too, by the nightly Rust.
build() (
    need_toolchain "$NIGHTLY" rust-src
    RUSTFLAGS=$2 cargo build --quiet --release --lib --target "$1" -Zbuild-std=core \
        --target-dir "$target_dir/embedded"
    echo "$1: built"
)

build msp430-none-elf ""
build avr-none -Ctarget-cpu=atmega328p
