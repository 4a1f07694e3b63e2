#!/bin/bash
# Part of the gate: the forms of the vectors agree, and every stack still answers as results/ has it. A stack that cannot
# be built is skipped and reported; with CI=true this fails, except for PyTCP, the only one that needs PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source conformance/stacks.sh
need "gcc python3" gcc python3

mkdir -p "$built"
testdata/vectors/formats.py --check
# The header once more, as a C compiler reads it.
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -Itestdata/vectors conformance/print_header.c -o "$built/print_header"
for text in testdata/vectors/*.txt; do
    set=$(basename "$text" .txt)
    grep -v '^#' "$text" >"$built/text.txt"
    "$built/print_header" "$set" | diff - "$built/text.txt" >/dev/null || die "vectors.h and $text differ"
done
# A minute, most of it waiting.
beside python3 conformance/test_conformance.py --quiet
tests=$!
cargo fmt --check --manifest-path conformance/rust-stacks/Cargo.toml

# comparable NAME FILE: what is the same in each run. Two stacks accept from another thread, before or after the marker segment.
headline='^ipv[46]-|^Note: |^\| [A-Za-z, ]* \| [0-9]+ \|'
comparable() {
    case $1 in
    ipstack) grep -vE "$headline|SYN/ACK|must not appear on a network" "$2" | cat -s ;;
    netstack-smoltcp) grep -vE "$headline|SYN/ACK" "$2" | cat -s ;;
    *) cat "$2" ;;
    esac
}

# other_version NAME: its version, if results/ is of another one (README.md names that). Of Linux the first two numbers count.
other_version() {
    local here
    here=$(version "$1" 2>/dev/null) || here=none
    case $1 in
    linux-*) here=$(cut -d . -f 1,2 <<<"$here"). ;;
    *) here+=" |" ;;
    esac
    grep -F "| [$1](results/$1.md) | $here" conformance/README.md >/dev/null || echo "${here% |}"
}

# All are built at once, then all are tested at once: most of that is waiting. A build under `if` would go on after a
# failure.
declare -A builds
for name in "${stacks[@]}"; do
    beside build "$name" 2>"$built/$name.log"
    builds[$name]=$!
done
playable=()
for name in "${stacks[@]}"; do
    if wait "${builds[$name]}"; then
        playable+=("$name")
    else
        other=$(other_version "$name")
        test "${CI:-}" != true || test "$name" = pytcp || test -n "$other" || die "$name: $(cat "$built/$name.log")"
        skip "$name${other:+, version $other}" "$(tail -n 1 "$built/$name.log")"
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
    comparable "$name" "conformance/results/$name.md" >"$built/expected.md"
    comparable "$name" "$built/$name.md" >"$built/found.md"
    # On a busy machine an answer may come too late: what differs is tested once more, alone.
    if ! cmp -s "$built/expected.md" "$built/found.md"; then
        results "$name" >"$built/$name.md"
        comparable "$name" "$built/$name.md" >"$built/found.md"
        if ! diff "$built/expected.md" "$built/found.md"; then
            other=$(other_version "$name")
            test -n "$other" || die "$name answers otherwise than conformance/results/$name.md"
            report "$name answers otherwise than conformance/results/$name.md" "that is of another version than $other"
        fi
    fi
    version=$(version "$name")
    four=$(cells "$name" 4)
    six=$(cells "$name" 6)
    printf '%-70s IPv4 %s\n%75s %s\n' "$version" "$four" IPv6 "$six"
done
wait $tests
print_not_done
