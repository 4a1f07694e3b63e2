#!/bin/bash
# How much code a C program links that calls the library, for two small machines, by arm-none-eabi-gcc: a Markdown table, as
# capi/README.md has it. The library is built by the command of that page, at opt-level z, with the core that rustup ships.
# Fails if an image is over its ceiling (footprint.ceiling), holds a panic, or keeps data besides its buffers.
#
#   capi/footprint/run.sh                   half a minute
#   capi/footprint/run.sh --set-ceilings    sets the ceilings to what is measured and two percent of room
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/steps.sh
source scripts/ceilings.sh
need "gcc-arm-none-eabi libnewlib-arm-none-eabi" arm-none-eabi-gcc arm-none-eabi-nm arm-none-eabi-size
mode=$*
case $mode in
"" | --set-ceilings) ;;
*) die "usage: capi/footprint/run.sh [--set-ceilings]" ;;
esac
work=$PWD/capi/target/footprint
mkdir -p "$work"
sizes=$work/sizes.txt
: >"$sizes"
machines="thumbv7em thumbv6m"

# library MACHINE: where the library is, after it has been built.
library() {
    echo "capi/target/$1-none-eabi/release/libtcp_reset.a"
}

build() {
    cargo build --quiet --locked --manifest-path capi/Cargo.toml --target-dir capi/target --release \
        --target "$1-none-eabi" --config 'profile.release.opt-level="z"'
}

# exported LIBRARY: dies unless it exports our functions and nothing else.
exported() {
    local others
    arm-none-eabi-readelf --syms --wide "$1" >"$work/symbols.txt"
    others=$(awk '($5 == "GLOBAL" || $5 == "WEAK") && $6 == "DEFAULT" && $7 != "UND" && $8 !~ /^tcp_reset_/ { print $8 }' \
        "$work/symbols.txt")
    test -z "$others" || die "$1 exports" "$others"
}

# measure JOB NAME MACHINE: the code of the image.
measure() {
    local image=$work/image.elf cpu=cortex-m4 text data bss kept
    test "$3" = thumbv7em || cpu=cortex-m0
    arm-none-eabi-gcc -mcpu=$cpu -mthumb -mfloat-abi=soft -std=c99 -Wall -Wextra -Werror "-DJOB=$1" -Icapi/include \
        -Os -ffunction-sections -fdata-sections capi/footprint/main.c "$(library "$3")" -nostartfiles --specs=nano.specs \
        -Wl,--gc-sections,--entry=main,--no-warn-rwx-segments,-z,noexecstack -o "$image"
    arm-none-eabi-size "$image" | awk 'NR == 2 { print $1, $2, $3 }' >"$image.size"
    read -r text data bss <"$image.size"
    arm-none-eabi-nm "$image" >"$image.symbols"
    if grep -E 'panic|unwind|alloc' "$image.symbols" >&2; then
        die "$2 on $3 holds these"
    fi
    # The packet, its length and the reply.
    kept=$((data + bss))
    test "$kept" -le 1592 || die "$2 on $3 keeps $kept bytes of data, and the three have 1586"
    echo "$2-$3 $text" >>"$sizes"
    echo "$text"
}

# row JOB NAME FUNCTION [MORE]
row() {
    local thumbv7em thumbv6m
    thumbv7em=$(measure "$1" "$2" thumbv7em)
    thumbv6m=$(measure "$1" "$2" thumbv6m)
    echo "| \`$3\`${4:-} | $thumbv7em | $thumbv6m |"
}

for machine in $machines; do
    has_target "$machine-none-eabi" || exit 0
    build "$machine"
    exported "$(library "$machine")"
done
echo "| bytes of linked code for a C program that calls | thumbv7em | thumbv6m |"
echo "|---|---|---|"
row 1 ipv4-packet tcp_reset_ipv4_packet
row 2 packet tcp_reset_packet ", IPv4 and IPv6"
row 3 both-ends tcp_reset_packet ", and to the destination too"
row 4 frame tcp_reset_frame ", IPv4 and IPv6"
row 5 tcp-segment tcp_reset_tcp_segment
row 6 tcp-header tcp_reset_tcp_header
row 7 parsed-segment tcp_reset_parsed_segment
row 8 write-segment tcp_reset_write_segment
if [ -n "$mode" ]; then
    set_ceilings capi/footprint/footprint.ceiling "$sizes"
else
    ceilings capi/footprint/footprint.ceiling "$sizes"
fi
