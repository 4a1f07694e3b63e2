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
import collections
import concurrent.futures
import ctypes
import dataclasses
import enum
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
import typing
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = max(HERE / "vectors.json", HERE.parent / "testdata/vectors/vectors.json", key=os.path.exists)

FIN, SYN, RST, ACK = 1, 2, 4, 16
ICMP, TCP, ICMPV6 = 1, 6, 58
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS = 0, 43, 44, 51, 60
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS)

# Version and header length, TOS, total length, ID, flags and fragment offset, TTL, protocol, checksum, two addresses.
IPV4_HEADER = struct.Struct("!BBHHHBBH4s4s")
IPV4_CHECKSUM_AT = 10
DONT_FRAGMENT, MORE_FRAGMENTS_AND_OFFSET = 0x4000, 0x3FFF
# Version, traffic class and flow label; payload length, next header, hop limit, two addresses.
IPV6_HEADER = struct.Struct("!IHBB16s16s")
# Both ports, SEQ, ACK, data offset and reserved bits, flags, window, checksum, urgent pointer.
TCP_HEADER = struct.Struct("!4sIIBBHHH")
TCP_CHECKSUM_AT = 16
# Type, code, checksum, identifier, sequence number: an echo. Neighbour discovery has the same first three.
ICMP_HEADER = struct.Struct("!BBHHH")
ICMP_CHECKSUM_AT = 2
# Hardware, protocol, their address lengths, operation; the sender's MAC and address, the target's MAC and address.
ARP_PACKET = struct.Struct("!HHBBH6s4s6s4s")
ARP_REQUEST, ARP_REPLY = 1, 2
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 135, 136
# Type, code, checksum, flags, the address that is asked for.
NEIGHBOUR_MESSAGE = struct.Struct("!BBHI16s")
SOURCE_MAC, TARGET_MAC = b"\1\1", b"\2\1"  # options of one unit of eight bytes
SOLICITED_AND_OVERRIDE = 0x6000_0000
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP = 0x0003, 0x0800, 0x86DD, 0x0806
BROADCAST_MAC = b"\xff" * 6

LIBC = ctypes.CDLL(None)
CLONE_NEWNET, PR_SET_PDEATHSIG = 0x4000_0000, 1

MARKER_PORT = 9  # no vector has it
ECHO_IDENTIFIER = 9


class Severity(enum.IntEnum):
    """How bad a difference is. README.md explains the names."""
    LOOKS = 1
    DIFFERENT = 2
    SILENT = 3
    WRONG = 4

    def __str__(self):
        return self.name.lower()


LOOKS, DIFFERENT, SILENT, WRONG = Severity


class Finding(typing.NamedTuple):
    part: str  # "TCP" or "IP"
    severity: Severity
    difference: str


# ---------------------------------------------------------------------------------------------- packets

def total(data):
    """The ones'-complement sum (RFC 1071), which is a remainder: 0xFFFF over what holds a correct checksum."""
    return int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF or 0xFFFF


def pseudo_header(source, destination, protocol, length):
    """Of RFC 8200 §8.1; over IPv4 addresses it has the same sum as RFC 9293's."""
    return source + destination + struct.pack("!II", length, protocol)


def seal(data, at, pseudo=b""):
    """The data with the checksum at offset `at` set right."""
    data = data[:at] + bytes(2) + data[at + 2:]
    return data[:at] + struct.pack("!H", 0xFFFF - total(pseudo + data)) + data[at + 2:]


class Packet:
    """A packet, taken apart. `destination` is None for what has no whole IP header, and `tcp` is None for what is not TCP,
    or no whole packet."""

    def __init__(self, raw):
        self.raw, self.tcp, self.icmp, self.source, self.destination = raw, None, None, None, None
        self.version = raw[0] >> 4 if raw else 0
        if self.version == 4 and len(raw) >= IPV4_HEADER.size:
            protocol = self.read_ipv4()
        elif self.version == 6 and len(raw) >= IPV6_HEADER.size:
            protocol = self.read_ipv6()
        else:
            return
        payload = raw[self.header_len:self.total_len]
        if self.total_len <= len(raw) and protocol == TCP and len(payload) >= TCP_HEADER.size:
            self.read_tcp(payload)
        if self.total_len <= len(raw) and protocol in (ICMP, ICMPV6) and len(payload) >= ICMP_HEADER.size:
            self.icmp = payload

    def read_ipv4(self):
        version_and_length, self.traffic_class, self.total_len, self.id, fragment, self.hop_limit, protocol, _, \
            self.source, self.destination = IPV4_HEADER.unpack_from(self.raw)
        self.header_len, self.flow_label = version_and_length % 16 * 4, 0
        self.has_df, self.is_fragment = bool(fragment & DONT_FRAGMENT), bool(fragment & MORE_FRAGMENTS_AND_OFFSET)
        return protocol

    def read_ipv6(self):
        first, payload_len, protocol, self.hop_limit, self.source, self.destination = IPV6_HEADER.unpack_from(self.raw)
        self.traffic_class, self.flow_label = first >> 20 & 0xFF, first & 0xFFFFF
        self.header_len, self.total_len = IPV6_HEADER.size, IPV6_HEADER.size + payload_len
        while protocol in EXTENSIONS and self.header_len + 8 <= self.total_len <= len(self.raw):
            next_header, length = self.raw[self.header_len:self.header_len + 2]
            size = {FRAGMENT: 8, AUTHENTICATION: length * 4 + 8}.get(protocol, length * 8 + 8)
            protocol, self.header_len = next_header, self.header_len + size
        return protocol

    def read_tcp(self, segment):
        self.tcp = segment
        self.ports, self.seq, self.ack, offset, self.flags, self.window, self.checksum, self.urgent = \
            TCP_HEADER.unpack_from(segment)
        self.data_offset, self.reserved = offset // 16 * 4, offset % 16

    def is_tcp_checksum_right(self):
        return total(pseudo_header(self.source, self.destination, TCP, len(self.tcp)) + self.tcp) == 0xFFFF

    def is_header_checksum_right(self):
        return self.version == 6 or total(self.raw[:self.header_len]) == 0xFFFF

    def is_reset(self):
        return bool(self.flags & RST)

    def connection(self):
        """Addresses and ports, as the packet has them."""
        return self.source, self.destination, self.ports

    def answered_connection(self):
        """Addresses and ports that an answer to this packet has."""
        return self.destination, self.source, self.ports[2:] + self.ports[:2]

    def identity(self):
        """What a router leaves as it is."""
        return *self.connection(), self.seq, self.ack, self.flags


def ip_packet(source, destination, protocol, payload):
    if len(source) == 4:
        length = IPV4_HEADER.size + len(payload)
        header = IPV4_HEADER.pack(0x45, 0, length, 0, DONT_FRAGMENT, 64, protocol, 0, source, destination)
        return seal(header, IPV4_CHECKSUM_AT) + payload
    hop_limit = 255 if protocol == ICMPV6 else 64  # neighbour discovery asks for 255 (RFC 4861 §7.1)
    return IPV6_HEADER.pack(6 << 28, len(payload), protocol, hop_limit, source, destination) + payload


def tcp_packet(source, destination, ports, seq, ack, flags):
    """A segment without options and data."""
    segment = TCP_HEADER.pack(ports, seq, ack, 5 << 4, flags, 1024, 0, 0)
    segment = seal(segment, TCP_CHECKSUM_AT, pseudo_header(source, destination, TCP, len(segment)))
    return ip_packet(source, destination, TCP, segment)


def icmp_packet(source, destination, message):
    protocol = ICMP if len(source) == 4 else ICMPV6
    pseudo = b"" if protocol == ICMP else pseudo_header(source, destination, protocol, len(message))
    return ip_packet(source, destination, protocol, seal(message, ICMP_CHECKSUM_AT, pseudo))


def flag_names(flags):
    bits = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
    return "/".join(name for bit, name in enumerate(bits) if flags >> bit & 1) or "no flags"


# ---------------------------------------------------------------------------------------------- comparison

# Silence is allowed for these addresses although an answer was recorded: RFC 1122 §3.2.1.3 forbids them on a network, and
# the kernel that was recorded had been configured to answer them.
MARTIANS = [ipaddress.ip_network(each) for each in ("0.0.0.0/8", "127.0.0.0/8", "240.0.0.0/4", "::/8", "fe80::/10")]
IPV4_MAPPED = ipaddress.ip_network("::ffff:0:0/96")


class Vector:
    def __init__(self, fields):
        self.name, self.offender = fields["name"], Packet(bytes.fromhex(fields["offender"]))
        self.reset = Packet(bytes.fromhex(fields["reset"])) if "reset" in fields else None
        self.silence = fields.get("silence")

    def row(self):
        """The rule: README's table for resets, the reason for silence."""
        if not self.reset:
            return f"silence: {self.silence}"
        return "RST for ACK" if self.reset.flags == RST else "RST/ACK for no ACK"

    def addresses(self):
        return [ipaddress.ip_address(each) for each in (self.offender.source, self.offender.destination)]

    def is_open(self):
        """Whether RFC 9293 lets a stack reset what Linux does not: from or to an IPv4-mapped address, or with an
        impossible data offset, which Linux's own firewall does not check."""
        return self.silence == "DataOffset" or (
            self.silence in ("Source", "Destination") and any(each in IPV4_MAPPED for each in self.addresses()))

    def has_martian(self):
        source, destination = self.addresses()
        return source == destination or any(source in each or destination in each for each in MARTIANS)


def compare(vector, answers):
    """The findings: what differs in the answers from Linux's."""
    if not answers and vector.reset and vector.has_martian():
        return [Finding("TCP", DIFFERENT, "no answer to an address that must not appear on a network")]
    if not answers and vector.reset:
        return [Finding("TCP", SILENT, "no answer")]
    findings = [finding for answer in answers for finding in compare_answer(vector, answer)]
    if vector.reset and len(answers) > 1:
        findings.append(Finding("TCP", DIFFERENT, "more than one answer"))
    return list(dict.fromkeys(findings))


def compare_answer(vector, answer):
    if not answer.is_reset():
        return [Finding("TCP", WRONG, "answered with " + flag_names(answer.flags))]
    if not vector.reset:
        return [Finding("TCP", DIFFERENT if vector.is_open() else WRONG, "answered")]
    return compare_ip(vector.reset, answer) + compare_tcp(vector.reset, answer) + compare_numbers(vector, answer)


# Each of these lists the checks: the condition, how severe it is if that is false, and the name of the difference. Wrong is
# what keeps the network from carrying the reset, or the peer from accepting it (RFC 9293 §3.5.3, §3.10.7).

def failed(part, checks):
    return [Finding(part, severity, difference) for is_so, severity, difference in checks if not is_so]


def compare_ip(expected, answer):
    checks = [
        ((answer.source, answer.destination) == (expected.source, expected.destination), WRONG, "addresses"),
        (answer.is_header_checksum_right(), WRONG, "IPv4 header checksum"),
        (answer.hop_limit == 64, LOOKS if answer.hop_limit else WRONG, f"hop limit {answer.hop_limit}"),
        (answer.traffic_class == expected.traffic_class, LOOKS, "traffic class"),
    ]
    if answer.version == 4:
        checks += [
            (not answer.is_fragment, WRONG, "a fragment"),
            (answer.has_df, LOOKS, "DF not set"),
            (answer.id == 0, LOOKS, "IPv4 ID not 0"),
            (answer.header_len == expected.header_len, LOOKS, "IPv4 options"),
        ]
    else:
        checks += [
            (answer.flow_label == 0, LOOKS, "flow label not 0"),
            (answer.header_len == expected.header_len, LOOKS, "extension headers"),
        ]
    return failed("IP", checks)


def compare_tcp(expected, answer):
    is_zero_checksum = {answer.checksum, expected.checksum} == {0, 0xFFFF}
    return failed("TCP", [
        (answer.ports == expected.ports, WRONG, "ports"),
        (answer.is_tcp_checksum_right(), WRONG, "TCP checksum"),
        (answer.flags & ~(RST | ACK) == 0, DIFFERENT, "flags " + flag_names(answer.flags)),
        (answer.window == 0, DIFFERENT, "window not 0"),
        (answer.urgent == 0, DIFFERENT, "urgent pointer not 0"),
        (answer.reserved == 0, DIFFERENT, "reserved bits not 0"),
        (answer.data_offset == TCP_HEADER.size, DIFFERENT, "TCP options"),
        (len(answer.tcp) <= answer.data_offset, DIFFERENT, "data in the reset"),
        (not is_zero_checksum, DIFFERENT, "other zero checksum"),
    ])


def compare_numbers(vector, answer):
    offender, expected, has_ack = vector.offender, vector.reset, answer.flags & ACK
    # RFC 9293 has no rule for the length of a segment whose data offset is impossible.
    is_length_known = TCP_HEADER.size <= offender.data_offset <= len(offender.tcp)
    wrong_number = WRONG if is_length_known else DIFFERENT
    if expected.flags == RST:
        return failed("TCP", [
            (answer.seq == expected.seq, wrong_number, "SEQ is not the offender's ACK"),
            (not has_ack, DIFFERENT, "RST/ACK"),
            (has_ack or answer.ack == 0, DIFFERENT, "ACK field not 0"),
        ])
    # A peer in SYN-SENT accepts the acknowledgment of anything it has sent, data of its SYN or not.
    acknowledged, sent = ((each.ack - offender.seq) % 2**32 for each in (answer, expected))
    other_ack = wrong_number, "ACK is not SEQ + length"
    if offender.flags & SYN and 0 < acknowledged <= sent:
        other_ack = DIFFERENT, "ACK leaves out data or FIN of a SYN"
    return failed("TCP", [
        (has_ack, WRONG, "RST without ACK"),
        (not has_ack or acknowledged == sent, *other_ack),
        (answer.seq == 0, DIFFERENT, "SEQ not 0"),
    ])


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
        self.mac = BROADCAST_MAC[:len(self.our_mac)]

    def send(self, packet):
        if self.mac == BROADCAST_MAC:
            self.ask_for_mac(Packet(packet))
        self.transmit(packet, self.protocol, self.mac)

    def transmit(self, packet, protocol, mac):
        self.socket.sendto(packet, (self.name, protocol, 0, 0, mac))

    def receive(self):
        raw, (_, protocol, kind, _, mac) = self.socket.recvfrom(1 << 17)
        if kind == socket.PACKET_OUTGOING:
            return b""
        self.mac = mac  # the first frame of any kind contains it
        if protocol == ETH_P_ARP and len(raw) >= ARP_PACKET.size:
            self.answer_arp(raw, mac)
        elif protocol == ETH_P_IPV6 and self.our_mac:
            self.answer_solicitation(Packet(raw), mac)
        return raw if protocol in (ETH_P_IP, ETH_P_IPV6) else b""

    def answer_arp(self, raw, mac):
        *kind, operation, their_mac, their_address, _, asked_for = ARP_PACKET.unpack_from(raw)
        is_probe_or_announcement = their_address in (bytes(4), asked_for)
        if operation == ARP_REQUEST and not is_probe_or_announcement:
            reply = ARP_PACKET.pack(*kind, ARP_REPLY, self.our_mac, asked_for, their_mac, their_address)
            self.transmit(reply, ETH_P_ARP, mac)

    def answer_solicitation(self, packet, mac):
        """Neighbour discovery (RFC 4861): the message ends with our hardware address."""
        is_whole = packet.icmp is not None and len(packet.icmp) >= NEIGHBOUR_MESSAGE.size
        if is_whole and packet.icmp[0] == NEIGHBOUR_SOLICITATION and any(packet.source):  # `::`: a probe
            *_, asked_for = NEIGHBOUR_MESSAGE.unpack_from(packet.icmp)
            message = NEIGHBOUR_MESSAGE.pack(NEIGHBOUR_ADVERTISEMENT, 0, 0, SOLICITED_AND_OVERRIDE, asked_for)
            advertisement = icmp_packet(asked_for, packet.source, message + TARGET_MAC + self.our_mac)
            self.transmit(advertisement, ETH_P_IPV6, mac)

    def ask_for_mac(self, packet):
        if packet.version == 4:
            request = ARP_PACKET.pack(1, ETH_P_IP, 6, 4, ARP_REQUEST, self.our_mac, packet.source, bytes(6),
                                      packet.destination)
            self.transmit(request, ETH_P_ARP, BROADCAST_MAC)
        else:
            group = bytes.fromhex("ff0200000000000000000001ff") + packet.destination[-3:]
            message = NEIGHBOUR_MESSAGE.pack(NEIGHBOUR_SOLICITATION, 0, 0, 0, packet.destination)
            solicitation = icmp_packet(packet.source, group, message + SOURCE_MAC + self.our_mac)
            self.transmit(solicitation, ETH_P_IPV6, b"\x33\x33" + group[-4:])


class Program:
    """The stack's program, or none if the stack runs already."""

    def __init__(self, command):
        self.command, self.child, self.starts = command, None, 0

    def start(self):
        self.starts += 1
        if self.command:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True,
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

    def has_ended(self):
        return self.child is not None and self.child.poll() is not None

    def end(self):
        if self.child and not self.has_ended():
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()


def make_device(arguments, protocol):
    """Our end of the device, and the stack's program. With a command, they are in a network namespace of their own."""
    name, command = arguments.tun or arguments.tap or arguments.kernel, arguments.command
    if command and LIBC.unshare(CLONE_NEWNET):  # of this thread
        raise RuntimeError("no network namespace: run it as root, or under `unshare --user --map-root-user`")
    if arguments.kernel:
        device = Kernel(name, protocol)
        if command:
            subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        return device, Program(None)
    if command:
        subprocess.run(["ip", "tuntap", "add", "dev", name, "mode", "tun" if arguments.tun else "tap"], check=True)
        for setting in pathlib.Path("/proc/sys/net/ipv6/conf").glob(f"{name}/disable_ipv6"):
            setting.write_text("1")  # nobody but the stack talks on the device
        subprocess.run(["ip", "link", "set", "dev", name, "up"], check=True)
    return Wire(name, protocol), Program(command)


# ---------------------------------------------------------------------------------------------- sending

MAX_STARTS = 20
ROW = 16  # how many packets are sent without a wait
COPIES = 8  # of a stack that we start: they are asked at the same time where most of the time is waiting
ACK_MARKER, SYN_MARKER, ECHO_MARKER = "an ACK to port 9", "a SYN to port 9", "an ICMP echo request"


@dataclasses.dataclass
class Result:
    vector: Vector
    skipped: str = ""  # why it was not asked
    answers: list = dataclasses.field(default_factory=list)
    findings: list = dataclasses.field(default_factory=list)
    has_stopped_stack: bool = False

    def stopped(self, how):
        self.findings, self.has_stopped_stack = [Finding("TCP", WRONG, how)], True

    def worst(self, part=None):
        return max((each.severity for each in self.findings if part in (None, each.part)), default=None)


def kinds(answers):
    """How many answers there are of each kind. Sequence numbers are left out: they may be random."""
    return collections.Counter((*each.connection(), each.flags) for each in answers)


def all_kinds(results):
    return kinds(answer for each in results for answer in each.answers)


class Player:
    """Sends one packet at a time. After each comes a marker, which the stack always answers: when its answer arrives, the
    stack has dealt with the packet. Where nothing or something wrong comes, the packet is sent again with a longer wait.
    `copy` makes another player, with a device and a stack of its own."""

    def __init__(self, device, program, textbook, arguments, copy=None):
        self.copy, self.device, self.program, self.textbook, self.arguments = copy, device, program, textbook, arguments
        self.patience = arguments.patience / 1000
        self.marker, self.markers, self.sent, self.notes = None, 0, set(), []
        self.has_late_answers, self.unattributed = False, 0

    def send(self, raw):
        packet = Packet(raw)
        if packet.tcp:
            self.sent.add(packet.identity())
        self.device.send(raw)

    # ------------------------------------------------------------------------------------------ the marker

    def send_marker(self):
        self.markers = (self.markers + 1) % 10000
        source, destination = self.textbook.source, self.textbook.destination
        if self.marker == ECHO_MARKER:
            kind = 8 if self.textbook.version == 4 else 128
            message = ICMP_HEADER.pack(kind, 0, 0, ECHO_IDENTIFIER, self.markers)
            self.device.send(icmp_packet(source, destination, message))
        else:
            ports = struct.pack("!HH", 50000 + self.markers, MARKER_PORT)
            self.send(tcp_packet(source, destination, ports, 1000, 2000, ACK if self.marker == ACK_MARKER else SYN))

    def is_marker_answer(self, packet):
        if self.marker == ECHO_MARKER:
            kind = 0 if self.textbook.version == 4 else 129
            return packet.icmp is not None and \
                (packet.icmp[0], *ICMP_HEADER.unpack_from(packet.icmp)[3:]) == (kind, ECHO_IDENTIFIER, self.markers)
        return packet.tcp is not None and packet.ports == struct.pack("!HH", MARKER_PORT, 50000 + self.markers)

    def answers_marker(self, marker):
        self.marker = marker
        self.send_marker()
        return self.collect(0.2, until_marker=True)[1]

    def find_marker(self):
        """Which packet the stack always answers. ICMP echo serves for a stack that sends no resets."""
        end, echoes = time.monotonic() + self.arguments.timeout, 0
        while time.monotonic() < end and not self.program.has_ended():
            if self.answers_marker(ACK_MARKER) or self.answers_marker(SYN_MARKER):
                return
            # The first one perhaps only shows that the stack has just started, or has resolved our address.
            echoes += self.answers_marker(ECHO_MARKER)
            if echoes == 3:
                self.note(f"it answers neither {ACK_MARKER} nor {SYN_MARKER}; {ECHO_MARKER} is the marker")
                return
        if self.program.has_ended():
            raise RuntimeError(f"the stack ended with code {self.program.child.returncode}")
        here, there = (ipaddress.ip_address(each) for each in (self.textbook.destination, self.textbook.source))
        raise RuntimeError(f"no answer to {ACK_MARKER}, {SYN_MARKER} or {ECHO_MARKER}: does the stack read the device, has "
                           f"it the address {here}, and a route to {there}?")

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    # ------------------------------------------------------------------------------------------ one vector

    def collect(self, seconds, until_marker=False):
        """The TCP packets that come in this time, or before the marker's answer; and whether that came."""
        answers, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.device.fd], [], [], min(left, 0.1))[0]:
                if self.program.has_ended():
                    break
                continue
            packet = Packet(self.device.receive())
            if until_marker and self.is_marker_answer(packet):
                self.close(packet)
                return answers, True
            if packet.tcp is None or packet.identity() in self.sent:  # forwarded: it is our own
                continue
            self.close(packet)
            if packet.ports[:2] != struct.pack("!H", MARKER_PORT):
                answers.append(packet)
        return answers, False

    def close(self, packet):
        """Resets a connection that the stack has accepted: nothing may stay open."""
        if packet.tcp and packet.flags & (RST | SYN) == SYN:
            self.send(tcp_packet(*packet.answered_connection(), packet.ack, 0, RST))

    def exchange(self, vector, patience):
        """The answers to one vector; and whether the stack still answered the marker after it."""
        self.send(vector.offender.raw)
        answers, _ = self.collect(patience)
        self.send_marker()
        more, came = self.collect(self.arguments.timeout, until_marker=True)
        return answers + more, came

    def ask(self, vector, waits):
        """The result with the first of these waits for late answers that gives none but harmless findings, or with the last."""
        result, seen = Result(vector, self.why_not(vector)), collections.Counter()
        if result.skipped:
            return result
        try:
            for wait in waits:
                result.answers, came = self.exchange(vector, wait)
                if not came:
                    result.stopped(self.start_again(vector.name))
                    break
                result.findings = compare(vector, result.answers)
                late, _ = self.collect(self.patience) if result.worst() in (SILENT, WRONG) else ([], False)
                # It was late, or belonged to the vector before, if it does not come a second time.
                self.has_late_answers |= bool(late or seen - kinds(result.answers))
                seen = kinds(result.answers)
                if len(result.answers) <= 1 and result.worst() not in (SILENT, WRONG):
                    break
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            result.skipped = "too long for the device"
        return result

    def start_again(self, after):
        if not self.program.command:
            raise RuntimeError(f"the stack answers nothing any more after {after}")
        has_ended = self.program.has_ended()
        self.program.end()
        code = self.program.child.returncode
        self.program.start()
        self.find_marker()
        return f"the stack ended with code {code}" if has_ended else "the stack answers nothing any more"

    def why_not(self, vector):
        """Why the vector is not asked, or ""."""
        offender, arguments = vector.offender, self.arguments
        if self.program.starts > MAX_STARTS:
            return f"after {MAX_STARTS} starts"
        if not arguments.any_address and self.is_for_another_host(offender):
            return "to another address"
        if vector.reset and arguments.accepts and offender.flags & (SYN | ACK) == SYN:
            return "a SYN to a stack that accepts all"
        return ""

    def is_for_another_host(self, offender):
        """A group or the unspecified address is none of another host: the stack itself must stay silent."""
        if offender.destination in (None, self.textbook.destination):
            return False
        address = ipaddress.ip_address(offender.destination)
        return not (address.is_multicast or address.is_unspecified or offender.destination == b"\xff" * 4)

    # ------------------------------------------------------------------------------------------ all vectors

    def play(self, vectors):
        """The results, in the order of the vectors."""
        self.program.start()
        self.find_marker()
        results = [self.ask(vector, (0, self.patience)) for vector in vectors]
        # A stack with several output queues may answer a packet after the marker.
        self.has_late_answers |= bool(self.collect(self.patience * 100)[0])
        in_rows = self.send_in_rows(results)
        if self.has_late_answers or in_rows - all_kinds(results):
            long = self.patience * 10
            self.note(f"some answers came after the marker's: each vector was asked again, with {long * 1000:g} ms for them")
            results = self.ask_again(results, long)
        self.unattributed = sum((in_rows - all_kinds(results)).values())
        if self.unattributed:
            self.note(f"{self.unattributed} answers came only when packets were sent in rows, or still later: it is not known "
                      "to which vectors; raise --patience")
        return results

    def ask_again(self, results, wait):
        """The results with a longer wait for late answers: each copy of the stack gets a part of the vectors."""
        if not self.copy:
            return self.ask_part(results, wait)
        size = -(-len(results) // COPIES)
        parts = [results[start:start + size] for start in range(0, len(results), size)]
        with concurrent.futures.ThreadPoolExecutor(COPIES) as executor:
            # Each thread has a network namespace of its own.
            again = list(executor.map(lambda part: self.copy().ask_alone(part, wait), parts))
        return [each for part in again for each in part]

    def ask_alone(self, results, wait):
        """As `ask_part`, by a player that was not started yet."""
        try:
            self.program.start()
            self.find_marker()
            return self.ask_part(results, wait)
        finally:
            self.program.end()

    def ask_part(self, results, wait):
        return [each if each.has_stopped_stack else self.ask(each.vector, (wait,)) for each in results]

    def send_in_rows(self, results):
        """Sends all vectors that were asked once more, without a wait after each but with a long one at the end; returns which
        answers came."""
        again = [each.vector for each in results if not each.skipped and not each.has_stopped_stack]
        answers = []
        for start in range(0, len(again), ROW):
            row = again[start:start + ROW]
            for vector in row:
                self.send(vector.offender.raw)
            self.send_marker()
            more, came = self.collect(self.arguments.timeout, until_marker=True)
            answers += more
            if not came and self.program.starts <= MAX_STARTS:
                how = self.start_again(f"{row[0].name} to {row[-1].name}")
                self.note(f"{how} when it got {row[0].name} to {row[-1].name} without a wait between them")
        return kinds(answers + self.collect(self.patience * 100)[0])


# ---------------------------------------------------------------------------------------------- the report

class Known:
    """Names and patterns of vectors that may fail, one a line; SET/NAME for one set alone."""

    def __init__(self, path, sets):
        self.path, self.patterns = path, []
        lines = pathlib.Path(path).read_text().splitlines() if path else []
        self.patterns = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        for pattern in self.patterns:
            if not any(self.is_like(pattern, name, each["name"]) for name, vectors in sets.items() for each in vectors):
                raise RuntimeError(f"{path}: no such vector in any set: {pattern}")

    @staticmethod
    def is_like(pattern, set_name, name):
        return fnmatch.fnmatchcase(f"{set_name}/{name}" if "/" in pattern else name, pattern)

    def has(self, set_name, name):
        return any(self.is_like(pattern, set_name, name) for pattern in self.patterns)

    def repaired(self, set_name, results, is_failing):
        """Patterns for vectors that were asked, none of which fails any more."""
        for pattern in self.patterns:
            asked = [each for each in results if not each.skipped and self.is_like(pattern, set_name, each.vector.name)]
            if asked and not any(is_failing(each) for each in asked):
                yield pattern


class Report:
    def __init__(self, arguments, version, results, player, known):
        self.arguments, self.version, self.results, self.known = arguments, version, results, known
        self.notes, self.unattributed = player.notes, player.unattributed
        self.asked = [each for each in results if not each.skipped]
        self.skipped = collections.Counter(each.skipped for each in results if each.skipped)
        self.threshold = None if arguments.fail_on == "nothing" else Severity[arguments.fail_on.upper()]

    def is_severe(self, result):
        return self.threshold is not None and (result.worst() or 0) >= self.threshold

    def is_known(self, result):
        return self.known.has(self.arguments.set, result.vector.name)

    def is_failing(self, result):
        return self.is_severe(result) and not self.is_known(result)

    def is_uncertain(self):
        return self.threshold is not None and self.unattributed > 0

    def has_failed(self):
        return self.is_uncertain() or any(map(self.is_failing, self.results))

    def counts(self):
        """How many vectors there are by their worst finding, and "same": where silence is expected; of those with a reset,
        by its TCP fields; and by its IP header, where a reset came."""
        silences = [each.worst() for each in self.asked if not each.vector.reset]
        resets = [each for each in self.asked if each.vector.reset]
        answered = [each for each in resets if each.answers and each.answers[0].is_reset()]
        columns = {"silences": silences, "tcp": [each.worst("TCP") for each in resets],
                   "ip": [each.worst("IP") for each in answered]}
        return {name: {str(severity or "same"): column.count(severity) for severity in (None, *Severity)}
                for name, column in columns.items()}

    def print(self):
        arguments, counts = self.arguments, self.counts()
        print(f"{arguments.set}, vectors version {self.version}: {len(self.asked)} asked"
              + "".join(f", {number} not asked ({why})" for why, number in self.skipped.items()))
        print("\n| | silence expected | reset expected: TCP fields | IP header of the resets |\n|---|--:|--:|--:|")
        for title, *names in (("as Linux", "same"), ("different, but valid", "different", "looks"),
                              ("no answer", "silent"), ("wrong", "wrong")):
            cells = (sum(column[name] for name in names) for column in counts.values())
            print(f"| {title} | " + " | ".join(map(str, cells)) + " |")
        for note in self.notes:
            print(f"\nNote: {note}.")
        self.print_findings()

    def print_findings(self):
        groups = collections.defaultdict(list)
        for result in self.asked:
            name, link = result.vector.name, self.arguments.link
            for each in result.findings:
                group = -each.severity, result.vector.row(), each.part, each.difference
                groups[group].append(f"[{name}]({link}{self.arguments.set}.txt)" if link else name)
        if groups:
            print("\n| severity | row | what differs | vectors | such as |\n|---|---|---|--:|---|")
        for (severity, row, part, difference), members in sorted(groups.items()):
            shown = ", ".join(members if self.arguments.all else members[:3])
            print(f"| {Severity(-severity)} | {row} | {part}: {difference} | {len(members)} | {shown} |")

    def write_json(self, path):
        results = [{
            "name": each.vector.name, "row": each.vector.row(), "skipped": each.skipped or None,
            "worst": str(each.worst()) if each.findings else None, "known": self.is_known(each),
            "offender": each.vector.offender.raw.hex(),
            "expected": each.vector.reset.raw.hex() if each.vector.reset else None,
            "answers": [answer.raw.hex() for answer in each.answers],
            "findings": [{**finding._asdict(), "severity": str(finding.severity)} for finding in each.findings],
        } for each in self.results]
        report = {"format": 1, "set": self.arguments.set, "vectors_version": self.version, "asked": len(self.asked),
                  "not_asked": self.skipped, "counts": self.counts(), "notes": self.notes,
                  "fail_on": self.arguments.fail_on, "failing": sum(map(self.is_failing, self.results)),
                  "unattributed": self.unattributed,
                  "results": results}
        pathlib.Path(path).write_text(json.dumps(report, indent=1) + "\n")

    def write_junit(self, path):
        """A case for each vector: it fails if the run does because of it, and is skipped if it is known or not asked."""
        element, add = xml.etree.ElementTree.Element, xml.etree.ElementTree.SubElement
        failing, severe = (sum(map(which, self.results)) for which in (self.is_failing, self.is_severe))
        skipped = len(self.results) - len(self.asked) + severe - failing
        suite = element("testsuite", name=self.arguments.set, tests=str(len(self.results)), failures=str(failing),
                        errors="0", skipped=str(skipped))
        for each in self.results:
            case = add(suite, "testcase", name=each.vector.name, classname=f"{self.arguments.set}.{each.vector.row()}")
            text = "; ".join(f"{finding.severity}: {finding.part}: {finding.difference}" for finding in each.findings)
            if each.skipped or self.is_severe(each) and self.is_known(each):
                add(case, "skipped", message=each.skipped or f"known: {text}")
            elif self.is_severe(each):
                add(case, "failure", type=str(each.worst()), message=text).text = packets(each)
            elif text:
                add(case, "system-out").text = text
        if self.is_uncertain():
            case = add(suite, "testcase", name="answers that belong to no vector", classname=self.arguments.set)
            add(case, "failure", type="wrong", message=self.notes[-1])
            suite.set("tests", str(len(self.results) + 1))
            suite.set("failures", str(failing + 1))
        xml.etree.ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def packets(result):
    answers = "".join(f"answer:   {answer.raw.hex()}\n" for answer in result.answers)
    expected = result.vector.reset.raw.hex() if result.vector.reset else "silence"
    name = f"{result.vector.name}: not asked ({result.skipped})" if result.skipped else result.vector.name
    return f"{name}\noffender: {result.vector.offender.raw.hex()}\nexpected: {expected}\n{answers}"


def parse(sets, words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage="%(prog)s --tun|--tap|--kernel NAME --set SET [OPTION...] [-- COMMAND...]")
    option, flag = parser.add_argument, {"action": "store_true"}
    severities = [str(each) for each in sorted(Severity, reverse=True)]
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
    option("--json", metavar="FILE", help="writes counts, findings and packets of all vectors into this file")
    option("--junit", metavar="FILE", help="writes a test case for each vector into this file")
    option("--fail-on", choices=("nothing", *severities), default="wrong", help="this or worse (default: wrong)")
    option("--known", metavar="FILE", help="names or patterns of vectors, one a line, that do not fail the run")
    option("--patience", metavar="MS", type=float, default=10,
           help="how long to wait for a late answer (default: 10); a hundred times as long at the end")
    option("--timeout", metavar="S", type=float, default=10, help="how long to wait for the marker's reset (default: 10)")
    option("command", nargs="*", metavar="-- COMMAND", help="the stack, or what sets the kernel up")
    return parser.parse_args(words)


def read_vectors():
    """The version of the vectors, and those of each set that a stack can be asked."""
    document = json.loads(VECTORS.read_text())
    if document["format"] != 1:
        raise RuntimeError(f"{VECTORS} has format {document['format']}: take the conformance.py that came with it")
    sets = {each["name"]: each["vectors"] for each in document["sets"]}
    return document["version"], sets


def run(words=None, make=make_device):
    version, sets = read_vectors()
    arguments = parse(sets, words)
    vectors = [Vector(each) for each in sets[arguments.set] if fnmatch.fnmatchcase(each["name"], arguments.only)]
    if not vectors:
        raise RuntimeError(f"no such vector: {arguments.only}")
    known = Known(arguments.known, sets)
    textbook = Vector(sets[arguments.set][0]).offender

    def new_player(copy=None):
        return Player(*make(arguments, ETH_P_IP if textbook.version == 4 else ETH_P_IPV6), textbook, arguments, copy)

    player = new_player(new_player if arguments.command else None)
    try:
        results = player.play(vectors)
    finally:
        player.program.end()
    if arguments.only != "*":
        print("\n".join(map(packets, results)))
    report = Report(arguments, version, results, player, known)
    report.print()
    if arguments.json:
        report.write_json(arguments.json)
    if arguments.junit:
        report.write_junit(arguments.junit)
    for pattern in known.repaired(arguments.set, results, report.is_severe):
        print(f"{arguments.known}: repaired, nothing there is {arguments.fail_on} any more: {pattern}", file=sys.stderr)
    return int(report.has_failed())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the stack is ended on the way
    try:
        sys.exit(run())
    except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
        print(f"conformance.py: {problem}", file=sys.stderr)
        sys.exit(2)
