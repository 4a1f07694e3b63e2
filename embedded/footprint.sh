#!/bin/bash
# How much code a job takes, linked alone for two small machines (footprint/), beside two other crates: a Markdown table,
# as the README has it. Fails if ours is over its ceiling (footprint.ceiling), or keeps data.
#
#   embedded/footprint.sh                   two minutes
#   embedded/footprint.sh --set-ceilings    sets the ceilings to what is measured and two percent of room
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source scripts/ceilings.sh
source embedded/setup.sh
mode=$*
case $mode in "" | --set-ceilings) ;; *) die "usage: embedded/footprint.sh [--set-ceilings]" ;; esac
sizes=$CARGO_TARGET_DIR/footprint.txt
: >"$sizes"

# link JOB TARGET OPT_LEVEL IMAGE. With link-time optimization and one codegen unit, as for the smallest code; core is at
# opt-level 3, as rustup ships it.
link() {
    local config=()
    for package in tcp-reset footprint smoltcp etherparse; do
        config+=(--config "profile.release.package.$package.opt-level='$3'")
    done
    rm -f "$4" # no image of an earlier run is measured
    RUSTFLAGS=$bare_metal cargo rustc --quiet --manifest-path embedded/footprint/Cargo.toml --release -Zbuild-std=core \
        -Zbuild-std-features=compiler-builtins-mem --target "$2" \
        "${config[@]}" --features peers --bin "$1" -- -Clto=fat -Ccodegen-units=1 -Clink-arg=--entry=job
}

section() {
    llvm-size --format=sysv "$1" | awk -v name="$2" '$1 == name { size = $2 } END { print size + 0 }'
}

# measure JOB TARGET [OPT_LEVEL]: the .text at this opt-level, or at the smaller of z and s, and whether there are panics in it.
measure() {
    local image=$CARGO_TARGET_DIR/$2/release/$1 least=99999 opt_level text name kept panics=0
    for opt_level in ${3:-z s}; do
        link "$1" "$2" "$opt_level" "$image"
        text=$(section "$image" .text)
        test "$text" -gt 0 || die "$image: no code in it"
        if [ "$text" -lt "$least" ]; then
            least=$text
            panics=$(llvm-nm --demangle "$image" | awk '/panic|unwind|_fail/ { n++ } END { print n + 0 }')
        fi
        case $1 in ipv4*)
            for name in .data .bss; do
                kept=$(section "$image" $name)
                test "$kept" = 0 || die "$1 on $2 keeps $kept bytes of $name"
            done
            ;;
        esac
    done
    echo "$1${3:+-at-$3}-$2 $least" >>"$sizes"
    test "$panics" = 0 || least="$least, with panics"
    echo "$least"
}

row() {
    local thumbv7em thumbv6m
    thumbv7em=$(measure "$2" thumbv7em-none-eabi "${@:3}")
    thumbv6m=$(measure "$2" thumbv6m-none-eabi "${@:3}")
    echo "| $1 | $thumbv7em | $thumbv6m |"
}

echo "| bytes of linked code for the whole job, packet in, reset out | thumbv7em | thumbv6m |"
echo "|---|---|---|"
row "tcp-reset, IPv4" ipv4
row "tcp-reset, IPv4 and IPv6" ipv4-ipv6
row "tcp-reset, IPv4, at opt-level s" ipv4 s
row "tcp-reset, IPv4 and IPv6, at opt-level s" ipv4-ipv6 s
row "tcp-reset, IPv4 and IPv6, as a value: decide, then write" ipv4-ipv6-value
row "tcp-reset, IPv4, to both ends" ipv4-both-ends
row "tcp-reset, IPv4 and IPv6, to both ends" ipv4-ipv6-both-ends
row "tcp-reset, IPv4 and IPv6 in Ethernet frames" ipv4-ipv6-ethernet
row "smoltcp's wire representations, IPv4" smoltcp
row "etherparse, IPv4" etherparse
if [ -n "$mode" ]; then
    set_ceilings embedded/footprint.ceiling "$sizes"
else
    ceilings embedded/footprint.ceiling "$sizes"
fi
