#!/bin/bash
# How much code a job takes, linked alone for two small machines (footprint/), beside two other crates: a Markdown table,
# as the README has it. Fails where ours is over its ceiling, or keeps data.
#
#   proof/footprint.sh    a minute
set -euo pipefail
source "$(dirname "$0")/setup.sh"
need "lld llvm" ld.lld llvm-nm llvm-size

# link JOB TARGET OPT_LEVEL: prints the image. With link-time optimization and one codegen unit, as those build who count
# bytes; core is at opt-level 3, as rustup ships it.
link() {
    local config=()
    for package in tcp-reset footprint smoltcp etherparse; do
        config+=(--config "profile.release.package.$package.opt-level='$3'")
    done
    RUSTFLAGS="-Clinker=ld.lld -Clinker-flavor=ld.lld -Crelocation-model=static -Cembed-bitcode=yes" \
        $cargo rustc --quiet --manifest-path proof/footprint/Cargo.toml --release -Zbuild-std=core \
        -Zbuild-std-features=compiler-builtins-mem --target "$2" \
        "${config[@]}" --features peers --bin "$1" -- -Clto=fat -Ccodegen-units=1 -Clink-arg=--entry=job
    echo "$CARGO_TARGET_DIR/$2/release/$1"
}

section() {
    llvm-size --format=sysv "$1" | awk -v name="$2" '$1 == name { size = $2 } END { print size + 0 }'
}

# measure JOB TARGET CEILING: the .text of the smaller of opt-levels z and s, and the panics in it.
measure() {
    local least=99999 opt_level image text panics=0
    for opt_level in z s; do
        image=$(link "$1" "$2" $opt_level)
        text=$(section "$image" .text)
        test "$text" -gt 0 || die "$image: no code in it"
        if [ "$text" -lt $least ]; then
            least=$text
            panics=$(llvm-nm --demangle "$image" | grep -cE 'panic|unwind|_fail' || true)
        fi
        for name in .data .bss; do
            test "$1" = smoltcp -o "$1" = etherparse -o "$(section "$image" $name)" = 0 ||
                die "$1 on $2 keeps $(section "$image" $name) bytes of $name"
        done
    done
    test "$least" -le "$3" || die "$1 on $2 takes $least bytes, over its ceiling of $3"
    test "$panics" = 0 || least="$least, with panics"
    echo "$least"
}

row() {
    local thumbv7em thumbv6m
    thumbv7em=$(measure "$2" thumbv7em-none-eabi "$3")
    thumbv6m=$(measure "$2" thumbv6m-none-eabi "$4")
    echo "| $1 | $thumbv7em | $thumbv6m |"
}

echo "| bytes of linked code for the whole job, packet in, reset out | thumbv7em | thumbv6m |"
echo "|---|---|---|"
row "tcp-reset, IPv4" ipv4 800 950
row "tcp-reset, IPv4 and IPv6" ipv4-ipv6 1400 1600
row "smoltcp's wire representations, IPv4" smoltcp 99999 99999
row "etherparse, IPv4" etherparse 99999 99999
