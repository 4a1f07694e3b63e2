#!/bin/sh
# Counts instructions and compares them with instructions.ceiling; needs valgrind. See README.md.
set -eu
cd "$(dirname "$0")"
RUSTFLAGS='' exec cargo run --quiet --profile lto --bin instructions -- instructions.ceiling
