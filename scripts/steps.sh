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
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/scripts/versions.sh"
# The values of versions.sh, whatever the environment says.
# shellcheck disable=SC2016
pinned=$(env -u STABLE -u NIGHTLY bash -c 'source "$1" && echo "$STABLE, $NIGHTLY"' bash "$root/scripts/versions.sh")
# Which warnings there are belongs to a version too: those of another one than that of the file block no change.
# shellcheck disable=SC2034
lint_level=--deny
# shellcheck disable=SC2034
test "$STABLE, $NIGHTLY" = "$pinned" || lint_level=--warn
# Where cargo builds: scripts keep what they make there, and find programs there.
case ${CARGO_TARGET_DIR:=$root/target} in /*) ;; *) CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;; esac
target_dir=$CARGO_TARGET_DIR
mkdir -p "$target_dir"
# The list of what was not done or only reported, also by the scripts that this one calls. The outermost script names it after
# its process ID, and prints it at the end; the first entry makes the file.
outermost=
if [ -z "${NOT_DONE:-}" ]; then
    outermost=yes
    NOT_DONE=$target_dir/not-done/$$.txt
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

# need_toolchain TOOLCHAIN COMPONENT...: ends the script unless rustup has them; later calls of cargo and rustc in this script
# use the toolchain.
need_toolchain() {
    local toolchain=$1 sysroot component path
    shift
    sysroot=$(rustc "+$toolchain" --print sysroot 2>/dev/null) ||
        die "Rust $toolchain is missing: .ci/run --install-rust, or rustup toolchain install $toolchain"
    for component; do
        case $component in
        rust-src) path=lib/rustlib/src/rust/library/core/src/lib.rs ;;
        llvm-tools) path="lib/rustlib/*/bin/llvm-nm" ;;
        clippy) path=bin/cargo-clippy ;;
        *) die "no such component: $component" ;;
        esac
        compgen -G "$sysroot/$path" >/dev/null ||
            die "$component of Rust $toolchain is missing: rustup component add $component --toolchain $toolchain"
    done
    # Over what the caller may have set for another Rust.
    unset RUSTC RUSTDOC CARGO RUSTC_BOOTSTRAP
    export RUSTUP_TOOLCHAIN=$toolchain
}

# has_target TRIPLE: installs the target's standard library for the Rust that is active. If rustup lacks it, that ends the
# script; with another Rust than that of versions.sh, it is said, and the caller leaves out what needs it.
has_target() {
    rustup target add "$1" >"$target_dir/rustup.txt" 2>&1 && return
    test "$STABLE, $NIGHTLY" != "$pinned" || die "$(cat "$target_dir/rustup.txt")"
    skip "what needs Rust for $1" "rustup has none for this version: $(grep -m 1 error "$target_dir/rustup.txt" || true)"
    return 1
}

# has_version PROGRAM VERSION: whether it is there, in this version.
has_version() {
    local printed
    # Some subcommands of cargo want their name first.
    printed=$("$1" --version 2>/dev/null || "$1" "${1#cargo-}" --version 2>/dev/null) || return 1
    # shellcheck disable=SC2076
    [[ " $printed " =~ [[:space:]]v?"$2"[[:space:]] ]]
}

# need_tool PROGRAM VERSION PACKAGE: ends the script unless this program from crates.io is there in this version.
need_tool() {
    has_version "$1" "$2" || die "$1 $2 is missing: cargo install --locked $3 --version =$2"
}
