#!/bin/bash
# How many bytes a call of the crate takes where it stands, in a release build without link-time optimization. Fails if a
# figure is over its ceiling (call-sites.ceiling). See benches/peers/README.md.
#
#   benches/peers/call-sites.sh                   a minute
#   benches/peers/call-sites.sh --set-ceilings    sets those of the inlined functions to what is measured and two percent
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/steps.sh
source scripts/ceilings.sh
test "$(uname -m)" = x86_64 || die "the figures are x86-64's"
sizes=$target_dir/call-sites.txt

RUSTFLAGS='' cargo build --quiet --release -p tcp-reset-peers --bin call-sites
nm --print-size --demangle "$target_dir/release/call-sites" >"$sizes.nm"
# The names have a hash: `call_sites[0123456789abcdef]::reset` or `call_sites::reset::h0123456789abcdef`.
sed -nE 's/^[0-9a-f]+ ([0-9a-f]+) [Tt] call_sites(\[[0-9a-f]+\])?::([a-z_]+)(::h[0-9a-f]{16})?$/\3 \1/p' "$sizes.nm" |
    while read -r name size; do
        test "$name" = main || echo "$name $((16#$size))"
    done >"$sizes"
cat "$sizes"
case $* in
"") ceilings benches/peers/call-sites.ceiling "$sizes" ;;
--set-ceilings)
    grep -E '^(reset|in_reply_to) ' "$sizes" >"$sizes.inlined"
    set_ceilings benches/peers/call-sites.ceiling "$sizes.inlined"
    ;;
*) die "usage: benches/peers/call-sites.sh [--set-ceilings]" ;;
esac
