#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sends recorded packets to a TCP/IP stack behind a TUN or TAP device, and prints where its resets differ from Linux's.

The device is made in a network namespace of its own, and COMMAND is run there: a program that opens the device and
answers. Without COMMAND the device exists already, and something answers on it. With --kernel, COMMAND is a script
that sets the device up and ends: then the kernel answers. Linux, iproute2 and Python 3.9 are needed, and
CAP_NET_ADMIN, as by `unshare --user --map-root-user` and a /dev/net/tun that may be opened.

Exit code: 1 for a finding as severe as --fail-on says, 2 if the vectors could not be sent, else 0.
"""

import argparse
import atexit
import collections
import ctypes
import errno
import fcntl
import fnmatch
import ipaddress
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
VECTORS = max(HERE / "vectors.json", HERE.parent / "testdata/vectors/vectors.json", key=os.path.exists)
SEVERITIES = ("wrong", "silent", "different")
SYN, RST, ACK = 2, 4, 16
MARKER_PORT = struct.pack("!H", 9)  # no vector has it
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP = 0x0003, 0x0800, 0x86DD, 0x0806
BROADCAST, IPV4_MAPPED = b"\xff" * 6, bytes(10) + b"\xff\xff"

Finding = collections.namedtuple("Finding", "name row severity difference")


# ---------------------------------------------------------------------------------------------- packets

def total(data):
    """The ones'-complement sum (RFC 1071), which is a remainder: 0xFFFF over what holds a correct checksum."""
    return int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF or 0xFFFF


def pseudo_header(addresses, protocol, length):
    """Of RFC 8200 §8.1; over IPv4 addresses it has the same sum as RFC 9293's."""
    return addresses + struct.pack("!II", length, protocol)


def seal(data, at, pseudo=b""):
    """The data with the checksum at offset `at` set right."""
    data = data[:at] + bytes(2) + data[at + 2:]
    return data[:at] + struct.pack("!H", 0xFFFF - total(pseudo + data)) + data[at + 2:]


class Packet:
    """A TCP packet, taken apart. `tcp` is None for what is not TCP or no whole packet."""

    def __init__(self, raw):
        self.raw, self.tcp, self.ip = raw, None, raw[0] >> 4 if raw else 0
        if self.ip == 4 and len(raw) >= 20:
            self.at, length, protocol = (raw[0] & 15) * 4, int.from_bytes(raw[2:4], "big"), raw[9]
            self.addresses, self.traffic_class, self.hop_limit = raw[12:20], raw[1], raw[8]
        elif self.ip == 6 and len(raw) >= 40:
            self.at, length, protocol = 40, 40 + int.from_bytes(raw[4:6], "big"), raw[6]
            self.addresses, self.traffic_class, self.hop_limit = raw[8:40], (raw[0] << 4 | raw[1] >> 4) & 0xFF, raw[7]
            while protocol in (0, 43, 44, 51, 60) and self.at + 8 <= length <= len(raw):
                size = {44: 8, 51: raw[self.at + 1] * 4 + 8}.get(protocol, raw[self.at + 1] * 8 + 8)
                protocol, self.at = raw[self.at], self.at + size
        else:
            return
        half = len(self.addresses) // 2
        self.source, self.destination = self.addresses[:half], self.addresses[half:]
        if protocol == 6 and self.at + 20 <= length <= len(raw):
            self.tcp = raw[self.at:length]
            fields = struct.unpack("!4sIIBBHHH", self.tcp[:20])
            self.ports, self.seq, self.ack, offset, self.flags, self.window, self.sum, self.urgent = fields
            self.header_len, self.reserved = offset // 16 * 4, offset & 15

    def is_sum_right(self):
        return total(pseudo_header(self.addresses, 6, len(self.tcp)) + self.tcp) == 0xFFFF


def segment(like, addresses, ports, seq, ack, flags):
    """A packet without data: the IP header is that of the packet `like`, with these addresses."""
    tcp = ports + struct.pack("!IIBBHHH", seq, ack, 0x50, flags, 1024, 0, 0)
    tcp = seal(tcp, 16, pseudo_header(addresses, 6, len(tcp)))
    return (seal(like.raw[:12] + addresses, 10) if like.ip == 4 else like.raw[:8] + addresses) + tcp


def names(flags):
    bits = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
    return "/".join(name for bit, name in enumerate(bits) if flags >> bit & 1) or "no flags"


# ---------------------------------------------------------------------------------------------- comparison

# Silence is allowed for these addresses although an answer was recorded: RFC 1122 §3.2.1.3 forbids them on a network, and
# the kernel that was recorded had been configured to answer them.
MARTIANS = [ipaddress.ip_network(each) for each in ("0.0.0.0/8", "127.0.0.0/8", "240.0.0.0/4", "::/8", "fe80::/10")]


def row(vector):
    """The row of the contract: README's table for resets, the reason for silence."""
    if "silence" in vector:
        return f"silence: {vector['silence']}"
    return "RST for ACK" if Packet(bytes.fromhex(vector["reset"])).flags == RST else "RST/ACK for no ACK"


def compare(vector, answers):
    """What differs, as pairs of severity and difference."""
    offender = Packet(bytes.fromhex(vector["offender"]))
    if answers and not answers[0].flags & RST:
        return [("wrong", "answered with " + names(answers[0].flags))]
    if "silence" in vector:
        return [("different" if is_open(vector["silence"], offender) else "wrong", "answered")] * bool(answers)
    if answers:
        found = compare_reset(offender, Packet(bytes.fromhex(vector["reset"])), answers[0])
        return found + [("different", "more than one answer")] * (len(answers) > 1)
    addresses = [ipaddress.ip_address(each) for each in (offender.source, offender.destination)]
    if addresses[0] == addresses[1] or any(each in network for each in addresses for network in MARTIANS):
        return [("different", "no answer to an address that must not appear on a network")]
    return [("silent", "no answer")]


def is_open(reason, offender):
    """Whether RFC 9293 lets a stack reset what Linux does not: from or to an IPv4-mapped address, or with an
    impossible data offset, which Linux's own firewall does not check."""
    is_address = reason in ("Source", "Destination")
    return reason == "DataOffset" or is_address and IPV4_MAPPED in (offender.source[:12], offender.destination[:12])


def compare_reset(offender, expected, answer):
    """Wrong is what keeps the peer from accepting the reset (RFC 9293 §3.5.3, §3.10.7), or the network from
    carrying it."""
    # RFC 9293 has no rule for the length of a segment whose data offset is impossible.
    numbers = "wrong" if 20 <= offender.header_len <= len(offender.tcp) else "different"
    has_ack, raw = answer.flags & ACK, answer.raw
    # Each check: the condition, how severe it is if that is false, and the name of the difference.
    checks = [
        (answer.addresses == expected.addresses, "wrong", "addresses"),
        (answer.ports == expected.ports, "wrong", "ports"),
        (answer.is_sum_right(), "wrong", "TCP checksum"),
        (answer.flags & ~(RST | ACK) == 0, "different", "flags " + names(answer.flags)),
        (answer.window == 0, "different", "window not 0"),
        (answer.urgent == 0, "different", "urgent pointer not 0"),
        (answer.reserved == 0, "different", "reserved bits not 0"),
        (answer.header_len == 20, "different", "TCP options"),
        (len(answer.tcp) <= answer.header_len, "different", "data in the reset"),
        (answer.sum == expected.sum or {answer.sum, expected.sum} != {0, 0xFFFF}, "different", "other zero checksum"),
        (answer.hop_limit == 64, "different" if answer.hop_limit else "wrong", f"hop limit {answer.hop_limit}"),
        (answer.traffic_class == expected.traffic_class, "different", "traffic class"),
        (answer.ip == 6 or total(raw[:answer.at]) == 0xFFFF, "wrong", "IPv4 header checksum"),
        (answer.ip == 6 or int.from_bytes(raw[6:8], "big") & 0x3FFF == 0, "wrong", "a fragment"),
        (answer.ip == 6 or raw[6] & 0x40, "different", "DF not set"),
        (answer.ip == 6 or raw[4:6] == bytes(2), "different", "IPv4 ID not 0"),
        (answer.ip == 4 or int.from_bytes(raw[1:4], "big") & 0xFFFFF == 0, "different", "flow label not 0"),
        (answer.at == expected.at, "different", "IPv4 options" if answer.ip == 4 else "extension headers"),
    ]
    if expected.flags == RST:
        checks += [
            (answer.seq == expected.seq, numbers, "SEQ is not the offender's ACK"),
            (not has_ack, "different", "RST/ACK"),
            (has_ack or answer.ack == 0, "different", "ACK field not 0"),
        ]
    else:
        # A peer in SYN-SENT accepts the acknowledgment of anything it has sent, data of its SYN or not.
        covered, due = ((each.ack - offender.seq) % 2**32 for each in (answer, expected))
        other_ack = (numbers, "ACK is not SEQ + length")
        if offender.flags & SYN and 0 < covered <= due:
            other_ack = ("different", "ACK leaves out data or FIN of a SYN")
        checks += [
            (has_ack, "wrong", "RST without ACK"),
            (not has_ack or covered == due, *other_ack),
            (answer.seq == 0, "different", "SEQ not 0"),
        ]
    return [(severity, difference) for is_so, severity, difference in checks if not is_so]


# ---------------------------------------------------------------------------------------------- the device

class Kernel:
    """The end of a TUN device that a program holds: the kernel answers."""

    def __init__(self, name, protocol):
        self.fd, self.protocol = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK), protocol
        # TUNSETIFF with IFF_TUN: four bytes that name the protocol stand before each packet.
        fcntl.ioctl(self.fd, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x0001))

    def send(self, packet):
        os.write(self.fd, struct.pack("!HH", 0, self.protocol) + packet)

    def receive(self):
        return os.read(self.fd, 1 << 17)[4:]


class Wire:
    """The other end of a TUN or TAP device, where the kernel would be: the program that holds the device answers."""

    def __init__(self, name, protocol):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.bind((name, ETH_P_ALL))
        self.socket.setblocking(False)
        self.fd, self.name, self.protocol = self.socket.fileno(), name, protocol
        self.our_mac = self.socket.getsockname()[4]  # a TUN device has none
        self.mac = BROADCAST[:len(self.our_mac)]

    def send(self, packet):
        if self.mac == BROADCAST:
            self.ask_for_mac(Packet(packet))
        self.transmit(packet, self.protocol, self.mac)

    def transmit(self, packet, protocol, mac):
        self.socket.sendto(packet, (self.name, protocol, 0, 0, mac))

    def receive(self):
        packet, (_, protocol, kind, _, mac) = self.socket.recvfrom(1 << 17)
        if kind == socket.PACKET_OUTGOING:
            return b""
        self.mac = mac
        if protocol == ETH_P_ARP and packet[6:8] == b"\0\1" and packet[14:18] not in (bytes(4), packet[24:28]):
            self.transmit(packet[:7] + b"\2" + self.our_mac + packet[24:28] + packet[8:18], ETH_P_ARP, mac)
        if protocol == ETH_P_IPV6 and packet[6:7] == b"\x3a" and packet[40:41] == b"\x87" and any(packet[8:24]):
            target = packet[48:64]
            advertisement = self.neighbour(target + packet[8:24], b"\x88\0\0\0\x60\0\0\0" + target + b"\2\1")
            self.transmit(advertisement, ETH_P_IPV6, mac)
        return packet if protocol in (ETH_P_IP, ETH_P_IPV6) else b""

    def ask_for_mac(self, like):
        """The first frame of any kind contains its address, such as the answer to this."""
        if like.ip == 4:
            request = b"\0\1\x08\0\6\4\0\1" + self.our_mac + like.source + bytes(6) + like.destination
            self.transmit(request, ETH_P_ARP, BROADCAST)
        else:
            group = bytes.fromhex("ff0200000000000000000001ff") + like.destination[13:]
            solicitation = self.neighbour(like.source + group, b"\x87" + bytes(7) + like.destination + b"\1\1")
            self.transmit(solicitation, ETH_P_IPV6, b"\x33\x33" + group[12:])

    def neighbour(self, addresses, icmp):
        """Neighbour discovery (RFC 4861): the message ends with our hardware address."""
        icmp = seal(icmp + self.our_mac, 2, pseudo_header(addresses, 58, len(icmp) + 6))
        return struct.pack("!IHBB", 6 << 28, len(icmp), 58, 255) + addresses + icmp


def make_device(arguments, protocol):
    """A namespace with the device, unless the device is there already; returns our end, and what starts the stack."""
    name, command = arguments.tun or arguments.tap or arguments.kernel, arguments.command
    if not command:
        return (Kernel if arguments.kernel else Wire)(name, protocol), lambda: None
    if ctypes.CDLL(None).unshare(0x40000000):  # CLONE_NEWNET
        raise RuntimeError("no network namespace: run it as root, or under `unshare --user --map-root-user`")
    if arguments.kernel:
        device = Kernel(name, protocol)
        subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        return device, lambda: None
    subprocess.run(["ip", "tuntap", "add", "dev", name, "mode", "tun" if arguments.tun else "tap"], check=True)
    for setting in pathlib.Path("/proc/sys/net/ipv6/conf").glob(f"{name}/disable_ipv6"):
        setting.write_text("1")  # nobody but the stack talks on the device
    subprocess.run(["ip", "link", "set", "dev", name, "up"], check=True)
    return Wire(name, protocol), lambda: subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True,
        preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG


# ---------------------------------------------------------------------------------------------- sending

class Player:
    """Sends one packet at a time. After each comes a marker segment, to another port: when its reset arrives, no earlier
    answer can follow. Where nothing or something wrong comes, the packet is sent again with a longer wait."""

    def __init__(self, arguments, textbook):
        self.arguments, self.textbook = arguments, textbook
        self.device, self.start = make_device(arguments, ETH_P_IP if textbook.ip == 4 else ETH_P_IPV6)
        self.child = self.start()
        self.starts, self.markers, self.marker_flags = 1, 0, ACK

    def send_marker(self):
        """Sends a marker segment, and returns the ports of its answer."""
        self.markers += 1
        port = struct.pack("!H", 50000 + self.markers % 10000)
        what = port + MARKER_PORT, 1000, 2000, self.marker_flags
        self.device.send(segment(self.textbook, self.textbook.addresses, *what))
        return MARKER_PORT + port

    def find_marker(self):
        """Which segment the stack always answers."""
        end = time.monotonic() + self.arguments.timeout
        while time.monotonic() < end and not self.has_ended():
            for self.marker_flags in (ACK, SYN):
                if self.collect(0.2, self.send_marker())[1]:
                    return
        why = f"the stack ended with code {self.child.returncode}" if self.has_ended() else "nothing answers"
        raise RuntimeError(f"{why}: no answer to an ACK or a SYN to port 9")

    def collect(self, seconds, marker=None):
        """The TCP packets that come before the answer to the marker segment, and whether that came."""
        answers, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.device.fd], [], [], min(left, 0.1))[0]:
                if self.has_ended():
                    break
                continue
            packet = Packet(self.device.receive())
            if packet.tcp is None:
                continue
            if packet.flags & (RST | SYN) == SYN:  # it has accepted: nothing may stay open
                turned = packet.destination + packet.source, packet.ports[2:] + packet.ports[:2]
                self.device.send(segment(self.textbook, *turned, packet.ack, 0, RST))
            if packet.ports == marker:
                return answers, True
            if packet.ports[:2] != MARKER_PORT:
                answers.append(packet)
        return answers, False

    def ask(self, vector):
        """The answers, and what differs."""
        for patience in (0, self.arguments.patience / 1000):
            self.collect(patience)  # late answers to the first time
            self.device.send(bytes.fromhex(vector["offender"]))
            answers, _ = self.collect(patience)
            more, came = self.collect(self.arguments.timeout, self.send_marker())
            answers += more
            if not came:
                return answers, [("wrong", self.start_again(vector))]
            found = compare(vector, answers)
            if all(severity == "different" for severity, _ in found):
                break
        return answers, found

    def start_again(self, vector):
        if self.child is None:
            raise RuntimeError(f"the stack answers nothing any more after {vector['name']}")
        has_ended, code = self.has_ended(), self.child.returncode
        self.end()
        self.child, self.starts = self.start(), self.starts + 1
        self.find_marker()
        return f"the stack ended with code {code}" if has_ended else "no answer to anything any more"

    def has_ended(self):
        return self.child is not None and self.child.poll() is not None

    def end(self):
        if self.child and not self.has_ended():
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()

    def why_not(self, vector):
        """Why the vector is not asked, or None."""
        offender = Packet(bytes.fromhex(vector["offender"]))
        if self.starts > 20:
            return "after 20 starts"
        if "reset" in vector and not self.arguments.any_address and offender.destination != self.textbook.destination:
            return "to another address"
        if "reset" in vector and self.arguments.accepts and offender.flags & (SYN | ACK) == SYN:
            return "a SYN to a stack that accepts all"
        return None

    def play(self, vectors):
        """The findings; and how many vectors were not asked, by reason."""
        findings, skipped = [], collections.Counter()
        self.find_marker()
        for vector in vectors:
            if why := self.why_not(vector):
                skipped[why] += 1
                continue
            try:
                answers, found = self.ask(vector)
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise
                skipped["too long for the device"] += 1
                continue
            findings += [Finding(vector["name"], row(vector), *each) for each in found]
            if self.arguments.only != "*":
                print(f"offender: {vector['offender']}\nexpected: {vector.get('reset', 'silence')}")
                print(*(f"answer:   {answer.raw.hex()}\n" for answer in answers), sep="")
        return findings, skipped


# ---------------------------------------------------------------------------------------------- the report

def report(arguments, count, findings, skipped):
    name, count = arguments.set, count - sum(skipped.values())
    worst = {each.name: each.severity for each in sorted(findings, key=lambda each: -SEVERITIES.index(each.severity))}
    print(f"{name}: {count} vectors: {count - len(worst)} same"
          + "".join(f", {list(worst.values()).count(severity)} {severity}" for severity in SEVERITIES)
          + "".join(f", {number} not asked ({why})" for why, number in skipped.items()))
    groups = collections.defaultdict(list)
    for each in findings:
        shown = f"[{each.name}]({arguments.link}{name}.txt)" if arguments.link else each.name
        groups[SEVERITIES.index(each.severity), each.row, each.difference].append(shown)
    if groups:
        print("\n| severity | row | what differs | vectors | such as |\n|---|---|---|--:|---|")
    for (severity, at, difference), members in sorted(groups.items()):
        shown = ", ".join(members if arguments.all else members[:3])
        print(f"| {SEVERITIES[severity]} | {at} | {difference} | {len(members)} | {shown} |")


def parse(sets):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage="%(prog)s --tun|--tap|--kernel NAME --set SET [OPTION...] [-- COMMAND...]")
    option, flag = parser.add_argument, {"action": "store_true"}
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--tun", metavar="NAME", help="the TUN device: IP packets")
    where.add_argument("--tap", metavar="NAME", help="the TAP device: Ethernet frames; ARP and the like are answered")
    where.add_argument("--kernel", metavar="NAME", help="the TUN device where the kernel answers; COMMAND sets it up")
    option("--set", required=True, choices=sets, help="the vectors: tcp-stack for a host, netfilter for a firewall")
    option("--any-address", **flag, help="the stack answers for every address; else only for that of textbook-syn")
    option("--accepts", **flag, help="the stack accepts every connection: a SYN that is to be reset is not sent")
    option("--only", metavar="NAME", default="*", help="sends this vector, or all like 'flags-*', and prints packets")
    option("--all", **flag, help="names all vectors that differ, not three of each kind")
    option("--link", metavar="PREFIX", help="makes names links to the vectors' text files in this folder")
    option("--fail-on", choices=("nothing", *SEVERITIES), default="wrong", help="this or worse (default: wrong)")
    option("--known", metavar="FILE", help="names of vectors, one a line, that do not fail the run")
    option("--patience", metavar="MS", type=float, default=10, help="how long to wait for a late answer (default: 10)")
    option("--timeout", metavar="S", type=float, default=10, help="how long to wait for the marker's reset (default: 10)")
    option("command", nargs="*", metavar="-- COMMAND", help="the stack, or what sets the kernel up")
    return parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the stack is ended on the way
    sets = json.loads(VECTORS.read_text())["sets"]
    sets = {each["name"]: each["vectors"] for each in sets if each["profile"] != "destination"}
    arguments = parse(sets)
    chosen = sets[arguments.set]
    vectors = [each for each in chosen if fnmatch.fnmatchcase(each["name"], arguments.only)]
    if not vectors:
        raise RuntimeError(f"no such vector: {arguments.only}")
    known = pathlib.Path(arguments.known).read_text().split() if arguments.known else []
    player = Player(arguments, Packet(bytes.fromhex(chosen[0]["offender"])))
    atexit.register(player.end)
    findings, skipped = player.play(vectors)
    report(arguments, len(vectors), findings, skipped)
    if repaired := set(known) - {each.name for each in findings}:
        print(f"in {arguments.known}, but without a finding: {', '.join(sorted(repaired))}", file=sys.stderr)
    failing = SEVERITIES[:("nothing", *SEVERITIES).index(arguments.fail_on)]
    return int(any(each.severity in failing and each.name not in known for each in findings))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
        print(f"conformance.py: {problem}", file=sys.stderr)
        sys.exit(2)
