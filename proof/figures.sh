#!/bin/bash
# README.md says what the commands print: runs those whose figures are the same on every machine, with the compilers that
# CI has, and fails with a line for each figure that the README has otherwise. Times are another matter: their ratios
# may be off by a third, or the README needs a new table.
#
#   proof/figures.sh    three minutes, on a quiet machine
set -euo pipefail
cd "$(dirname "$0")/.."
readme=$(tr '\n' ' ' <README.md)
wrong=0

# says TEXT: on one line or across two.
says() {
    [[ $readme == *"$1"* ]] || { echo "figures.sh: README.md does not say: $1" >&2; wrong=1; }
}

while read -r line; do
    says "$line"
done < <(cargo run --quiet --release --example resets | grep -E '^(packets|resets|silences|same as)')

count() {
    awk -v set="$1" '$1 == set { printf "%.0f", $2 }' <<<"$instructions"
}
instructions=$(peers/instructions.sh)
says "$(count syn-40) for a SYN, $(count syn-60) for one with options, $(count data-1500) for 1,500 bytes, \
$(count ipv6-syn-60) for a SYN with options over IPv6"

while read -r line; do
    says "$line"
done < <(proof/footprint.sh | grep '^| tcp-reset')

# deepest PATTERN: the deepest stack in bytes, of the files whose names it matches.
deepest() {
    grep -E "^$1: " <<<"$firmware" | grep -oE 'stack [0-9]+' | sort -k 2 -n | tail -n 1 | cut -d ' ' -f 2
}
firmware=$(firmware/run.sh)
says "at most $(deepest 'ipv[46]-netfilter by reset\(\).*') bytes for \`tcp_reset::reset\`"
mapfile -t syn < <(grep -F 'ipv4-netfilter by reset(): ' <<<"$firmware" | grep -oE '[0-9]+ instructions')
says "${syn[1]% *} to answer a SYN on thumbv7m at opt-level z, ${syn[2]% *} at 3"
says "; $(deepest 'ipv4-(netfilter|tcp-stack)') for an IPv4 decision kept as a value and $(deepest 'ipv6-(netfilter|tcp-stack)') for an"
says "; $(deepest 'ipv4-netfilter, alone') in an image with IPv4 alone"

# ratios FILE: those of its tables, each behind the name of its row and the number of its column.
ratios() {
    sed 's/×/x/g' "$1" |
        awk -F ' *[|] *' '{ for (i = 3; i < NF; i++) if (match($i, /[0-9.]+x/)) print $2 ", " i "\t" substr($i, RSTART, RLENGTH - 1) }'
}
cargo run --quiet --profile lto -p tcp-reset-peers >target/peers.txt 2>/dev/null
awk -F '\t' '
    NR == FNR { now[$1] = $2; next }
    !($1 in now) { print "figures.sh: README.md has a row or column of its own: " $1; wrong = 1; next }
    $2 / now[$1] > 4 / 3 || $2 / now[$1] < 3 / 4 { print "figures.sh: " $1 ": README.md has " $2 "x, now " now[$1] "x"; wrong = 1 }
    END { exit wrong }
' <(ratios target/peers.txt) <(ratios README.md) >&2 || wrong=1

test $wrong = 0
echo "README.md says what the commands print"
