#!/bin/bash
# Writes every file that is derived from another: the vectors towards the destination, from the model; the vectors as
# JSON and as a C header; the header of the library for C. Needs neither root nor a kernel: what Linux answers is recorded by
# `cargo run --release -p tcp-reset-linux -- --record testdata/vectors`, before this.
#
#   scripts/regenerate.sh    a minute; it needs cbindgen
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
step "vectors towards the destination" env TCP_RESET_WRITE_VECTORS=1 cargo test --quiet --test vectors
step "vectors as JSON and as a C header" testdata/vectors/formats.py
step "the header of the library for C" capi/header.sh
git status --short
