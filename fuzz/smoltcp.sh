#!/bin/bash
# Runs the fuzz target `smoltcp` without a corpus. Fails if it finds a difference that is not known, or does not find
# the known one: smoltcp answers a FIN without ACK with a RST without ACK.
#
#   fuzz/smoltcp.sh [SECONDS]    60 seconds if not given
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need_tool cargo-fuzz "$CARGO_FUZZ" cargo-fuzz
seconds=${1:-60}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/corpus"

if ! cargo "+$NIGHTLY" fuzz run smoltcp "$directory/corpus" -- -max_total_time="$seconds" >"$directory/log" 2>&1; then
    cat "$directory/log"
    die "cargo fuzz failed; its output is above"
fi
awk '/cov: |^Done / { before = last; last = $0 } END { if (before) print before; if (last) print last }' "$directory/log"
sed -n 's/^\(smoltcp: .\{0,191\}\).*/\1/p' "$directory/log"
grep -q '^smoltcp: FIN without ACK gets a bare RST' "$directory/log" ||
    die "smoltcp's reset for a FIN without ACK was not found in $seconds seconds"
