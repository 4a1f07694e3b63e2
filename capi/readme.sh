#!/bin/bash
# Runs the commands of README.md as a new user would: in a copy of the repository, with Rust from rustup, in a home directory
# with nothing else in it; compares what they print with the page.
#
#   capi/readme.sh    needs root or sudo, for apt-get
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
# The programs themselves, not rustup's stand-ins, which look for their settings in the home directory.
programs=$(rustc --print sysroot)/bin
new=$PWD/capi/target/new-user
rm -rf "$new"
mkdir -p "$new/home" "$new/clone" "$new/page"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory="$new/clone"

# Each block of commands, and the output that follows it, as files: 1.sh, 1.txt, and so on.
awk -v page="$new/page" '
    /^```/ && inside { inside = ""; next }
    /^```sh$/ { inside = page "/" ++n ".sh"; commands = 1; next }
    /^```text$/ && commands { inside = page "/" n ".txt"; commands = 0; next }
    /^```/ { inside = "/dev/null"; next }
    inside { print > inside }' capi/README.md
# One shell for all, as they change the folder and the environment. Root needs no sudo.
{
    echo 'set -e'
    test "$(id -u)" != 0 || echo 'sudo() { "$@"; }'
    for ((n = 1; ; n++)); do
        test -e "$new/page/$n.sh" || break
        echo "source $new/page/$n.sh >$new/page/$n.out"
    done
} >"$new/page/all.sh"
cd "$new/clone"
env -i HOME="$new/home" PATH="$programs:/usr/bin:/bin:/usr/sbin:/sbin" LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    bash "$new/page/all.sh" >"$new/page/log" 2>&1 || die "$(tail -n 20 "$new/page/log")"
compared=0
for expected in "$new"/page/*.txt; do
    # apt-get prints before it.
    tail -n "$(wc -l <"$expected")" "${expected%.txt}.out" | diff -u "$expected" - || die "another output than on the page"
    compared=$((compared + 1))
done
test $compared = 3 || die "$compared outputs on the page, not 3"
echo "the commands of capi/README.md print what it says, in $SECONDS s"
