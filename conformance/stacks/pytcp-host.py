#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""PyTCP 2.7.6 on a TAP device, with the addresses of the vectors and no port open.

usage: pytcp-host.py DEVICE
"""

import os
import sys
import threading
import time
import types

if len(sys.argv) != 2:
    sys.exit(__doc__)

import pytcp.config
import pytcp.subsystems.packet_handler
from pytcp import TcpIpStack

# Without the thread that receives, it would go on in silence.
threading.excepthook = lambda error: (sys.stderr.write(f"PyTCP: {error.exc_value!r}\n"), os._exit(70))
pytcp.config.LOG_CHANEL = set()
# Nobody else has its addresses: it need not wait for seconds to find that out, each time that it starts.
pytcp.subsystems.packet_handler.PacketHandler._perform_ip6_nd_dad = lambda *_: True
pytcp.subsystems.packet_handler.random = types.SimpleNamespace(uniform=lambda *_: 0.01)
stack = TcpIpStack(interface=sys.argv[1], mac_address="02:00:00:77:77:77",
                   ip4_address="198.51.100.2/24", ip4_gateway="198.51.100.1",
                   ip6_address="2001:db8:2::2/64", ip6_gateway="fe80::1")
stack.start()
while True:
    time.sleep(60)
