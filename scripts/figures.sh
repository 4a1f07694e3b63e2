#!/bin/bash
# Compares figures in the documents with what the commands print, and names each that differs: the counts of the bundled
# capture, instructions, linked sizes for Rust and for C, stack, the boards' memory, the size of the XDP program, the number of
# vectors, the ratios of benches/peers/. No other number is compared. Counts and sizes must be the same, on every machine
# with CI's compilers; of times only the ratios are compared, and may be off by a third.
#
#   scripts/figures.sh    a quarter of an hour in a new clone, as root, on a quiet machine
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
outputs=$target_dir/figures
rm -rf "$outputs"
mkdir -p "$outputs"
# The documents with figures, and those with a table of the benchmark's times.
documents=(README.md SECURITY.md benches/peers/README.md capi/README.md embedded/README.md testdata/captures/README.md
    xdp/README.md)
timed=(README.md benches/peers/README.md)
for file in "${documents[@]}"; do
    tr -s '\n' ' ' <"$file"
done >"$outputs/documents"
wrong=0

# says TEXT: a document says TEXT, on one line or across lines, and none says it with other numbers.
says() {
    local pattern
    pattern=$(sed -E 's/[][().*+?^$|{}\\]/\\&/g; s/[0-9]+/[0-9]+/g' <<<"$1")
    grep -oE -- "$pattern" "$outputs/documents" | sort -u >"$outputs/said" || echo "(nothing like it)" >"$outputs/said"
    if [ "$(cat "$outputs/said")" != "$1" ]; then
        printf 'figures.sh: the command prints: %s\n            documents say: %s\n' "$1" "$(paste -sd ';' "$outputs/said")" >&2
        wrong=1
    fi
}

# says_lines PATTERN OUTPUT: every line of this kind.
says_lines() {
    local line
    grep -E "$1" "$2" >"$outputs/lines" || die "$2: no line of the kind $1"
    while read -r line; do
        says "$line"
    done <"$outputs/lines"
}

cargo run --quiet --release -p tcp-reset-capture >"$outputs/resets"
says_lines '^(packets|resets|silences|same as|not compared)' "$outputs/resets"

cargo xtask instructions >"$outputs/instructions"
# count SET: its instructions.
count() {
    awk -v set="$1" '$1 == set { printf "%.0f", $2; found = 1 } END { exit !found }' "$outputs/instructions"
}
syn=$(count syn-40)
options=$(count syn-60)
data=$(count data-1500)
ipv6=$(count ipv6-syn-60)
says "$syn for a SYN, $options for one with options, $data for 1,500 bytes, $ipv6 for a SYN without options over IPv6"

cargo xtask footprint >"$outputs/footprint"
says_lines '^\| tcp-reset' "$outputs/footprint"

size() { awk -F ' *[|] *' -v row="$1" '$2 == row { print $3; found = 1 } END { exit !found }' "$outputs/footprint"; }
ipv4=$(size 'tcp-reset, IPv4')
both=$(size 'tcp-reset, IPv4 and IPv6')
says "$ipv4 bytes of linked code for IPv4 and $both for both versions"
says "at s, $(size 'tcp-reset, IPv4, at opt-level s') and $(size 'tcp-reset, IPv4 and IPv6, at opt-level s')"
says "both versions take $(size 'tcp-reset, IPv4 and IPv6, as a value: decide, then write')"

cargo xtask firmware >"$outputs/firmware"
# deepest NAMES: the greatest stack depth among the reports whose names match.
deepest() {
    sed -nE "s/^$1: .*; stack ([0-9]+) .*/\1/p" "$outputs/firmware" | sort -n | tail -n 1 | grep .
}
stack=$(deepest 'ipv[46]-netfilter by reset\(\)[a-z, ]*')
says "at most $stack bytes for \`tcp_reset::reset\`"
says "\`reset\` takes at most $stack bytes of stack"
alone=$(deepest 'ipv4-netfilter, alone')
says "$alone in an image with IPv4 alone"
ipv6=$(deepest 'ipv6-[a-z-]*')
says "$ipv6 for \`ipv6::reset_with\` beside the other functions"
says "at most $stack bytes for \`reset\` on a Cortex-M, $ipv6 for an IPv6 decision kept as a value"
# syn TARGET OPT_LEVEL: the instructions of the first vector, a SYN.
syn() {
    awk -v image="$1, opt-level $2:" '/opt-level/ { here = $0 == image }
        here && /^ipv4-netfilter by reset\(\): / { print $(NF - 4); found = 1 } END { exit !found }' "$outputs/firmware"
}
small=$(syn thumbv7m-none-eabi '"z"')
fast=$(syn thumbv7m-none-eabi 3)
says "$small to answer a SYN on thumbv7m at opt-level z, $fast at 3"

cargo xtask board >"$outputs/board"
says_lines '^\| (TCP resets|the same beside)' "$outputs/board"

cargo xtask c-footprint >"$outputs/capi"
says_lines '^\| `tcp_reset' "$outputs/capi"

vectors=$(cat testdata/vectors*/*.txt | grep -vc '^#')
says "$vectors [conformance vectors]"

cargo xtask xdp-build >"$outputs/xdp"
# xdp NAME: its figure, with a comma before the thousands.
xdp() {
    awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' "$outputs/xdp" |
        sed -E ':more; s/([0-9])([0-9]{3})(,|$)/\1,\2\3/; t more'
}
instructions=$(xdp instructions)
says "$instructions instructions; the verifier processes "
# The verifier is the kernel's: its count belongs to one version.
linux=$(uname -r | cut -d . -f 1,2)
if ! grep -q '^verifier ' "$outputs/xdp"; then
    skip "the verifier's count in xdp/README.md" "bpf(2) is not allowed here"
elif ! grep -qF "(Linux $linux)" xdp/README.md; then
    echo "the verifier's count in xdp/README.md is that of another Linux than $linux: not compared"
else
    verifier=$(xdp verifier)
    says "the verifier processes $verifier (Linux $linux)"
fi

# ratios FILE...: a line "FILE<tab>TABLE / ROW / COLUMN<tab>RATIO" for each cell with a ratio. The table's name is the first
# cell of its heading row. A document may leave out rows and columns, but keeps the names that the benchmark prints.
ratios() {
    awk -F ' *[|] *' '
        !/^\|/ { heading = 0; next }
        !heading { heading = NF; split($0, name); next }
        { for (i = 3; i < NF; i++) if (match($i, /[0-9.]+×/)) {
            key = name[2] " / " $2 " / " name[i]
            if (seen[FILENAME, key]++) key = key " / row " seen[FILENAME, key] # two rows of one name
            print FILENAME "\t" key "\t" substr($i, RSTART) + 0 } }' "$@"
}
# A busy neighbour on the same core slows the shortest code most, and so changes ratios: each has to agree in one of three
# runs.
for run in 1 2 3; do
    cargo run --quiet --profile lto -p tcp-reset-peers >"$outputs/peers.$run"
    ratios "$outputs/peers.$run" >>"$outputs/ratios"
done
ratios "${timed[@]}" >"$outputs/ratios.documents"
awk -F '\t' '
    NR == FNR { now[$2] = now[$2] " " $3 "×"; next }
    {
        agrees = 0
        n = split(now[$2], printed, "×")
        for (i = 1; i < n; i++) if ($3 / printed[i] <= 4 / 3 && $3 / printed[i] >= 3 / 4) agrees = 1
        if (!agrees) print "figures.sh: " $1 ": " $2 ": it says " $3 "×, now" (n ? now[$2] : " it is not printed")
    }' "$outputs/ratios" "$outputs/ratios.documents" >"$outputs/ratios.wrong"
cat "$outputs/ratios.wrong" >&2

if [ ! -s "$outputs/ratios" ] || [ ! -s "$outputs/ratios.documents" ]; then die "no ratios to compare"; fi
if [ $wrong = 1 ] || [ -s "$outputs/ratios.wrong" ]; then die "the documents do not say what the commands print"; fi
print_not_done
compared=$(wc -l <"$outputs/ratios.documents")
echo "$compared ratios and all counts that were compared are as the commands print them"
