#!/bin/bash
# Changes the crate in every way that cargo-mutants knows (`cargo install cargo-mutants --locked`), one at a time, and
# fails unless the tests notice each. Arguments go to cargo-mutants: `--in-diff changes.diff` tries changed lines alone.
#
# The checksum is written twice, for 64-bit machines and for others: mutants of the half that is not compiled cannot be
# noticed. So there is a second run, of the 32-bit half, which needs Debian's Rust and a cross compiler:
# `apt-get install cargo-web rustc-web rust-web-src gcc-i686-linux-gnu libc6-dev-i386-cross`.
set -euo pipefail
cd "$(dirname "$0")/.."
reports=${CARGO_TARGET_DIR:-target}/mutants
for tool in cargo-mutants i686-linux-gnu-gcc /usr/bin/cargo /usr/bin/rustc /usr/lib/rustlib/src/rust/library; do
    command -v "$tool" >/dev/null || test -e "$tool" || { echo "$tool is missing: see $0" >&2; exit 1; }
done
rm -rf "$reports"
mkdir -p "$reports/64-bit" "$reports/32-bit"

# run REPORT ARGUMENT...: codes 2 and 3 say that some were missed or timed out, which is for the comparison below to judge.
run() {
    local report=$reports/$1 code=0
    shift
    cargo mutants --output "$report" --timeout 120 --package tcp-reset "$@" || code=$?
    case $code in 0 | 2 | 3) ;; *) exit "$code" ;; esac
    touch "$report/none"
    cat "$report"/none "$report"/mutants.out/{missed,timeout}.txt 2>/dev/null | sort >"$report/survivors" || true
}

run 64-bit "$@"

export CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
export CARGO_BUILD_TARGET=i686-unknown-linux-gnu CARGO_UNSTABLE_BUILD_STD=std,panic_unwind,proc_macro,test
export CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_LINKER=i686-linux-gnu-gcc
export CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_RUSTFLAGS=-Ctarget-feature=+crt-static
run 32-bit --file src/checksum.rs "$@" -- --test checksum --test rfc9293

# In the checksum either run will do; elsewhere there is one.
grep -v '^src/checksum.rs' "$reports/64-bit/survivors" >"$reports/survivors" || true
comm -12 "$reports/64-bit/survivors" "$reports/32-bit/survivors" | grep '^src/checksum.rs' >>"$reports/survivors" || true
if [ -s "$reports/survivors" ]; then
    echo "not noticed by any test:" >&2
    cat "$reports/survivors" >&2
    exit 1
fi
echo "$(cat "$reports/64-bit/mutants.out/caught.txt" "$reports/32-bit/mutants.out/caught.txt" 2>/dev/null | sort -u | wc -l) mutants, all noticed"
