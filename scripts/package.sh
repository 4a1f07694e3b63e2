#!/bin/bash
# Packs the crate and the library for C as for the registry, unpacks them outside of the repository, and builds and documents
# them there. The crate's package has no tests but the examples in its documentation: they are run, and the links in its
# documents are checked.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
export RUSTDOCFLAGS="$lint_level warnings"
unset CARGO_TARGET_DIR # what is unpacked is built where it is
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# unpack NAME MANIFEST OPTION...: into a folder of this name.
unpack() {
    mkdir "$directory/$1"
    cargo package --quiet --allow-dirty --no-verify --target-dir "$directory/target/$1" --manifest-path "$2" "${@:3}"
    tar -xzf "$directory/target/$1"/package/*.crate -C "$directory/$1" --strip-components=1
}

unpack crate Cargo.toml
scripts/links.sh "$directory/crate"
# The crate may not be on the registry yet: the library gets it from here. A copy is packed: cargo writes the patch into its
# Cargo.lock.
patch="patch.crates-io.tcp-reset.path='$directory/crate'"
git ls-files -z capi | xargs -0 cp --parents -t "$directory/crate"
unpack capi "$directory/crate/capi/Cargo.toml" --config "$patch"
cd "$directory/crate"
cargo build --quiet
cargo doc --quiet --no-deps
cargo test --quiet >tests.txt
grep '^test result: ok. [1-9]' tests.txt || die "no test was run"
cd "$directory/capi"
cargo build --quiet --config "$patch"
cargo doc --quiet --no-deps --config "$patch"
test -s include/tcp_reset.h
test -s target/debug/libtcp_reset.a
