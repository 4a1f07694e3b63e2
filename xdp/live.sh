#!/bin/bash
# The program on a veth pair in a network namespace of its own, before iptables' REJECT: real clients, random packets,
# errors and faults. Nothing leaves the namespaces.
#
#   xdp/live.sh    a minute, as root
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/steps.sh
need "curl ethtool hping3 iproute2 iptables nmap procps python3-scapy bpftool" \
    curl ethtool hping3 ip iptables-legacy ip6tables-legacy nmap /usr/lib/python3/dist-packages/scapy bpftool
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
    ! at $server setpriv --reuid nobody --clear-groups --inh-caps=-all "$binary" --interface veth0 --ports 23 \
        >"$work/refused" 2>&1 || die "nobody may load programs"
    grep -q "no permission" "$work/refused" || die "$(cat "$work/refused")"
    at $server ip link add bridge type bridge
    at $server ip link set bridge up
    refuses "bridge has no native mode for this program" --interface bridge --ports 23 --mode native
    at $server ip link del bridge
    echo "errors are clear"
}

# expect TEXT OPTION...: hping3 sends one segment, and gets an answer that it prints with this text.
expect() {
    local text=$1
    shift
    at $client hping3 -n -c 1 "$@" 10.9.0.1 >"$work/hping3" 2>&1
    grep -qF -- "$text" "$work/hping3" || die "hping3 $*: $(cat "$work/hping3")"
}

# --replace removes another program, unless a BPF link holds it. Without --replace it stays.
others() {
    local other mode
    # The client's program is used here too. bpftool attaches without a link.
    other=$(at $client ip -json link show veth1 | sed -E 's/.*"prog":\{"id":([0-9]+).*/\1/')
    for mode in xdpdrv xdpgeneric; do
        at $server bpftool net attach $mode id "$other" dev veth0
        refuses "has an XDP program already, \"xdp_reset\" (id $other)" --interface veth0 --ports 23
        start --ports 23 --replace
        at $server ip link show veth0 >"$work/link"
        ! grep -qw "id $other" "$work/link" || die "it is still there ($mode)"
        refuses "has an XDP program already, \"xdp_reset\"" --interface veth0 --ports 24
        refuses "holds \"xdp_reset\"" --interface veth0 --ports 24 --replace
        expect "flags=RA" -p 23 --syn
        stop
        test "$(counted answered)" = 1 || die "not answered: $(cat "$log")"
    done
    echo "another program is replaced, unless a link holds it"
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
    grep -cE "name (PORTS|SETTINGS|STATION|COUNTERS|SOURCES) " "$work/maps" || true
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
        at $server "$binary" --interface veth0 --ports "80,$port" --rate "$port" --change >/dev/null
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
others
for mode in native skb; do
    clients $mode
    before_reject $mode
done
faults
