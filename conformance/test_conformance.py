#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What conformance.py makes of answers that are right, wrong and different, and of stacks that are hard to ask. Needs neither
Linux nor root."""

import collections
import contextlib
import io
import ipaddress
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree

import conformance
from conformance import ACK, DIFFERENT, ICMP_HEADER, LOOKS, RST, SILENT, SYN, WRONG, Packet, Vector

sys.path.append(str(conformance.VECTORS.parent))
import formats

JSON = json.loads(conformance.VECTORS.read_text())
SETS = {each["name"]: {vector["name"]: vector for vector in each["vectors"]} for each in JSON["sets"]}


def edit(packet, *changes):
    """The packet with bytes replaced, each time `width` of them, and its lengths and checksums right again."""
    for at, width, new in changes:
        packet = packet[:at] + new + packet[at + width:]
    if packet[0] >> 4 == 4:
        end = (packet[0] & 15) * 4
        packet = conformance.seal(packet[:2] + len(packet).to_bytes(2, "big") + packet[4:end], 10) + packet[end:]
    else:
        packet = packet[:4] + (len(packet) - 40).to_bytes(2, "big") + packet[6:]
    parsed = Packet(packet)
    pseudo_header = conformance.pseudo_header(parsed.source, parsed.destination, 6, len(parsed.tcp))
    return packet[:parsed.header_len] + conformance.seal(parsed.tcp, 16, pseudo_header)


class Comparison(unittest.TestCase):
    def compare(self, name, *answers, of="ipv4-tcp-stack"):
        return conformance.compare(Vector(SETS[of][name]), [Packet(answer) for answer in answers])

    def reset(self, name, of="ipv4-tcp-stack"):
        return bytes.fromhex(SETS[of][name]["reset"])

    def test_own_answers_are_the_same(self):
        for name, vectors in SETS.items():
            for vector in vectors.values():
                answers = [Packet(bytes.fromhex(vector["reset"]))] if "reset" in vector else []
                self.assertEqual(conformance.compare(Vector(vector), answers), [], f"{name} {vector['name']}")

    def test_silence(self):
        self.assertEqual(self.compare("textbook-syn"), [("TCP", SILENT, "no answer")])
        self.assertEqual(self.compare("source-127.0.0.1")[0].severity, DIFFERENT)

    def test_numbers(self):
        seq, ack, flags, window, urgent = (4, 4), (8, 4), (13, 1), (14, 2), (18, 2)
        for of, start in (("ipv4-tcp-stack", 20), ("ipv6-tcp-stack", 40)):
            for name, (at, width), number, severity in [
                ("textbook-ack", seq, 0, WRONG),
                ("textbook-ack", ack, 7, DIFFERENT),
                ("textbook-ack", flags, 0x14, DIFFERENT),
                ("textbook-ack", flags, 0x10, WRONG),
                ("textbook-syn", flags, 0x04, WRONG),
                ("textbook-syn", flags, 0x12, WRONG),
                ("textbook-syn", flags, 0x15, DIFFERENT),
                ("textbook-syn", ack, 0x1F2083E8, WRONG),  # the SYN is not counted
                ("textbook-syn", ack, 0x1F2083EA, WRONG),
                ("textbook-syn", seq, 1, DIFFERENT),
                ("flags-02-data", ack, 0x1F2083E9, DIFFERENT),  # the SYN alone is acknowledged: the peer accepts it
                ("flags-01", ack, 0x1F2083E8, WRONG),  # the FIN is not counted
                ("flags-00-data", ack, 0x1F2083E8, WRONG),
                ("textbook-syn", window, 1, DIFFERENT),
                ("textbook-syn", urgent, 1, DIFFERENT),
            ]:
                with self.subTest(of=of, name=name, at=at, number=number):
                    answer = edit(self.reset(name, of), (start + at, width, number.to_bytes(width, "big")))
                    found = self.compare(name, answer, of=of)
                    self.assertEqual([each.severity for each in found], [severity], found)

    def test_headers(self):
        for of, part, severity, difference, *changes in [
            ("ipv4-tcp-stack", "IP", WRONG, "addresses", (12, 4, bytes([192, 0, 2, 7]))),
            ("ipv4-tcp-stack", "TCP", WRONG, "ports", (20, 2, b"\x12\x34")),
            ("ipv4-tcp-stack", "TCP", DIFFERENT, "reserved bits not 0", (32, 1, b"\x51")),
            ("ipv4-tcp-stack", "TCP", DIFFERENT, "TCP options", (32, 8, b"\x60\x14" + bytes(6) + b"\1\1\1\0")),
            ("ipv4-tcp-stack", "TCP", DIFFERENT, "data in the reset", (40, 0, b"data")),
            ("ipv4-tcp-stack", "IP", WRONG, "hop limit 0", (8, 1, b"\0")),
            ("ipv4-tcp-stack", "IP", LOOKS, "hop limit 255", (8, 1, b"\xff")),
            ("ipv4-tcp-stack", "IP", LOOKS, "traffic class", (1, 1, b"\1")),
            ("ipv4-tcp-stack", "IP", WRONG, "a fragment", (6, 1, b"\x60")),
            ("ipv4-tcp-stack", "IP", WRONG, "a fragment", (7, 1, b"\1")),
            ("ipv4-tcp-stack", "IP", LOOKS, "DF not set", (6, 1, b"\0")),
            ("ipv4-tcp-stack", "IP", LOOKS, "IPv4 ID not 0", (4, 2, b"\0\1")),
            ("ipv4-tcp-stack", "IP", LOOKS, "IPv4 options", (20, 0, b"\1\1\1\0"), (0, 1, b"\x46")),
            ("ipv6-tcp-stack", "IP", WRONG, "addresses", (8, 1, b"\x21")),
            ("ipv6-tcp-stack", "IP", LOOKS, "traffic class", (1, 1, b"\x10")),
            ("ipv6-tcp-stack", "IP", LOOKS, "flow label not 0", (3, 1, b"\1")),
            ("ipv6-tcp-stack", "IP", LOOKS, "hop limit 255", (7, 1, b"\xff")),
            ("ipv6-tcp-stack", "IP", LOOKS, "extension headers", (40, 0, b"\6\0\1\4\0\0\0\0"), (6, 1, b"\0")),
        ]:
            with self.subTest(of=of, difference=difference):
                found = self.compare("textbook-syn", edit(self.reset("textbook-syn", of), *changes), of=of)
                self.assertEqual(found, [(part, severity, difference)])

    def test_checksums(self):
        for of, at, finding in [
            ("ipv4-tcp-stack", 10, ("IP", WRONG, "IPv4 header checksum")),
            ("ipv4-tcp-stack", 36, ("TCP", WRONG, "TCP checksum")),
            ("ipv6-tcp-stack", 56, ("TCP", WRONG, "TCP checksum")),
        ]:
            right = self.reset("textbook-syn", of)
            broken = right[:at] + bytes([right[at] ^ 1]) + right[at + 1:]
            self.assertEqual(self.compare("textbook-syn", broken, of=of), [finding])
        zero = [name for name, vector in SETS["ipv6-tcp-stack"].items() if vector.get("reset", "")[112:116] == "ffff"]
        self.assertGreater(len(zero), 0)
        for name in zero:
            right = self.reset(name, "ipv6-tcp-stack")
            found = self.compare(name, right[:56] + bytes(2) + right[58:], of="ipv6-tcp-stack")
            self.assertEqual(found, [("TCP", DIFFERENT, "other zero checksum")])

    def test_two_answers(self):
        right = self.reset("textbook-syn")
        more = ("TCP", DIFFERENT, "more than one answer")
        self.assertEqual(self.compare("textbook-syn", right, right), [more])
        for second, finding in [
            (edit(right, (33, 1, b"\x12")), ("TCP", WRONG, "answered with SYN/ACK")),
            (edit(right, (33, 1, b"\x04")), ("TCP", WRONG, "RST without ACK")),
            (edit(right, (12, 1, b"\1")), ("IP", WRONG, "addresses")),
            (edit(right, (8, 1, b"\xff")), ("IP", LOOKS, "hop limit 255")),
        ]:
            self.assertEqual(self.compare("textbook-syn", right, second), [finding, more])

    def test_answers_that_nobody_wants(self):
        reset = self.reset("textbook-syn")
        for name in ("flags-04", "tcp-checksum-wrong-empty-0", "destination-224.0.0.1", "truncated-39", "protocol-17"):
            self.assertEqual(self.compare(name, reset), [("TCP", WRONG, "answered")], name)
        self.assertEqual(self.compare("data-offset-0-segment-20", reset), [("TCP", DIFFERENT, "answered")])

    def test_extension_headers_are_walked(self):
        found = [v for v in SETS["ipv6-tcp-stack"].values() if v["name"].startswith("extension-") and "reset" in v]
        self.assertGreater(len(found), 5)
        for vector in found:
            self.assertIsNotNone(Packet(bytes.fromhex(vector["offender"])).tcp, vector["name"])

    def test_packets_that_are_sent_are_right(self):
        for of in ("ipv4-tcp-stack", "ipv6-tcp-stack"):
            like = Packet(bytes.fromhex(SETS[of]["textbook-syn"]["offender"]))
            made = conformance.tcp_packet(like.source, like.destination, b"\x12\x34\x00\x50", 1, 2, SYN)
            parsed = Packet(made)
            self.assertTrue(parsed.is_tcp_checksum_right() and parsed.is_header_checksum_right())
            self.assertEqual((parsed.flags, parsed.seq, parsed.ack), (SYN, 1, 2))
            self.assertEqual(edit(made), made)
            echo = Packet(conformance.icmp_packet(like.source, like.destination, ICMP_HEADER.pack(8, 0, 0, 1, 2)))
            pseudo = conformance.pseudo_header(echo.source, echo.destination, conformance.ICMPV6, len(echo.icmp))
            self.assertEqual(conformance.total((pseudo if echo.version == 6 else b"") + echo.icmp), 0xFFFF)


class Device:
    """A device whose other end is a function. It takes a packet, and returns packets, each after how many seconds it comes."""

    def __init__(self, stack):
        self.stack, self.waiting = stack, collections.deque()
        self.fd, self.other_end = os.pipe()

    def send(self, raw):
        for delay, answer in self.stack(raw):
            if delay:
                timer = threading.Timer(delay, self.put, [answer])
                timer.daemon = True
                timer.start()
            else:
                self.put(answer)

    def put(self, answer):
        self.waiting.append(answer)
        os.write(self.other_end, b"!")

    def receive(self):
        os.read(self.fd, 1)
        return self.waiting.popleft()


class Program(conformance.Program):
    """Ends when the function says so, and starts again."""

    def __init__(self, stack):
        super().__init__(["a function"])
        self.stack, self.child = stack, self
        self.returncode = -11

    def start(self):
        self.starts += 1
        self.stack.has_ended = False

    def has_ended(self):
        return self.stack.has_ended

    def end(self):
        pass


class Stack:
    """Answers as Linux does. The stacks below differ from it."""

    def __init__(self, of="ipv4-tcp-stack"):
        self.of, self.received, self.has_ended = of, [], False
        # Some offenders have several names: it knows the first.
        self.vectors = {bytes.fromhex(each["offender"]): Vector(each) for each in reversed(SETS[of].values())}

    def __call__(self, raw):
        packet, vector = Packet(raw), self.vectors.get(raw)
        self.received.append(packet)
        if vector:
            return self.answers(vector)
        if packet.tcp and packet.ports[2:] == b"\0\x09":
            return self.marker_answers(packet)
        return self.other_answers(packet)

    def answers(self, vector):
        return [(0, vector.reset.raw)] if vector.reset else []

    def marker_answers(self, packet):
        return [(0, conformance.tcp_packet(*packet.answered_connection(), packet.ack, 0, RST))]

    def other_answers(self, packet):
        return []


def syn_ack(vector):
    return conformance.tcp_packet(*vector.offender.answered_connection(), 77, 88, SYN | ACK)


class Fakes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name):
        return pathlib.Path(self.folder.name, name)

    def play(self, stack, *words, program=None, make=None):
        """Sets the code, the report and what is printed."""
        make = make or (lambda *_: (Device(stack), program or conformance.Program(None)))
        out, err, path = io.StringIO(), io.StringIO(), str(self.file("report.json"))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.code = conformance.run(["--tun", "x", "--set", stack.of, "--json", path, "--patience", "1", *words], make)
        self.out, self.err = out.getvalue(), err.getvalue()
        self.report = json.loads(pathlib.Path(path).read_text())
        self.counts = {column: {severity: count for severity, count in counts.items() if count}
                       for column, counts in self.report["counts"].items()}

    def worst(self, severity):
        return {each["name"] for each in self.report["results"] if each["worst"] == severity}

    def test_linux(self):
        for of in ("ipv4-tcp-stack", "ipv6-tcp-stack", "ipv4-netfilter", "ipv6-netfilter"):
            self.play(Stack(of), "--any-address", "--fail-on", "looks")
            resets = sum("reset" in each for each in SETS[of].values())
            self.assertEqual((self.code, self.report["not_asked"], self.report["notes"]), (0, {}, []))
            self.assertEqual(self.counts, {"silences": {"same": len(SETS[of]) - resets}, "tcp": {"same": resets},
                                           "ip": {"same": resets}})

    def test_another_hosts_packets_are_not_sent(self):
        for of, own in (("ipv4-tcp-stack", "198.51.100.2"), ("ipv6-tcp-stack", "2001:db8:2::2")):
            stack = Stack(of)
            self.play(stack, "--fail-on", "looks")
            self.assertEqual(self.code, 0)
            self.assertGreater(self.report["not_asked"]["to another address"], 200)
            received = {str(ipaddress.ip_address(each.destination)) for each in stack.received if each.destination}
            self.assertIn(own, received)
            self.assertGreater(len(received), 5)
            for address in received - {own}:
                self.assertRegex(address, "^(0[.]0|22|23|255[.]255[.]255[.]255|::$|ff)", "neither its own nor a group")

    def test_a_router(self):
        class Router(Stack):
            """It forwards what is not for itself, and also what comes after a connection is closed."""
            def answers(self, vector):
                packet = vector.offender
                if packet.tcp and packet.destination != bytes([198, 51, 100, 2]) and packet.hop_limit > 1:
                    raw = packet.raw[:8] + bytes([packet.hop_limit - 1]) + packet.raw[9:]
                    return [(0, conformance.seal(raw[:packet.header_len], 10) + raw[packet.header_len:])]
                return [(0, syn_ack(vector))] if vector.name == "flags-06" else super().answers(vector)

            def other_answers(self, packet):
                return [(0, packet.raw)]  # our reset, forwarded

        self.play(Router())
        self.assertEqual(self.worst("wrong"), {"flags-06"})
        self.assertEqual([len(each["answers"]) for each in self.report["results"] if each["name"] == "flags-06"], [1])
        self.assertEqual(self.counts["tcp"]["same"], sum(self.counts["tcp"].values()))
        self.play(Router(), "--any-address")
        self.assertEqual(self.worst("wrong"), {"flags-06"})
        self.assertGreater(self.counts["tcp"]["silent"], 50)

    def test_own_address_is_still_wrong(self):
        class Unswapped(Stack):
            def answers(self, vector):
                if not vector.reset:
                    return []
                at = vector.offender.header_len
                return [(0, edit(vector.reset.raw, (12, 8, vector.offender.raw[12:20]), (20, 4, vector.offender.ports)))]

        self.play(Unswapped(), "--only", "textbook-*")
        self.assertEqual({each["difference"] for each in self.report["results"][0]["findings"]}, {"addresses", "ports"})

    def test_several_output_queues(self):
        class Queues(Stack):
            """Its SYN/ACKs leave after later resets."""
            delay = 0.01

            def answers(self, vector):
                accepts = vector.silence == "Rst" and vector.offender.flags & SYN
                return [(self.delay, syn_ack(vector))] if accepts else super().answers(vector)

        class SlowQueues(Queues):
            delay = 0.06

        for stack in (Queues(), SlowQueues()):
            self.play(stack, "--only", "flags-0[2367]*", "--patience", "30")
            self.assertEqual(self.worst("wrong"), {"flags-06", "flags-06-data", "flags-07", "flags-07-data"})
            self.assertEqual(self.code, 1)
            self.assertRegex("; ".join(self.report["notes"]), "^some answers came after the marker's: [^;]*$")

        Queues.delay = 0.3
        junit = self.file("junit.xml")
        words = "--only", "flags-0[2367]*", "--patience", "5", "--junit", str(junit), "--known", str(self.file("known"))
        self.file("known").write_text("flags-*\n")
        self.play(Queues(), *words)
        self.assertEqual((self.code, self.report["failing"]), (1, 0))
        self.assertGreater(self.report["unattributed"], 0)
        suite = xml.etree.ElementTree.parse(junit).getroot()
        self.assertEqual((suite.get("failures"), len(suite.findall("testcase/failure"))), ("1", 1))
        self.assertEqual(int(suite.get("tests")), len(suite))
        self.assertRegex(self.report["notes"][-1], "^[1-4] answers came only when packets were sent in rows, or still later")

    def test_copies_of_a_stack(self):
        class Late(Stack):
            def answers(self, vector):
                return [(0.06, raw) for _, raw in super().answers(vector)]

        made = []

        def make(*_):
            made.append(Late())
            return Device(made[-1]), Program(made[-1])

        self.play(Late(), "--only", "flags-0?", "--patience", "30", "--fail-on", "looks", "--", "a command", make=make)
        self.assertEqual((self.code, self.counts["tcp"]), (0, {"same": 8}))
        self.assertEqual([each["name"] for each in self.report["results"]], [f"flags-0{digit:x}" for digit in range(16)])
        first, *copies = made
        self.assertEqual(len(copies), conformance.COPIES)
        for copy in copies:
            self.assertEqual(len(copy.vectors.keys() & {each.raw for each in copy.received}), 16 / conformance.COPIES)

    def test_late_resets(self):
        class Late(Stack):
            def answers(self, vector):
                return [(0.06, raw) for _, raw in super().answers(vector)]

        self.play(Late(), "--only", "flags-0?", "--patience", "30", "--fail-on", "looks")
        self.assertEqual((self.code, self.counts["tcp"]), (0, {"same": 8}))

    def test_a_second_answer(self):
        class Twice(Stack):
            delay = 0

            def answers(self, vector):
                second = [(self.delay, syn_ack(vector))] if vector.name in ("flags-01-data", "flags-03") else []
                return super().answers(vector) + second

        class LateTwice(Twice):
            delay = 0.06

        for stack in (Twice(), LateTwice()):
            self.play(stack, "--only", "flags-0[0-3]*", "--patience", "30")
            self.assertEqual(self.worst("wrong"), {"flags-01-data", "flags-03"})

    def test_no_resets_but_echoes(self):
        class Echoes(Stack):
            def answers(self, vector):
                return []

            def marker_answers(self, packet):
                return []

            def other_answers(self, packet):
                if packet.icmp is None:
                    return []
                kind = {8: 0, 128: 129}[packet.icmp[0]]
                return [(0, conformance.icmp_packet(packet.destination, packet.source, bytes([kind]) + packet.icmp[1:]))]

        for of in ("ipv4-tcp-stack", "ipv6-tcp-stack"):
            self.play(Echoes(of), "--only", "flags-0*")
            self.assertEqual(self.counts, {"silences": {"same": 16}, "tcp": {"silent": 16}, "ip": {}})
            self.assertEqual(self.code, 0)
            self.assertIn("an ICMP echo request is the marker", self.out)
        self.play(Echoes(), "--only", "flags-0*", "--fail-on", "silent")
        self.assertEqual(self.code, 1)

    def test_echo_is_not_the_marker_if_resets_start_late(self):
        class Resolves(Stack):
            count = 0

            def marker_answers(self, packet):
                self.count += 1
                return super().marker_answers(packet) if self.count > 2 else []

            def other_answers(self, packet):
                message = packet.icmp and bytes(1) + packet.icmp[1:]
                return [(0, conformance.icmp_packet(packet.destination, packet.source, message))] if message else []

        self.play(Resolves(), "--only", "flags-0*")
        self.assertEqual(self.report["notes"], [])

    def test_nothing_answers(self):
        with self.assertRaisesRegex(RuntimeError, "no answer to an ACK to port 9, a SYN to port 9 or an ICMP echo request: "
                                    "does the stack read the device, has it the address 198.51.100.2, and a route"):
            stack = Stack()
            stack.marker_answers = lambda packet: []
            self.play(stack, "--timeout", "1")

    def test_a_stack_that_ends(self):
        class Ends(Stack):
            def answers(self, vector):
                self.has_ended |= vector.name == "flags-05"
                return super().answers(vector)

            def marker_answers(self, packet):
                return [] if self.has_ended else super().marker_answers(packet)

        stack = Ends()
        self.play(stack, "--only", "flags-0?", program=Program(stack))
        self.assertEqual((self.worst("wrong"), self.code), ({"flags-05"}, 1))
        self.assertIn("the stack ended with code -11", self.out)
        with self.assertRaisesRegex(RuntimeError, "answers nothing any more after flags-05"):
            self.play(Ends(), "--only", "flags-0?", "--timeout", "0.5")

    def test_a_stack_that_ends_in_a_row(self):
        class Ends(Stack):
            """It does not stand several packets between two markers."""
            count = 0

            def answers(self, vector):
                self.count += 1
                self.has_ended |= self.count == 5
                return [] if self.has_ended else super().answers(vector)

            def marker_answers(self, packet):
                self.count = 0
                return [] if self.has_ended else super().marker_answers(packet)

        stack = Ends()
        self.play(stack, "--only", "flags-0?", program=Program(stack))
        self.assertEqual(self.report["notes"], ["the stack ended with code -11 when it got flags-00 to flags-0f "
                                                "without a wait between them"])

    def test_two_columns(self):
        class Ttl255(Stack):
            """Its IP headers look otherwise, and one TCP field is wrong."""
            def answers(self, vector):
                if not vector.reset:
                    return []
                changes = [(8, 1, b"\xff")] + [(24, 4, b"\1\2\3\4")] * (vector.name == "textbook-ack")
                return [(0, edit(vector.reset.raw, *changes))]

        for fail_on, code in [("wrong", 1), ("nothing", 0)]:
            self.play(Ttl255(), "--only", "textbook-*", "--fail-on", fail_on)
            self.assertEqual(self.counts, {"silences": {}, "tcp": {"same": 1, "wrong": 1}, "ip": {"looks": 2}})
            self.assertEqual(self.code, code)
        self.assertIn("| as Linux | 0 | 1 | 0 |\n| different, but valid | 0 | 0 | 2 |\n| no answer | 0 | 0 | 0 |\n"
                      "| wrong | 0 | 1 | 0 |\n", self.out)
        for fail_on, code in [("different", 0), ("looks", 1)]:
            self.play(Ttl255(), "--only", "textbook-syn", "--fail-on", fail_on)
            self.assertEqual(self.code, code)

    def test_known(self):
        class Wrong(Stack):
            """Two kinds of vectors are wrong, and all have another hop limit."""
            def answers(self, vector):
                if not vector.reset:
                    return []
                is_wrong = vector.name.startswith(("wrap-fin", "flags-03"))
                changes = [(8, 1, b"\xff")] + [(33, 1, b"\x04")] * is_wrong
                return [(0, edit(vector.reset.raw, *changes))]

        known = self.file("known")
        words = "--only", "*f*", "--known", str(known)
        for text, code, repaired in [
            ("# A comment\n\nwrap-fin-*\nflags-03*\n", 0, []),
            ("wrap-fin-*\n", 1, []),
            ("wrap-fin-*\nflags-03*\ntextbook-ack\n", 0, []),  # was not asked
            ("wrap-fin-*\nflags-0*\nflags-0[14]*\n", 0, ["flags-0[14]*"]),  # only the hop limit
            ("ipv4-tcp-stack/wrap-fin-*\nipv?-*/flags-03*\nipv6-tcp-stack/flags-01\n", 0, []),
            ("ipv6-tcp-stack/wrap-fin-*\nflags-03*\n", 1, []),
        ]:
            known.write_text(text)
            self.play(Wrong(), *words)
            said = [line.rpartition(": ")[2] for line in self.err.splitlines() if "repaired" in line]
            self.assertEqual((self.code, said), (code, repaired), text)
        self.play(Wrong(), *words, "--fail-on", "looks")
        self.assertEqual((self.code, self.err), (1, ""))
        known.write_text("flags-zz*\n")
        with self.assertRaisesRegex(RuntimeError, "no such vector in any set: flags-zz"):
            self.play(Wrong(), *words)

    def test_json_and_junit(self):
        class Wrong(Stack):
            def answers(self, vector):
                wrong = vector.name in ("flags-11-data", "flags-01-data")
                return [(0, syn_ack(vector))] if wrong else super().answers(vector)

        known, junit = self.file("known"), self.file("junit.xml")
        known.write_text("flags-01-data\n")
        self.play(Wrong(), "--known", str(known), "--junit", str(junit))
        self.assertEqual((self.report["vectors_version"], self.report["failing"], self.code), (JSON["version"], 1, 1))
        by_name = {each["name"]: each for each in self.report["results"]}
        self.assertEqual(len(by_name), len(SETS["ipv4-tcp-stack"]))
        textbook = SETS["ipv4-tcp-stack"]["flags-11-data"]
        found = by_name["flags-11-data"]
        self.assertEqual((found["offender"], found["expected"]), (textbook["offender"], textbook["reset"]))
        self.assertEqual(found["findings"], [
            {"part": "TCP", "severity": "wrong", "difference": "answered with SYN/ACK"}])
        self.assertEqual(len(found["answers"]), 1)
        suite = xml.etree.ElementTree.parse(junit).getroot()
        cases = {case.get("name"): case for case in suite}
        skipped = [name for name, case in cases.items() if case.find("skipped") is not None]
        self.assertEqual((suite.get("tests"), suite.get("failures")), (str(len(cases)), "1"))
        self.assertEqual(int(suite.get("skipped")), len(skipped))
        self.assertIn("flags-01-data", skipped)
        self.assertEqual(len(skipped), 1 + self.report["not_asked"]["to another address"])
        self.assertEqual(cases["flags-11-data"].find("failure").get("type"), "wrong")
        self.assertIn(f"offender: {textbook['offender']}", cases["flags-11-data"].find("failure").text)


class Formats(unittest.TestCase):
    def test_vectors_that_show_mistakes(self):
        folder = conformance.VECTORS.parent
        names = SETS["ipv4-netfilter"].keys() | SETS["ipv6-netfilter"].keys()
        names |= {line.split()[0] for line in (folder.parent / "vectors-destination/ipv4-destination.txt").open()}
        table = (folder / "mistakes.md").read_text()
        shown = re.findall("`([a-z0-9-]+|[a-z]+-[0-9.]+)`", "".join(re.findall(r"^\|.*\|(.*)\|$", table, re.M)))
        self.assertGreater(len(shown), 40)
        self.assertEqual(set(shown) - names, set())

    def test_version(self):
        with tempfile.TemporaryDirectory() as folder:
            for text in conformance.VECTORS.parent.glob("*.txt"):
                pathlib.Path(folder, text.name).write_bytes(text.read_bytes())
            self.addCleanup(setattr, formats, "HERE", formats.HERE)
            formats.HERE = pathlib.Path(folder)

            def version():
                sets = {name: formats.read(name) for name in formats.SETS}
                number = formats.version_of(sets)
                pathlib.Path(folder, "vectors.json").write_text(formats.as_json(number, sets))
                return number

            self.assertEqual((version(), version()), (1, 1))
            path = pathlib.Path(folder, "ipv4-netfilter.txt")
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join([lines[0], "# Answered by another kernel.\n", *lines[2:]]))
            self.assertEqual(version(), 1)
            path.write_text("".join(lines[:-1]))
            self.assertEqual((version(), version()), (2, 2))


if __name__ == "__main__":
    unittest.main()
