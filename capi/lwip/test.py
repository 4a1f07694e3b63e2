"""The running kernel as the peer of lwIP, with the filter before it and without, over TAP devices.

    unshare --net python3 test.py HOST

With the filter, connect() is refused at once in each of its forms, and each segment to a closed port gets the reset that
Linux would send, byte for byte. Without it, lwIP has to get those wrong that README.md lists: should it get them right one
day, the filter may go.
"""

import ipaddress
import pathlib
import socket
import struct
import subprocess
import sys
import time

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
ECHO, CLOSED, SEQ = 7, 9, 0xFFFFFFFE

# Name, flags, acknowledgment number, data, and whether lwIP by itself answers with the numbers that the RFC wants.
CASES = [
    ("SYN", SYN, 0, b"", True),
    ("SYN with data", SYN, 0, b"data", True),
    ("SYN and FIN", SYN | FIN, 0, b"", False),
    ("SYN, FIN and data", SYN | FIN, 0, b"data", False),
    ("FIN", FIN, 0, b"", True),
    ("FIN with data", FIN, 0, b"data", True),
    ("data", 0, 0, b"data", True),
    ("no flags", 0, 0, b"", True),
    ("SYN with an acknowledgment number, but no ACK", SYN, 77, b"", False),
    ("ACK", ACK, 77, b"", False),
    ("ACK with data", ACK, 77, b"data", False),
    ("FIN and ACK", FIN | ACK, 77, b"", False),
    ("SYN and ACK", SYN | ACK, 77, b"", False),
]

V4, V6, BOTH = [0], [1], [0, 1]
REFUSED, HANGS = "refused", "hangs"
RECORD_ROUTE = (socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x07\x27\4" + bytes(37))
TIMESTAMPS = (socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x44\x24\5\0" + bytes(32))
ALERT4 = (socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x94\4\0\0")
ALERT6 = (socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, b"\0\0\5\2\0\0\1\0")
UNKNOWN = (socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, b"\0\0\x1e\4" + bytes(4))
THEIRS = b"\xee" * 16  # stands for lwIP's address
ROUTING = (socket.IPPROTO_IPV6, socket.IPV6_RTHDR, b"\0\2\4" + bytes(5) + THEIRS)  # no segment is left
SHORT_ROUTE = (socket.IPPROTO_IP, socket.IP_TOS, 0x10)  # the route with an MTU of 68
MAY_FRAGMENT = (socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT

# connect() to the closed port, in all forms that Linux has: name, IP versions, what is done to the socket, what comes of it
# behind the filter, and from lwIP by itself. Two hang whoever answers: Linux accepts no reset without a signature for
# a connection that has one, and fragments get no reset.
FORMS = [
    ("plain", BOTH, {}, REFUSED, REFUSED),
    ("TTL 1", V4, {"options": [(socket.IPPROTO_IP, socket.IP_TTL, 1)]}, REFUSED, REFUSED),
    ("router alert", V4, {"options": [ALERT4]}, REFUSED, REFUSED),
    ("record route", V4, {"options": [RECORD_ROUTE]}, REFUSED, REFUSED),
    ("timestamps", V4, {"options": [TIMESTAMPS]}, REFUSED, REFUSED),
    ("router alert", V6, {"options": [ALERT6]}, REFUSED, REFUSED),
    ("unknown destination option", V6, {"options": [UNKNOWN]}, REFUSED, REFUSED),
    ("routing header", V6, {"options": [ROUTING]}, REFUSED, REFUSED),
    ("ECN", BOTH, {"ecn": 1}, REFUSED, REFUSED),
    ("Fast Open, with data", BOTH, {"data": b"data"}, REFUSED, REFUSED),
    ("from another network; lwIP has no gateway", BOTH, {"source": ["198.51.100.7", "2001:db8:99::7"]}, REFUSED, HANGS),
    ("from a neighbour that answers no ARP", V4, {"source": ["192.0.{}.77"]}, REFUSED, HANGS),
    ("TCP MD5 signature", BOTH, {"md5": True}, HANGS, HANGS),
    ("in fragments", V4, {"options": [RECORD_ROUTE, SHORT_ROUTE, MAY_FRAGMENT]}, HANGS, HANGS),
]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data + b'x') // 2}H", data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source, destination, source_port, port, seq, ack, flags, window, data, zero):
    """An IP packet with a TCP segment; a checksum that computes to zero is written as `zero`."""
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    segment = struct.pack("!HHIIBBHHH", source_port, port, seq, ack, 0x50, flags, window, 0, 0) + data
    pseudo = source.packed + destination.packed + struct.pack("!II", len(segment), 6)
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment) or zero) + segment[18:]
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + source.packed + destination.packed + segment
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, 6, 0) + source.packed + destination.packed
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + segment


class Host:
    """lwIP on a device of its own."""

    def __init__(self, program, number, *options):
        self.device, self.number = f"lwip{number}", number
        self.ours = [f"192.0.{number}.1", f"2001:db8:{number}::1"]
        self.theirs = [f"192.0.{number}.2", f"2001:db8:{number}::2"]
        for command in (
            f"tuntap add dev {self.device} mode tap",
            f"link set {self.device} up",
            f"address add {self.ours[0]}/24 dev {self.device}",
            f"address add {self.ours[1]}/64 dev {self.device} nodad",
            f"address add 192.0.{number}.77/32 dev lo",
            f"route add {self.theirs[0]}/32 tos 0x10 dev {self.device} mtu lock 68",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        # ARP answers for the device's own address alone.
        write_setting(f"ipv4/conf/{self.device}/arp_ignore", 1)
        command = ["timeout", "120", program, self.device, *self.theirs, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "host: up\n", "the host does not start"
        for address in self.theirs:
            self.wait_for(address)

    def wait_for(self, address):
        """The device carries packets from when the program has opened it."""
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection((address, ECHO), 0.5).close()
                return
            except OSError as error:
                assert time.monotonic() < deadline, f"{address} does not answer: {error}"

    def stop(self):
        self.process.terminate()
        self.process.wait(5)

    def ask(self, family, source_port, flags, ack, data):
        """Sends a segment to the closed port and returns the whole packet that answers it, without padding."""
        ours, theirs = self.ours[family], self.theirs[family]
        kind, protocol = [(socket.AF_INET, 0x0800), (socket.AF_INET6, 0x86DD)][family]
        with (
            socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(protocol)) as wire,
            socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw,
        ):
            wire.bind((self.device, protocol))
            wire.settimeout(0.1)
            raw.sendto(packet(ours, theirs, source_port, CLOSED, SEQ, ack, flags, 1024, data, 0), (theirs, 0))
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                try:
                    answer, (_, _, direction, *_) = wire.recvfrom(2048)
                except TimeoutError:
                    continue
                header_len = [20, 40][family]
                ports = struct.pack("!HH", CLOSED, source_port)
                if direction != socket.PACKET_OUTGOING and answer[header_len : header_len + 4] == ports:
                    return answer[: header_len + 20]
        raise AssertionError("no answer came")

    def expected(self, family, source_port, flags, ack, data):
        """What Linux's TCP stack would answer (RFC 9293 §3.10.7.1)."""
        seg_len = len(data) + (flags & SYN != 0) + (flags & FIN != 0)
        seq, ack, answer = (ack, 0, RST) if flags & ACK else (0, (SEQ + seg_len) % 2**32, RST | ACK)
        zero = [0, 0xFFFF][family]
        return packet(self.theirs[family], self.ours[family], CLOSED, source_port, seq, ack, answer, 0, b"", zero)


def numbers(family, answer):
    """SEQ, ACK, flags of an answer."""
    _, _, seq, ack, _, flags = struct.unpack("!HHIIBB", answer[[20, 40][family] :][:14])
    return seq, ack, flags


def echo(address):
    with socket.create_connection((address, ECHO), 5) as stream:
        stream.sendall(b"hello")
        assert stream.recv(5) == b"hello"


def write_setting(name, value):
    pathlib.Path("/proc/sys/net", name).write_text(str(value))


def sign(connection, family, address):
    """Gives the connection a key for TCP MD5 signatures (RFC 2385)."""
    peer = ipaddress.ip_address(address).packed
    peer = struct.pack("=HH", family, 0) + (peer if family == socket.AF_INET else bytes(4) + peer)
    key = struct.pack("=128sBBHI80s", peer, 0, 0, 3, 0, b"key")
    connection.setsockopt(socket.IPPROTO_TCP, 14, key)  # TCP_MD5SIG


def connect(host, version, options=(), source=None, data=None, md5=False, ecn=2):
    """What comes of connect() to the closed port, and after how many seconds. A SYN is sent again after a second."""
    family, theirs = [socket.AF_INET, socket.AF_INET6][version], host.theirs[version]
    write_setting("ipv4/tcp_ecn", ecn)
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(0.5)
        for level, option, value in options:
            if isinstance(value, bytes):
                value = value.replace(THEIRS, ipaddress.ip_address(theirs).packed)
            connection.setsockopt(level, option, value)
        if source:
            connection.bind((source[version].format(host.number), 0))
        if md5:
            sign(connection, family, theirs)
        start = time.monotonic()
        try:
            if data:
                connection.sendto(data, socket.MSG_FASTOPEN, (theirs, CLOSED))
                connection.recv(1)
            else:
                connection.connect((theirs, CLOSED))
        except ConnectionRefusedError:
            return REFUSED, time.monotonic() - start
        except TimeoutError:
            return HANGS, time.monotonic() - start
    raise AssertionError("connected")


def try_form(host, name, version, form, expected):
    """The machine may be busy: of three refusals the fastest has to be at once."""
    tries = [connect(host, version, **form) for _ in range(3 if expected == REFUSED else 1)]
    assert all(result == expected for result, _ in tries), f"connect(), {name}: {tries}, not {expected}"
    fastest = min(seconds for _, seconds in tries)
    assert expected == HANGS or fastest < 0.05, f"connect(), {name}: refused after {fastest} s"


def try_forms(filtered, plain):
    print(f"{'connect() to a closed port':42}  IP  behind the filter  lwIP by itself")
    for name, versions, form, mended, by_itself in FORMS:
        for version in versions:
            try_form(filtered, name, version, form, mended)
            try_form(plain, name, version, form, by_itself)
            print(f"{name:42}  v{4 + 2 * version}  {mended:17}  {by_itself}")


def main(program):
    for command in ("link set lo up", "address add 198.51.100.7/32 dev lo", "address add 2001:db8:99::7/128 dev lo nodad"):
        subprocess.run(["ip", *command.split()], check=True)
    write_setting("ipv4/tcp_fastopen", 5)  # data in a SYN, without a cookie
    filtered, plain = Host(program, 2), Host(program, 3, "--no-filter")
    for address in filtered.theirs:
        echo(address)
    try_forms(filtered, plain)
    different = 0
    for family in (0, 1):
        for number, (name, *segment, right) in enumerate(CASES):
            case = (family, 40000 + number, *segment)
            answer, expected = filtered.ask(*case), filtered.expected(*case)
            assert answer == expected, f"{name}: {answer.hex()} is not {expected.hex()}"
            answer, expected = plain.ask(*case), plain.expected(*case)
            different += answer != expected
            by_itself = numbers(family, answer) == numbers(family, expected)
            assert by_itself == right, f"lwIP by itself, {name}: {answer.hex()}"
    # It still works after all that.
    for host in (filtered, plain):
        for address in host.theirs:
            echo(address)
        host.stop()
    count, wrong = 2 * len(CASES), "; ".join(name for name, *_, right in CASES if not right)
    print(f"lwIP behind the filter: {count} of {count} answers as Linux's, byte for byte")
    print(f"lwIP by itself: {different} of {count} answers have other bytes, and wrong numbers for: {wrong}")


if len(sys.argv) != 2:
    sys.exit("usage: test.py HOST")
main(sys.argv[1])
