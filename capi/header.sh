#!/bin/bash
# Makes include/tcp_reset.h of src/, with cbindgen.
#
#   capi/header.sh            writes it
#   capi/header.sh --check    fails if it is not what cbindgen makes
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
header=capi/include/tcp_reset.h
# Another version may lay the header out otherwise.
need_tool cbindgen "$CBINDGEN" cbindgen
case $* in
"") cbindgen --quiet --config capi/cbindgen.toml --output $header capi ;;
--check)
    mkdir -p capi/target
    cbindgen --quiet --config capi/cbindgen.toml --output capi/target/tcp_reset.h capi
    diff -u $header capi/target/tcp_reset.h || die "$header is not what cbindgen makes of capi/src: run capi/header.sh"
    echo "$header is what cbindgen makes"
    ;;
*) die "usage: capi/header.sh [--check]" ;;
esac
