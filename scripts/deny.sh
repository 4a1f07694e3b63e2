#!/bin/bash
# Licences, sources and security advisories of every package in every lock file, by cargo-deny (deny.toml).
#
#   scripts/deny.sh    a minute
#
# Where the database of advisories cannot be fetched, it says so; under CI=true it fails then.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need_tool cargo-deny "$CARGO_DENY" cargo-deny
checks=(licenses sources bans)
# deny COMMAND...: with the settings of the repository, whichever package it looks at.
deny() { cargo deny --log-level error --config "$PWD/deny.toml" --locked --workspace "$@"; }

# The database of advisories is a repository of its own, that not every machine reaches.
if deny fetch db; then
    checks+=(advisories)
else
    test "${CI:-}" != true || die "the database of advisories cannot be fetched"
    skip "advisories" "their database cannot be fetched here"
fi
git ls-files 'Cargo.lock' '*/Cargo.lock' >"$target_dir/locks.txt"
while read -r lock; do
    echo "$lock: $(grep -c '^name = ' "$lock") packages"
    deny --manifest-path "${lock%lock}toml" check --hide-inclusion-graph "${checks[@]}"
done <"$target_dir/locks.txt"
count=$(wc -l <"$target_dir/locks.txt")
echo "${checks[*]}: checked in $count lock files"
print_not_done
