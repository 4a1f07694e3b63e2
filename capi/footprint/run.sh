#!/bin/bash
# How much code a C program links that calls the library, for two small machines, by arm-none-eabi-gcc: a Markdown table, as
# capi/README.md has it. Fails if an image is over its ceiling (footprint.ceiling), holds a panic, or keeps data besides its
# buffers.
#
#   capi/footprint/run.sh                   half a minute
#   capi/footprint/run.sh --set-ceilings    sets the ceilings to what is measured and two percent of room
#   capi/footprint/run.sh --lto             the same by clang and lld, with link-time optimization across the two languages
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/steps.sh
source scripts/ceilings.sh
source embedded/setup.sh
need "gcc-arm-none-eabi libnewlib-arm-none-eabi" arm-none-eabi-gcc arm-none-eabi-nm arm-none-eabi-size
mode=$*
case $mode in
"" | --set-ceilings) ;;
--lto)
    # They must have Rust's LLVM version.
    llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
    need "clang-$llvm lld-$llvm" "clang-$llvm" "ld.lld-$llvm"
    # Their own folder: core is built for it too.
    CARGO_TARGET_DIR+=/lto
    export RUSTFLAGS=-Clinker-plugin-lto CARGO_PROFILE_RELEASE_LTO=off
    ;;
*) die "usage: capi/footprint/run.sh [--set-ceilings | --lto]" ;;
esac
mkdir -p "$CARGO_TARGET_DIR"
sizes=$CARGO_TARGET_DIR/capi-footprint.txt
: >"$sizes"
machines="thumbv7em thumbv6m"

# library MACHINE OPT_LEVEL: where the library is, after it has been built.
library() {
    echo "$CARGO_TARGET_DIR/libtcp_reset-$1-$2.a"
}

# build MACHINE OPT_LEVEL: core is at opt-level 3, as rustup ships it.
build() {
    local config=()
    for package in tcp-reset tcp-reset-capi; do
        config+=(--config "profile.release.package.$package.opt-level='$2'")
    done
    cargo build --quiet --locked --manifest-path capi/Cargo.toml --release -Zbuild-std=core --target "$1-none-eabi" \
        "${config[@]}"
    cp "$CARGO_TARGET_DIR/$1-none-eabi/release/libtcp_reset.a" "$(library "$1" "$2")"
}

# exported LIBRARY: dies unless it exports our functions and nothing else.
exported() {
    local others
    arm-none-eabi-readelf --syms --wide "$1" >"$CARGO_TARGET_DIR/capi-symbols.txt"
    others=$(awk '($5 == "GLOBAL" || $5 == "WEAK") && $6 == "DEFAULT" && $7 != "UND" && $8 !~ /^tcp_reset_/ { print $8 }' \
        "$CARGO_TARGET_DIR/capi-symbols.txt")
    test -z "$others" || die "$1 exports" "$others"
}

# link JOB MACHINE CPU OPT_LEVEL IMAGE
link() {
    local flags=("-mcpu=$3" -mthumb -mfloat-abi=soft -std=c99 -Wall -Wextra -Werror "-DJOB=$1" -Icapi/include)
    flags+=(-ffunction-sections -fdata-sections capi/footprint/main.c)
    rm -f "$5" # no image of an earlier call is measured
    if [ "$mode" = --lto ]; then
        "clang-$llvm" "--target=$2-none-eabi" "${flags[@]}" "-O$4" -flto -ffreestanding -c -o "$5.o"
        "ld.lld-$llvm" --gc-sections --entry=main "$5.o" "$(library "$2" "$4")" -o "$5"
    else
        arm-none-eabi-gcc "${flags[@]}" -Os "$(library "$2" "$4")" -nostartfiles --specs=nano.specs \
            -Wl,--gc-sections,--entry=main,--no-warn-rwx-segments,-z,noexecstack -o "$5"
    fi
}

# measure JOB NAME MACHINE: the code of the smaller of opt-levels z and s.
measure() {
    local image=$CARGO_TARGET_DIR/capi-footprint.elf cpu=cortex-m4 least=99999 opt_level text data bss kept
    test "$3" = thumbv7em || cpu=cortex-m0
    for opt_level in z s; do
        link "$1" "$3" $cpu $opt_level "$image"
        arm-none-eabi-size "$image" | awk 'NR == 2 { print $1, $2, $3 }' >"$image.size"
        read -r text data bss <"$image.size"
        arm-none-eabi-nm "$image" >"$image.symbols"
        if grep -E 'panic|unwind|alloc' "$image.symbols" >&2; then
            die "$2 on $3 holds these"
        fi
        # The packet, its length and the reply.
        kept=$((data + bss))
        test "$kept" -le 1592 || die "$2 on $3 keeps $kept bytes of data, and the three have 1586"
        test "$text" -ge "$least" || least=$text
    done
    echo "$2-$3 $least" >>"$sizes"
    echo "$least"
}

# row JOB NAME FUNCTION [MORE]
row() {
    local thumbv7em thumbv6m
    thumbv7em=$(measure "$1" "$2" thumbv7em)
    thumbv6m=$(measure "$1" "$2" thumbv6m)
    echo "| \`$3\`${4:-} | $thumbv7em | $thumbv6m |"
}

for machine in $machines; do
    for opt_level in z s; do
        build "$machine" $opt_level
        # With --lto it holds no machine code yet.
        test "$mode" = --lto || exported "$(library "$machine" $opt_level)"
    done
done
echo "| bytes of linked code for a C program that calls | thumbv7em | thumbv6m |"
echo "|---|---|---|"
row 1 ipv4-packet tcp_reset_ipv4_packet
row 2 packet tcp_reset_packet ", IPv4 and IPv6"
row 3 both-ends tcp_reset_packet ", and to the destination too"
row 4 frame tcp_reset_frame ", IPv4 and IPv6"
row 5 tcp-segment tcp_reset_tcp_segment
row 6 numbers tcp_reset_numbers
if [ "$mode" = --lto ]; then
    exit
elif [ -n "$mode" ]; then
    set_ceilings capi/footprint/footprint.ceiling "$sizes"
else
    ceilings capi/footprint/footprint.ceiling "$sizes"
fi
