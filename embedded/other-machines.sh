#!/bin/bash
# The whole test suite on other kinds of machine, in QEMU: big-endian (s390x) and 32-bit (armv7, little-endian); then
# builds for machines whose usize has 16 bits, on which no test can run here.
#
#   embedded/other-machines.sh    some minutes; some more where the standard library has to be built, without rustup
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source embedded/setup.sh
need "gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user" s390x-linux-gnu-gcc qemu-s390x
need "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user" arm-linux-gnueabihf-gcc qemu-arm

# tests TARGET GNU_PREFIX QEMU: every test and every example of the documentation, in one call: two would build the
# dependencies twice.
tests() {
    local variable test=("$cargo" test -Zbuild-std)
    variable=$(tr a-z- A-Z_ <<<"$1")
    export "CARGO_TARGET_${variable}_LINKER=$2-gcc" "CARGO_TARGET_${variable}_RUNNER=$3 -L /usr/$2"
    echo "$1:"
    if rustup target add "$1"; then
        test=(env -u RUSTC -u RUSTDOC -u RUSTC_BOOTSTRAP cargo test)
    fi
    "${test[@]}" --target "$1" --config profile.dev.debug=0 --config 'profile.dev.opt-level="z"'
}

tests s390x-unknown-linux-gnu s390x-linux-gnu qemu-s390x
tests armv7-unknown-linux-gnueabihf arm-linux-gnueabihf qemu-arm

# build TARGET FLAGS
build() {
    RUSTFLAGS=$2 $cargo build --quiet --release --lib --target "$1" -Zbuild-std=core
    echo "$1: built"
}

build msp430-none-elf ""
build avr-none -Ctarget-cpu=atmega328p
