#!/bin/bash
# Sends the vectors to every stack, or to those named: writes results/NAME.md, and the table in README.md.
#
#   conformance/scoreboard.sh [NAME...]
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
source conformance/stacks.sh

test $# -gt 0 || set -- "${stacks[@]}"
readme=conformance/README.md
for name; do
    build "$name"
    version=$(version "$name")
    test -n "$version" || die "the version of $name is not known"
    results "$name" >"$built/$name.md"
    cp "$built/$name.md" "conformance/results/$name.md"
    rows=
    today=$(date +%F)
    for ip in 4 6; do
        figures=$(cells "$name" $ip)
        rows+="| [$name](results/$name.md) | $version | IPv$ip | $figures | $today |"$'\n'
    done
    printf '%s' "$rows"
    # The rows of this stack are replaced where they stand.
    grep -qF "| [$name](results/" $readme || die "$readme has no rows for $name"
    awk -v name="| [$name](results/" -v rows="$rows" \
        'index($0, name) == 1 { if (!done++) printf "%s", rows; next } { print }' $readme >"$built/$name.readme.md"
    cp "$built/$name.readme.md" $readme
done
