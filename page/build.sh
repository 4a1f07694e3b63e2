#!/bin/bash
# Builds the page: one file, with the crate as WebAssembly in it.
#
#   page/build.sh               writes target/site/index.html
#   page/build.sh DIRECTORY     writes there
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need "coreutils" base64
to=${1:-$target_dir/site}
wasm=$target_dir/wasm32-unknown-unknown/page/tcp_reset_page.wasm
rustc --print target-libdir --target wasm32-unknown-unknown | xargs test -d ||
    die "the target wasm32-unknown-unknown is missing: rustup target add wasm32-unknown-unknown"
# The same bytes on every machine: no path of it is in them.
export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src/= --remap-path-prefix=$PWD/= -Clink-arg=--compress-relocations"
cargo build --quiet --locked --profile page --target wasm32-unknown-unknown -p tcp-reset-page
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
base64 --wrap 0 "$wasm" >"$parts/wasm"
cp page/web/page.css "$parts"
cat page/web/{hex,answer,capture,comparison,detail,page}.js >"$parts/script"
sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1 >"$parts/version"
mkdir -p "$to"
# Each name between @ is replaced by a file; base64 has no character that the shell or awk would read.
awk -v parts="$parts" '
    function text(name,   line, all, separator) {
        while ((getline line <(parts "/" name)) > 0) { all = all separator line; separator = "\n" }
        return all
    }
    match($0, /@(wasm|script|version|page\.css)@/) {
        name = substr($0, RSTART + 1, RLENGTH - 2)
        $0 = substr($0, 1, RSTART - 1) text(name) substr($0, RSTART + RLENGTH)
    }
    { print }' page/web/index.html >"$to/index.html"
echo "$to/index.html: $(stat --format %s "$to/index.html") bytes, the WebAssembly in it $(stat --format %s "$wasm")"
