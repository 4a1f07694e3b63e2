#!/bin/bash
# Packs the crate as for the registry, unpacks it outside of the repository, and builds, documents and tests it there. The
# package has no tests but the examples in its documentation. Also checks the links in its documents.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
export RUSTDOCFLAGS="--deny warnings"
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

cargo package --quiet --allow-dirty --no-verify --target-dir "$directory/target"
tar -xzf "$directory"/target/package/tcp-reset-*.crate -C "$directory" --strip-components=1
scripts/links.sh "$directory"
cd "$directory"
cargo build --quiet
cargo doc --quiet --no-deps
cargo test --quiet >tests.txt
grep '^test result: ok. [1-9]' tests.txt || die "no test was run"
