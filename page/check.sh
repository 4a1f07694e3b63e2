#!/bin/bash
# Builds the page and tests it in headless Chromium; its pictures are left in target/page-check.
#
#   page/check.sh    two minutes; it needs the Debian packages below and the target wasm32-unknown-unknown
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need "chromium chromium-driver fonts-dejavu-core python3-selenium" /usr/bin/chromium /usr/bin/chromedriver \
    /usr/share/fonts/truetype/dejavu /usr/lib/python3/dist-packages/selenium
work=$target_dir/page-check
rm -rf "$work"
mkdir -p "$work"

# What the page is allowed to be.
longest_wasm=30000
most_lines=500 # of script and Rust, without comments and empty lines

size() {
    local lines wasm
    wasm=$(stat --format %s "$target_dir/wasm32-unknown-unknown/page/tcp_reset_page.wasm")
    lines=$(cat page/web/*.js page/src/*.rs | grep -cvE '^\s*(//.*)?$')
    echo "WebAssembly: $wasm bytes of $longest_wasm; script and Rust: $lines lines of $most_lines"
    # Of another compiler, it is another size.
    if [ "$wasm" -gt $longest_wasm ]; then
        test $lint_level != --deny || die "the WebAssembly is too large"
        report "the size of the WebAssembly, $wasm bytes of $longest_wasm" "it belongs to Rust $pinned"
    fi
    test "$lines" -le $most_lines || die "there are too many lines"
}

capture_tool() {
    cargo build --quiet -p tcp-reset-capture
}

step "the page" page/build.sh
step "its size" size
step "the capture tool, whose answers it has to give" capture_tool
step "the page in Chromium" timeout 600 /usr/bin/python3 page/tests/page.py "$target_dir/site/index.html" \
    "$target_dir/debug/tcp-reset-capture" "$work"
