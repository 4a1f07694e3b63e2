#!/bin/bash
# All that is checked of the XDP program: it builds under its ceilings, the verifier accepts it, it does what the crate does
# byte for byte, and real clients behind it see what they see from the kernel.
#
#   xdp/check.sh    two minutes, as root
#
# Where bpf(2) is not allowed, it says so and checks what can be; under CI=true it fails then.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh

lints() {
    cargo fmt --check --manifest-path xdp/loader/Cargo.toml
    cargo fmt --check --manifest-path xdp/program/Cargo.toml
    cargo clippy --quiet --release --locked --manifest-path xdp/loader/Cargo.toml --target-dir xdp/target/loader \
        --all-targets -- --deny warnings
    program_lints
}

# By the Clippy of the compiler that builds it: no other has the target. A shell of its own: the loader has another one.
program_lints() (
    source embedded/setup.sh
    need "rust-web-clippy" /usr/bin/cargo-clippy
    CARGO=$cargo /usr/bin/cargo-clippy --quiet --release --locked --manifest-path xdp/program/Cargo.toml \
        --target bpfel-unknown-none --target-dir xdp/target/lints -- --deny warnings
)

# The race, and whether its chart is one: it has a bar for each of six that answer, for two kinds of frame. On a busy machine
# seven rounds may be too few for the least times.
race() {
    local race=xdp/target/loader/release/race chart=xdp/target/race.svg
    $race 100000 7 $chart || $race 100000 30 $chart
    python3 -c '
import sys, xml.etree.ElementTree as tree
bars = tree.parse(sys.argv[1]).findall("{http://www.w3.org/2000/svg}rect")
sys.exit(len(bars) != 12 or any(float(bar.get("width")) <= 0 for bar in bars))' xdp/target/race.svg ||
        die "xdp/target/race.svg is no chart"
}

tests() {
    cargo test --quiet --release --locked --manifest-path xdp/loader/Cargo.toml --target-dir xdp/target/loader
}

step "the program and its loader" xdp/build.sh
step "lints" lints
step "beside the crate" tests
if xdp/target/loader/release/xdp-reset --verify >/dev/null 2>&1 && unshare --net true; then
    step "on the wire" xdp/live.sh
    step "the race (THINNED to 100,000 packets each)" race
else
    test "${CI:-}" != true || die "bpf(2) or network namespaces are not allowed here"
    skip "on the wire" "bpf(2) or network namespaces are not allowed here"
fi
print_not_done
