#!/bin/bash
# Builds the firmware for small machines, runs it in QEMU and prints its report: how many vectors are answered as Linux
# answers them, the greatest stack depth of a reset, the instructions of one. Fails unless all are answered so, or if
# the stack is over its ceiling (stack.ceiling).
#
#   embedded/firmware/run.sh                   two minutes
#   embedded/firmware/run.sh --set-ceilings    sets the ceilings to what is measured and two percent of room
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/steps.sh
source scripts/ceilings.sh
source embedded/setup.sh
need "qemu-system-arm" qemu-system-arm
mode=$*
case $mode in "" | --set-ceilings) ;; *) die "usage: embedded/firmware/run.sh [--set-ceilings]" ;; esac
log=$CARGO_TARGET_DIR/firmware.log
stacks=$CARGO_TARGET_DIR/stacks.txt
: >"$stacks"

# run TARGET OPT_LEVEL FEATURE FILES: FILES is how many vector files are replayed. A Cortex-M4 runs the code of the
# smaller Cortex-M too.
run() {
    local image=$CARGO_TARGET_DIR/$1/release/firmware reported
    echo "$1, opt-level $2${3:+, $3}:"
    rm -f "$image" # no image of an earlier run is started
    RUSTFLAGS=$bare_metal cargo rustc --quiet --manifest-path embedded/firmware/Cargo.toml --release -Zbuild-std=core \
        -Zbuild-std-features=compiler-builtins-mem --target "$1" --features "$3" \
        --config "profile.release.package.firmware.opt-level=$2" \
        --config "profile.release.package.tcp-reset.opt-level=$2" -- \
        -Clto=fat -Ccodegen-units=1 -Clink-arg=-Tlink.x -Clink-arg=--nmagic
    timeout 120 qemu-system-arm -machine mps2-an386 -display none -monitor none -serial none -icount shift=0 \
        -semihosting-config enable=on,target=native -kernel "$image" </dev/null | tee "$log"
    reported=$(awk '/; stack [0-9]+ bytes/ { n++ } END { print n + 0 }' "$log")
    test "$reported" = "$4" || die "$1, opt-level $2: $reported vector files in the report, not $4"
    awk -v name="$1-${2//\"/}-${3:-all}" 'match($0, /; stack [0-9]+/) {
            stack = substr($0, RSTART + 8, RLENGTH - 8) + 0
            if (stack > deepest) deepest = stack
        } END { print name, deepest }' "$log" >>"$stacks"
}

run thumbv6m-none-eabi '"z"' "" 6
run thumbv6m-none-eabi '"z"' only-ipv4 1
run thumbv6m-none-eabi '"z"' only-reset 2
run thumbv7m-none-eabi '"z"' "" 6
run thumbv7m-none-eabi '"z"' only-ipv4 1
run thumbv7m-none-eabi '"z"' only-reset 2
run thumbv7m-none-eabi 3 "" 6
run thumbv7m-none-eabi 3 only-ipv4 1
run thumbv7m-none-eabi 3 only-reset 2
if [ -n "$mode" ]; then
    set_ceilings embedded/firmware/stack.ceiling "$stacks"
else
    ceilings embedded/firmware/stack.ceiling "$stacks"
fi
echo "all vectors as Linux answers them, no stack over its ceiling"
