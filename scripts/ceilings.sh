# shellcheck shell=bash
# Sourced after steps.sh by the scripts that hold a figure under a ceiling.
#
# A file of ceilings has a line "NAME CEILING" for each figure and a line "# rustc VERSION", the compiler it belongs to.

# ceilings FILE FIGURES: FIGURES has a line "NAME FIGURE" each. Fails if a figure is missing or over its ceiling. With
# another compiler than the file's, a figure over its ceiling is only reported; in CI another compiler fails.
ceilings() {
    local file=$1 figures=$2 belongs version
    belongs=$(sed -n 's/^# rustc //p' "$file")
    version=$("${RUSTC:-rustc}" --version | cut -d ' ' -f 2)
    awk -v file="$file" 'NR == FNR { figure[$1] = $2; next }
        /^#/ || !NF { next }
        !($1 in figure) { print file ": " $1 " was not measured"; missing = 1; next }
        figure[$1] > $2 { print file ": " $1 " is " figure[$1] ", its ceiling is " $2 }
        END { exit missing }' "$figures" "$file" >"$figures.over" || die "$(cat "$figures.over")"
    cat "$figures.over" >&2
    if [ "$version" != "$belongs" ]; then
        echo "${0##*/}: $file belongs to rustc $belongs, this is $version; \`$0 --set-ceilings\` sets it anew" >&2
        test -z "${CI:-}" || die "the ceilings belong to another compiler"
    elif [ -s "$figures.over" ]; then
        die "over the ceiling"
    fi
}

# set_ceilings FILE FIGURES: two percent of room above each figure, rounded up; comments stay.
set_ceilings() {
    local version
    version=$("${RUSTC:-rustc}" --version | cut -d ' ' -f 2)
    awk -v version="$version" '
        NR == FNR { figure[$1] = $2; next }
        /^# rustc / { $3 = version }
        $1 in figure { ceiling = figure[$1] * 1.02; $2 = int(ceiling) + (ceiling > int(ceiling)) }
        { print }' "$2" "$1" >"$2.ceilings"
    cp "$2.ceilings" "$1"
    echo "$1: set anew for rustc $version"
}
