# shellcheck shell=bash
# Sourced after scripts/steps.sh by the scripts that build for targets that no Rust installation on this machine may have:
# where to build and with what.

# Debian's Rust has the library sources in a package too: `-Zbuild-std` builds the library for the target.
# RUSTC_BOOTSTRAP lets a stable compiler take that flag.
export RUSTC_BOOTSTRAP=1
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/embedded"
cargo=/usr/bin/cargo
# For images without an operating system: the same flags for all, so that core is built once for each target. It has bitcode,
# so that one core serves images with and without link-time optimization; the image alone is told about that.
# shellcheck disable=SC2034 # by the scripts that build images
bare_metal="-Clinker=ld.lld -Clinker-flavor=ld.lld -Crelocation-model=static -Cembed-bitcode=yes"
need "rustc-web cargo-web rust-web-src" "$cargo" "$RUSTC" "$RUSTDOC" /usr/lib/rustlib/src/rust/library/core/src/lib.rs
