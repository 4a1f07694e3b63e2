# shellcheck shell=bash disable=SC2154
# Sourced after scripts/steps.sh by the scripts that build for machines without an operating system: with what, and where. The
# nightly Rust of scripts/versions.sh builds core for them (`-Zbuild-std`); its own LLVM links, and reads what was linked.

need_toolchain "$NIGHTLY" rust-src llvm-tools
llvm_tools=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
export PATH=$llvm_tools:$PATH
export CARGO_TARGET_DIR=$target_dir/embedded
mkdir -p "$CARGO_TARGET_DIR"
# For images without an operating system: the same flags for all, so that core is built once for each target. It has bitcode,
# so that one core serves images with and without link-time optimization; the image alone is told about that.
# shellcheck disable=SC2034 # by the scripts that build images
bare_metal="-Clinker=rust-lld -Clinker-flavor=ld.lld -Crelocation-model=static -Cembed-bitcode=yes"
