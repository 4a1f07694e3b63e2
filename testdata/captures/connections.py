"""The two ends of the recorded TCP connections; record.sh runs it in its namespaces."""

import socket
import struct
import subprocess
import sys
import threading


def listen(port):
    """Echoes what it gets, over IPv4 and IPv6."""
    with socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        while True:
            threading.Thread(target=echo, args=server.accept()[:1], daemon=True).start()


def echo(connection):
    try:
        while data := connection.recv(1024):
            connection.sendall(data)
    except ConnectionError:
        pass


def refused(host, port):
    """Two connect() calls that must fail, the second with a type of service or traffic class."""
    for tos in 0, 0x48:
        family = family_of(host)
        with socket.socket(family, socket.SOCK_STREAM) as client:
            if family == socket.AF_INET:
                client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            else:
                client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
            try:
                client.connect((host, int(port)))
            except ConnectionRefusedError:
                continue
        sys.exit(f"{host} port {port} took the connection")


def abort(host, port):
    """Sends data, receives it back, and closes with a reset."""
    with socket.create_connection((host, int(port)), timeout=5) as client:
        exchange(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def interrupted(host, port, *rule):
    """Sends data, receives it back, inserts the rule, and must be reset when it sends again."""
    with socket.create_connection((host, int(port)), timeout=5) as client:
        exchange(client)
        subprocess.run(rule, check=True, timeout=5)
        client.sendall(b"Is anybody still there?\n")
        try:
            client.recv(1024)
        except ConnectionResetError:
            return
    sys.exit(f"{host} port {port} did not reset the connection")


def exchange(client):
    client.sendall(b"Is anybody there?\n")
    client.recv(1024)


def zero(source, host, port):
    """Sends a SYN, from a socket that nobody holds, with the sequence number that makes its reset's checksum zero."""
    source_port, ack = 40000, 0x12340000
    addresses = packed(host) + packed(source)
    reset = struct.pack("!HHIIBBHHH", int(port), source_port, 0, ack, 0x50, 0x14, 0, 0, 0)
    ack |= internet_checksum(addresses + struct.pack("!HH", 6, len(reset)) + reset)
    syn = struct.pack("!HHIIBBHHH", source_port, int(port), ack - 1, 0, 0x50, 0x02, 1024, 0, 0)
    checksum = internet_checksum(addresses + struct.pack("!HH", 6, len(syn)) + syn)
    syn = syn[:16] + struct.pack("!H", checksum) + syn[18:]
    with socket.socket(family_of(host), socket.SOCK_RAW, socket.IPPROTO_TCP) as client:
        client.sendto(syn, (host, 0))


def internet_checksum(data):
    """RFC 1071, of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def packed(host):
    return socket.inet_pton(family_of(host), host)


if __name__ == "__main__":
    commands = {command.__name__: command for command in (listen, refused, abort, interrupted, zero)}
    commands[sys.argv[1]](*sys.argv[2:])
