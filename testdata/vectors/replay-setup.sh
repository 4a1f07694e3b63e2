#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes Linux answer with TCP resets on a TUN device that exists already: to a set of vectors, such as ipv4-netfilter, or at
# another place in the kernel, such as ipv6-nft-input. For a network namespace of its own: it takes the namespace's routes,
# rules and settings over. README.md explains the main settings. `compare` of linux/ runs it too.
set -euo pipefail
die() { echo "$1" >&2 && exit "${2:-1}"; }
[[ $# = 2 && $2 =~ ^ipv([46])-(netfilter|forward|input|nft-forward|nft-input|nft-prerouting|tcp-stack|stack)$ ]] ||
    die 'usage: replay-setup.sh DEVICE ipv{4,6}-{netfilter,tcp-stack,forward,input,nft-forward,nft-input,nft-prerouting,stack}' 2
device=$1 ip=${BASH_REMATCH[1]} place=${BASH_REMATCH[2]}
# With a gateway, which need not exist, IPv6 makes no neighbour entry for each address that it answers.
[[ $ip = 4 ]] && iptables=iptables-legacy table=ip gateway='' || iptables=ip6tables-legacy table=ip6 gateway='via fe80::1'
case $place in
netfilter) place=forward ;;
tcp-stack) place=stack ;;
esac
chain=${place#nft-}
package_of() { command -v "$1" >/dev/null || die "$1 is not installed: apt-get install $2"; }
package_of ip iproute2
case $place in
stack) ;;
nft-*) package_of nft nftables ;;
*) package_of "$iptables" iptables ;;
esac

# Any address comes in and goes out, and the kernel sends no packets of its own. There are no sockets to demultiplex early.
settings=(ipv4/ip_forward=1 ipv4/ip_early_demux=0)
for setting in all/rp_filter=0 "$device/rp_filter=0" "$device/accept_local=1" "$device/route_localnet=1" \
    all/send_redirects=0 "$device/send_redirects=0"; do
    settings+=("ipv4/conf/$setting")
done
if [[ $ip = 6 || -d /proc/sys/net/ipv6 ]]; then
    settings+=(ipv6/conf/all/forwarding=1 ipv6/auto_flowlabels=0)
    for setting in disable_ipv6=0 accept_ra=0 addr_gen_mode=1; do
        settings+=("ipv6/conf/$device/$setting")
    done
fi
for setting in "${settings[@]}"; do
    echo "${setting#*=}" >"/proc/sys/net/${setting%=*}"
done

# One table routes what arrives at the device: back out for forwarded packets, otherwise to the host itself. Another routes
# what the host sends to the device. The TCP stack looks up its own addresses in the table `local`, which holds nothing else.
[[ $chain = forward ]] && route=unicast lookup=100 || route=local lookup=local
ip -"$ip" -batch - <<END
link set $device mtu 65535 up
rule add pref 10 iif $device lookup $lookup
rule add pref 20 iif lo lookup 101
rule del pref 0
route add $route default dev $device table $lookup
route add default $gateway dev $device table 101
END

# What is not TCP is dropped, so that Linux does not answer it with ICMP.
case $place in
stack) ;;
nft-*)
    nft -f - <<END
table $table replay {
    chain replay {
        type filter hook $chain priority 0; policy drop;
        meta l4proto tcp reject with tcp reset
    }
}
END
    ;;
*)
    $iptables -P "${chain^^}" DROP
    $iptables -A "${chain^^}" -p tcp -j REJECT --reject-with tcp-reset
    ;;
esac
