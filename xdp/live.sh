#!/bin/bash
# The program on a veth pair in a network namespace of its own, before iptables' REJECT: real clients, random packets,
# errors and faults. Nothing leaves the namespaces.
#
#   xdp/live.sh    a minute, as root
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need "curl ethtool gcc hping3 iproute2 iptables libbpf-dev nmap procps python3-scapy bpftool" \
    curl ethtool gcc hping3 ip iptables-legacy ip6tables-legacy /usr/include/bpf/libbpf.h nmap \
    /usr/lib/python3/dist-packages/scapy bpftool
objects=xdp/target/program/bpfel-unknown-none/release
binary=$target_dir/release/xdp-reset
work=$PWD/xdp/target/live
log=$work/log
mkdir -p "$work"
server=xdp-server-$$
client=xdp-client-$$
loader=
peer=

cleanup() {
    test -z "$peer" || kill "$peer" 2>/dev/null || true
    test -z "$loader" || kill -KILL "$loader" 2>/dev/null || true
    ip netns del $server 2>/dev/null || true
    ip netns del $client 2>/dev/null || true
}
trap cleanup EXIT
ip netns add $server
ip netns add $client
at() { local name=$1; shift; timeout 120 ip netns exec "$name" "$@"; }

ip link add dev veth0 netns $server address 02:00:00:00:00:01 type veth peer name veth1 netns $client \
    address 02:00:00:00:00:02
at $server sysctl -qw net.ipv6.auto_flowlabels=0 net.ipv4.icmp_ratelimit=0
for name in $server $client; do
    at "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
done
at $server ip address add 10.9.0.1/24 dev veth0
at $server ip address add fd09::1/64 dev veth0 nodad
at $client ip address add 10.9.0.2/24 dev veth1
at $client ip address add fd09::2/64 dev veth1 nodad
# Both fill their checksums in.
at $server ethtool -K veth0 tx off tso off gso off >/dev/null
at $client ethtool -K veth1 tx off tso off gso off >/dev/null
at $server ip link set veth0 up
at $client ip link set veth1 up
sleep 1
for tables in iptables-legacy ip6tables-legacy; do
    at $server $tables -A INPUT -p tcp -j REJECT --reject-with tcp-reset
done

# start OPTION...: the program, until it says that it answers.
start() {
    : >"$log" # before the first look, so that the output of an earlier one is gone
    ip netns exec $server "$binary" --interface veth0 "$@" >>"$log" 2>&1 &
    loader=$!
    started "$@"
}

# started OPTION...: waits until the loader says that it answers.
started() {
    for _ in $(seq 100); do
        ! grep -q "^answering" "$log" || return 0
        kill -0 $loader 2>/dev/null || break
        sleep 0.05
    done
    cat "$log" >&2
    die "xdp-reset $* does not start"
}

# stop [SIGNAL]: ends it, and looks whether its program is gone.
stop() {
    local code=0
    kill "-${1:-TERM}" $loader
    wait $loader || code=$?
    loader=
    test $code = 0 || die "xdp-reset ended with code $code: $(cat "$log")"
    for _ in $(seq 100); do
        at $server ip link show veth0 >"$work/link"
        grep -q "prog/xdp" "$work/link" || return 0
        sleep 0.05
    done
    die "a program is left on veth0"
}

counted() { awk -F ': ' -v name="$1" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }' "$log"; }

# refuses "TEXT" OPTION...: the loader fails, and says so.
refuses() {
    local text=$1
    shift
    ! at $server "$binary" "$@" >"$work/refused" 2>&1 || die "not refused: $*"
    grep -qF -- "$text" "$work/refused" || die "xdp-reset $*: $(cat "$work/refused")"
}

errors() {
    refuses "no such device: nodev" --interface nodev --ports 23
    refuses "no Ethernet frames" --interface lo --ports 23
    refuses "is no port" --interface veth0 --ports 23,x
    refuses "no program runs on veth0" --interface veth0 --ports 23 --change
    refuses "changes nothing" --interface veth0 --change
    refuses "--mode does not go with --change" --interface veth0 --ports 23 --change --mode skb
    refuses "--replace does not go with --change" --interface veth0 --ports 23 --change --replace
    refuses "--verify takes no other option" --verify --ports 23
    refuses "--rate 0 would answer nothing" --interface veth0 --ports 23 --rate 0
    refuses "--syn is on or off" --interface veth0 --ports 23 --syn=x
    refuses "has bits behind its prefix: 10.9.0.0/24" --interface veth0 --ports 23 --to 10.9.0.1/24
    at $server ip link add bridge type bridge
    at $server ip link set bridge up
    refuses "bridge has no native mode for this program" --interface bridge --ports 23 --mode native
    at $server ip link del bridge
    echo "errors are clear"
}

# nobody CAPABILITY,...: makes the array `as_nobody`, what runs a command as a user with these capabilities alone.
nobody() {
    local capabilities=-all${1:+,+${1//,/,+}}
    as_nobody=(ip netns exec "$server" setpriv --reuid nobody --clear-groups --inh-caps="$capabilities"
        --ambient-caps="$capabilities")
}

# What is missing is named; with the three that the README names, the program starts and answers.
privileges() {
    local having missing
    while read -r having missing; do
        nobody "${having/none/}"
        ! "${as_nobody[@]}" "$binary" --interface veth0 --ports 23 >"$work/refused" 2>&1 || die "$having are enough"
        grep -qF "no permission: $missing is missing" "$work/refused" || die "with $having: $(cat "$work/refused")"
    done <<'END'
none CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN
bpf,net_admin CAP_PERFMON
perfmon,net_admin CAP_BPF
bpf,perfmon CAP_NET_ADMIN
END
    nobody bpf,perfmon,net_admin
    "${as_nobody[@]}" "$binary" --interface veth0 --ports 23 >"$log" 2>&1 &
    loader=$!
    started
    expect "flags=RA" -p 23 --syn
    ! "${as_nobody[@]}" "$binary" --interface veth0 --change --syn >"$work/refused" 2>&1 || die "--change is permitted"
    grep -qF "no permission: CAP_SYS_ADMIN is missing" "$work/refused" || die "$(cat "$work/refused")"
    ! "${as_nobody[@]}" "$binary" --interface veth0 --ports 23 --replace >"$work/refused" 2>&1 ||
        die "--replace is permitted"
    grep -qF -- "--replace needs CAP_SYS_ADMIN too" "$work/refused" || die "$(cat "$work/refused")"
    stop
    echo "privileges are named; three capabilities are enough"
}

# expect TEXT OPTION...: hping3 sends one segment, and gets an answer that it prints with this text.
expect() {
    local text=$1
    shift
    at $client hping3 -n -c 1 "$@" 10.9.0.1 >"$work/hping3" 2>&1
    grep -qF -- "$text" "$work/hping3" || die "hping3 $*: $(cat "$work/hping3")"
}

# --replace removes another program that no link holds. Without --replace it stays. xdp-reset/tests/test_run.rs has the others.
others() {
    local other mode flood old
    # The client's program is used here too. bpftool attaches without a link.
    other=$(at $client ip -json link show veth1 | sed -E 's/.*"prog":\{"id":([0-9]+).*/\1/')
    for mode in xdpdrv xdpgeneric; do
        at $server bpftool net attach $mode id "$other" dev veth0
        refuses "has an XDP program already, \"xdp_reset\" (id $other): --replace removes it" --interface veth0 --ports 23
        start --ports 23 --replace
        at $server ip link show veth0 >"$work/link"
        ! grep -qw "id $other" "$work/link" || die "it is still there ($mode)"
        refuses "has an XDP program already, \"xdp_reset\"" --interface veth0 --ports 24
        expect "flags=RA" -p 23 --syn
        stop
        test "$(counted answered)" = 1 || die "not answered: $(cat "$log")"
    done
    # A new xdp-reset takes over from an old one without a gap: none of the segments reaches REJECT.
    start --ports 23
    old=$loader
    at $server iptables-legacy -Z INPUT
    at $client hping3 -q -n -i u200 -c 4000 -p 23 --syn 10.9.0.1 >"$work/flood" 2>&1 &
    flood=$!
    start --ports 23 --replace
    wait $flood || die "not all are answered: $(cat "$work/flood")"
    at $server iptables-legacy -nvxL INPUT >"$work/rules"
    grep -q " 0 packets loss\| 0% packet loss" "$work/flood" || die "$(cat "$work/flood")"
    awk '$3 == "REJECT" && $1 == 0 { found = 1 } END { exit !found }' "$work/rules" || die "a gap: $(cat "$work/rules")"
    wait "$old" || die "the old one fails"
    stop
    # Both write into the log.
    counted answered | awk '{ sum += $1 } $1 > 0 { count++ } END { exit sum != 4000 || count != 2 }' || die "$(cat "$log")"
    echo "another program is replaced; a new xdp-reset takes over without a gap"
}

# tag_of_reset: sends a SYN in VLAN 7 with the tag in the metadata, and prints the tag of the answer.
tag_of_reset() {
    at $client python3 -c '
import socket, struct, subprocess
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
wire.bind(("veth1", 0))
wire.settimeout(5)
subprocess.run(["hping3", "-n", "-c", "1", "-p", "23", "--syn", "10.9.0.1"], capture_output=True, timeout=10)
while True:
    frame, auxiliary, _, address = wire.recvmsg(2000, 200)
    if address[2] == socket.PACKET_OUTGOING or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        continue
    status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", auxiliary[0][2])
    print(tci & 4095 if status & 16 else "none")
    break'
}

# A tag that is in the metadata of a frame is not seen by XDP in native mode: the reset leaves without it.
vlan() {
    local tag
    refuses "veth0 takes VLAN tags out of the frames" --interface veth0 --ports 23 --vlan --mode native
    at $client tc qdisc add dev veth1 clsact
    at $client tc filter add dev veth1 egress bpf direct-action object-file "$objects/tag" section classifier
    start --ports 23 --mode native
    grep -q "warning: veth0 takes VLAN tags out .* ethtool -K veth0 rxvlan off" "$log" || die "no warning: $(cat "$log")"
    tag=$(tag_of_reset)
    test "$tag" = none || die "native mode keeps the tag: $tag"
    stop
    # In skb mode the reset keeps it.
    start --ports 23 --vlan
    grep -q "^answering on veth0 (skb)" "$log" || die "$(cat "$log")"
    tag=$(tag_of_reset)
    test "$tag" = 7 || die "tag $tag in skb mode"
    stop
    # What helps: on a network card rxvlan off, on veth at the other end, which puts the tag into the metadata.
    at $server ethtool -K veth0 rxvlan off >/dev/null
    at $client ethtool -K veth1 txvlan off >/dev/null
    start --ports 23 --vlan --mode native
    ! grep -q "warning" "$log" || die "$(cat "$log")"
    tag=$(tag_of_reset)
    test "$tag" = 7 || die "tag $tag in the frame"
    stop
    test "$(counted answered)" = 1 || die "$(cat "$log")"
    at $server ethtool -K veth0 rxvlan on >/dev/null
    at $client ethtool -K veth1 txvlan on >/dev/null
    at $client tc qdisc del dev veth1 clsact
    echo "VLAN tags in the metadata: warned of, refused with --vlan, kept in skb mode"
}

# A connection of the host's own, from port 50 to the client's port 7000.
own_connections() {
    local listener option expected code
    at $server iptables-legacy -I INPUT -p tcp --sport 7000 -j ACCEPT
    at $client python3 -c '
import socket
with socket.create_server(("10.9.0.2", 7000)) as server:
    while True:
        server.accept()[0].close()' &
    listener=$!
    sleep 0.5
    start --ports 1-65535 --mode native
    grep -q "warning: this host.s own connections come from the ports" "$log" || die "no warning: $(cat "$log")"
    stop
    for option in --syn=off --syn; do
        start --ports 1-100 --mode native $option
        ! grep -q "own connections" "$log" || die "$(cat "$log")"
        expected=$(test $option = --syn && echo 0 || echo 1)
        code=0
        at $server python3 -c '
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.settimeout(2)
s.bind(("10.9.0.1", 50))
s.connect(("10.9.0.2", 7000))
s.close()' 2>"$work/own" || code=$?
        test $code = "$expected" || die "$option: the connection ends with $code: $(cat "$work/own")"
        expect "flags=RA" -p 23 --syn
        stop
    done
    kill $listener
    wait $listener 2>/dev/null || true
    at $server iptables-legacy -D INPUT -p tcp --sport 7000 -j ACCEPT
    echo "own connections: warned of, left alone by --syn"
}

# Where the driver refuses native mode, --mode auto takes skb mode and says why, and --mode native says what helps: a veth whose
# peer sends on more queues than it receives on (ENOSPC), and a driver without XDP (EOPNOTSUPP).
automatic_mode() {
    local device text
    at $server ip link add queues0 numrxqueues 2 numtxqueues 2 type veth peer name queues1 numrxqueues 2 numtxqueues 2
    at $server ethtool -L queues0 rx 1 tx 2 >/dev/null
    at $server ip link add bridge0 type bridge
    for device in "queues0 No space left on device" "bridge0 Operation not supported"; do
        text=${device#* } device=${device%% *}
        at $server ip link set "$device" up
        refuses "$device has no native mode for this program ($text" --interface "$device" --ports 23 --mode native
        : >"$log"
        ip netns exec $server "$binary" --interface "$device" --ports 23 >"$log" 2>&1 &
        loader=$!
        started "$device"
        grep -q "^answering on $device (skb; the driver refuses native mode: $text" "$log" || die "$(cat "$log")"
        stop
        at $server ip link del "$device"
    done
    echo "native mode refused with ENOSPC and EOPNOTSUPP: --mode auto takes skb mode"
}

# warned "TEXT" yes|no: waits for the warning, which comes once a second if at all; more than a second without it is no.
warned() {
    local found=no
    for _ in $(seq 25); do
        if grep -q "warning: $1" "$log"; then
            found=yes
            break
        fi
        sleep 0.1
    done
    test $found = "$2" || die "warned \"$1\": $found, not $2: $(cat "$log")"
}

# Segments whose TCP checksum is wrong, as with an offload that nobody completes; then a right one before them.
wrong_checksums() {
    local expected
    for expected in yes no; do
        start --ports 23 --mode native
        test $expected = yes || expect "flags=RA" -p 23 --syn
        at $client hping3 -q -n -c 3 -i u1000 -p 23 --badcksum --syn 10.9.0.1 >"$work/wrong" 2>&1 || true
        warned "no segment has a correct TCP checksum" $expected
        stop
    done
    echo "wrong checksums: warned of while nothing is answered"
}

# What is not named stays; a name of the interface that changes does not matter.
changes() {
    start --ports 23 --to 10.9.0.1 --dry-run --rate 1000 --mode native
    at $server "$binary" --interface veth0 --change --dry-run=off --total-rate 1000 >/dev/null
    expect "flags=RA" -p 23 --syn
    at $server ip link set veth0 down
    at $server ip link set veth0 name renamed0
    at $server ip link set renamed0 up
    sleep 1.2
    expect "flags=RA" -p 23 --syn
    at $server "$binary" --interface renamed0 --change --to 10.9.0.7 >/dev/null
    expect "flags=RA" -p 23 --syn # by REJECT
    at $server ip link set renamed0 down
    at $server ip link set renamed0 name veth0
    at $server ip link set veth0 up
    at $server ip address add fd09::1/64 dev veth0 nodad 2>/dev/null || true
    sleep 1.2
    stop
    test "$(counted answered)" = 2 || die "$(cat "$log")"
    test "$(counted "passed, to another address")" = 1 || die "$(cat "$log")"
    echo "changed: what is named alone; renamed: it goes on"
}

# The same program by libbpf, with the skeleton that bpftool makes of it.
c_loader() {
    bpftool gen skeleton "$objects/tcp-reset-xdp" name xdp_reset >"$work/xdp_reset.skel.h"
    gcc -std=c11 -D_DEFAULT_SOURCE -O2 -Wall -Wextra -Werror -Wno-unused-function -I"$work" \
        xdp/c-loader/xdp-reset.c -lbpf -o "$work/xdp-reset-c"
    : >"$log"
    ip netns exec $server "$work/xdp-reset-c" veth0 23 80 >"$log" 2>&1 &
    loader=$!
    started
    expect "flags=RA" -p 23 --syn
    expect "flags=RA" -p 80 --syn
    expect "flags=RA" -p 81 --syn # by REJECT
    stop
    test "$(counted answered)" = 2 || die "$(cat "$log")"
    ! at $server "$work/xdp-reset-c" veth0 x >"$work/refused" 2>&1 || die "x is a port"
    echo "libbpf loads it by its skeleton"
}

scan() {
    local family=$1 target=$2
    # shellcheck disable=SC2086
    at $client nmap --privileged $family -n -Pn -sS -p 1-100 --host-timeout 30s -oG "$work/nmap" "$target" >/dev/null
    grep -q "Ignored State: closed (100)" "$work/nmap" || die "nmap -sS $family: $(cat "$work/nmap")"
    # shellcheck disable=SC2086
    at $client nmap --privileged $family -n -Pn -sA -p 1-100 --host-timeout 30s -oG "$work/nmap" "$target" >/dev/null
    grep -q "Ignored State: unfiltered (100)" "$work/nmap" || die "nmap -sA $family: $(cat "$work/nmap")"
}

clients() {
    local started answered tables
    for tables in iptables-legacy ip6tables-legacy; do
        at $server $tables -Z INPUT
    done
    start --ports 1-100 --mode "$1"
    scan "" 10.9.0.1
    scan -6 fd09::1
    expect "flags=RA seq=0 win=0" -s 36050 -p 80 --syn --setseq 522224616
    started=$SECONDS
    for url in http://10.9.0.1/ "http://[fd09::1]/"; do
        ! at $client curl -sgS "$url" 2>"$work/curl" || die "curl is answered"
        grep -qiE "refused|could ?n.t connect|failed to connect" "$work/curl" || die "$(cat "$work/curl")"
    done
    for address in 10.9.0.1 fd09::1; do
        at $client python3 -c '
import socket, sys, errno
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.settimeout(5)
sys.exit(s.connect_ex((sys.argv[1], 80)) != errno.ECONNREFUSED)' "$address"
    done
    test $((SECONDS - started)) -le 2 || die "connections are refused late"
    stop
    answered=$(counted answered)
    test "$answered" -ge 405 || die "only $answered answered: $(cat "$log")"
    # None of them reached the kernel: its REJECT rule has counted nothing.
    for tables in iptables-legacy ip6tables-legacy; do
        at $server $tables -nvxL INPUT >"$work/rules"
        awk '$3 == "REJECT" { found = 1; if ($1 != 0) over = 1 } END { exit !found || over }' "$work/rules" ||
            die "the kernel has answered too: $(cat "$work/rules")"
    done
    echo "nmap, hping3, curl and connect() accept $answered resets ($1)"
}

# The same 2,000 random packets, to REJECT alone and to the program before it: the same answers.
before_reject() {
    local answered answers
    at $client /usr/bin/python3 xdp/segments.py 2000 "$work/alone"
    start --ports 1-32767 --mode "$1"
    at $client /usr/bin/python3 xdp/segments.py 2000 "$work/before"
    stop
    cmp "$work/alone" "$work/before" || die "the answers differ"
    answered=$(counted answered)
    answers=$(wc -l <"$work/alone")
    test "$answered" -gt 500 || die "few are answered: $(cat "$log")"
    test "$answers" -gt 1000 || die "few answers"
    echo "$answers answers to 2,000 packets are the same, $answered of them by the program ($1)"
}

programs() {
    bpftool prog show >"$work/programs"
    grep -c "name xdp_reset" "$work/programs" || true
}
maps() {
    bpftool map show >"$work/maps"
    grep -cE "name (ACTIVE|SETTINGS|TO|COUNTERS|SOURCES|TOTAL) " "$work/maps" || true
}

# The interface goes down and up, the process is killed, settings change under load.
faults() {
    local flood answered
    start --ports 80 --mode native
    at $server ip link set veth0 down
    at $server ip link set veth0 up
    sleep 0.5
    expect "flags=RA" -p 80 --syn
    at $client hping3 -q -n -i u20 -c 100000 -p 80 --rand-source --syn 10.9.0.1 >"$work/flood" 2>&1 &
    flood=$!
    for port in $(seq 100 140); do
        at $server "$binary" --interface veth0 --change --ports "80,$port" --rate "$port" >/dev/null
    done
    wait $flood || true # it fails if no answer comes back: the sources are spoofed
    grep -q "^100000 packets transmitted" "$work/flood" || die "hping3: $(cat "$work/flood")"
    kill -KILL $loader
    wait $loader 2>/dev/null || true
    loader=
    sleep 0.5
    start --ports 80
    stop INT
    # The kernel frees them a little later.
    for _ in $(seq 50); do
        left_programs=$(programs)
        left_maps=$(maps)
        test "$left_programs $left_maps" != "$before_programs $before_maps" || break
        sleep 0.1
    done
    test "$left_programs $left_maps" = "$before_programs $before_maps" || die "programs or maps are left: $(bpftool prog show)"
    echo "down and up, killed, changed under load: nothing is left"
}

# veth takes what XDP_TX sends only where the peer has a program too: this one passes everything up.
ip netns exec $client "$binary" --interface veth1 --ports 0 --dry-run >"$work/peer" 2>&1 &
peer=$!
sleep 1
grep -q "^answering" "$work/peer" || die "$(cat "$work/peer")"

before_programs=$(programs)
before_maps=$(maps)
errors
privileges
others
vlan
own_connections
automatic_mode
wrong_checksums
changes
c_loader
for mode in native skb; do
    clients $mode
    before_reject $mode
done
faults
