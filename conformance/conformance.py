#!/usr/bin/env python3
"""Plays recorded packets to a TCP/IP stack behind a TUN or TAP device, and tells where its resets differ from Linux's.

The device is made in a network namespace of its own, and COMMAND is run there: a program that opens the device and
answers. Without COMMAND the device exists already, and something answers on it. With --kernel, COMMAND is a script
that sets the namespace up and ends: then the kernel answers. Python 3.9 and Linux are needed, and CAP_NET_ADMIN, as
by `unshare --user --map-root-user` and a /dev/net/tun that may be opened.

Exit code: 0 if there is no finding of a severity that --fail-on names, 1 if there is, 2 if the vectors could not be played.
"""

import argparse
import collections
import ctypes
import errno
import fcntl
import json
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE / "vectors.json"
if not VECTORS.exists():
    VECTORS = HERE.parent / "testdata/vectors/vectors.json"
SEVERITIES = ("wrong", "silent", "different")
FIN, SYN, RST, ACK = 1, 2, 4, 16
OUR_MAC = bytes.fromhex("020000000001")
FENCE_PORT = 9  # no vector has it


class Failure(Exception):
    """The vectors cannot be played."""


# ---------------------------------------------------------------------------------------------- packets

def total(data):
    """The ones'-complement sum (RFC 1071): 0xFFFF over what holds a correct checksum."""
    data += bytes(len(data) % 2)
    number = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while number >> 16:
        number = (number & 0xFFFF) + (number >> 16)
    return number


def pseudo_header(ip, source, destination, length):
    return source + destination + (struct.pack("!HH", 6, length) if ip == 4 else struct.pack("!II", length, 6))


class Packet:
    """A TCP packet, taken apart. `tcp` is None for what is not TCP or no whole packet."""

    def __init__(self, raw):
        self.raw, self.tcp = raw, None
        self.ip = raw[0] >> 4 if raw else 0
        if self.ip == 4 and len(raw) >= 20:
            at, length, protocol = (raw[0] & 15) * 4, int.from_bytes(raw[2:4], "big"), raw[9]
            self.source, self.destination = raw[12:16], raw[16:20]
        elif self.ip == 6 and len(raw) >= 40:
            at, length, protocol = 40, 40 + int.from_bytes(raw[4:6], "big"), raw[6]
            self.source, self.destination = raw[8:24], raw[24:40]
            while protocol in (0, 43, 44, 51, 60) and at + 8 <= length:
                size = {44: 8, 51: (raw[at + 1] + 2) * 4}.get(protocol, (raw[at + 1] + 1) * 8)
                protocol, at = raw[at], at + size
        else:
            return
        if protocol == 6 and at + 20 <= length <= len(raw):
            self.at, self.tcp = at, raw[at:length]
            self.ports = self.tcp[:4]
            self.seq, self.ack, offset, self.flags, self.window, self.sum, self.urgent = struct.unpack(
                "!IIBBHHH", self.tcp[4:20])
            self.header_len, self.reserved = offset // 16 * 4, offset & 15

    def is_sum_right(self):
        return total(pseudo_header(self.ip, self.source, self.destination, len(self.tcp)) + self.tcp) == 0xFFFF


def segment(like, flags, ports, seq, ack):
    """A packet with the addresses of the packet `like`, and no data."""
    tcp = ports + struct.pack("!IIBBHHH", seq, ack, 0x50, flags, 1024, 0, 0)
    check = 0xFFFF - total(pseudo_header(like.ip, like.source, like.destination, 20) + tcp)
    tcp = tcp[:16] + struct.pack("!H", check) + tcp[18:]
    if like.ip == 6:
        return struct.pack("!IHBB", 6 << 28, 20, 6, 64) + like.source + like.destination + tcp
    header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 64, 6, 0) + like.source + like.destination
    return header[:10] + struct.pack("!H", 0xFFFF - total(header)) + header[12:] + tcp


# ---------------------------------------------------------------------------------------------- comparison

# Silence where an answer to these addresses is expected is allowed: RFC 1122 §3.2.1.3 keeps them off the wire, and
# the kernel that was recorded had been told to answer all the same.
MARTIANS = {4: [("0.0.0.0", 8), ("127.0.0.0", 8), ("240.0.0.0", 4)],
            6: [("::", 8), ("fe80::", 10)]}


def is_martian(packet):
    width = len(packet.source) * 8
    for text, length in MARTIANS[packet.ip]:
        prefix = socket.inet_pton(socket.AF_INET if packet.ip == 4 else socket.AF_INET6, text)
        for address in (packet.source, packet.destination):
            if int.from_bytes(address, "big") >> width - length == int.from_bytes(prefix, "big") >> width - length:
                return True
    return packet.source == packet.destination


def row(vector):
    """The row of the contract: README's table for resets, the reason for silence."""
    if "silence" in vector:
        return f"silence: {vector['silence']}"
    return "RST for ACK" if bytes.fromhex(vector["reset"])[-7] == RST else "RST/ACK for no ACK"


def compare(vector, answers):
    """What differs, as pairs of severity and difference."""
    offender = Packet(bytes.fromhex(vector["offender"]))
    if "silence" in vector:
        return [compare_unwanted(vector["silence"], offender, answer) for answer in answers[:1]]
    if not answers:
        if is_martian(offender):
            return [("different", "no answer to an address that belongs on no wire")]
        return [("silent", "no answer")]
    expected = Packet(bytes.fromhex(vector["reset"]))
    found = compare_reset(offender, expected, answers[0])
    if len(answers) > 1:
        found.append(("different", "more than one answer"))
    return found


def compare_unwanted(reason, offender, answer):
    """An answer where Linux is silent. RFC 9293 leaves it open for two reasons: an IPv4-mapped address, and a data
    offset, which Linux's own firewall does not check."""
    kind = "answered" if answer.flags & RST else "answered with " + names(answer.flags)
    mapped = offender.ip == 6 and any(a[:12] == bytes(10) + b"\xff\xff" for a in (offender.source, offender.destination))
    is_open = reason == "DataOffset" or reason in ("Source", "Destination") and mapped
    return ("different" if is_open and answer.flags & RST else "wrong", kind)


def compare_reset(offender, expected, answer):
    """Wrong is what keeps the peer from believing the reset (RFC 9293 §3.5.3, §3.10.7), or the network from carrying it."""
    found = []

    def check(is_same, severity, difference):
        if not is_same:
            found.append((severity, difference))

    if not answer.flags & RST:
        return [("wrong", f"answered with {names(answer.flags)}")]
    check(answer.source == expected.source and answer.destination == expected.destination, "wrong", "addresses")
    check(answer.ports == expected.ports, "wrong", "ports")
    check(answer.is_sum_right(), "wrong", "TCP checksum")
    # RFC 9293 has no rule for the length of such a segment.
    tcp = offender.tcp
    is_odd = not 20 <= offender.header_len <= len(tcp)
    numbers = "different" if is_odd else "wrong"
    if expected.flags == RST:
        check(answer.seq == expected.seq, numbers, "SEQ is not the offender's ACK")
        check(not answer.flags & ACK, "different", "RST/ACK")
        check(answer.flags & ACK or answer.ack == 0, "different", "ACK field not 0")
    else:
        check(answer.flags & ACK, "wrong", "RST without ACK")
        if answer.flags & ACK and answer.ack != expected.ack:
            # A peer in SYN-SENT believes the acknowledgment of anything it has sent, data of its SYN or not.
            covered = (answer.ack - offender.seq) % 2**32
            is_believed = offender.flags & SYN and 0 < covered <= (expected.ack - offender.seq) % 2**32
            check(False, "different" if is_believed else numbers,
                  "ACK leaves out data or FIN of a SYN" if is_believed else "ACK is not SEQ + length")
        check(answer.seq == 0, "different", "SEQ not 0")
    check(answer.flags & ~(RST | ACK) == 0, "different", "flags " + names(answer.flags))
    check(answer.window == 0, "different", "window not 0")
    check(answer.urgent == 0, "different", "urgent pointer not 0")
    check(answer.reserved == 0, "different", "reserved bits not 0")
    check(answer.header_len == 20, "different", "TCP options")
    check(len(answer.tcp) <= answer.header_len, "different", "data in the reset")
    check(answer.sum == expected.sum or {answer.sum, expected.sum} != {0, 0xFFFF}, "different", "other zero checksum")
    raw = answer.raw
    if answer.ip == 4:
        hop_limit, traffic_class = raw[8], raw[1]
        check(total(raw[:answer.at]) == 0xFFFF, "wrong", "IPv4 header checksum")
        check(not int.from_bytes(raw[6:8], "big") & 0x3FFF, "wrong", "a fragment")
        check(raw[6] & 0x40, "different", "DF not set")
        check(raw[4:6] == bytes(2), "different", "IPv4 ID not 0")
        check(answer.at == 20, "different", "IPv4 options")
        want = expected.raw[1]
    else:
        hop_limit, traffic_class = raw[7], int.from_bytes(raw[:2], "big") >> 4 & 0xFF
        check(int.from_bytes(raw[:4], "big") & 0xFFFFF == 0, "different", "flow label not 0")
        check(answer.at == 40, "different", "extension headers")
        want = int.from_bytes(expected.raw[:2], "big") >> 4 & 0xFF
    check(hop_limit, "wrong", "hop limit 0")
    check(hop_limit in (0, 64), "different", f"hop limit {hop_limit}")
    check(traffic_class == want, "different", "traffic class")
    return found


def names(flags):
    bits = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
    return "/".join(name for bit, name in enumerate(bits) if flags >> bit & 1) or "no flags"


# ---------------------------------------------------------------------------------------------- the device

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP = 0x0003, 0x0800, 0x86DD, 0x0806
PACKET_OUTGOING = 4


def call(fd, request, name, value=b""):
    try:
        return fcntl.ioctl(fd, request, struct.pack("16s24s", name.encode(), value))
    except OSError as error:
        raise Failure(f"device {name}: {error.strerror}") from error


def open_tun(name, flags):
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        raise Failure(f"/dev/net/tun: {error.strerror}") from error
    call(fd, 0x400454CA, name, struct.pack("H", flags))  # TUNSETIFF
    return fd


def own_namespace():
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
        code = ctypes.get_errno()
        raise Failure(f"no network namespace: {os.strerror(code)}: run as root, or under `unshare --user --map-root-user`")


def bring_up(name, mtu):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        # Nobody but the stack talks on the device.
        quiet = pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if quiet.exists():
            quiet.write_text("1")
        call(control, 0x8922, name, struct.pack("i", mtu))  # SIOCSIFMTU
        call(control, 0x8914, name, struct.pack("H", 1))  # SIOCSIFFLAGS: IFF_UP


class Kernel:
    """The end of a TUN device that a program holds: the kernel answers."""

    def __init__(self, name):
        self.fd = open_tun(name, 0x0001)  # IFF_TUN, and four bytes that name the protocol before each packet

    def send(self, packet, ip):
        os.write(self.fd, struct.pack("!HH", 0, ETH_P_IP if ip == 4 else ETH_P_IPV6) + packet)

    def receive(self):
        return os.read(self.fd, 1 << 17)[4:]


class Wire:
    """The other end, where the kernel would be: the program that holds the device answers."""

    def __init__(self, name, is_tap):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        try:
            self.socket.bind((name, ETH_P_ALL))
        except OSError as error:
            raise Failure(f"device {name}: {error.strerror}") from error
        self.socket.setblocking(False)
        self.fd, self.name, self.is_tap, self.mac = self.socket.fileno(), name, is_tap, None

    def send(self, packet, ip):
        protocol = ETH_P_IP if ip == 4 else ETH_P_IPV6
        self.transmit((self.mac or b"\xff" * 6) + OUR_MAC + struct.pack("!H", protocol) + packet
                      if self.is_tap else packet, protocol)

    def transmit(self, frame, protocol):
        self.socket.sendto(frame, (self.name, protocol))

    def receive(self):
        frame, address = self.socket.recvfrom(1 << 17)
        if address[2] == PACKET_OUTGOING:
            return b""
        if not self.is_tap:
            return frame
        protocol, payload = int.from_bytes(frame[12:14], "big"), frame[14:]
        self.mac = frame[6:12]
        if protocol == ETH_P_ARP:
            self.answer_arp(payload)
        elif protocol == ETH_P_IPV6 and payload[6:7] == b"\x3a" and payload[40:41] == b"\x87":
            self.answer_neighbour(payload)
        return payload if protocol in (ETH_P_IP, ETH_P_IPV6) else b""

    def answer_arp(self, request):
        hardware, sender, target = request[8:14], request[14:18], request[24:28]
        if request[6:8] == b"\0\1" and sender not in (bytes(4), target):
            reply = request[:6] + b"\0\2" + OUR_MAC + target + hardware + sender
            self.transmit(hardware + OUR_MAC + b"\x08\x06" + reply, ETH_P_ARP)

    def answer_neighbour(self, request):
        source, target = request[8:24], request[48:64]
        if source != bytes(16):
            icmp = b"\x88\0\0\0" + b"\x60\0\0\0" + target + b"\x02\x01" + OUR_MAC
            self.transmit(self.mac + OUR_MAC + b"\x86\xdd" + icmp_packet(target, source, icmp), ETH_P_IPV6)

    def look_for(self, like):
        """Asks for the hardware address of the stack, until a frame of any kind has told it."""
        if self.is_tap and self.mac is None and like.ip == 4:
            request = b"\0\1\x08\0\6\4\0\1" + OUR_MAC + like.source + bytes(6) + like.destination
            self.transmit(b"\xff" * 6 + OUR_MAC + b"\x08\x06" + request, ETH_P_ARP)
        elif self.is_tap and self.mac is None:
            group = bytes.fromhex("ff0200000000000000000001ff") + like.destination[13:]
            icmp = b"\x87\0\0\0" + bytes(4) + like.destination + b"\x01\x01" + OUR_MAC
            self.transmit(b"\x33\x33" + group[12:] + OUR_MAC + b"\x86\xdd" + icmp_packet(like.source, group, icmp), ETH_P_IPV6)


def icmp_packet(source, destination, icmp):
    check = 0xFFFF - total(source + destination + struct.pack("!II", len(icmp), 58) + icmp)
    return (struct.pack("!IHBB", 6 << 28, len(icmp), 58, 255) + source + destination
            + icmp[:2] + struct.pack("!H", check) + icmp[4:])


# ---------------------------------------------------------------------------------------------- the play

class Player:
    """Asks one packet at a time. After each comes a fence, a segment to another port: what was to be answered before
    has been when the fence is. Where nothing or something wrong comes, the packet is asked again with patience."""

    def __init__(self, device, textbook, arguments, start):
        self.device, self.textbook, self.start = device, textbook, start
        self.patience, self.timeout = arguments.patience / 1000, arguments.timeout
        self.child = start()
        self.fences = 0
        self.fence_flags = None

    def find_fence(self):
        """Which segment the stack always answers."""
        end = time.monotonic() + self.timeout
        while time.monotonic() < end:
            for flags in (ACK, SYN):
                if hasattr(self.device, "look_for"):
                    self.device.look_for(self.textbook)
                if self.child and self.child.poll() is not None:
                    raise Failure(f"the stack ended with code {self.child.returncode} before it answered")
                self.fence_flags = flags
                if self.collect(self.fence(), 0.2)[1]:
                    return
        raise Failure(f"nothing answers: neither an ACK nor a SYN to port {FENCE_PORT} within {self.timeout:g} s")

    def fence(self):
        self.fences += 1
        ports = struct.pack("!HH", 50000 + self.fences % 10000, FENCE_PORT)
        self.device.send(segment(self.textbook, self.fence_flags, ports, 1000, 2000), self.textbook.ip)
        return ports[2:] + ports[:2]

    def collect(self, fence, seconds):
        """The TCP packets that come before the answer to the fence, and whether that came."""
        answers, end = [], time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            has_ended = self.child is not None and self.child.poll() is not None
            if left <= 0 or not select.select([self.device.fd], [], [], min(left, 0.1))[0]:
                if left <= 0 or has_ended:
                    return answers, False
                continue
            try:
                packet = Packet(self.device.receive())
            except BlockingIOError:
                continue
            except OSError as error:
                raise Failure(f"reading from the device: {error.strerror}") from error
            if packet.tcp is None:
                continue
            if packet.flags & (RST | SYN) == SYN:  # it has accepted: nothing may stay open
                ports = packet.ports[2:] + packet.ports[:2]
                turned = Packet(packet.raw)
                turned.source, turned.destination = packet.destination, packet.source
                self.device.send(segment(turned, RST, ports, packet.ack, 0), packet.ip)
            if packet.ports == fence:
                return answers, True
            if packet.ports[:2] != struct.pack("!H", FENCE_PORT):
                answers.append(packet)

    def ask(self, vector):
        """The answers, or None if the packet cannot be sent."""
        if not self.send(vector):
            return None
        answers, came = self.collect(self.fence(), self.timeout)
        if came and all(severity == "different" for severity, _ in compare(vector, answers)):
            return answers
        if came:
            self.collect(None, self.patience)
            self.send(vector)
            answers, _ = self.collect(None, self.patience)
            more, came = self.collect(self.fence(), self.timeout)
            answers += more
        if not came:
            self.revive(vector)
        return answers

    def send(self, vector):
        try:
            self.device.send(bytes.fromhex(vector["offender"]), self.textbook.ip)
        except OSError as error:
            if error.errno in (errno.EMSGSIZE, errno.EINVAL):
                return False
            raise Failure(f"writing to the device: {error.strerror}") from error
        return True

    def revive(self, vector):
        if self.child is None:
            raise Failure(f"the stack answers nothing any more after {vector['name']}")
        code = self.child.poll()
        self.end()
        self.child = self.start()
        self.find_fence()
        raise Crash("no answer to anything any more" if code is None else f"the stack ended with code {code}")

    def end(self):
        if self.child and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()


class Crash(Exception):
    """The stack ended or hung, and was started again."""


def play(player, vectors, arguments):
    """Findings as (name, line of the vector's file, row, severity, difference); and how many were not asked, by reason."""
    findings, skipped, crashes = [], collections.Counter(), 0
    player.find_fence()
    for index, vector in enumerate(vectors):
        offender = Packet(bytes.fromhex(vector["offender"]))
        if crashes == 20:
            skipped["after 20 starts"] += 1
            continue
        if arguments.only and vector["name"] != arguments.only:
            continue
        if "reset" in vector:
            if not arguments.any_address and offender.destination != player.textbook.destination:
                skipped["to another address"] += 1
                continue
            if arguments.accepts and offender.flags & (SYN | ACK) == SYN:
                skipped["a SYN to a stack that accepts all"] += 1
                continue
        try:
            answers = player.ask(vector)
            found = compare(vector, answers) if answers is not None else []
            if arguments.only:
                print(f"offender: {vector['offender']}\nexpected: {vector.get('reset', 'silence')}")
                print("".join(f"answer:   {answer.raw.hex()}\n" for answer in answers or []), end="")
            skipped["too long for the device"] += answers is None
        except Crash as crash:
            crashes += 1
            found = [("wrong", str(crash))]
        findings += [(vector["name"], index + 2, row(vector), *each) for each in found]
    return findings, +skipped


def run(arguments, chosen):
    vectors, name = chosen["vectors"], arguments.tun or arguments.tap
    textbook = Packet(bytes.fromhex(vectors[0]["offender"]))

    def start():
        return subprocess.Popen(arguments.command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True,
                                preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG

    if arguments.kernel:
        own_namespace()
        device, start_stack = Kernel(name), lambda: None
        subprocess.run(arguments.command, check=True, timeout=60, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    elif arguments.command:
        own_namespace()
        kept = open_tun(name, 0x1001 if arguments.tun else 0x1002)  # IFF_TUN or IFF_TAP, IFF_NO_PI
        call_persist(kept)
        os.close(kept)
        bring_up(name, arguments.mtu)
        device, start_stack = Wire(name, bool(arguments.tap)), start
    else:
        device, start_stack = Wire(name, bool(arguments.tap)), lambda: None
    player = Player(device, textbook, arguments, start_stack)
    try:
        return play(player, vectors, arguments)
    finally:
        player.end()


def call_persist(fd):
    try:
        fcntl.ioctl(fd, 0x400454CB, 1)  # TUNSETPERSIST: it is there before the stack, and after it has ended
    except OSError as error:
        raise Failure(f"device: {error.strerror}") from error


# ---------------------------------------------------------------------------------------------- the report

def worst(findings):
    by_name = {}
    for name, _, _, severity, _ in findings:
        by_name[name] = min(by_name.get(name, 9), SEVERITIES.index(severity))
    return by_name


def report(chosen, findings, skipped, link, only):
    counts = collections.Counter(SEVERITIES[each] for each in worst(findings).values())
    if only:
        print("".join(f"{severity}: {at}: {difference}\n" for _, _, at, severity, difference in findings) or "same")
        return
    asked = len(chosen["vectors"]) - sum(skipped.values())
    rest = "".join(f", {count} not asked ({why})" for why, count in skipped.items())
    print(f"{chosen['name']}: {asked} vectors: {asked - sum(counts.values())} same, "
          + ", ".join(f"{counts[each]} {each}" for each in SEVERITIES) + rest)
    groups = {}
    for name, line, at, severity, difference in findings:
        groups.setdefault((SEVERITIES.index(severity), at, difference), []).append((name, line))
    if groups:
        print("\n| severity | row | what differs | vectors | such as |\n|---|---|---|--:|---|")
    for (severity, at, difference), members in sorted(groups.items()):
        shown = [f"[{name}]({link}{chosen['name']}.txt#L{line})" if link else name for name, line in members[:3]]
        print(f"| {SEVERITIES[severity]} | {at} | {difference} | {len(members)} | {', '.join(shown)} |")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage="%(prog)s (--tun NAME | --tap NAME) --set SET [OPTION...] [-- COMMAND...]")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--tun", metavar="NAME", help="the TUN device: IP packets")
    where.add_argument("--tap", metavar="NAME", help="the TAP device: Ethernet frames; ARP and neighbour discovery are answered")
    parser.add_argument("--set", required=True, help="which vectors: ipv4-tcp-stack and ipv6-tcp-stack for a host, "
                        "ipv4-netfilter and ipv6-netfilter for a firewall")
    parser.add_argument("--kernel", action="store_true", help="the kernel answers; COMMAND sets it up")
    parser.add_argument("--only", metavar="NAME", help="plays this vector alone, and prints the packets in hex")
    parser.add_argument("--any-address", action="store_true", help="the stack answers for every address; else vectors "
                        "to others than textbook-syn's are played only where silence is due")
    parser.add_argument("--accepts", action="store_true", help="the stack accepts every connection: a SYN that is "
                        "to be reset is not played")
    parser.add_argument("--vectors", metavar="FILE", type=pathlib.Path, default=VECTORS, help="vectors.json (default: that beside this "
                        "program, or the repository's)")
    parser.add_argument("--known", metavar="FILE", type=pathlib.Path, help="names of vectors, one a line, that do not fail the run")
    parser.add_argument("--fail-on", metavar="LIST", default="wrong", help="severities, of: wrong,silent,different (default: wrong)")
    parser.add_argument("--mtu", type=int, default=1500, help="of the device that is made (default: 1500)")
    parser.add_argument("--patience", metavar="MS", type=float, default=10, help="how long a late answer is waited for (default: 10)")
    parser.add_argument("--timeout", metavar="S", type=float, default=10, help="how long the fence is waited for (default: 10)")
    parser.add_argument("--link", metavar="PREFIX", help="makes names links to the vectors' text files in this folder")
    parser.add_argument("--json", action="store_true", help="prints the findings as JSON")
    own, command = sys.argv[1:], []
    if "--" in own:
        own, command = own[:own.index("--")], own[own.index("--") + 1:]
    arguments = parser.parse_args(own)
    arguments.command = command
    if arguments.kernel and not (command and arguments.tun):
        parser.error("--kernel needs --tun and a COMMAND that sets the namespace up")
    if len(arguments.tun or arguments.tap) > 15:
        parser.error("a device has a name of up to 15 characters")
    if not set(arguments.fail_on.split(",")) <= {*SEVERITIES, ""}:
        parser.error(f"--fail-on takes {','.join(SEVERITIES)}")
    return arguments


def load(path):
    try:
        return {each["name"]: each for each in json.loads(path.read_text())["sets"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} is no vectors.json") from error


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the stack is ended on the way
    arguments = parse()
    try:
        sets = load(arguments.vectors)
        chosen = sets.get(arguments.set)
        if chosen is None or chosen["profile"] == "destination":
            raise Failure(f"no such set: {arguments.set}; there are {', '.join(n for n in sets if 'destination' not in n)}")
        if arguments.only not in {None, *(vector["name"] for vector in chosen["vectors"])}:
            raise Failure(f"no such vector: {arguments.only}")
        known = set(arguments.known.read_text().split()) if arguments.known else set()
        findings, skipped = run(arguments, chosen)
    except (Failure, OSError, subprocess.SubprocessError) as error:
        print(f"conformance.py: {arguments.set}: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        keys = ("name", "line", "row", "severity", "difference")
        print(json.dumps({"set": chosen["name"], "vectors": len(chosen["vectors"]), "not_asked": skipped,
                          "findings": [dict(zip(keys, each)) for each in findings]}, indent=1))
    else:
        report(chosen, findings, skipped, arguments.link, arguments.only)
    fails = {name for name, _, _, severity, _ in findings if severity in arguments.fail_on.split(",")}
    repaired = known - {each[0] for each in findings}
    if repaired:
        print(f"conformance.py: in {arguments.known}, but without a finding: {', '.join(sorted(repaired))}", file=sys.stderr)
    return 1 if fails - known else 0


if __name__ == "__main__":
    sys.exit(main())
