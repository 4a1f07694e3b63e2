#!/bin/bash
# What a version has to pass before it is tagged, besides CI: the long forms of everything, and what needs a registry.
# Hours on two cores. The first step that fails ends it. A step that cannot be done here, of this script or of one that it
# calls, is named at the end; the exit code is then 2, and the version must not be tagged. What is missing at the start ends
# it before the long steps; a rehearsal goes on.
#
#   scripts/release.sh               some hours
#   scripts/release.sh --rehearse    the same steps, the long ones thinned, to see that each runs: 45 minutes
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
export CARGO_TERM_COLOR=never
fuzz_seconds=3600 cases=1000000 packets=10000000 mebibytes=1024 mutants=() long=--long rounds=30 share=1
connections=1000 flood=1000000
case ${1:-} in
"") ;;
--rehearse)
    fuzz_seconds=60 cases=10000 packets=100000 mebibytes=64 mutants=(--sharding round-robin --shard 0/40) long=
    rounds=3 share=0.5 connections=50 flood=100000
    skip "the full length" "this is a rehearsal"
    ;;
*) die "usage: scripts/release.sh [--rehearse]" ;;
esac

# end_if_not_done: with exit code 2, if something was not done.
end_if_not_done() {
    test -s "$NOT_DONE" || return 0
    echo
    print_not_done
    exit 2
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
test -n "$version" || die "Cargo.toml has no version"
last=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)

nothing_uncommitted() {
    git status --porcelain >"$target_dir/status.txt"
    cat "$target_dir/status.txt"
    test ! -s "$target_dir/status.txt"
}

no_dependency() {
    cargo tree --edges normal --prefix none >"$target_dir/tree.txt"
    cat "$target_dir/tree.txt"
    test "$(wc -l <"$target_dir/tree.txt")" = 1
}

# Of the versions that the figures belong to.
.ci/run --install-rust
case $(rustc --version) in "rustc $STABLE "*) ;; *) export RUSTUP_TOOLCHAIN=$STABLE ;; esac
# What is checked here is what is tagged.
step "nothing is uncommitted" nothing_uncommitted
step "CHANGELOG.md has a section for $version" grep -F "## [$version]" CHANGELOG.md
grep -qE "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md || skip "the day in CHANGELOG.md" "the section has none yet"
step "$version is not tagged yet" test "v$version" != "$last"
# No tag without it: the registry resolves the links of both READMEs against it.
repository=$(sed -n 's/^repository = "\([^"]*\)".*/\1/p' Cargo.toml)
case $repository in
"" | https://example.org/*) skip "repository" "Cargo.toml has none, or the placeholder; the owner sets it" ;;
esac
if grep -q 'https://example\.org/' README.md; then
    skip "the page's address" "README.md has the placeholder; the owner sets it"
fi
grep -qF "repository = \"$repository\"" capi/Cargo.toml || skip "repository of capi/" "capi/Cargo.toml lacks the line of Cargo.toml"
# has TOOL: in the version of scripts/versions.sh. With --locked, cargo takes the dependencies that it was tested with.
declare -A versions=([cargo-deny]=$CARGO_DENY [cargo-fuzz]=$CARGO_FUZZ [cargo-mutants]=$CARGO_MUTANTS
    [cargo-semver-checks]=$CARGO_SEMVER_CHECKS)
has() { has_version "$1" "${versions[$1]}"; }
for tool in cargo-deny cargo-fuzz cargo-mutants ${last:+cargo-semver-checks}; do
    has "$tool" || skip "the steps with $tool" "cargo install $tool --locked --version =${versions[$tool]}"
done
bpftool prog show >/dev/null 2>&1 || skip "the XDP program" "bpf(2) is not allowed here, or bpftool is missing"

# Supply chain.
if has cargo-deny; then
    step "licences, sources, advisories" scripts/deny.sh
fi
step "no dependency" no_dependency
if [ "${1:-}" != --rehearse ]; then
    end_if_not_done
fi

# Interface.
if [ -z "$last" ]; then
    echo "semver: there is no earlier version to compare with"
elif has cargo-semver-checks; then
    step "semver, against $last" cargo semver-checks --baseline-rev "$last"
fi
step "the package, unpacked elsewhere" scripts/package.sh

# At full length; the fuzzers run at the same time as the rest.
fuzzers=()
if has cargo-fuzz; then
    step "the fuzz targets build" cargo "+$NIGHTLY" fuzz build
    rm -rf "$target_dir/fuzzing" # the logs of an earlier run
    mkdir -p fuzz/corpus/packets "$target_dir/fuzzing"
    step "seeds" cargo run --manifest-path fuzz/Cargo.toml --example seeds -- fuzz/corpus/bytes
    for target in bytes packets; do
        beside nice cargo "+$NIGHTLY" fuzz run $target fuzz/corpus/$target -- -max_total_time=$fuzz_seconds \
            -max_len=65600 -print_final_stats=1 \
            >"$target_dir/fuzzing/$target" 2>&1
        fuzzers+=($!)
    done
    beside nice fuzz/smoltcp.sh $fuzz_seconds >"$target_dir/fuzzing/smoltcp" 2>&1
    fuzzers+=($!)
fi
step "every flag byte, data offset and length" \
    env TCP_RESET_EXHAUSTIVE=1 cargo test --release --test exhaustive -- --nocapture
# Cases that no run had before; the seed is in the step's name.
seed=$RANDOM$RANDOM
step "properties, $cases cases each, seed $seed" env PROPTEST_CASES=$cases PROPTEST_RNG_SEED=$seed \
    cargo test --release --test properties
for family in 4 6; do
    for reference in forward input stack nft-forward nft-input nft-prerouting; do
        step "$packets packets, IPv$family, $reference" cargo run --release -p tcp-reset-linux -- \
            --reference $reference --family $family --packets $packets --seed "$RANDOM"
    done
done
if has cargo-mutants; then
    step "mutation testing" scripts/mutants.sh "${mutants[@]}"
fi
step "$mebibytes MiB beside connections that are cut" env CI=true TCP_RESET_MIB=$mebibytes \
    cargo test --release -p tcp-reset-linux --test clients -- both_ends
step "$connections connections of each row, cut in motion" env CI=true TCP_RESET_CONNECTIONS=$connections \
    cargo test --release -p tcp-reset-linux --test in_motion
step "a flood of $flood connections to be cut" env CI=true TCP_RESET_FLOOD=$flood \
    cargo test --release -p tcp-reset-linux --test clients -- faults_flood
step "no panic is linked in" embedded/no-panic.sh $long
for fuzzer in "${fuzzers[@]}"; do
    step "$fuzz_seconds seconds of fuzzing (target/fuzzing/)" wait "$fuzzer"
done
test ${#fuzzers[@]} = 0 || tail -n 20 "$target_dir"/fuzzing/*
groups=()
# After the fuzzers, so that the machine is quiet.
step "the README's figures" scripts/figures.sh
step "the gate" env CI=true .ci/run
step "the ratios that xdp/README.md asks for" xdp/benchmark.sh 50000 $rounds xdp/target/speed.svg $share

end_if_not_done
echo "scripts/release.sh: $version may be tagged: git tag -s v$version && cargo publish"
