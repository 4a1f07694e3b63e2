# shellcheck shell=bash
# Sourced after steps.sh by the scripts that hold a figure under a ceiling.
#
# A file of ceilings has a line "NAME CEILING" for each figure, "NAME -" for one that needs none, and a line
# "# belongs to WHAT VERSION" for each thing that the figures depend on: "rustc", "linux" or a Debian package. A file of figures
# has lines "NAME FIGURE"; a line without a number is a heading.

# version_of WHAT: its version here; empty if there is none.
version_of() {
    case $1 in
    rustc) rustc --version | cut -d ' ' -f 2- ;;
    linux) uname -r | cut -d . -f 1,2 ;;
    *) dpkg-query --show --showformat '${Version}' "$1" 2>/dev/null || true ;;
    esac
}

# other_versions FILE: what differs here from the versions that the file belongs to.
other_versions() {
    local what version here
    sed -n 's/^# belongs to //p' "$1" | while read -r what version; do
        here=$(version_of "$what")
        test "$here" = "$version" || echo "it belongs to $what $version, here is ${here:-none}"
    done | paste -sd ';' | sed 's/;/; /g'
}

# ceilings FILE FIGURES: fails if a figure is over its ceiling, or if either file lacks a name of the other. With other versions
# than the file's, a figure over its ceiling is only reported.
ceilings() {
    local file=$1 figures=$2 others
    grep -q '^# belongs to ' "$file" || die "$file does not say which versions it belongs to"
    awk -v file="$file" 'NR == FNR { if ($2 ~ /^[0-9]/) figure[$1] = $2; next }
        /^#/ || !NF { next }
        { listed[$1] = 1 }
        !($1 in figure) { print file ": " $1 " was not measured"; missing = 1; next }
        $2 != "-" && figure[$1] > $2 { print file ": " $1 " is " figure[$1] ", its ceiling is " $2 }
        END {
            for (name in figure) if (!(name in listed)) { print file ": " name " has no ceiling"; missing = 1 }
            exit missing
        }' "$figures" "$file" >"$figures.over" || die "$(cat "$figures.over")"
    cat "$figures.over" >&2
    others=$(other_versions "$file")
    if [ -n "$others" ]; then
        report "$file, figures over the ceiling: $(wc -l <"$figures.over")" "$others; \`$0 --set-ceilings\` sets it again"
    elif [ -s "$figures.over" ]; then
        die "over the ceiling"
    fi
}

# set_ceilings FILE FIGURES: two percent of room above each figure, rounded down; comments and lines "NAME -" stay, and a
# figure without a line gets one at the end.
set_ceilings() {
    local what version
    sed -n 's/^# belongs to \([^ ]*\).*/\1/p' "$1" >"$2.depends"
    while read -r what; do
        version=$(version_of "$what")
        test -n "$version" || die "$1: there is no $what here"
        echo "$what $version"
    done <"$2.depends" >"$2.versions"
    awk -v versions="$2.versions" '
        BEGIN { while ((getline line < versions) > 0) { split(line, word, " "); here[word[1]] = line } }
        NR == FNR { if ($2 ~ /^[0-9]/) { names[++n] = $1; figure[$1] = $2 }; next }
        /^# belongs to / { print "# belongs to " here[$4]; next }
        $1 in figure && $2 != "-" { $2 = int(figure[$1] * 1.02) }
        { print; delete figure[$1] }
        END { for (i = 1; i <= n; i++) if (names[i] in figure) print names[i], int(figure[names[i]] * 1.02) }' "$2" "$1" >"$2.ceilings"
    cp "$2.ceilings" "$1"
    echo "$1: set for $(paste -sd ',' "$2.versions" | sed 's/,/, /g')"
}
