#!/bin/bash
# No panic, by link: an image that calls every public entry (every-entry/) holds no panic symbol, on no machine, at no
# opt-level, with and without link-time optimization. Each image is then linked once more with an index put in, which
# must be found.
#
#   proof/no-panic.sh           core is built at opt-level 3, as rustup ships it: two minutes
#   proof/no-panic.sh --long    core is built at the image's own opt-level
set -euo pipefail
source "$(dirname "$0")/setup.sh"
need "lld llvm" ld.lld llvm-nm llvm-objdump

case $* in
"") long= ;;
--long) long=yes ;;
*) die "usage: proof/no-panic.sh [--long]" ;;
esac

# image TARGET OPT_LEVEL LTO FEATURES: builds it. Only the image itself is told about LTO, and everything is built with
# bitcode, so that one core serves both kinds.
image() {
    local config=()
    for package in tcp-reset every-entry; do
        config+=(--config "profile.release.package.$package.opt-level=$2")
    done
    if [ -n "$long" ]; then
        config=(--config "profile.release.opt-level=$2")
    fi
    RUSTFLAGS="-Clinker=ld.lld -Clinker-flavor=ld.lld -Crelocation-model=static -Cembed-bitcode=yes" \
        $cargo rustc --quiet --manifest-path proof/every-entry/Cargo.toml --release -Zbuild-std=core \
        -Zbuild-std-features=compiler-builtins-mem --target "$1" \
        "${config[@]}" --features "$4" -- -Clto="$3"
}

# panics IMAGE: its panic symbols, none of which every_entry defines but the handler's.
panics() {
    llvm-nm --demangle "$1" | grep -E 'panick|panic_reached|unwind|unwrap_failed|expect_failed' || true
}

# callers IMAGE: who calls them.
callers() {
    llvm-objdump --disassemble --demangle "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ { caller = $0; next }
        caller !~ /panic|unwind/ && /<.*(panic|unwrap_failed|expect_failed).*>/ { print caller, $NF }'
}

failed=
echo "| target | opt-level | LTO | panic symbols | with an index put in |"
echo "|---|---|---|---|---|"
for target in x86_64-unknown-linux-gnu thumbv6m-none-eabi thumbv7em-none-eabi riscv32imac-unknown-none-elf; do
    for opt_level in '"z"' '"s"' 3; do
        for lto in off fat; do
            linked=$CARGO_TARGET_DIR/$target/release/every-entry
            image $target "$opt_level" $lto ""
            llvm-nm "$linked" | grep -q ' T _start$' || die "$linked: no symbols in it to look at"
            found=$(panics "$linked")
            if [ -n "$found" ]; then
                failed=yes
                callers "$linked" >&2
            fi
            image $target "$opt_level" $lto index
            planted=$(panics "$linked")
            if [ -z "$planted" ]; then
                failed=yes
            fi
            echo "| $target | $opt_level | $lto | $(grep -c . <<<"$found" || true) | $(grep -c . <<<"$planted" || true) |"
        done
    done
done
test -z "$failed" || die "a panic is linked in, or an index put in on purpose was not found"
