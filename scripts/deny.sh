#!/bin/bash
# Licences, sources and security advisories of every package in every lock file, by cargo-deny (deny.toml).
#
#   scripts/deny.sh    a minute
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need_tool cargo-deny "$CARGO_DENY" cargo-deny
checks=(licenses sources bans)
# The database of advisories is a repository of its own, that not every machine reaches.
if cargo deny --locked fetch --config deny.toml db; then
    checks+=(advisories)
else
    skip "advisories" "their database cannot be fetched here"
fi
git ls-files 'Cargo.lock' '*/Cargo.lock' >"$target_dir/locks.txt"
while read -r lock; do
    echo "$lock: $(grep -c '^name = ' "$lock") packages"
    cargo deny --locked --workspace --manifest-path "${lock%lock}toml" check --config "$PWD/deny.toml" --disable-fetch \
        --hide-inclusion-graph "${checks[@]}"
done <"$target_dir/locks.txt"
count=$(wc -l <"$target_dir/locks.txt")
echo "${checks[*]}: checked in $count lock files"
print_not_done
