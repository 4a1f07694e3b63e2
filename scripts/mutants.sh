#!/bin/bash
# Changes the crate in every way that cargo-mutants can, one change at a time, and fails unless a test notices each.
# Arguments go to cargo-mutants: `--in-diff changes.diff` tries changed lines alone, `--file src/tcp.rs` one file. Fails if there is nothing to try.
#
# The checksum has one version for 64-bit machines and one for others. Tests notice only mutants of the version that is
# compiled: if mutants of the checksum are left, a second run tries them in the 32-bit one. It needs rustup and a cross
# compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
reports=$target_dir/mutants
need_tool cargo-mutants "$CARGO_MUTANTS" cargo-mutants
need "gcc-i686-linux-gnu libc6-dev-i386-cross" i686-linux-gnu-gcc
rm -rf "$reports"
mkdir -p "$reports/first" "$reports/64-bit" "$reports/32-bit"

cargo mutants --list --package tcp-reset "$@" >"$reports/list"
test -s "$reports/list" || die "no mutants to try"
count=$(wc -l <"$reports/list")
echo "$count mutants to try"

# run REPORT ARGUMENT...: codes 2 and 3 say that some were missed or timed out; the comparison below decides.
run() {
    local report=$reports/$1 code=0
    shift
    cargo mutants --output "$report" --timeout 120 --package tcp-reset "$@" || code=$?
    case $code in 0 | 2 | 3) ;; *) die "cargo-mutants ended with code $code" ;; esac
    sort "$report"/mutants.out/{missed,timeout}.txt >"$report/survivors"
}

# Most are noticed by one test binary, which is built in a fifth of the time; the rest are tried with all tests.
run first "$@" --cargo-arg=--test=every_function
touch "$reports/64-bit/survivors"
mapfile -t rest < <(sed 's/[][().*+?^$|{}\\]/\\&/g; s/.*/--re=^&$/' "$reports/first/survivors")
if [ ${#rest[@]} != 0 ]; then
    run 64-bit "${rest[@]}"
fi

touch "$reports/32-bit/survivors"
if grep -q '^src/checksum.rs' "$reports/64-bit/survivors"; then
    has_target i686-unknown-linux-gnu || die "the 32-bit checksum cannot be tried"
    export CARGO_BUILD_TARGET=i686-unknown-linux-gnu
    export CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_LINKER=i686-linux-gnu-gcc
    export CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_RUSTFLAGS=-Ctarget-feature=+crt-static
    run 32-bit --file src/checksum.rs "$@" -- --test checksum --test rfc9293
fi

# For a mutant of the checksum it is enough that one run notices it; the others are in the first run only.
comm -12 "$reports/64-bit/survivors" "$reports/32-bit/survivors" >"$reports/both"
awk '/^src\/checksum.rs/' "$reports/both" >"$reports/survivors"
awk '!/^src\/checksum.rs/' "$reports/64-bit/survivors" >>"$reports/survivors"
if [ -s "$reports/survivors" ]; then
    cat "$reports/survivors" >&2
    die "no test notices the mutants above"
fi
find "$reports" -name caught.txt -exec cat {} + | sort -u >"$reports/caught"
test -s "$reports/caught" || die "no mutant could be built and tried"
count=$(wc -l <"$reports/caught")
echo "$count mutants, all noticed"
