#!/bin/bash
# Fails if a relative link in a Markdown file leads nowhere: the file has to exist, and in a Markdown file the heading. In the
# repository, a path in a code span has to exist too, from the root or from the document's folder; README has no more than 120
# lines, and no line of its blocks of code, nor of the documentation's first example, may be wider than a page shows.
#
#   scripts/links.sh              in the repository
#   scripts/links.sh DIRECTORY    in an unpacked package. For what it lacks, the registry leads links to the `repository`.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
widest=90
narrow=56 # beside rustdoc's sidebar, on a screen of 760 pixels
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
repository=
if [ $# = 0 ]; then
    LC_ALL=C.UTF-8 awk -v widest=$widest '/^```/ { inside = !inside } inside && length > widest { print; found = 1 }
        END { exit found }' README.md || die "README.md: lines of more than $widest columns"
    awk -v widest=$narrow '/^\/\/! ```/ { fences++ } fences == 1 && length > widest + 4 { print; found = 1 }
        END { exit found || !fences }' src/lib.rs || die "src/lib.rs: lines of more than $narrow columns in the first example"
    test "$(wc -l <README.md)" -le 120 || die "README.md: more than 120 lines"
    git ls-files '*.md' >"$lists/documents"
else
    repository=$PWD/
    cd "$1"
    find . -name '*.md' >"$lists/documents"
fi

# prose DOCUMENT: without its blocks of code.
# shellcheck disable=SC2016
prose() { sed '/^```/,/^```/d' "$1"; }

# anchors DOCUMENT: those that GitHub makes of its headings: in lower case, without punctuation, hyphens for spaces. Two
# headings with the same words are not told apart, and none has letters beyond ASCII.
anchors() {
    prose "$1" | LC_ALL=C sed -n 's/^##* //p' | LC_ALL=C tr 'A-Z ' 'a-z-' | LC_ALL=C tr -cd 'a-z0-9_\n-'
}

checked=0
while read -r document; do
    prose "$document" | { grep -oE '\]\([^) ]+' || true; } | sed 's/^](//' >"$lists/links"
    while read -r link; do
        case $link in http*) continue ;; esac
        checked=$((checked + 1))
        case $link in
        "#"*) target=$document ;;
        *) target=$(dirname "$document")/${link%%#*} ;;
        esac
        test -e "$target" || target=$repository$target
        test -e "$target" || die "$document: no such file: $link"
        case $link in *.md"#"* | "#"*)
            anchors "$target" >"$lists/anchors"
            grep -qxF -- "${link#*#}" "$lists/anchors" || die "$document: no such heading: $link"
            ;;
        esac
    done <"$lists/links"
    test $# = 0 || continue
    # shellcheck disable=SC2016
    prose "$document" | { grep -oE '`[A-Za-z.][A-Za-z0-9_.-]*/[A-Za-z0-9_./-]*`' || true; } | tr -d '`' >"$lists/paths"
    while read -r path; do
        case $path in target/*) continue ;; esac # a build makes it
        checked=$((checked + 1))
        test -e "$path" || test -e "$(dirname "$document")/$path" || die "$document: no such file: $path"
    done <"$lists/paths"
done <"$lists/documents"
test $checked -gt 0 || die "no links found"
echo "$checked links and paths lead somewhere"
