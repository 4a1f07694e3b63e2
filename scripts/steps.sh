# shellcheck shell=bash
# Sourced by the shell scripts of all folders; the others are in xtask/. The script ends at the first command that fails and
# names the place.

# -E and inherit_errexit: also inside functions and $(...). What runs under `||`, `&&`, `if` or `!` is exempt, with all
# the functions it calls: put nothing but single commands there. The exit code of <(...) is lost: write a file instead. So is
# that of $(...) in an argument: assign it to a variable first, except where the text only goes to `die`, or `test` compares it.
set -Eeuo pipefail
shopt -s inherit_errexit
script=${0##*/}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where cargo builds: scripts keep what they make there, and find programs there.
case ${CARGO_TARGET_DIR:=$root/target} in /*) ;; *) CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;; esac
target_dir=$CARGO_TARGET_DIR
mkdir -p "$target_dir"
# The list of what was not done or only reported. Called by `cargo xtask`, which prints it, the script adds to its list.
outermost=
if [ -z "${NOT_DONE:-}" ]; then
    outermost=yes
    NOT_DONE=$target_dir/not-done/$$.txt
    export NOT_DONE
    rm -f "$NOT_DONE"
fi
trap 'echo "$script: FAILED: ${BASH_SOURCE[0]}:$LINENO: $BASH_COMMAND" >&2' ERR

die() {
    echo "$script: FAILED: $*" >&2
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

# note "KIND" "WHAT" "WHY": now and (print_not_done) at the end of the outermost script.
note() {
    mkdir -p "${NOT_DONE%/*}"
    echo "$1: $script: $2: $3" >>"$NOT_DONE"
    printf '\n=== %s: %s: %s\n' "$1" "$2" "$3"
}

# skip "WHAT" "WHY": says that it was not done.
skip() { note "NOT DONE" "$1" "$2"; }

# report "MEASUREMENT" "WHY": says that it was not compared, since it belongs to other versions.
report() { note "ONLY REPORTED" "$1" "$2"; }

print_not_done() {
    test -z "$outermost" || test ! -s "$NOT_DONE" || cat "$NOT_DONE" >&2
}
