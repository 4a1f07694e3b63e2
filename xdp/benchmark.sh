#!/bin/bash
# Builds and runs the benchmark of loader/examples/benchmark.rs, after build.sh.
#
#   xdp/benchmark.sh [PACKETS [ROUNDS [CHART.svg [SHARE]]]]    as root
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
cargo run --quiet --release --locked --manifest-path xdp/loader/Cargo.toml --target-dir "$target_dir" --example benchmark -- "$@"
