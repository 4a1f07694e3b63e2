#!/bin/bash
# Fails if a panic is linked in: an image that calls every public function (every-entry/; but for `Display` of what has
# addresses, which core prints with an `unwrap`) must not have a panic symbol, on any machine, at any opt-level, with or
# without link-time optimization. Each image is then linked again with an index added that can panic: this panic must be
# found.
#
#   embedded/no-panic.sh           core is built at opt-level 3, as rustup ships it: two minutes
#   embedded/no-panic.sh --long    core is built at the image's own opt-level
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source embedded/setup.sh

case $* in
"") long= ;;
--long) long=yes ;;
*) die "usage: embedded/no-panic.sh [--long]" ;;
esac

# image TARGET OPT_LEVEL LTO FEATURES: builds $linked. Only the image itself is told about LTO, and everything is built with
# bitcode, so that one core serves both kinds.
image() {
    local config=()
    for package in tcp-reset every-entry; do
        config+=(--config "profile.release.package.$package.opt-level=$2")
    done
    if [ -n "$long" ]; then
        config=(--config "profile.release.opt-level=$2")
    fi
    rm -f "$linked" # no image of an earlier run is looked at
    RUSTFLAGS=$bare_metal cargo rustc --quiet --manifest-path embedded/every-entry/Cargo.toml --release -Zbuild-std=core \
        -Zbuild-std-features=compiler-builtins-mem --target "$1" \
        "${config[@]}" --features "$4" -- -Clto="$3"
}

# panics: how many panic symbols $linked has. The image itself defines none but the panic handler.
panics() {
    llvm-nm --demangle "$linked" |
        awk '/panick|panic_reached|unwind|unwrap_failed|expect_failed/ { n++ } END { print n + 0 }'
}

# callers: the functions of $linked that call them.
callers() {
    llvm-objdump --disassemble --demangle "$linked" | awk '
        /^[0-9a-f]+ <.*>:$/ { caller = $0; next }
        caller !~ /panic|unwind/ && /<.*(panic|unwrap_failed|expect_failed).*>/ { print caller, $NF }'
}

failed=
echo "| target | opt-level | LTO | panic symbols | with an indexing added |"
echo "|---|---|---|---|---|"
for target in x86_64-unknown-linux-gnu thumbv6m-none-eabi thumbv7em-none-eabi riscv32imac-unknown-none-elf; do
    for opt_level in '"z"' '"s"' 3; do
        for lto in off fat; do
            linked=$CARGO_TARGET_DIR/$target/release/every-entry
            image $target "$opt_level" $lto ""
            starts=$(llvm-nm "$linked" | awk '/ T _start$/ { n++ } END { print n + 0 }')
            test "$starts" = 1 || die "$linked has no symbols"
            found=$(panics)
            if [ "$found" != 0 ]; then
                failed=yes
                callers >&2
            fi
            image $target "$opt_level" $lto index
            added=$(panics)
            if [ "$added" = 0 ]; then
                failed=yes
            fi
            echo "| $target | $opt_level | $lto | $found | $added |"
        done
    done
done
test -z "$failed" || die "a panic is linked in, or the panic of the added indexing was not found"
echo "no panic is linked in, and each added one was found"
