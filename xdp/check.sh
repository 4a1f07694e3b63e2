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
}

tests() {
    cargo test --quiet --release --locked --manifest-path xdp/loader/Cargo.toml --target-dir xdp/target/loader
}

step "the program and its loader" xdp/build.sh
step "lints" lints
step "beside the crate" tests
if xdp/target/loader/release/xdp-reset --verify >/dev/null 2>&1 && unshare --net true; then
    step "on the wire" xdp/live.sh
    step "the race (THINNED to 100,000 packets each)" xdp/target/loader/release/race 100000 7
else
    test "${CI:-}" != true || die "bpf(2) or network namespaces are not allowed here"
    skip "on the wire" "bpf(2) or network namespaces are not allowed here"
fi
print_not_done
