# shellcheck shell=bash
# Sourced after steps.sh by the scripts that hold a figure under a ceiling.
#
# A file of ceilings has a line "NAME CEILING" for each figure, "NAME -" for one that needs none, and a line
# "# rustc VERSION", the compiler it belongs to. A file of figures has lines "NAME FIGURE"; a line without a number is a
# heading.

# ceilings FILE FIGURES: fails if a figure is over its ceiling, or if either file lacks a name of the other. With another
# compiler than the file's, a figure over its ceiling is only reported; under CI=true another compiler fails.
ceilings() {
    local file=$1 figures=$2 belongs version
    belongs=$(sed -n 's/^# rustc //p' "$file")
    version=$("${RUSTC:-rustc}" --version | cut -d ' ' -f 2)
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
    if [ "$version" != "$belongs" ]; then
        test "${CI:-}" != true || die "$file belongs to rustc $belongs, this is $version"
        skip "$file" "it belongs to rustc $belongs, this is $version; \`$0 --set-ceilings\` sets it again"
    elif [ -s "$figures.over" ]; then
        die "over the ceiling"
    fi
}

# set_ceilings FILE FIGURES: two percent of room above each figure, rounded down; comments and lines "NAME -" stay, and a
# figure without a line gets one at the end.
set_ceilings() {
    local version
    version=$("${RUSTC:-rustc}" --version | cut -d ' ' -f 2)
    awk -v version="$version" '
        NR == FNR { if ($2 ~ /^[0-9]/) { names[++n] = $1; figure[$1] = $2 }; next }
        /^# rustc / { $3 = version }
        $1 in figure && $2 != "-" { $2 = int(figure[$1] * 1.02) }
        { print; delete figure[$1] }
        END { for (i = 1; i <= n; i++) if (names[i] in figure) print names[i], int(figure[names[i]] * 1.02) }' "$2" "$1" >"$2.ceilings"
    cp "$2.ceilings" "$1"
    echo "$1: set for rustc $version"
}
