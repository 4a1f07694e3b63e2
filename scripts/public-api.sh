#!/bin/bash
# The public interface, as scripts/public-api.txt lists it: what it promises, and nothing else. A change to it must change the
# list too.
#
#   scripts/public-api.sh            fails if the two differ
#   scripts/public-api.sh --write    writes the list
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need_tool cargo-public-api "$CARGO_PUBLIC_API" cargo-public-api
need_toolchain "$NIGHTLY"
now=$target_dir/public-api.txt
mkdir -p "$target_dir"
# Without the blanket, auto-trait and derived implementations. Functions that are not promised are hidden in the documentation.
cargo public-api -sss >"$now" 2>"$target_dir/public-api.err" || die "$(cat "$target_dir/public-api.err")"
case "$*" in
"")
    diff -u scripts/public-api.txt "$now" || die "the public interface has changed: scripts/public-api.sh --write"
    echo "$(grep -c '^pub' "$now") public items, modules, fields and variants as listed"
    ;;
--write) cp "$now" scripts/public-api.txt ;;
*) die "usage: scripts/public-api.sh [--write]" ;;
esac
