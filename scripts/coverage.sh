#!/bin/bash
# Fails if `cargo test` leaves a line of src/ out, except those that scripts/coverage.exceptions names.
#
#   scripts/coverage.sh    a minute or two; needs rustup, which installs llvm-tools
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
# The tools must be those of the compiler.
if ! rustup component add llvm-tools >/dev/null 2>&1; then
    skip "line coverage of src/" "rustup cannot install llvm-tools here"
    exit
fi
sysroot=$(rustc --print sysroot)
host=$(rustc -vV | sed -n 's/^host: //p')
tools=$sysroot/lib/rustlib/$host/bin
work=${CARGO_TARGET_DIR:-$PWD/target}/coverage
rm -rf "$work/profiles" "$work"/*.txt "$work"/*.json
mkdir -p "$work"

# The examples in the documentation are not measured.
export RUSTFLAGS=-Cinstrument-coverage LLVM_PROFILE_FILE=$work/profiles/%m.profraw CARGO_PROFILE_DEV_DEBUG=0
cargo test --quiet --lib --tests --target-dir "$work" --no-run --message-format=json >"$work/tests.json"
cargo test --quiet --lib --tests --target-dir "$work" >"$work/tests.txt" 2>&1 || die "$(tail -n 20 "$work/tests.txt")"
"$tools/llvm-profdata" merge --sparse "$work"/profiles/*.profraw -o "$work/profile"
sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$work/tests.json" | sort -u >"$work/binaries.txt"
objects=()
while read -r binary; do objects+=(--object "$binary"); done <"$work/binaries.txt"
"$tools/llvm-cov" export --format=lcov --instr-profile="$work/profile" "${objects[@]}" --sources src >"$work/lines.txt"

# A line counts as run if any binary ran it: PATH:LINE: TEXT of the others.
awk -F'[:,]' -v root="$PWD/" '/^SF:/ { file = substr($0, 4); sub("^" root, "", file) }
    /^DA:/ { run[file ":" $2] += $3; if (!((file ":" $2) in seen)) { seen[file ":" $2]; order[++n] = file ":" $2 } }
    END { for (i = 1; i <= n; i++) { if (run[order[i]]) covered++; else print order[i] }
        print covered + 0 " of " n " lines of src/ are run by the tests" >"/dev/stderr" }' "$work/lines.txt" \
    >"$work/left.txt" 2>"$work/summary.txt"
while IFS=: read -r file line; do
    text=$(sed -n "${line}p" "$file" | sed 's/^ *//')
    echo "$file: $text"
done <"$work/left.txt" | sort -u >"$work/found.txt"
cat "$work/summary.txt"
grep -qE '^[1-9][0-9]{2,} of' "$work/summary.txt" || die "nothing was measured"
# Each exception is such a line, under a comment with its reason.
sed '/^#/d' scripts/coverage.exceptions | sort -u >"$work/expected.txt"
comm -23 "$work/found.txt" "$work/expected.txt" >"$work/new.txt"
comm -13 "$work/found.txt" "$work/expected.txt" >"$work/gone.txt"
test ! -s "$work/new.txt" || die "no test runs these lines:"$'\n'"$(cat "$work/new.txt")"
test ! -s "$work/gone.txt" || die "scripts/coverage.exceptions has lines that are run, or gone:"$'\n'"$(cat "$work/gone.txt")"
