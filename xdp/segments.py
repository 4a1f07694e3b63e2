"""Sends random TCP segments by scapy to a host that answers with resets: `segments.py COUNT FILE`; the answers go to FILE,
sorted, in hex. The same segments every time."""

import random
import sys
import time

from scapy.all import IP, TCP, AsyncSniffer, Ether, IPv6, Raw, conf, fragment

count, path = int(sys.argv[1]), sys.argv[2]
rng = random.Random(7)
station, sender = "02:00:00:00:00:01", "02:00:00:00:00:02"


def packet():
    ip = IPv6(src="fd09::2", dst="fd09::1") if rng.random() < 0.5 else IP(src="10.9.0.2", dst="10.9.0.1", id=rng.getrandbits(16))
    tcp = TCP(sport=rng.randrange(1, 65536), dport=rng.randrange(1, 65536), seq=rng.getrandbits(32), ack=rng.getrandbits(32),
              flags=rng.choice([2, 16, 17, 18, 1, 0, 24, 20, 4, rng.randrange(256)]), window=rng.getrandbits(16))
    if rng.random() < 0.2:
        tcp.options = [("MSS", 1460), ("Timestamp", (1, 2))]
    if rng.random() < 0.1:
        tcp.chksum = 0xBAD
    if rng.random() < 0.1 and isinstance(ip, IP):
        ip.options = b"\x01\x01\x01\x00"
    data = rng.randbytes(rng.choice([0, 0, 1, 7, 512, 513, rng.randrange(1400)]))
    return Ether(src=sender, dst=station) / ip / tcp / Raw(data)


packets = [bytes(packet()) for _ in range(count)]
sniffer = AsyncSniffer(iface="veth1", filter=f"tcp and ether src {station}", started_callback=lambda: None)
socket = conf.L2socket(iface="veth1")
sniffer.start()
time.sleep(1)
for frame in packets:
    socket.send(frame)
time.sleep(1)
answers = sorted(bytes(answer).hex() for answer in sniffer.stop())
with open(path, "w") as file:
    file.writelines(answer + "\n" for answer in answers)
