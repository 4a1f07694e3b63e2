#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Gives the network namespace the addresses of the vectors, then runs the stack.
#
#   slirp.sh COMMAND... DEVICE
set -euo pipefail
[[ $# -ge 2 ]] || { echo "usage: $0 COMMAND... DEVICE" >&2; exit 2; }
ip link set lo up
ip address replace 198.51.100.2/32 dev lo
ip address replace 2001:db8:2::2/128 dev lo nodad
exec "$@"
