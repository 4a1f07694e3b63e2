#!/bin/bash
# Part of the gate: the forms of the vectors agree, and Linux, smoltcp and lwIP still answer as results/ has it.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source conformance/stacks.sh
need "gcc python3" gcc python3

mkdir -p $built
testdata/vectors/formats.py --check
# The header once more, as a C compiler reads it.
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -Itestdata/vectors conformance/print_header.c -o $built/print_header
for text in testdata/vectors/*.txt; do
    set=$(basename "$text" .txt)
    grep -v '^#' "$text" >$built/text.txt
    $built/print_header "$set" | diff - $built/text.txt >/dev/null || die "vectors.h and $text differ"
done
python3 conformance/test_conformance.py --quiet
cargo fmt --check --manifest-path conformance/stacks/rust/Cargo.toml

for name in linux-reject linux-closed-port smoltcp lwip; do
    build $name
    results $name >$built/results.md
    diff "conformance/results/$name.md" $built/results.md || die "$name answers otherwise than conformance/results/$name.md"
    echo "$version: $(grep -E '^ipv[46]-' $built/results.md | sed 's/,[^,]* not asked.*//' | paste -sd ';')"
done
