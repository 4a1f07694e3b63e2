#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes Linux answer one set of vectors, such as ipv4-netfilter, on a TUN device that exists already. For a network
# namespace of its own: it takes the namespace's routes, rules and settings over. README.md explains the main settings.
# linux/src/reference.rs has the same set-up: change both.
set -euo pipefail
[[ $# = 2 && $2 =~ ^ipv([46])-(netfilter|tcp-stack)$ ]] || { echo "usage: $0 DEVICE ipv{4,6}-{netfilter,tcp-stack}" >&2; exit 2; }
device=$1 ip=${BASH_REMATCH[1]} profile=${BASH_REMATCH[2]}
[[ $ip = 4 ]] && iptables=iptables-legacy gateway='' || iptables=ip6tables-legacy gateway='via fe80::1'
[[ $profile = netfilter ]] && route=unicast table=100 || route=local table=local

for setting in ip_forward=1 ip_early_demux=0 conf/all/rp_filter=0 "conf/$device/rp_filter=0" "conf/$device/accept_local=1" \
    "conf/$device/route_localnet=1" conf/all/send_redirects=0 "conf/$device/send_redirects=0"; do
    echo "${setting#*=}" >"/proc/sys/net/ipv4/${setting%=*}"
done
for setting in conf/all/forwarding=1 auto_flowlabels=0 "conf/$device/accept_ra=0" "conf/$device/addr_gen_mode=1"; do
    echo "${setting#*=}" >"/proc/sys/net/ipv6/${setting%=*}"
done
ip -"$ip" -batch - <<END
link set $device mtu 65535 up
rule add pref 10 iif $device lookup $table
rule add pref 20 iif lo lookup 101
rule del pref 0
route add $route default dev $device table $table
route add default $gateway dev $device table 101
END
if [[ $profile = netfilter ]]; then
    $iptables -P FORWARD DROP
    $iptables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset
fi
