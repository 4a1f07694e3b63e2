#!/usr/bin/env python3
"""Tests an image in QEMU's lm3s6965evb: over a socket with frames of every length and the vectors, byte for byte; then behind a
TAP device with the kernel's connect(), curl, nmap and a flood.

`wire.py NAME IMAGE STATIC FIGURES`, as root in a network namespace of its own. NAME is board or with-smoltcp, STATIC how many
bytes of static data the image has; a line with the bytes of stack is added to the file FIGURES.
"""

import atexit
import errno
import itertools
import json
import os
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

if len(sys.argv) != 5:
    sys.exit("usage: wire.py NAME IMAGE STATIC FIGURES")
NAME, IMAGE, STATIC, FIGURES = sys.argv[1:]
SMOLTCP = NAME == "with-smoltcp"
VECTORS = pathlib.Path(__file__).resolve().parents[2] / "testdata/vectors"
RAM, RAM_LEN, PATTERN = 0x20000000 + int(STATIC), 0x10000 - int(STATIC), b"\xa5"  # without the static data
MAC, PEER = bytes.fromhex("020000000002"), bytes.fromhex("020000000001")
IPV4, PEER4 = "198.51.100.2", "198.51.100.1"
IPV6, PEER6 = "2001:db8:2::2", "2001:db8:2::1"
ARP, ETHERTYPE = 0x0806, {4: 0x0800, 6: 0x86DD}
TAP = "tap0"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
OPEN, CLOSED, MARKER = 7, 80, 9
MAX_LEN = 1522
TAGS = ((), ("81000005",), ("88a80001", "81000fff"), ("91000001",))


# ---------------------------------------------------------------------------------------------- frames

def checksum(data):
    """RFC 1071."""
    return 0xFFFF - (int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF or 0xFFFF)


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def packet(source, destination, protocol, payload, at, hop_limit=64):
    """An IP packet; the checksum goes to offset `at` of the payload."""
    addresses = packed(source) + packed(destination)
    total = checksum(addresses + struct.pack("!II", len(payload), protocol) + payload)
    # What computes to 0 goes out as 0xFFFF by the Netfilter profile over IPv4, and as 0 by a TCP stack.
    payload = payload[:at] + struct.pack("!H", total or 0xFFFF * (not SMOLTCP)) + payload[at + 2:]
    if len(addresses) == 32:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, hop_limit) + addresses + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, hop_limit, protocol, 0) + addresses
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def segment(source, destination, ports, seq, ack, flags, data=b"", window=0):
    tcp = struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, window, 0, 0) + data
    return packet(source, destination, 6, tcp, 16)


def frame(packet, tags=(), destination=MAC, source=PEER, ethertype=None):
    ethertype = ethertype or ETHERTYPE[packet[0] >> 4]
    return destination + source + bytes.fromhex("".join(tags)) + struct.pack("!H", ethertype) + packet


def syn(port=CLOSED, data=b"", seq=1000, source=PEER4, destination=IPV4):
    return segment(source, destination, (40000, port), seq, 0, SYN, data)


def reset(port=CLOSED, ack=1001):
    """The reset for `syn`, in its frame."""
    return frame(segment(IPV4, PEER4, (port, 40000), 0, ack, RST | ACK), (), PEER, MAC)


def is_tcp(frame):
    return frame[12:14] == b"\x08\x00" and frame[23:24] == b"\x06" or frame[12:14] == b"\x86\xdd" and frame[20:21] == b"\x06"


def same(what, found, wanted):
    if found != wanted:
        if isinstance(found, list):  # the first difference is enough
            found, wanted = next(pair for pair in itertools.zip_longest(found, wanted) if pair[0] != pair[1])
        show = lambda value: value.hex() if isinstance(value, bytes) else value
        sys.exit(f"{NAME}: FAILED: {what}:\n  found  {show(found)}\n  wanted {show(wanted)}")


def padded(frame):
    """To the least length of a frame, as the controller does."""
    return frame.ljust(60, b"\0")


# ---------------------------------------------------------------------------------------------- the board

class Board:
    """QEMU with the image. The RAM is filled with a pattern before it starts."""

    def __init__(self, folder, netdev):
        self.dump = folder / "ram"
        fill = folder / "pattern"
        fill.write_bytes(PATTERN * RAM_LEN)
        self.qemu = subprocess.Popen(
            ["qemu-system-arm", "-machine", "lm3s6965evb", "-display", "none", "-serial", "null", "-monitor", "stdio",
             "-device", f"loader,file={fill},addr={RAM},force-raw=on", "-kernel", IMAGE,
             "-netdev", f"{netdev},id=wire", "-net", "nic,netdev=wire"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        atexit.register(self.qemu.kill)

    def is_running(self):
        if self.qemu.poll() is not None:
            sys.exit(f"{NAME}: FAILED: QEMU has ended: {self.qemu.stdout.read()}")
        return True

    def stop(self):
        """Ends QEMU and returns how many bytes of stack were used: from the end of the RAM down to what has the pattern."""
        output, _ = self.qemu.communicate(f'pmemsave {RAM} {RAM_LEN} "{self.dump}"\nquit\n', timeout=20)
        ram = self.dump.read_bytes()
        same("bytes of RAM in QEMU's dump", len(ram), RAM_LEN)
        return len(ram.lstrip(PATTERN))


class Wire:
    """Frames as datagrams of a socket: none is lost, padded or cut off."""

    def __init__(self, folder):
        here, there = folder / "here", folder / "there"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(here))
        self.board = Board(folder, f"dgram,local.type=unix,local.path={there},remote.type=unix,remote.path={here}")
        self.asked = 0
        # Frames are lost until the image has started the controller.
        self.socket.settimeout(0.2)
        for _ in range(100):
            try:
                self.socket.connect(str(there))
                self.answers()
                break
            except (ConnectionError, FileNotFoundError, TimeoutError):
                self.board.is_running() and time.sleep(0.1)
        self.socket.settimeout(10)

    def answers(self, *frames):
        """All that the board sends for these frames: what comes before the answer to a marker."""
        self.asked += 1
        for each in frames:
            self.socket.send(each)
        self.socket.send(frame(syn(MARKER, seq=self.asked)))
        self.came = []
        while (answer := self.socket.recv(4096)) != padded(reset(MARKER, self.asked + 1)):
            self.came.append(answer)
        return self.came

    def expect(self, what, frames, *answers):
        """Fails unless these are the answers to a frame, or to a list of frames."""
        frames = [frames] if isinstance(frames, bytes) else frames
        try:
            found = self.answers(*frames)
        except TimeoutError:
            found = [each.hex() for each in self.came]
            sys.exit(f"{NAME}: FAILED: {what}: no answer to the SYN after {frames[0].hex()}\n  found  {found}")
        same(f"{what}: answers to {frames[0].hex()}", found, [padded(each) for each in answers])


# ---------------------------------------------------------------------------------------------- over the socket

def lengths(wire):
    """Frames of all lengths that the controller's model takes."""
    rng = random.Random(34)
    for length in range(1, 2042):
        whole = frame(syn(data=rng.randbytes(max(0, length - 54))))[:length]
        longer = frame(syn()).ljust(length, b"\x55")[:length]
        answer_whole, answer_longer = [reset(ack=1001 + length - 54)], [reset()]
        if not 54 <= length <= MAX_LEN:
            answer_whole = answer_longer = []
        wire.expect(f"a segment in {length} bytes", whole, *answer_whole)
        wire.expect(f"padding up to {length} bytes", longer, *answer_longer)
        wire.expect(f"{length} random bytes", (MAC + PEER + rng.randbytes(length))[:length])
    return "frames of 1 to 2041 bytes"


def vectors(wire):
    """Those to the board's address are answered as recorded, and those to another one are not answered."""
    answered = silent = 0
    for version, own, at in ((4, IPV4, 16), (6, IPV6, 24)):
        name = f"ipv{version}-" + ("tcp-stack" if SMOLTCP else "netfilter")
        for line in (VECTORS / f"{name}.txt").read_text().splitlines():
            if line.startswith("#"):
                continue
            vector, offender, kind, reply = line.split(" ")
            offender = bytes.fromhex(offender)
            for tags in TAGS[:1] if SMOLTCP else TAGS:
                asks = frame(offender, tags, ethertype=ETHERTYPE[version])
                applies = kind == "reset" and offender[at:].startswith(packed(own)) and len(asks) <= MAX_LEN
                answers = [frame(bytes.fromhex(reply), tags, PEER, MAC)] if applies else []
                wire.expect(f"{name} {vector} {' '.join(tags)}", asks, *answers)
                answered, silent = answered + applies, silent + (not applies)
    least = 1100 * (1 if SMOLTCP else len(TAGS))
    same(f"vectors that apply: at least {least}, and as many that do not", (answered >= least, silent >= least), (True, True))
    return f"{answered} frames with vectors answered, {silent} not"


def tags(wire):
    for tags in TAGS:
        answers = [reset()] if not tags else [] if SMOLTCP else [frame(reset()[14:], tags, PEER, MAC)]
        wire.expect(f"VLAN tags {tags}", frame(syn(), tags), *answers)
        wire.expect(f"VLAN tags {tags} and IPv6", frame(syn(source=PEER6, destination="2001:db8:2::3"), tags))
    wire.expect("three VLAN tags", frame(syn(), ("81000005",) * 3))
    return "VLAN tags"


def not_ours(wire):
    broadcast, other = b"\xff" * 6, bytes.fromhex("020000000003")
    for what, each in (
        ("to another station", frame(syn(), destination=other)),
        ("to all stations", frame(syn(), destination=broadcast)),
        ("from a group", frame(syn(), source=b"\x01" + PEER[1:])),
        ("to another address", frame(syn(destination="198.51.100.3"))),
        ("to another IPv6 address", frame(syn(source=PEER6, destination="2001:db8:2::3"))),
        ("to all hosts", frame(syn(destination="224.0.0.1"))),
        ("to a broadcast address", frame(syn(destination="255.255.255.255"))),
        ("a reset", frame(segment(PEER4, IPV4, (40000, CLOSED), 1, 1, RST))),
        ("a reset of ours", frame(reset()[14:])),
        ("another EtherType", frame(syn(), ethertype=0x88B5)),
        ("IPv4 as IPv6", frame(syn(), ethertype=0x86DD)),
    ):
        wire.expect(what, each)
    return "frames that are not to be answered"


def arp_request(target=IPV4, destination=b"\xff" * 6, operation=1, source=PEER):
    start = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    return frame(start + PEER + packed(PEER4) + bytes(6) + packed(target), (), destination, source, ARP)


def arp(wire):
    reply = frame(struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + MAC + packed(IPV4) + PEER + packed(PEER4), (), PEER, MAC, ARP)
    wire.expect("ARP", arp_request(), reply)
    wire.expect("ARP, padded", padded(arp_request()), reply)
    wire.expect("ARP to this station", arp_request(destination=MAC), reply)
    wire.expect("ARP for another address", arp_request("198.51.100.3"))
    wire.expect("ARP to another station", arp_request(destination=b"\x02\0\0\0\0\x03"))
    wire.expect("ARP from a group", arp_request(source=b"\x03" + PEER[1:]))
    wire.expect("an ARP reply", arp_request(operation=2))
    for length in range(42):
        wire.expect(f"ARP cut off after {length} bytes", arp_request()[:length] or b"\0")
    return "ARP"


def neighbor_discovery(wire):
    solicited_node, group = "ff02::1:ff00:2", bytes.fromhex("3333ff000002")
    option = b"\x01\x01" + PEER

    def solicitation(target=IPV6, source=PEER6, to=solicited_node, kind=135, code=0, option=option, hop_limit=255):
        message = struct.pack("!BBHI", kind, code, 0, 0) + packed(target) + option
        return packet(source, to, 58, message, 2, hop_limit)

    advertisement = packet(IPV6, PEER6, 58, struct.pack("!BBHI", 136, 0, 0, 6 << 28) + packed(IPV6) + b"\x02\x01" + MAC, 2, 255)
    advertisement = frame(advertisement, (), PEER, MAC)
    right = frame(solicitation(), destination=group)
    wire.expect("a solicitation", right, advertisement)
    wire.expect("a solicitation without option", frame(solicitation(option=b""), destination=group), advertisement)
    wire.expect("a solicitation to this station", frame(solicitation(to=IPV6)), advertisement)
    for what, each in (
        ("for another address", frame(solicitation("2001:db8:2::3"), destination=group)),
        ("to another station", frame(solicitation(), destination=b"\x02\0\0\0\0\x03")),
        ("from a group", frame(solicitation(), destination=group, source=b"\x33" + PEER[1:])),
        ("without source", frame(solicitation(source="::", option=b""), destination=group)),
        ("from a multicast address", frame(solicitation(source="ff02::1"), destination=group)),
        ("from a router", frame(solicitation(hop_limit=254), destination=group)),
        ("of another type", frame(solicitation(kind=136), destination=group)),
        ("of another code", frame(solicitation(code=1), destination=group)),
        ("with a wrong checksum", right[:-1] + b"\xee"),
        ("with a length past its end", right[:18] + b"\xff\xff" + right[20:]),
        ("with a length of 0", right[:18] + b"\0\0" + right[20:]),
        ("with a length of 23", right[:18] + b"\0\x17" + right[20:]),
    ):
        wire.expect(f"a solicitation {what}", each)
    for length in range(1, len(right)):
        wire.expect(f"a solicitation cut off after {length} bytes", right[:length])
    return "neighbor discovery"


def nothing_else(wire):
    echo = struct.pack("!BBHI", 8, 0, 0, 0) + b"hello"
    wire.expect("an ICMP echo request", frame(packet(PEER4, IPV4, 1, echo, 2)))
    wire.expect("a UDP datagram", frame(packet(PEER4, IPV4, 17, struct.pack("!HHHH", 9, 9, 8, 0), 6)))
    return "no other protocol"


def timers(wire):
    """smoltcp sends its SYN/ACK again if no ACK comes, a second later by its clock."""
    wire.answers(arp_request())  # from which it learns the peer's address
    start = time.monotonic()
    wire.socket.send(frame(syn(OPEN)))
    for _ in range(2):
        answer = wire.socket.recv(4096)
        same("SYN/ACK in TCP's flags", answer[23:24] + answer[47:48], bytes((6, SYN | ACK)))
    seconds = time.monotonic() - start
    same(f"the second SYN/ACK after {seconds:.1f} s: at least half a second", seconds > 0.5, True)
    return f"smoltcp sends a SYN/ACK again, after {seconds:.1f} s"


def each_of_many(wire):
    """More at once than the FIFO holds; each has its own answer, in the order of the segments."""
    count = 20_000 if SMOLTCP else 50_000
    for start in range(0, count, 50):
        seqs = range(start, start + 50)
        wire.expect("many at once", [frame(syn(seq=seq)) for seq in seqs], *(reset(ack=seq + 1) for seq in seqs))
    return f"{count} segments, 50 at once"


# ---------------------------------------------------------------------------------------------- behind a TAP device

def run(*command, code=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    if done.returncode != code:
        sys.exit(f"{NAME}: {' '.join(command)}: exit code {done.returncode}: {done.stdout}")
    return done.stdout


def connect(address, port, seconds=5):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
        client.settimeout(seconds)
        start = time.monotonic()
        try:
            client.connect((address, port))
        except OSError as error:
            return error.errno, time.monotonic() - start
        return 0, time.monotonic() - start


def refused():
    for address in (IPV4, IPV6):
        for port in (1, 22, 80, 443, 65535):
            code, seconds = connect(address, port)
            same(f"connect() to port {port} of {address}", errno.errorcode.get(code), "ECONNREFUSED")
            # The kernel would have sent its SYN again after a second.
            same(f"connect() to port {port} of {address} in {seconds:.3f} s: below 0.9 s", seconds < 0.9, True)
        host = f"[{address}]" if ":" in address else address
        run("curl", "--silent", "--show-error", "--max-time", "5", f"http://{host}/", code=7)  # it could not connect
    # Another address at the same station.
    run("ip", "neighbour", "replace", "198.51.100.3", "lladdr", MAC.hex(":"), "dev", TAP)
    same("connect() to an address that is not the board's", connect("198.51.100.3", CLOSED, 0.3)[0], None)
    return "connect() and curl are refused"


def nmap(folder, wire):
    """With tcpdump's reading of what was on the wire."""
    capture = folder / "capture"
    command = ["tcpdump", "-i", TAP, "--immediate-mode", "-s", "128", "-B", "16384", "-U", "-w", capture, "tcp"]
    tcpdump = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    atexit.register(tcpdump.kill)
    while "listening on" not in (line := tcpdump.stderr.readline()):
        same("tcpdump runs", line != "", True)
    for scan, state in (("-sS", "closed"), ("-sA", "unfiltered")):
        for family, address in ((("-n",), IPV4), (("-n", "-6"), IPV6)):
            output = run("nmap", *family, "-Pn", "-T4", "--max-retries", "3", scan, "-p", "1-500", address)
            shown = 499 if SMOLTCP and scan == "-sS" else 500
            same(f"nmap {scan} finds {shown} ports {state}: {output}", f"{shown} {state} tcp ports (reset)" in output, True)
            same(f"nmap {scan} finds the open port: {output}", "7/tcp open" in output, SMOLTCP and scan == "-sS")
    # The first two vectors: a SYN and an ACK whose numbers are known.
    for flags in (SYN, ACK):
        wire.send(frame(segment("192.0.2.1", IPV4, (36050, CLOSED), 522224616, 1406759780, flags)))
    time.sleep(0.5)
    tcpdump.terminate()
    _, counts = tcpdump.communicate(timeout=10)
    same(f"tcpdump has all packets: {counts}", "\n0 packets dropped by kernel" in counts, True)
    text = run("tcpdump", "-nn", "-S", "-t", "-r", str(capture))
    for known in ("Flags [R.], seq 0, ack 522224617, win 0, length 0", "Flags [R], seq 1406759780, win 0, length 0"):
        line = f"IP {IPV4}.{CLOSED} > 192.0.2.1.36050: {known}\n"
        same(f"tcpdump prints {line}", line in text, True)
    lines = re.findall(r"IP6? (\S+) > (\S+): Flags \[([SR.]+)\],(?: seq (\d+),)?(?: ack (\d+),)?", text)
    sent, answered = set(), set()
    for source, destination, flags, seq, ack in lines:
        if flags == "S":
            sent.add((source, destination, "R.", "0", str((int(seq) + 1) % 2**32)))
        elif flags == "." and not source.startswith((IPV4, IPV6)):
            sent.add((source, destination, "R", ack, ""))
        elif source.startswith((IPV4, IPV6)) and "R" in flags:
            answered.add((destination, source, flags, seq, ack))
    is_open = lambda each: SMOLTCP and each[1].endswith(f".{OPEN}")
    sent, answered = ({each for each in side if not is_open(each)} for side in (sent, answered))
    same("the resets that tcpdump reads", sorted(answered), sorted(sent))
    text = run("tcpdump", "-nn", "-vv", "-r", str(capture), f"src {IPV4} or src {IPV6}")
    same("wrong checksums of the board, in tcpdump's view", text.count("incorrect"), 0)
    same("resets whose checksum tcpdump verifies: at least 2000", text.count("(correct)") >= 2000, True)
    return f"nmap and tcpdump: {len(answered)} resets"


def served():
    rng = random.Random(7)
    for address in (IPV4, IPV6):
        for _ in range(3):
            with socket.create_connection((address, OPEN), timeout=5) as client:
                for length in [*range(1, 60), *(rng.randrange(1460) for _ in range(40))]:
                    data, echo = rng.randbytes(length), b""
                    client.sendall(data)
                    while len(echo) < length:
                        echo += client.recv(4096) or sys.exit(f"{NAME}: FAILED: port {OPEN} of {address} ends the connection")
                    same(f"what port {OPEN} of {address} sends back", echo, data)
                client.shutdown(socket.SHUT_WR)
                same("the end of the connection", client.recv(1), b"")
    return "the open port serves"


def flood(wire):
    """As fast as the kernel takes them; the TAP device drops what QEMU does not take in time."""
    count = lambda: json.loads(run("ip", "-json", "-statistics", "link", "show", TAP))[0]["stats64"]["rx"]["packets"]
    frames = [frame(segment(PEER4, IPV4, (port, CLOSED), port, port, flags))
              for port in range(1, 251) for flags in (SYN, ACK, FIN, PSH)]
    before, start = count(), time.monotonic()
    for _ in range(1000):
        for each in frames:
            wire.send(each)
    seconds = time.monotonic() - start
    code, _ = connect(IPV4, CLOSED)
    same("connect() after the flood", errno.errorcode.get(code), "ECONNREFUSED")
    answered = count() - before
    same(f"answers in the flood, {answered}: at least 10000", answered >= 10000, True)
    return f"a million segments in {seconds:.0f} s: {answered} answers, and it answers afterwards"


def sleeps(board):
    """Without frames, the core sleeps: QEMU needs little time."""
    def used():
        after_name = pathlib.Path(f"/proc/{board.qemu.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(1)
    share = used() - before
    same(f"QEMU needs {share:.2f} s in a second without frames: below 0.05 s", share < 0.05, True)
    return "it sleeps without frames"


def perform(check, *arguments):
    start = time.monotonic()
    try:
        what = check(*arguments)
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"{NAME}: FAILED: {check.__name__}: {error!r}")
    print(f"{NAME}: {what} ({time.monotonic() - start:.1f} s)", flush=True)


def tests(folder):
    (folder / "socket").mkdir()
    wire = Wire(folder / "socket")
    own = [timers] if SMOLTCP else [arp, neighbor_discovery, nothing_else]
    for check in [lengths, vectors, tags, not_ours, each_of_many] + own:
        perform(check, wire)
    stacks = [wire.board.stop()]

    for command in (f"tuntap add dev {TAP} mode tap", f"link set dev {TAP} address {PEER.hex(':')}",
                    f"address add {PEER4}/24 dev {TAP}", f"address add {PEER6}/64 dev {TAP} nodad", f"link set {TAP} up"):
        run("ip", *command.split(" "))
    board = Board(folder, f"tap,ifname={TAP},script=no,downscript=no")
    deadline = time.monotonic() + 20
    while connect(IPV4, MARKER, 0.2)[0] != errno.ECONNREFUSED:
        same("the board answers within 20 s", board.is_running() and time.monotonic() < deadline, True)
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    packets.bind((TAP, 0))
    perform(refused)
    perform(nmap, folder, packets)
    if SMOLTCP:
        perform(served)
    perform(flood, packets)
    perform(refused)
    if SMOLTCP:
        perform(served)
    perform(sleeps, board)
    stacks.append(board.stop())
    with open(FIGURES, "a") as figures:
        figures.write(f"{NAME}-stack {max(stacks)}\n")


with tempfile.TemporaryDirectory() as folder:
    tests(pathlib.Path(folder))
