#!/bin/bash
# Counts the instructions of a call and compares them with peers/instructions.ceiling. See peers/README.md.
#
#   peers/instructions.sh                   a minute
#   peers/instructions.sh --set-ceilings    sets the ceilings to what is counted and two percent of room
set -euo pipefail
cd "$(dirname "$0")/.."
source .ci/steps.sh
source .ci/ceilings.sh
need valgrind valgrind
counts=target/instructions.txt
mkdir -p target

RUSTFLAGS='' cargo run --quiet --profile lto -p tcp-reset-peers --bin instructions >$counts
cat $counts
case $* in
"") ceilings peers/instructions.ceiling $counts ;;
--set-ceilings) set_ceilings peers/instructions.ceiling $counts ;;
*) die "usage: peers/instructions.sh [--set-ceilings]" ;;
esac
