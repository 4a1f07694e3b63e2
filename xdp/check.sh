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
source scripts/ceilings.sh
source xdp/rust.sh

lints() {
    cargo fmt --check --manifest-path xdp/loader/Cargo.toml
    cargo fmt --check --manifest-path xdp/program/Cargo.toml
    cargo clippy --quiet --locked --manifest-path xdp/loader/Cargo.toml --target-dir "$target_dir" \
        --all-targets -- $lint_level warnings
    program_cargo clippy -- $lint_level warnings
}

# Of the compiler's and the kernel's versions.
other_versions_of_program() (
    need_toolchain "$program_rust"
    other_versions xdp/verifier.ceiling
)

# The benchmark, and whether its chart is one: it has a bar for each of six that answer, for two kinds of frame. Other work on
# the machine changes the ratios by a third: half of what the README asks is enough here. With another compiler or kernel, the
# ratios are only printed.
benchmark() {
    local chart=xdp/target/speed.svg share=0.5 others
    others=$(other_versions_of_program)
    if [ -n "$others" ]; then
        share=0
        report "the ratios to netfilter" "$others"
    fi
    xdp/benchmark.sh 100000 5 $chart $share
    python3 -c '
import sys, xml.etree.ElementTree as tree
bars = tree.parse(sys.argv[1]).findall("{http://www.w3.org/2000/svg}rect")
sys.exit(len(bars) != 12 or any(float(bar.get("width")) <= 0 for bar in bars))' $chart || die "$chart is no chart"
}

tests() {
    cargo test --quiet --release --locked --manifest-path xdp/loader/Cargo.toml --target-dir "$target_dir"
}

step "the program and its loader" xdp/build.sh
step "lints" lints
step "beside the crate" tests
if "$target_dir/release/xdp-reset" --verify >/dev/null 2>&1 && unshare --net true; then
    step "on the wire" xdp/live.sh
    step "the benchmark (THINNED to five rounds, half of the ratios asked)" benchmark
else
    test "${CI:-}" != true || die "bpf(2) or network namespaces are not allowed here"
    skip "on the wire" "bpf(2) or network namespaces are not allowed here"
fi
print_not_done
