#!/bin/bash
# Records resets.pcap again: two hosts on one virtual link, the prober runs nmap, the target answers and runs tcpdump.
#
# usage: record.sh [OUT.pcap]
#
# As root, on Debian with ethtool, iproute2, iptables, nmap, procps, python3 and tcpdump. Two network namespaces of its
# own hold everything; nothing leaves them, and the script removes them when it ends. Ten seconds, a minute at most.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "$0")/../../scripts/steps.sh"

out=${1:-$(dirname "$0")/resets.pcap}
program=$(dirname "$0")/connections.py
prober=prober-$$
target=target-$$
open=80            # connections.py listens
closed=81,8081     # nobody listens: the TCP stack answers
rejected=82,8082   # netfilter's REJECT answers

need "ethtool iproute2 iptables nmap procps python3 tcpdump" ethtool ip iptables ip6tables nmap python3 ss sysctl tcpdump
test "$(id -u)" = 0 || die "needs root, to make network namespaces"

pids=()
clean_up() {
    # Only what was started here.
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    ip netns del "$prober" 2>/dev/null || true
    ip netns del "$target" 2>/dev/null || true
    rm -f "$out.part"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# One cable, 10.77.0.1 and fd77::1 to 10.77.0.2 and fd77::2. Without checksum offload, so that what is captured is what
# would be on the wire.
ip netns add "$prober"
ip netns add "$target"
ip -n "$prober" link add eth0 type veth peer name eth0 netns "$target"
# host NAMESPACE NUMBER
host() {
    # The TCP stack labels its IPv6 flows unless told not to; netfilter never does.
    ip netns exec "$1" sysctl -qw net.ipv6.auto_flowlabels=0
    ip netns exec "$1" ethtool -K eth0 tx off >/dev/null
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
    ip -n "$1" address add "10.77.0.$2/24" dev eth0
    ip -n "$1" address add "fd77::$2/64" dev eth0 nodad
}
host "$prober" 1
host "$target" 2
for iptables in iptables ip6tables; do
    ip netns exec "$target" "$iptables" -w -A INPUT -p tcp -m multiport --dports "$rejected" \
        -j REJECT --reject-with tcp-reset
done

ip netns exec "$target" timeout 60 python3 "$program" listen "$open" &
pids+=($!)
# Immediate mode and -U, so that nothing is lost when it is ended.
ip netns exec "$target" timeout 60 tcpdump -Z root -n -i eth0 -U --immediate-mode -w "$out.part" &
tcpdump=$!
pids+=("$tcpdump")
for _ in {1..50}; do
    listens=$(ip netns exec "$target" ss -Hltn "sport = :$open")
    test ! -s "$out.part" || test -z "$listens" || break
    sleep 0.1
done
test -n "$listens" || die "connections.py does not listen"
test -s "$out.part" || die "tcpdump does not write"

probe() {
    ip netns exec "$prober" timeout 20 nmap -n -Pn -T5 --max-retries 0 --initial-rtt-timeout 100ms \
        --max-rtt-timeout 100ms -p "$open,$closed,$rejected" "$@" >/dev/null
}
for scan in -sS -sA -sF -sN -sX -sM -sW; do
    probe "$scan" 10.77.0.2
    probe "$scan" -6 fd77::2
done

# Again with data, and with a type of service and traffic class: of the two kinds of reset, the TCP stack's alone
# reflects it, less the two ECN bits. The prober's own resets are left as they are.
for iptables in iptables ip6tables; do
    ip netns exec "$prober" "$iptables" -w -t mangle -A OUTPUT -p tcp ! --tcp-flags RST RST \
        -j TOS --set-tos 0x1b
done
for scan in -sS -sF -sN -sX -sM; do
    probe "$scan" --data-length 5 10.77.0.2
    probe "$scan" --data-length 5 -6 fd77::2
done
for iptables in iptables ip6tables; do
    ip netns exec "$prober" "$iptables" -w -t mangle -F OUTPUT
done

# connections PROBER TARGET IPTABLES
connections() {
    # Refused connections, one of them with a type of service.
    ip netns exec "$prober" timeout 20 python3 "$program" refused "$2" "${closed%,*}"
    ip netns exec "$prober" timeout 20 python3 "$program" refused "$2" "${rejected%,*}"
    # Resets whose checksum computes to zero, which is written as 0x0000 by one and as 0xffff by another.
    ip netns exec "$prober" timeout 20 python3 "$program" zero "$1" "$2" "${closed%,*}"
    ip netns exec "$prober" timeout 20 python3 "$program" zero "$1" "$2" "${rejected%,*}"
    # A connection that its opener aborts: this reset answers no packet.
    ip netns exec "$prober" timeout 20 python3 "$program" abort "$2" "$open"
    # A connection in use, reset by a rule that is added meanwhile.
    ip netns exec "$prober" timeout 20 python3 "$program" interrupted "$2" "$open" \
        ip netns exec "$target" "$3" -w -I INPUT -p tcp --dport "$open" -j REJECT --reject-with tcp-reset
}
connections 10.77.0.1 10.77.0.2 iptables
connections fd77::1 fd77::2 ip6tables

sleep 1
kill "$tcpdump"
code=0
wait "$tcpdump" || code=$?
case $code in 0 | 143) ;; *) die "tcpdump ended with code $code" ;; esac # 143: by the signal
mv "$out.part" "$out"
