#!/bin/bash
# What a version has to pass before it is tagged, besides CI: the long forms of everything, and what needs a registry.
# Hours on two cores. Each step is named; the first that fails ends it. A step that cannot be done here is named at the
# end, and then the exit code is not zero: whoever tags decides.
#
#   ./release.sh
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=never
skipped=()

# step "WHAT" COMMAND...: runs it.
step() {
    local what=$1
    shift
    printf '\n=== %s\n' "$what"
    "$@" || { echo "release.sh: FAILED: $what" >&2; exit 1; }
}

# skip "WHAT" "WHY": says loudly that it was not done.
skip() {
    printf '\n=== NOT DONE: %s: %s\n' "$1" "$2"
    skipped+=("$1: $2")
}

# has COMMAND "WHAT": whether it is installed; with --locked, cargo takes the versions that it was tested with.
has() {
    command -v "$1" >/dev/null || { skip "$2" "cargo install $1 --locked"; false; }
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
test -n "$version" || { echo "release.sh: Cargo.toml tells no version" >&2; exit 1; }
last=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)

# The state that is tagged is the state that is checked.
step "nothing is uncommitted" test -z "$(git status --porcelain)"
step "CHANGELOG.md has a section for $version" grep -q "^## \[$version\]" CHANGELOG.md
step "$version is not tagged yet" test "v$version" != "$last"

# Supply chain.
if has cargo-deny "licences, versions and advisories"; then
    step "licences, sources, duplicate versions" cargo deny --workspace check licenses sources bans
    # The database of advisories is a repository of its own, that not every machine reaches.
    printf '\n=== advisories\n'
    if cargo deny --workspace fetch db; then
        step "advisories" cargo deny --workspace check --disable-fetch advisories
    else
        skip "advisories" "the database cannot be had from here"
    fi
fi
step "no dependency" test "$(cargo tree --edges normal --prefix none | wc -l)" = 1

# Interface.
if [ -z "$last" ]; then
    skip "semver" "there is no tag to compare with"
elif has cargo-semver-checks "semver"; then
    step "semver, against $last" cargo semver-checks --baseline-rev "$last"
fi
step "the package builds by itself" cargo package

# At full length, the fuzzers beside the rest.
fuzzers=()
trap 'for fuzzer in "${fuzzers[@]}"; do kill -- "-$fuzzer" 2>/dev/null || true; done' EXIT
if has cargo-fuzz "fuzzing"; then
    step "the fuzz targets build" cargo +nightly fuzz build
    mkdir -p fuzz/corpus/bytes fuzz/corpus/packets target/fuzzing
    # Job control gives each a process group, to be ended as a whole.
    set -m
    for target in bytes packets; do
        nice cargo +nightly fuzz run $target fuzz/corpus/$target -- -max_total_time=3600 -print_final_stats=1 \
            >target/fuzzing/$target 2>&1 &
        fuzzers+=($!)
    done
    nice fuzz/smoltcp.sh 3600 >target/fuzzing/smoltcp 2>&1 &
    fuzzers+=($!)
    set +m
fi
step "every flag byte, data offset and length" \
    env TCP_RESET_EXHAUSTIVE=1 cargo test --release --test exhaustive -- --nocapture
step "properties, a million cases each" env PROPTEST_CASES=1000000 cargo test --release --test properties
for family in 4 6; do
    for judge in forward input stack nft-forward nft-input nft-prerouting; do
        step "ten million packets, IPv$family, $judge" cargo run --release -p tcp-reset-linux -- \
            --judge $judge --family $family --packets 10000000 --seed "$RANDOM"
    done
done
if has cargo-mutants "mutation testing"; then
    step "mutation testing" tests/mutants.sh
fi
step "no panic is linked in" proof/no-panic.sh --long
for fuzzer in "${fuzzers[@]}"; do
    step "an hour of fuzzing (target/fuzzing/)" wait "$fuzzer"
done
tail -n 20 target/fuzzing/* 2>/dev/null || true
fuzzers=()
# On a machine that is quiet again.
step "the README's figures" proof/figures.sh
step "the gate" .ci/run

echo
if [ ${#skipped[@]} -gt 0 ]; then
    printf 'release.sh: NOT DONE: %s\n' "${skipped[@]}" >&2
    exit 2
fi
echo "release.sh: $version may be tagged: git tag -s v$version && cargo publish"
