#!/bin/bash
# Builds both images for QEMU's lm3s6965evb, tests them on the wire (wire.py) and prints what they take, as embedded/README.md
# has it: lines, flash, RAM and stack. Fails if a test fails, or if a figure is over its ceiling (size.ceiling).
#
#   embedded/board/run.sh                   as root: a minute; three with the build of core
#   embedded/board/run.sh --set-ceilings    sets the ceilings to what is measured and two percent of room
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/steps.sh
source scripts/ceilings.sh
source embedded/setup.sh
mode=$*
case $mode in "" | --set-ceilings) ;; *) die "usage: embedded/board/run.sh [--set-ceilings]" ;; esac
need "curl iproute2 nmap python3 qemu-system-arm tcpdump" curl ip nmap python3 qemu-system-arm tcpdump
test "$(id -u)" = 0 || die "needs root, to make a network namespace and a TAP device"
need "a kernel with TAP devices" /dev/net/tun
figures=$CARGO_TARGET_DIR/board.txt
: >"$figures"

# image NAME FEATURES: builds it, and tests it. Its flash holds code and constants, its RAM static data and the stack.
image() {
    local linked=$CARGO_TARGET_DIR/thumbv7m-none-eabi/release/$1
    rm -f "$linked" # no image of an earlier run is tested
    RUSTFLAGS=$bare_metal cargo rustc --quiet --locked --manifest-path embedded/board/Cargo.toml --release -Zbuild-std=core \
        -Zbuild-std-features=compiler-builtins-mem --target thumbv7m-none-eabi --features "$2" --bin "$1" -- \
        -Clink-arg=-Tlink.x -Clink-arg=--nmagic
    llvm-size --format=sysv "$linked" | awk -v name="$1" '
        $1 ~ /^\.(vector_table|text|rodata|data)$/ { flash += $2 }
        $1 ~ /^\.(data|bss|uninit)$/ { static += $2 }
        END { print name "-flash", flash + 0; print name "-static", static + 0 }' >>"$figures"
    timeout 100 unshare --net python3 embedded/board/wire.py "$1" "$linked" "$(figure "$1-static")" "$figures"
}

figure() {
    awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' "$figures"
}

# row TEXT NAME FILE...: the files are those of the program. The stack is rounded up to hundreds, since smoltcp's depends on
# what meets by chance: by some bytes.
row() {
    local lines flash static stack
    lines=$(cat "${@:3}" | wc -l)
    flash=$(figure "$2-flash")
    static=$(figure "$2-static")
    stack=$(figure "$2-stack")
    echo "| $1 | $lines | $flash | $static | $(((stack + 99) / 100 * 100)) |"
}

program=(embedded/board/src/{lib,main}.rs)
lines=$(cat "${program[@]}" | wc -l)
test "$lines" -le 200 || die "the program has $lines lines with its driver, more than 200"
image board ""
image with-smoltcp smoltcp
# `Reset` is where each image starts: it has symbols.
llvm-nm --demangle "$CARGO_TARGET_DIR/thumbv7m-none-eabi/release/board" >"$CARGO_TARGET_DIR/board.symbols"
grep -q ' Reset$' "$CARGO_TARGET_DIR/board.symbols" || die "board has no symbols"
if grep -E 'panic|_fail' "$CARGO_TARGET_DIR/board.symbols"; then die "board has code of a panic"; fi

echo "| image | lines with the driver | bytes of flash | static data | stack, in hundreds |"
echo "|---|---|---|---|---|"
row "TCP resets, ARP, neighbor discovery" board "${program[@]}"
row "the same beside smoltcp, with a service" with-smoltcp embedded/board/src/{lib,bin/with-smoltcp}.rs
if [ -n "$mode" ]; then
    set_ceilings embedded/board/size.ceiling "$figures"
else
    ceilings embedded/board/size.ceiling "$figures"
fi
