# shellcheck shell=bash
# Sourced by the scripts beside it: where to build, with what, and what to say when a tool is missing.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
script=${0##*/}

# Targets that no Rust installation on this machine may have are built with Debian's Rust, whose library sources are a
# package too: `-Zbuild-std` makes what is missing. RUSTC_BOOTSTRAP lets a stable compiler take that flag.
export RUSTC_BOOTSTRAP=1
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/proof"
cargo=/usr/bin/cargo
debian_rust="rustc-web cargo-web rust-web-src"

die() {
    echo "$script: $*" >&2
    exit 1
}

# need "PACKAGES" PATH...: all of these files or commands, or one clear line.
need() {
    local packages=$1 tool
    shift
    for tool; do
        command -v "$tool" >/dev/null || test -e "$tool" || die "$tool is missing: apt-get install $packages"
    done
}

need "$debian_rust" "$cargo" "$RUSTC" "$RUSTDOC" /usr/lib/rustlib/src/rust/library/core/src/lib.rs
