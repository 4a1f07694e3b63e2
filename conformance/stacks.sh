# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by check.sh and scoreboard.sh: how each stack is built, named and run. All paths are relative to the root.

stacks=(linux-reject linux-closed-port smoltcp smoltcp-filter lwip lwipv6 slirp gvisor ipstack netstack-smoltcp pytcp)
built=$target_dir/conformance
device=conf0 # each is tested in a namespace of its own

debian() {
    dpkg-query -W -f '${Version} (Debian)' "$1"
}

# version NAME: its name and version here, as README.md has it.
version() {
    case $1 in
    linux-*) echo "Linux $(uname -r | sed 's/-.*//')" ;;
    smoltcp*)
        cargo tree --quiet -p smoltcp-filter --depth 1 | sed -n 's/.* \(smoltcp\) v\([^ ]*\).*/\1 \2 (crates.io)/p'
        ;;
    lwip) echo "lwIP 2.2.1 development (sources in lwip 0.4.0, crates.io)" ;;
    lwipv6) echo "LWIPv6 $(debian liblwipv6-dev)" ;;
    slirp) echo "libslirp $(debian libslirp-dev)" ;;
    gvisor) echo "gVisor netstack $(debian golang-gvisor-gvisor-dev)" ;;
    ipstack | netstack-smoltcp)
        echo "$1 $(sed -n "s/^$1 = \"=\(.*\)\"/\1/p" conformance/rust-stacks/Cargo.toml) (crates.io)"
        ;;
    pytcp) sed -n 's/^pytcp==\([^ ]*\) .*/PyTCP \1 (PyPI)/p' conformance/stacks/pytcp.txt ;;
    esac
}

# build NAME: builds the stack into $built.
build() {
    mkdir -p "$built"
    case $1 in
    linux-*)
        need "iproute2 iptables" ip iptables-legacy
        ;;
    smoltcp*)
        cargo build --quiet --release -p smoltcp-filter
        ;;
    lwip)
        need "gcc libc6-dev" gcc
        local sources
        sources=$(cargo metadata --quiet --locked --format-version 1 --manifest-path conformance/rust-stacks/Cargo.toml |
            python3 -c 'import json, os, sys
print(*(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "lwip"))')
        local headers=(-Iconformance/stacks -isystem "$sources/src/include" -isystem "$sources/contrib/ports/unix/port/include")
        gcc -O1 -Wall -Wextra -Werror "${headers[@]}" -c conformance/stacks/lwip.c -o "$built/lwip.o"
        gcc -O1 -w "${headers[@]}" "$built/lwip.o" "$sources"/src/core/{,ipv4/,ipv6/}*.c "$sources"/src/api/{tcpip,err}.c \
            "$sources/src/netif/ethernet.c" "$sources/contrib/ports/unix/port/sys_arch.c" -o "$built/lwip" -lpthread
        ;;
    lwipv6)
        need "gcc liblwipv6-dev" gcc /usr/include/lwipv6.h
        gcc -O1 -Wall -Wextra -Werror conformance/stacks/lwipv6.c -o "$built/lwipv6" -llwipv6
        ;;
    slirp)
        need "gcc libslirp-dev" gcc /usr/include/slirp/libslirp.h
        gcc -O1 -Wall -Wextra -Werror -I/usr/include/slirp conformance/stacks/slirp.c -o "$built/slirp" -lslirp
        ;;
    gvisor)
        need "golang-go golang-gvisor-gvisor-dev" go /usr/share/gocode/src/gvisor.dev/gvisor/pkg/tcpip
        GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$built/go go build -o "$built/gvisor" conformance/stacks/gvisor.go
        ;;
    ipstack | netstack-smoltcp)
        cargo build --quiet --release --locked --manifest-path conformance/rust-stacks/Cargo.toml --target-dir "$built"
        ;;
    pytcp)
        python3 -c 'import ensurepip' || die "ensurepip is missing: apt-get install python3-venv"
        test -x "$built/venv/bin/python" || python3 -m venv "$built/venv"
        "$built/venv/bin/pip" install --quiet --require-hashes --requirement conformance/stacks/pytcp.txt
        ;;
    *) die "no such stack: $1; there are ${stacks[*]}" ;;
    esac
}

# cells NAME IP: what the report counts, as a part of a row of README.md's table.
cells() {
    python3 - "$built/$1-$2.json" <<'END'
import json, sys
with open(sys.argv[1]) as file:
    report = json.load(file)
tcp, ip, silences = (report["counts"][column] for column in ("tcp", "ip", "silences"))
cells = [tcp["same"], tcp["different"], tcp["silent"], tcp["wrong"], ip["same"], ip["looks"], ip["wrong"], silences["same"],
         silences["different"], silences["wrong"], sum(report["not_asked"].values())]
print(" | ".join(map(str, cells)))
END
}

# play NAME IP: sends one set to the stack, and prints the report.
play() {
    local set=ipv$2-tcp-stack options=(--tun "$device") command
    case $1 in
    linux-reject) set=ipv$2-netfilter ;;&
    linux-*)
        options=(--kernel "$device" --any-address)
        command=(testdata/vectors/replay-setup.sh "$device" "$set")
        ;;
    smoltcp*)
        command=("$target_dir/release/smoltcp-filter" --device "$device" --address 198.51.100.2/0 --address 2001:db8:2::2/0)
        ;;&
    smoltcp) command+=(--no-filter) ;;
    lwip | lwipv6 | gvisor) command=("$built/$1" "$device") ;;
    ipstack | netstack-smoltcp)
        options+=(--any-address --accepts)
        command=("$built/release/$1" "$device")
        ;;
    slirp)
        options=(--tap "$device")
        command=(conformance/stacks/slirp.sh "$built/slirp" "$device")
        ;;
    pytcp)
        options=(--tap "$device" --timeout 30)
        command=("$built/venv/bin/python" conformance/stacks/pytcp-host.py "$device")
        ;;
    esac
    timeout 600 conformance/conformance.py --set "$set" "${options[@]}" --fail-on nothing \
        --link ../../testdata/vectors/ --json "$built/$1-$2.json" -- "${command[@]}" 2>"$built/$1-$2.log" ||
        die "$1, $set: $(tail -n 1 "$built/$1-$2.log")"
}

# results NAME: the file that is kept of a stack. Both sets are sent at once.
results() {
    local other
    play "$1" 6 >"$built/$1-6.md" &
    other=$!
    echo "# $1"
    echo
    echo "Written by \`conformance/scoreboard.sh $1\`; [the README](../README.md) explains it."
    echo
    play "$1" 4
    wait $other
    echo
    cat "$built/$1-6.md"
}
