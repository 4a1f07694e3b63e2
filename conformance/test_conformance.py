#!/usr/bin/env python3
"""What conformance.py makes of answers that are right, wrong and different. Needs neither Linux nor root."""

import json
import unittest

import conformance
from conformance import Packet

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
    pseudo_header = conformance.pseudo_header(parsed.addresses, 6, len(parsed.tcp))
    return packet[:parsed.at] + conformance.seal(parsed.tcp, 16, pseudo_header)


class Severity(unittest.TestCase):
    def compare(self, name, *answers, of="ipv4-tcp-stack"):
        return conformance.compare(SETS[of][name], [Packet(answer) for answer in answers])

    def reset(self, name, of="ipv4-tcp-stack"):
        return bytes.fromhex(SETS[of][name]["reset"])

    def test_own_answers_are_the_same(self):
        for name, vectors in SETS.items():
            if "destination" not in name:
                for vector in vectors.values():
                    answers = [Packet(bytes.fromhex(vector["reset"]))] if "reset" in vector else []
                    self.assertEqual(conformance.compare(vector, answers), [], f"{name} {vector['name']}")

    def test_silence(self):
        self.assertEqual(self.compare("textbook-syn"), [("silent", "no answer")])
        self.assertEqual(self.compare("source-127.0.0.1")[0][0], "different")

    def test_numbers(self):
        seq, ack, flags, window, urgent = (4, 4), (8, 4), (13, 1), (14, 2), (18, 2)
        for of, start in (("ipv4-tcp-stack", 20), ("ipv6-tcp-stack", 40)):
            for name, (at, width), number, severity in [
                ("textbook-ack", seq, 0, "wrong"),
                ("textbook-ack", ack, 7, "different"),
                ("textbook-ack", flags, 0x14, "different"),
                ("textbook-ack", flags, 0x10, "wrong"),
                ("textbook-syn", flags, 0x04, "wrong"),
                ("textbook-syn", flags, 0x12, "wrong"),
                ("textbook-syn", flags, 0x15, "different"),
                ("textbook-syn", ack, 0x1F2083E8, "wrong"),  # the SYN is not counted
                ("textbook-syn", ack, 0x1F2083EA, "wrong"),
                ("textbook-syn", seq, 1, "different"),
                ("flags-02-data", ack, 0x1F2083E9, "different"),  # the SYN alone is acknowledged: the peer accepts it
                ("flags-01", ack, 0x1F2083E8, "wrong"),  # the FIN is not counted
                ("flags-00-data", ack, 0x1F2083E8, "wrong"),
                ("textbook-syn", window, 1, "different"),
                ("textbook-syn", urgent, 1, "different"),
            ]:
                with self.subTest(of=of, name=name, at=at, number=number):
                    answer = edit(self.reset(name, of), (start + at, width, number.to_bytes(width, "big")))
                    found = self.compare(name, answer, of=of)
                    self.assertEqual([each[0] for each in found], [severity], found)

    def test_headers(self):
        for of, severity, difference, *changes in [
            ("ipv4-tcp-stack", "wrong", "addresses", (12, 4, bytes([192, 0, 2, 7]))),
            ("ipv4-tcp-stack", "wrong", "ports", (20, 2, b"\x12\x34")),
            ("ipv4-tcp-stack", "different", "reserved bits not 0", (32, 1, b"\x51")),
            ("ipv4-tcp-stack", "different", "TCP options", (32, 8, b"\x60\x14" + bytes(6) + b"\1\1\1\0")),
            ("ipv4-tcp-stack", "different", "data in the reset", (40, 0, b"data")),
            ("ipv4-tcp-stack", "wrong", "hop limit 0", (8, 1, b"\0")),
            ("ipv4-tcp-stack", "different", "hop limit 255", (8, 1, b"\xff")),
            ("ipv4-tcp-stack", "different", "traffic class", (1, 1, b"\1")),
            ("ipv4-tcp-stack", "wrong", "a fragment", (6, 1, b"\x60")),
            ("ipv4-tcp-stack", "wrong", "a fragment", (7, 1, b"\1")),
            ("ipv4-tcp-stack", "different", "DF not set", (6, 1, b"\0")),
            ("ipv4-tcp-stack", "different", "IPv4 ID not 0", (4, 2, b"\0\1")),
            ("ipv4-tcp-stack", "different", "IPv4 options", (20, 0, b"\1\1\1\0"), (0, 1, b"\x46")),
            ("ipv6-tcp-stack", "wrong", "addresses", (8, 1, b"\x21")),
            ("ipv6-tcp-stack", "different", "traffic class", (1, 1, b"\x10")),
            ("ipv6-tcp-stack", "different", "flow label not 0", (3, 1, b"\1")),
            ("ipv6-tcp-stack", "different", "hop limit 255", (7, 1, b"\xff")),
            ("ipv6-tcp-stack", "different", "extension headers", (40, 0, b"\6\0\1\4\0\0\0\0"), (6, 1, b"\0")),
        ]:
            with self.subTest(of=of, difference=difference):
                found = self.compare("textbook-syn", edit(self.reset("textbook-syn", of), *changes), of=of)
                self.assertEqual(found, [(severity, difference)])

    def test_checksums(self):
        for of, at, difference in [
            ("ipv4-tcp-stack", 10, "IPv4 header checksum"),
            ("ipv4-tcp-stack", 36, "TCP checksum"),
            ("ipv6-tcp-stack", 56, "TCP checksum"),
        ]:
            right = self.reset("textbook-syn", of)
            broken = right[:at] + bytes([right[at] ^ 1]) + right[at + 1:]
            self.assertEqual(self.compare("textbook-syn", broken, of=of), [("wrong", difference)])
        zero = [name for name, vector in SETS["ipv6-tcp-stack"].items() if vector.get("reset", "")[112:116] == "ffff"]
        self.assertGreater(len(zero), 0)
        for name in zero:
            right = self.reset(name, "ipv6-tcp-stack")
            found = self.compare(name, right[:56] + bytes(2) + right[58:], of="ipv6-tcp-stack")
            self.assertEqual(found, [("different", "other zero checksum")])

    def test_two_answers(self):
        right = self.reset("textbook-syn")
        self.assertEqual(self.compare("textbook-syn", right, right), [("different", "more than one answer")])

    def test_answers_that_nobody_wants(self):
        reset = self.reset("textbook-syn")
        for name in ("flags-04", "tcp-checksum-wrong-empty-0", "destination-224.0.0.1", "truncated-39", "protocol-17"):
            self.assertEqual([each[0] for each in self.compare(name, reset)], ["wrong"], name)
        self.assertEqual(self.compare("data-offset-0-segment-20", reset), [("different", "answered")])

    def test_extension_headers_are_walked(self):
        found = [v for v in SETS["ipv6-tcp-stack"].values() if v["name"].startswith("extension-") and "reset" in v]
        self.assertGreater(len(found), 5)
        for vector in found:
            self.assertIsNotNone(Packet(bytes.fromhex(vector["offender"])).tcp, vector["name"])

    def test_segments_that_are_sent_are_right(self):
        for of in ("ipv4-tcp-stack", "ipv6-tcp-stack"):
            like = Packet(bytes.fromhex(SETS[of]["textbook-syn"]["offender"]))
            made = Packet(conformance.segment(like, like.addresses, b"\x12\x34\x00\x50", 1, 2, conformance.SYN))
            self.assertTrue(made.is_sum_right())
            self.assertEqual((made.flags, made.seq, made.ack), (conformance.SYN, 1, 2))


if __name__ == "__main__":
    unittest.main()
