#!/bin/sh
# Lets the target `smoltcp` run for a while (60 seconds, or as many as the first argument says) from nothing, and fails
# unless it finds smoltcp's known reset, the bare one that answers a FIN without ACK, or if it finds an unknown one.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/corpus"

if ! cargo +nightly fuzz run smoltcp "$directory/corpus" -- -max_total_time="$seconds" >"$directory/log" 2>&1; then
    cat "$directory/log"
    exit 1
fi
grep -E 'cov: |^Done ' "$directory/log" | tail -n 2
grep '^smoltcp: ' "$directory/log" | cut -c -200
if ! grep -q '^smoltcp: FIN without ACK draws a bare RST' "$directory/log"; then
    echo "smoltcp's reset for a FIN without ACK was not found in $seconds seconds" >&2
    exit 1
fi
