#!/bin/bash
# Part of the gate: the forms of the vectors agree, and every stack still answers as results/ has it. A stack that cannot
# be built is skipped and reported; with CI=true this fails, except for PyTCP, the only one that needs PyPI.
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

# steady NAME FILE: what is the same in each run. Two stacks accept from another thread, before or after the marker segment.
steady() {
    case $1 in
    ipstack) grep -vE '^ipv[46]-|SYN/ACK|must not appear on a network' "$2" ;;
    netstack-smoltcp) grep -vE '^ipv[46]-|SYN/ACK' "$2" ;;
    *) cat "$2" ;;
    esac
}

# build_named NAME: also keeps its version.
build_named() {
    build "$1"
    echo "$version" >"$built/$1.version"
}

# All are built at once, then all are tested at once: most of that is waiting. A build under `if` would go on after a
# failure.
declare -A builds
for name in "${stacks[@]}"; do
    beside build_named "$name" 2>"$built/$name.log"
    builds[$name]=$!
done
playable=()
for name in "${stacks[@]}"; do
    if wait "${builds[$name]}"; then
        playable+=("$name")
    else
        test "${CI:-}" != true || test "$name" = pytcp || die "$name: $(cat "$built/$name.log")"
        skip "$name" "$(tail -n 1 "$built/$name.log")"
    fi
done
echo "built after $SECONDS s"
declare -A plays
for name in "${playable[@]}"; do
    beside results "$name" >"$built/$name.md"
    plays[$name]=$!
done
for name in "${playable[@]}"; do
    wait "${plays[$name]}" || die "$name could not be tested"
done
for name in "${playable[@]}"; do
    steady "$name" "conformance/results/$name.md" >$built/expected.md
    steady "$name" "$built/$name.md" >$built/found.md
    # On a busy machine an answer may come too late: what differs is tested once more, alone.
    if ! cmp -s $built/expected.md $built/found.md; then
        results "$name" >"$built/$name.md"
        steady "$name" "$built/$name.md" >$built/found.md
        diff $built/expected.md $built/found.md || die "$name answers otherwise than conformance/results/$name.md"
    fi
    version=$(cat "$built/$name.version")
    summary=$(grep -E '^ipv[46]-' "$built/$name.md" | sed 's/,[^,]* not asked.*//' | paste -sd ';')
    echo "$version: $summary"
done
print_not_done
