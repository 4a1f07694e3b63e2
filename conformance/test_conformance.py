#!/usr/bin/env python3
"""What conformance.py makes of answers that are right, wrong and different. Needs neither Linux nor root."""

import json
import struct
import unittest

import conformance
from conformance import Packet

SETS = {each["name"]: {v["name"]: v for v in each["vectors"]} for each in json.loads(conformance.VECTORS.read_text())["sets"]}


def change(packet, at, number, width):
    """The packet with a field of its TCP segment changed, and its checksums set right again."""
    parsed = Packet(packet)
    at += parsed.at
    packet = bytearray(packet)
    packet[at:at + width] = number.to_bytes(width, "big")
    tcp = parsed.at + 16
    packet[tcp:tcp + 2] = bytes(2)
    segment = bytes(packet[parsed.at:])
    check = 0xFFFF - conformance.total(conformance.pseudo_header(parsed.ip, parsed.source, parsed.destination, len(segment)) + segment)
    packet[tcp:tcp + 2] = struct.pack("!H", check)
    return bytes(packet)


SEQ, ACK, FLAGS, WINDOW, URGENT = (4, 4), (8, 4), (13, 1), (14, 2), (18, 2)


class Judgement(unittest.TestCase):
    def compare(self, name, *answers, of="ipv4-tcp-stack"):
        return conformance.compare(SETS[of][name], [Packet(answer) for answer in answers])

    def reset(self, name, of="ipv4-tcp-stack"):
        return bytes.fromhex(SETS[of][name]["reset"])

    def changed(self, name, field, number, of="ipv4-tcp-stack"):
        return self.compare(name, change(self.reset(name, of), field[0], number, field[1]), of=of)

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
        for of in ("ipv4-tcp-stack", "ipv6-tcp-stack"):
            for name, field, number, severity in [
                ("textbook-ack", SEQ, 0, "wrong"),
                ("textbook-ack", ACK, 7, "different"),
                ("textbook-ack", FLAGS, 0x14, "different"),
                ("textbook-ack", FLAGS, 0x10, "wrong"),
                ("textbook-syn", FLAGS, 0x04, "wrong"),
                ("textbook-syn", FLAGS, 0x12, "wrong"),
                ("textbook-syn", FLAGS, 0x15, "different"),
                ("textbook-syn", ACK, 0x1F2083E8, "wrong"),  # the SYN is not counted
                ("textbook-syn", ACK, 0x1F2083EA, "wrong"),
                ("textbook-syn", SEQ, 1, "different"),
                ("flags-02-data", ACK, 0x1F2083E9, "different"),  # the SYN alone is acknowledged: the peer believes it
                ("flags-01", ACK, 0x1F2083E8, "wrong"),  # the FIN is not counted
                ("flags-00-data", ACK, 0x1F2083E8, "wrong"),
                ("textbook-syn", WINDOW, 1, "different"),
                ("textbook-syn", URGENT, 1, "different"),
            ]:
                with self.subTest(of=of, name=name, field=field, number=number):
                    found = self.changed(name, field, number, of)
                    self.assertEqual([each[0] for each in found], [severity], found)

    def test_headers(self):
        right = self.reset("textbook-syn")
        for at, severities in [(8, {"wrong", "different"}), (10, {"wrong"}), (12, {"wrong"}), (20, {"wrong"}), (36, {"wrong"})]:
            broken = bytearray(right)
            broken[at] ^= 1
            self.assertEqual({each[0] for each in self.compare("textbook-syn", bytes(broken))}, severities, at)
        right = self.reset("textbook-syn", "ipv6-tcp-stack")
        for at, severity in [(3, "different"), (1, "different"), (7, "different"), (8, "wrong"), (56, "wrong")]:
            broken = bytearray(right)
            broken[at] ^= 0x10
            found = self.compare("textbook-syn", bytes(broken), of="ipv6-tcp-stack")
            self.assertIn(severity, {each[0] for each in found}, at)

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
            made = Packet(conformance.segment(like, conformance.SYN, b"\x12\x34\x00\x50", 1, 2))
            self.assertTrue(made.is_sum_right())
            self.assertEqual((made.flags, made.seq, made.ack), (conformance.SYN, 1, 2))


if __name__ == "__main__":
    unittest.main()
