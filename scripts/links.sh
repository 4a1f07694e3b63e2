#!/bin/bash
# Fails if a relative link in a Markdown file leads nowhere.
#
#   scripts/links.sh              in the repository
#   scripts/links.sh DIRECTORY    in an unpacked package. It lacks the chart: the registry finds that in `repository`.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
if [ $# = 0 ]; then
    git ls-files '*.md' >"$lists/documents"
else
    cd "$1"
    find . -name '*.md' >"$lists/documents"
    missing=./benches/peers/speed.svg
fi
checked=0
while read -r document; do
    # shellcheck disable=SC2016
    sed '/^```/,/^```/d' "$document" | { grep -oE '\]\([^)# ]+' || true; } | sed 's/^](//' >"$lists/links"
    while read -r link; do
        case $link in http*) continue ;; esac
        checked=$((checked + 1))
        target=$(dirname "$document")/$link
        test -e "$target" || test "$target" = "${missing:-}" || die "$document: no such file: $link"
    done <"$lists/links"
done <"$lists/documents"
test $checked -gt 0 || die "no links found"
echo "$checked links lead somewhere"
