# shellcheck shell=bash
# Sourced by the scripts that build, check, measure or record. Two that only prepare a network namespace do without:
# conformance/stacks/slirp.sh and testdata/vectors/replay-setup.sh.
#
# The script ends at the first command that fails and names the place.

# -E and inherit_errexit: also inside functions and $(...). What runs under `||`, `&&`, `if` or `!` is exempt, with all
# the functions it calls: put nothing but single commands there. The exit code of <(...) is lost: write a file instead. So is
# that of $(...) in an argument: assign it to a variable first, except where the text only goes to `die`, or `test` compares it.
set -Eeuo pipefail
shopt -s inherit_errexit
script=${0##*/}
running=
# The list of what was not done, also by the scripts that this one calls. The outermost script names it after its process ID,
# and prints it at the end; the first `skip` makes the file.
outermost=
if [ -z "${NOT_DONE:-}" ]; then
    outermost=yes
    NOT_DONE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/target/not-done/$$.txt
    export NOT_DONE
    rm -f "$NOT_DONE"
fi
trap 'echo "$script: FAILED${running:+: $running}: ${BASH_SOURCE[0]}:$LINENO: $BASH_COMMAND" >&2' ERR

die() {
    echo "$script: FAILED${running:+: $running}: $*" >&2
    exit 1
}

# need "PACKAGES" NAME...: ends the script unless each is a command or a file.
need() {
    local packages=$1 name
    shift
    for name; do
        command -v "$name" >/dev/null || test -e "$name" || die "$name is missing: apt-get install $packages"
    done
}

# beside COMMAND...: starts the command in a process group of its own; `wait $!` gives its exit code. If the script ends
# before, the group ends too, except what runs under `timeout`, which makes a group of its own.
groups=()
beside() {
    set -m
    "$@" &
    set +m
    groups+=($!)
}
end_groups() {
    local group
    for group in "${groups[@]}"; do
        kill -- "-$group" 2>/dev/null || true
    done
}
trap end_groups EXIT

# step "WHAT" COMMAND...: runs the command under this name.
step() {
    local start=$SECONDS
    running=$1
    shift
    printf '\n=== %s\n' "$running"
    "$@"
    printf '=== %s: %d s, %d s in all\n' "$running" $((SECONDS - start)) $SECONDS
    running=
}

# skip "WHAT" "WHY": says that it was not done, now and (print_not_done) at the end of the outermost script.
skip() {
    mkdir -p "${NOT_DONE%/*}"
    echo "$script: $1: $2" >>"$NOT_DONE"
    printf '\n=== NOT DONE: %s: %s\n' "$1" "$2"
}

print_not_done() {
    test -z "$outermost" || test ! -s "$NOT_DONE" || sed 's/^/NOT DONE: /' "$NOT_DONE" >&2
}
