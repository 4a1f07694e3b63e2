#!/bin/bash
# Counts the instructions of a call and compares them with benches/peers/instructions.ceiling. See benches/peers/README.md.
#
#   benches/peers/instructions.sh                   half a minute
#   benches/peers/instructions.sh --set-ceilings    sets the ceilings to what is counted and two percent of room
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/steps.sh
source scripts/ceilings.sh
need valgrind valgrind
counts=$target_dir/instructions.txt

RUSTFLAGS='' cargo run --quiet --profile lto -p tcp-reset-peers --bin instructions >"$counts"
cat "$counts"
case $* in
"") ceilings benches/peers/instructions.ceiling "$counts" ;;
--set-ceilings) set_ceilings benches/peers/instructions.ceiling "$counts" ;;
*) die "usage: benches/peers/instructions.sh [--set-ceilings]" ;;
esac
