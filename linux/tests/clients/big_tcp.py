"""Lets a device carry IPv4 packets longer than 65,535 bytes (BIG TCP): `big_tcp.py DEVICE`. iproute2 can since 6.3."""

import socket
import struct
import sys

IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE, SIZE = 63, 64, 180_000

attributes = b"".join(struct.pack("HHI", 8, kind, SIZE) for kind in (IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE))
link = struct.pack("BxHiII", 0, 0, socket.if_nametoindex(sys.argv[1]), 0, 0)
# RTM_NEWLINK with NLM_F_REQUEST | NLM_F_ACK.
message = struct.pack("IHHII", 16 + len(link) + len(attributes), 16, 5, 1, 0) + link + attributes
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
    netlink.send(message)
    (error,) = struct.unpack_from("i", netlink.recv(4096), 16)
if error:
    sys.exit(f"big_tcp.py: error {error}")
