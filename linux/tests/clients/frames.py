"""Sends Ethernet frames by scapy, with all kinds of VLAN tags, and checks each answer: `frames.py MODE DEVICE FAMILY`.

MODE says who answers: `responder` resets the source of each frame, `sniff` both ends. Prints how many resets came.
"""

import struct
import sys

from scapy.all import IP, TCP, Ether, IPv6, Raw, conf, get_if_hwaddr, raw

mode, device, family = sys.argv[1:]
OURS, NOBODY = get_if_hwaddr(device), "02:00:00:00:00:07"
LAYER, HERE, THERE = (IP, "192.0.2.1", "192.0.2.7") if family == "ipv4" else (IPv6, "2001:db8::1", "2001:db8::7")
ETHERTYPE = 0x0800 if family == "ipv4" else 0x86DD

# Tag protocol; priority, drop eligible indicator (DEI) and VLAN identifier.
PROTOCOLS = [0x8100, 0x88A8, 0x9100]
CONTROLS = [(0, 0, 0), (5, 0, 0), (0, 1, 0), (0, 0, 1), (3, 0, 100), (7, 1, 4094)]


def tag(protocol, control):
    priority, dei, vlan = control
    return struct.pack("!HH", protocol, priority << 13 | dei << 12 | vlan)


SINGLE = [tag(protocol, control) for protocol in PROTOCOLS for control in CONTROLS]
DOUBLE = [
    tag(outer, CONTROLS[n]) + tag(inner, CONTROLS[-1 - n])
    for outer in PROTOCOLS
    for inner in PROTOCOLS
    for n in range(len(CONTROLS))
]
TRIPLE = tag(0x88A8, (0, 0, 1)) + tag(0x8100, (0, 0, 2)) + tag(0x8100, (0, 0, 3))

link = conf.L2socket(iface=device)
link.ins.settimeout(5)
port = 40000


def frame(tags, segment, source=OURS, destination=NOBODY, ethertype=ETHERTYPE):
    """The frame, padded as on a wire."""
    addresses = raw(Ether(src=source, dst=destination))[:12]
    packet = raw(LAYER(src=HERE, dst=THERE) / segment)
    return (addresses + tags + struct.pack("!H", ethertype) + packet).ljust(60, b"\0")


def receive():
    """The next frame that another host has sent from or to NOBODY. The kernel removes its outer tag; scapy restores it.

    `sniff` repeats its resets: those that have been seen before are left out."""
    while True:
        received = link.recv()
        if received is not None and NOBODY in (received.src, received.dst) and raw(received) not in seen:
            seen.add(raw(received))
            return raw(received)


def check(tags, source, destination, segment):
    """Compares the next frame in full; scapy computes the checksums of the expected one."""
    hop = {"ttl": 64, "flags": "DF", "id": 0} if family == "ipv4" else {"hlim": 64}
    here, there = (HERE, THERE) if source == OURS else (THERE, HERE)
    packet = raw(LAYER(src=here, dst=there, **hop) / segment)
    addresses = raw(Ether(src=source, dst=destination))[:12]
    expected = addresses + tags + struct.pack("!H", ETHERTYPE) + packet
    received = receive()
    if received != expected:
        sys.exit(f"tags {tags.hex()}:\n{received.hex()} came instead of\n{expected.hex()}")


def next_port():
    global port
    port += 1
    return port


def unanswered():
    """Frames that get nothing: an answer to one of them would arrive before the answer to the next frame."""
    for options in [
        {"destination": "ff:ff:ff:ff:ff:ff"},
        {"destination": "01:00:5e:00:00:01"},
        {"source": "03:00:00:00:00:07", "destination": NOBODY},
        {"ethertype": 0x0800 ^ 0x86DD ^ ETHERTYPE},
        {"ethertype": 60},
    ]:
        link.send(Raw(frame(b"", TCP(sport=next_port(), dport=80, flags="S", seq=7), **options)))
    link.send(Raw(frame(TRIPLE, TCP(sport=next_port(), dport=80, flags="S", seq=7))))


seen = set()
resets = 0
if mode == "responder":
    unanswered()
    for tags in [b"", *SINGLE, *DOUBLE]:
        syn = TCP(dport=80, flags="S", seq=0xFFFFFFFF)
        data = TCP(dport=80, flags="PA", seq=77, ack=1406759780) / b"data"
        fin = TCP(dport=80, flags="F", seq=1000) / b"end"
        for segment, reset in [
            (syn, {"flags": "RA", "seq": 0, "ack": 0}),
            (data, {"flags": "R", "seq": 1406759780}),
            (fin, {"flags": "RA", "seq": 0, "ack": 1004}),
        ]:
            segment[TCP].sport = next_port()
            link.send(Raw(frame(tags, segment)))
            check(tags, NOBODY, OURS, TCP(sport=80, dport=port, window=0, **reset))
            resets += 1
else:
    for tags in [*SINGLE, *DOUBLE]:
        ends = {"sport": next_port(), "dport": 80}
        link.send(Raw(frame(tags, TCP(flags="PA", seq=1000, ack=2000, **ends) / b"forbidden")))
        for seq in (1000, 1009):
            check(tags, OURS, NOBODY, TCP(flags="RA", seq=seq, ack=2000, window=0, **ends))
        check(tags, NOBODY, OURS, TCP(sport=80, dport=port, flags="R", seq=2000, window=0))
        resets += 3
print(resets)
