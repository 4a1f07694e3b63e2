"""The running kernel as the peer of lwIP, with the filter before it and without, over TAP devices.

    unshare --net python3 test.py HOST

With the filter, connect() is refused at once, and each segment to a closed port draws the reset that Linux would send, byte
for byte. Without it, lwIP has to get those wrong that README.md lists: should it get them right one day, the filter may go.
"""

import ipaddress
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
        self.device = f"lwip{number}"
        self.ours = [f"192.0.{number}.1", f"2001:db8:{number}::1"]
        self.theirs = [f"192.0.{number}.2", f"2001:db8:{number}::2"]
        for command in (
            f"tuntap add dev {self.device} mode tap",
            f"link set {self.device} up",
            f"address add {self.ours[0]}/24 dev {self.device}",
            f"address add {self.ours[1]}/64 dev {self.device} nodad",
        ):
            subprocess.run(["ip", *command.split()], check=True)
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


def refused(address):
    start = time.monotonic()
    try:
        socket.create_connection((address, CLOSED), 5)
    except ConnectionRefusedError:
        # A reset that the kernel ignored would mean another SYN, a second later.
        assert time.monotonic() - start < 0.9, "not refused at once"
        return
    raise AssertionError("not refused")


def main(program):
    filtered, plain = Host(program, 2), Host(program, 3, "--no-filter")
    for address in filtered.theirs:
        echo(address)
        refused(address)
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
    print(f"lwIP behind the filter: {count} of {count} answers as Linux's, byte for byte; connect() refused at once")
    print(f"lwIP by itself: {different} of {count} answers have other bytes, and wrong numbers for: {wrong}")


if len(sys.argv) != 2:
    sys.exit("usage: test.py HOST")
main(sys.argv[1])
