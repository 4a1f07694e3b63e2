#!/bin/bash
# Everything that capi/README.md says, checked: the header, the symbols, the vectors in C under AddressSanitizer and
# valgrind and in QEMU, the programs, the page's own commands, the linked sizes.
#
#   capi/check.sh    two minutes once its tools are there; it needs Linux and root
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need "gcc libc6-dev g++ make cmake meson pkg-config valgrind" gcc g++ make cmake meson ninja pkg-config valgrind
need "libnetfilter-queue-dev" /usr/include/libnetfilter_queue/libnetfilter_queue.h
need "gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm" arm-none-eabi-gcc qemu-system-arm
need "gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user" s390x-linux-gnu-gcc qemu-s390x
need "liblwip-dev" /usr/include/lwip/lwip/tcp.h
need_tool cargo-cinstall "$CARGO_C" cargo-c
libraries=$PWD/capi/target
work=$libraries/check
prefix=$work/prefix
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
warnings=(-Wall -Wextra -Wpedantic -Werror)
rm -rf "$work"
mkdir -p "$work"

rust() {
    cargo fmt --check --manifest-path capi/Cargo.toml
    cargo clippy --quiet --locked --manifest-path capi/Cargo.toml --target-dir "$libraries" -- $lint_level warnings
    # In one file, and nowhere without its reason (clippy looks for the reasons).
    test "$(grep -lw unsafe capi/src/*.rs)" = capi/src/exports.rs
}

install_library() {
    cargo cinstall --locked --release --manifest-path capi/Cargo.toml --prefix="$prefix" --libdir="$prefix/lib" \
        --target-dir "$libraries" 2>"$work/cinstall.txt" || die "$(cat "$work/cinstall.txt")"
    cmp capi/include/tcp_reset.h "$prefix/include/tcp_reset.h"
    test "$(pkg-config --modversion tcp_reset)" = "$(sed -n 's/^version = "\(.*\)"/\1/p' capi/Cargo.toml)"
}

# The functions of the header, one a line.
functions() {
    grep -oE '\btcp_reset_[a-z0-9_]+\(' "$prefix/include/tcp_reset.h" | grep -v 'tcp_reset_packet()' | tr -d '(' | sort -u
}

# What the libraries export: the header's functions, all of them and nothing else. Our object calls nothing but memcpy and
# similar. libtcp_reset.a also holds hidden compiler helpers that this target does not use.
symbols() {
    local ours object
    functions >"$work/functions.txt"
    test "$(wc -l <"$work/functions.txt")" -ge 10
    nm --dynamic --defined-only --format=posix "$prefix/lib/libtcp_reset.so" | cut -d ' ' -f 1 | sort |
        diff -u "$work/functions.txt" -
    readelf --syms --wide "$prefix/lib/libtcp_reset.a" |
        awk '($5 == "GLOBAL" || $5 == "WEAK") && $6 == "DEFAULT" && $7 != "UND" { print $8 }' | sort |
        diff -u "$work/functions.txt" -
    for object in "$prefix/lib/libtcp_reset.so" "$prefix/lib/libtcp_reset.a"; do
        nm "$object" >"$work/symbols.txt" 2>"$work/nm.txt"
        if grep -iE 'panic|unwind|alloc|_ZN3std|_R[A-Za-z0-9]*3std' "$work/symbols.txt"; then
            die "$object has these"
        fi
    done
    # The one object of ours, by what it exports.
    ours=$(nm --print-file-name "$prefix/lib/libtcp_reset.a" 2>"$work/nm.txt" |
        awk -F: '/ T tcp_reset_packet$/ { print $2 }')
    ar p "$prefix/lib/libtcp_reset.a" "$ours" >"$work/ours.o"
    nm --undefined-only --format=posix "$work/ours.o" | cut -d ' ' -f 1 >"$work/undefined.txt"
    if grep -vxE 'mem(cpy|move|set|cmp)' "$work/undefined.txt"; then
        die "it needs these"
    fi
    exported=$(wc -l <"$work/functions.txt")
    needed=$(tr '\n' ' ' <"$work/undefined.txt")
    echo "exported: $exported functions; needed: $needed"
}

header() {
    local standard
    capi/header.sh --check
    for standard in c99 c11 c17; do
        gcc -std=$standard "${warnings[@]}" -fsyntax-only -x c capi/include/tcp_reset.h
    done
    for standard in c++11 c++17 c++20; do
        g++ -std=$standard "${warnings[@]}" -fsyntax-only -x c++ capi/include/tcp_reset.h
    done
}

# The reasons of src/no_reset.rs, for tests/vectors.c: name, enumerator, number, text. An enumerator that the header lacks
# does not compile.
reasons() {
    awk '/^    [A-Z][A-Za-z]* = [0-9]+,$/ { number[$1] = $3 + 0 }
        match($0, /^            Self::[A-Za-z]+ => ".*",$/) {
            name = $1
            sub(/^Self::/, "", name)
            text = $0
            sub(/^[^"]*/, "", text)
            enumerator = name
            gsub(/[A-Z]/, "_&", enumerator)
            printf "{\"%s\", TCP_RESET_REASON%s, %d, %s\n", name, toupper(enumerator), number[name], text
        }' src/no_reset.rs | sed 's/,$/},/' >"$work/reasons.h"
    grep -cE '^    [A-Z][A-Za-z]* = [0-9]+,$' src/no_reset.rs >"$work/reasons.txt"
    test "$(wc -l <"$work/reasons.h")" = "$(cat "$work/reasons.txt")"
}

# build NAME LIBRARY FLAGS...: $work/NAME of capi/tests/NAME.c.
build() {
    local name=$1 library=$2
    shift 2
    gcc -std=c99 "${warnings[@]}" -g -O1 "$@" -Icapi/include -I"$work" "capi/tests/$name.c" "$library" -o "$work/$name"
}

# A nightly compiler instruments Rust's code as well; gcc's runtime serves both. UBSan looks at the C side.
sanitizers() {
    local host library program
    host=$(rustc "+$NIGHTLY" -vV | sed -n 's/^host: //p')
    RUSTFLAGS=-Zsanitizer=address cargo "+$NIGHTLY" build --quiet --locked --release --manifest-path capi/Cargo.toml \
        --target "$host" --target-dir "$libraries/sanitized"
    library=$libraries/sanitized/$host/release/libtcp_reset.a
    nm "$library" 2>"$work/nm.txt" | grep __asan_report_load >"$work/instrumented.txt"
    for program in arguments vectors deliberate_overflow; do
        build $program "$library" -fsanitize=address,undefined -fno-sanitize-recover=all
    done
    "$work/arguments"
    "$work/vectors" testdata/vectors/*.txt
    if "$work/deliberate_overflow" 2>"$work/deliberate_overflow.txt"; then
        die "AddressSanitizer does not find the mistake in tests/deliberate_overflow.c"
    fi
    grep -A 3 'heap-buffer-overflow' "$work/deliberate_overflow.txt" | grep 'READ of size'
}

memory() {
    local program checker=(valgrind --quiet --leak-check=full --partial-loads-ok=no --error-exitcode=9)
    for program in arguments vectors deliberate_overflow; do
        build $program "$prefix/lib/libtcp_reset.a"
    done
    "${checker[@]}" "$work/arguments"
    "${checker[@]}" "$work/vectors" testdata/vectors/*.txt
    if "${checker[@]}" "$work/deliberate_overflow" 2>"$work/deliberate_overflow.txt"; then
        die "valgrind does not find the mistake in tests/deliberate_overflow.c"
    fi
    grep 'Invalid read' "$work/deliberate_overflow.txt"
}

# The examples as their users build them, against what was installed.
examples() {
    cp -r capi/examples "$work/make"
    make --quiet --directory "$work/make" CFLAGS="-std=c99 -O2 ${warnings[*]}"
    cmake -S capi/examples -B "$work/cmake" -DCMAKE_C_FLAGS="${warnings[*]}" >"$work/cmake.txt"
    cmake --build "$work/cmake" >>"$work/cmake.txt"
    meson setup --werror "$work/meson" capi/examples >"$work/meson.txt"
    meson compile -C "$work/meson" >>"$work/meson.txt"
    "$work/make/print_reset" >"$work/reset.txt"
    "$work/cmake/print_reset" | diff "$work/reset.txt" -
    "$work/meson/print_reset" | diff "$work/reset.txt" -
    if "$work/make/print_reset" 4x 2>"$work/error.txt"; then
        die "print_reset takes what is no packet"
    fi
    test "$(wc -l <"$work/error.txt")" = 1
}

# The tests of the firewall in Rust (linux/tests/clients) try the one in C.
firewall() {
    TCP_RESET_QUEUE=$work/make/nfqueue TCP_RESET_MIB=16 timeout 300 \
        cargo test --quiet --release -p tcp-reset-linux --test clients -- queue
}

lwip() {
    local flags
    pkg-config --cflags --libs lwip tcp_reset >"$work/flags.txt"
    read -ra flags <"$work/flags.txt"
    # Its headers are a system's: no warnings for them.
    gcc -std=gnu99 "${warnings[@]}" -O2 -isystem /usr/include/lwip capi/lwip/host.c "${flags[@]}" -o "$work/host"
    timeout 120 unshare --net python3 capi/lwip/test.py "$work/host"
}

# The libraries that footprint/run.sh has measured, linked by arm-none-eabi-gcc into the same tests, on a Cortex-M in QEMU.
cortex_m() {
    local machine cpu opt_level file program arguments=enable=on,target=native,arg=vectors
    for file in testdata/vectors/*.txt; do
        arguments+=,arg=$file
    done
    for machine in thumbv7em thumbv6m; do
        cpu=cortex-m4
        test $machine = thumbv7em || cpu=cortex-m0
        for opt_level in z s; do
            echo "$machine, opt-level $opt_level:"
            for program in arguments vectors; do
                arm-none-eabi-gcc -std=c99 "${warnings[@]}" -mcpu=$cpu -mthumb -mfloat-abi=soft -O1 -Icapi/include -I"$work" \
                    capi/tests/$program.c capi/tests/cortex-m.c "$target_dir/embedded/libtcp_reset-$machine-$opt_level.a" \
                    --specs=rdimon.specs -Wl,--section-start=.vectors=0,-Tdata=0x20000000 \
                    -Wl,--no-warn-rwx-segments,-z,noexecstack -o "$work/cortex-m.elf"
                timeout 60 qemu-system-arm -machine mps2-an386 -display none -monitor none -serial none \
                    -semihosting-config "$arguments" -kernel "$work/cortex-m.elf" </dev/null >>"$work/cortex-m.txt"
            done
            tail -n 1 "$work/cortex-m.txt"
        done
    done
    test "$(grep -c '^arguments: each mistake draws its reason$' "$work/cortex-m.txt")" = 4
    test "$(grep -cx '[0-9]* vectors as Linux answers them' "$work/cortex-m.txt")" = 4
}

# The same tests on a big-endian machine, in QEMU.
big_endian() {
    local machine=s390x-unknown-linux-gnu program
    rustup target add $machine 2>"$work/rustup.txt" || die "$(cat "$work/rustup.txt")"
    cargo build --quiet --locked --release --manifest-path capi/Cargo.toml --target $machine \
        --target-dir "$libraries"
    for program in arguments vectors; do
        s390x-linux-gnu-gcc -std=c99 "${warnings[@]}" -O1 -Icapi/include -I"$work" capi/tests/$program.c \
            "$libraries/$machine/release/libtcp_reset.a" -o "$work/big-endian"
        timeout 120 qemu-s390x -L /usr/s390x-linux-gnu "$work/big-endian" testdata/vectors/*.txt >>"$work/big-endian.txt"
    done
    grep -x 'arguments: each mistake draws its reason' "$work/big-endian.txt"
    grep -x '[0-9]* vectors as Linux answers them' "$work/big-endian.txt"
}

step "Rust" rust
step "cargo cinstall" install_library
step "the header" header
step "symbols" symbols
step "reasons" reasons
step "AddressSanitizer and UndefinedBehaviorSanitizer" sanitizers
step "valgrind" memory
step "examples, by make, cmake and meson" examples
step "an NFQUEUE firewall" firewall
step "lwIP" lwip
step "the page, as a new user" capi/readme.sh
step "footprint" capi/footprint/run.sh
step "Cortex-M in QEMU" cortex_m
step "big-endian in QEMU" big_endian
printf '\ncapi/check.sh: all passed in %d s\n' $SECONDS
