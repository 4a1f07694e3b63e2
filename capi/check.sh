#!/bin/bash
# Everything that capi/README.md says, checked: the header, the symbols, the vectors in C under AddressSanitizer and
# valgrind and in QEMU, the programs, the page's own commands, the linked sizes.
#
#   capi/check.sh    three minutes once its tools are there; it needs Linux and root
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
debug=$work/debug
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

version=$(sed -n 's/^version = "\(.*\)"/\1/p' capi/Cargo.toml)

install_library() {
    make --silent --directory capi install PREFIX="$prefix" 2>"$work/make.txt" || die "$(cat "$work/make.txt")"
    make --silent --directory capi install PREFIX="$debug" PROFILE=dev 2>"$work/make.txt" || die "$(cat "$work/make.txt")"
    cmp capi/include/tcp_reset.h "$prefix/include/tcp_reset.h"
    test "$(pkg-config --modversion tcp_reset)" = "$version"
    test "$(soname "$prefix")" = "libtcp_reset.so.${version%.*}"
    make --silent --directory capi install PREFIX=/usr DESTDIR="$work/package" 2>"$work/make.txt"
    grep -qx 'prefix=/usr' "$work/package/usr/lib/pkgconfig/tcp_reset.pc"
}

# soname PREFIX
soname() {
    readelf --dynamic "$1/lib/libtcp_reset.so" | sed -n 's/.*Library soname: \[\(.*\)\]/\1/p'
}

# The same by cargo-c.
cargo_c() {
    cargo cinstall --locked --release --manifest-path capi/Cargo.toml --prefix="$work/cargo-c" --libdir="$work/cargo-c/lib" \
        --target-dir "$libraries" 2>"$work/cinstall.txt" || die "$(cat "$work/cinstall.txt")"
    cmp capi/include/tcp_reset.h "$work/cargo-c/include/tcp_reset.h"
    test "$(PKG_CONFIG_PATH=$work/cargo-c/lib/pkgconfig pkg-config --modversion tcp_reset)" = "$version"
    test "$(soname "$work/cargo-c")" = "$(soname "$prefix")"
    symbols_of "$work/cargo-c"
}

# The functions of the header, one a line.
functions() {
    grep -vE '^ \*|^/\*' "$prefix/include/tcp_reset.h" | grep -oE '\btcp_reset_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

# symbols_of PREFIX: what the libraries export is the header's functions, all of them and nothing else. libtcp_reset.a also
# holds hidden compiler helpers that this target does not use.
symbols_of() {
    local object
    nm --dynamic --defined-only --format=posix "$1/lib/libtcp_reset.so" | cut -d ' ' -f 1 | sort |
        diff -u "$work/functions.txt" -
    readelf --syms --wide "$1/lib/libtcp_reset.a" |
        awk '($5 == "GLOBAL" || $5 == "WEAK") && $6 == "DEFAULT" && $7 != "UND" { print $8 }' | sort |
        diff -u "$work/functions.txt" -
    for object in "$1/lib/libtcp_reset.so" "$1/lib/libtcp_reset.a"; do
        nm "$object" >"$work/symbols.txt" 2>"$work/nm.txt"
        if grep -iE 'panic|unwind|personality|alloc|_ZN3std|_R[A-Za-z0-9]*3std' "$work/symbols.txt"; then
            die "$object has these"
        fi
    done
}

# Also in a debug build. Our object calls nothing but memcpy and similar.
symbols() {
    local ours
    functions >"$work/functions.txt"
    test "$(wc -l <"$work/functions.txt")" -ge 8
    symbols_of "$prefix"
    symbols_of "$debug"
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

# Included twice, for the guard, as the standards and as other projects have it: lwIP's flags are from its Common.allports.mk,
# FreeRTOS+TCP's, with gnu90, from its test/build-combination.
header() {
    local standard include=(-include capi/include/tcp_reset.h -fsyntax-only)
    local lwip=(-pedantic -Werror -Wparentheses -Wsequence-point -Wswitch-default -Wextra -Wundef -Wshadow -Wpointer-arith
        -Wcast-qual -Wc++-compat -Wwrite-strings -Wold-style-definition -Wcast-align -Wmissing-prototypes -Wnested-externs
        -Wunreachable-code -Wuninitialized -Waggregate-return -Wlogical-not-parentheses -Wredundant-decls -Wlogical-op
        -Wtrampolines -Wc90-c99-compat)
    cargo xtask header --check
    for standard in c99 c11 c17; do
        gcc -std=$standard "${warnings[@]}" -Wc++-compat "${include[@]}" -x c capi/include/tcp_reset.h
    done
    gcc -std=gnu90 "${warnings[@]}" -Wconversion -Wredundant-decls "${include[@]}" -x c capi/include/tcp_reset.h
    gcc -std=gnu99 -Wall "${lwip[@]}" "${include[@]}" -x c capi/include/tcp_reset.h
    # C++ can name each structure.
    echo 'tcp_reset_config config = TCP_RESET_CONFIG_INIT; tcp_reset_numbers numbers; tcp_reset_reason reason;' >"$work/names.cpp"
    for standard in c++98 c++11 c++17 c++20; do
        g++ -std=$standard "${warnings[@]}" "${include[@]}" -x c++ capi/include/tcp_reset.h
        g++ -std=$standard "${warnings[@]}" "${include[@]}" "$work/names.cpp"
    done
    # The library writes four bytes, where an enum may have one: no program may have such an enum.
    echo 'void f(void) { enum tcp_reset_reason why; tcp_reset_packet(0, 0, 0, 0, 0, &why); }' >"$work/enum.c"
    if LC_ALL=C gcc "${include[@]}" "$work/enum.c" 2>"$work/enum.txt"; then
        die "a program can declare an enum for the reason"
    fi
    grep -q "storage size of 'why' isn't known" "$work/enum.txt" || die "$(cat "$work/enum.txt")"
}

# The reasons of src/no_reset.rs, for tests/vectors.c: name, constant, number, text. A constant that the header lacks
# does not compile.
reasons() {
    awk '/^    [A-Z][A-Za-z]* = [0-9]+,$/ { number[$1] = $3 + 0 }
        match($0, /^            Self::[A-Za-z]+ => ".*",$/) {
            name = $1
            sub(/^Self::/, "", name)
            text = $0
            sub(/^[^"]*/, "", text)
            constant = name
            gsub(/[A-Z]/, "_&", constant)
            printf "{\"%s\", TCP_RESET_REASON%s, %d, %s\n", name, toupper(constant), number[name], text
        }' src/no_reset.rs | sed 's/,$/},/' >"$work/reasons.h"
    grep -cE '^    [A-Z][A-Za-z]* = [0-9]+,$' src/no_reset.rs >"$work/reasons.txt"
    test "$(wc -l <"$work/reasons.h")" = "$(cat "$work/reasons.txt")"
}

# build NAME LIBRARY FLAGS...: $work/NAME of capi/tests/NAME.c.
build() {
    local name=$1 library=$2
    shift 2
    gcc -std=c99 "${warnings[@]}" -fshort-enums -g -O1 "$@" -Icapi/include -I"$work" "capi/tests/$name.c" "$library" \
        -o "$work/$name"
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
    "$work/vectors" testdata/vectors*/*.txt
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
    "${checker[@]}" "$work/vectors" testdata/vectors*/*.txt
    if "${checker[@]}" "$work/deliberate_overflow" 2>"$work/deliberate_overflow.txt"; then
        die "valgrind does not find the mistake in tests/deliberate_overflow.c"
    fi
    grep 'Invalid read' "$work/deliberate_overflow.txt"
}

# A program of an older version, with the shared library.
old_program() {
    build old_program "$prefix/lib/libtcp_reset.so"
    "$work/old_program"
}

# The examples as their users build them, against what was installed.
examples() {
    local library
    cp -r capi/examples "$work/make"
    make --quiet --directory "$work/make" CFLAGS="-std=c99 -O2 ${warnings[*]}"
    for library in "$prefix" "$debug"; do
        rm -rf "$work/cmake"
        cmake -S capi/examples -B "$work/cmake" -DCMAKE_PREFIX_PATH="$library" -DCMAKE_C_FLAGS="${warnings[*]}" \
            >"$work/cmake.txt"
        cmake --build "$work/cmake" >>"$work/cmake.txt"
        readelf --dynamic "$work/cmake/print_reset" | grep -qF "$library/lib" || die "CMake has linked another library"
        "$work/cmake/print_reset" >"$work/reset-cmake-${library##*/}.txt"
    done
    meson setup --werror "$work/meson" capi/examples >"$work/meson.txt"
    meson compile -C "$work/meson" >>"$work/meson.txt"
    "$work/make/print_reset" >"$work/reset.txt"
    diff "$work/reset.txt" "$work/reset-cmake-prefix.txt"
    diff "$work/reset.txt" "$work/reset-cmake-debug.txt"
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

# The libraries that the step before has measured, linked by arm-none-eabi-gcc into the same tests, on a Cortex-M in QEMU.
cortex_m() {
    local machine cpu file program arguments=enable=on,target=native,arg=vectors
    for file in testdata/vectors*/*.txt; do
        arguments+=,arg=$file
    done
    for machine in thumbv7em thumbv6m; do
        has_target $machine-none-eabi || return 0
        cpu=cortex-m4
        test $machine = thumbv7em || cpu=cortex-m0
        echo "$machine:"
        for program in arguments vectors; do
            # As with many flags of such a machine, an enum is as short as it can be.
            arm-none-eabi-gcc -std=c99 "${warnings[@]}" -fshort-enums -mcpu=$cpu -mthumb -mfloat-abi=soft -O1 -Icapi/include \
                -I"$work" capi/tests/$program.c capi/tests/cortex-m.c \
                "$libraries/$machine-none-eabi/release/libtcp_reset.a" \
                --specs=rdimon.specs -Wl,--section-start=.vectors=0,-Tdata=0x20000000 \
                -Wl,--no-warn-rwx-segments,-z,noexecstack -o "$work/cortex-m.elf"
            timeout 60 qemu-system-arm -machine mps2-an386 -display none -monitor none -serial none \
                -semihosting-config "$arguments" -kernel "$work/cortex-m.elf" </dev/null >>"$work/cortex-m.txt"
        done
        tail -n 1 "$work/cortex-m.txt"
    done
    test "$(grep -c '^arguments: each mistake gets its reason$' "$work/cortex-m.txt")" = 2
    test "$(grep -cx '[0-9]* vectors as Linux answers them' "$work/cortex-m.txt")" = 2
}

# The same tests on a big-endian machine, in QEMU.
big_endian() {
    local machine=s390x-unknown-linux-gnu program
    has_target $machine || return 0
    cargo build --quiet --locked --release --manifest-path capi/Cargo.toml --target $machine \
        --target-dir "$libraries"
    for program in arguments vectors; do
        s390x-linux-gnu-gcc -std=c99 "${warnings[@]}" -O1 -Icapi/include -I"$work" capi/tests/$program.c \
            "$libraries/$machine/release/libtcp_reset.a" -o "$work/big-endian"
        timeout 120 qemu-s390x -L /usr/s390x-linux-gnu "$work/big-endian" testdata/vectors*/*.txt >>"$work/big-endian.txt"
    done
    grep -x 'arguments: each mistake gets its reason' "$work/big-endian.txt"
    grep -x '[0-9]* vectors as Linux answers them' "$work/big-endian.txt"
}

step "Rust" rust
step "make install" install_library
step "the header" header
step "symbols" symbols
step "cargo cinstall" cargo_c
step "reasons" reasons
step "a program of version 0.1.0" old_program
step "AddressSanitizer and UndefinedBehaviorSanitizer" sanitizers
step "valgrind" memory
step "examples, by make, cmake and meson" examples
step "an NFQUEUE firewall" firewall
step "lwIP" lwip
step "the page, as a new user" capi/readme.sh
step "footprint" cargo xtask c-footprint
step "Cortex-M in QEMU" cortex_m
step "big-endian in QEMU" big_endian
printf '\ncapi/check.sh: all passed in %d s\n' $SECONDS
