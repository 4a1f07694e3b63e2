"""Sends segments by scapy: `segments.py NAME ADDRESS`; prints how many of them were answered."""

import sys

from scapy.all import IP, TCP, Dot1Q, Ether, IPv6, Raw, fragment, send, sendp, sr1

name, address = sys.argv[1:]
packet = IPv6(dst=address) if ":" in address else IP(dst=address)


def answers(*segments):
    return sum(sr1(packet / segment, timeout=5, verbose=0) is not None for segment in segments)


if name == "textbook":
    # A SYN to a closed port, and a segment of a connection that the other side knows nothing of.
    syn = TCP(sport=36050, dport=80, flags="S", seq=522224616)
    ack = TCP(sport=36050, dport=80, flags="A", seq=522224617, ack=1406759780)
    print(answers(syn, ack))
elif name == "damaged":
    # The one that is damaged goes first: the answer to the other shows that there was time to answer it.
    send(packet / TCP(sport=1001, dport=80, flags="S", chksum=0xBAD), verbose=0)
    print(answers(TCP(sport=1002, dport=80, flags="S")))
elif name == "fragments":
    # The whole word is in the first one.
    segment = packet / TCP(sport=1003, dport=80, flags="PA", seq=7, ack=9) / Raw(b"this is forbidden" + b"." * 1000)
    send(fragment(segment, fragsize=512), verbose=0)
elif name == "forged":
    # Addresses that no frame on a wire has.
    for source in ["127.0.0.1", "0.1.2.3", "240.0.0.1"]:
        send(IP(src=source, dst=address) / TCP(sport=1004, dport=80, flags="PA", seq=7, ack=9) / b"forbidden", verbose=0)
elif name == "tagged":
    frame = Ether(dst="02:00:00:00:00:01") / Dot1Q(vlan=5) / packet
    sendp(frame / TCP(sport=1005, dport=80, flags="PA", seq=7, ack=9) / b"forbidden", iface="eth0", verbose=0)
else:
    sys.exit(f"segments.py: no segments called {name}")
