#!/bin/bash
# Fails if a relative link in a Markdown file leads nowhere, or README.md has one that is not in the published package.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
mkdir -p target
git ls-files '*.md' >target/documents.txt
cargo package --list --allow-dirty >target/package.txt
checked=0
while read -r document; do
    # shellcheck disable=SC2016
    sed '/^```/,/^```/d' "$document" | { grep -oE '\]\([^)# ]+' || true; } | sed 's/^](//' >target/links.txt
    while read -r link; do
        case $link in http*) continue ;; esac
        checked=$((checked + 1))
        test -e "$(dirname "$document")/$link" || die "$document: no such file: $link"
        test "$document" != README.md || test "$link" = docs/speed.svg || grep -qxF "$link" target/package.txt ||
            die "README.md: not in the package: $link"
    done <target/links.txt
done <target/documents.txt
test $checked -gt 0 || die "no links found"
echo "$checked links lead somewhere"
