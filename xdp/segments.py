"""Sends random TCP segments by scapy to a host that answers with resets: `segments.py COUNT FILE`; the answers go to FILE,
sorted, in hex. The same segments every time."""

import random
import socket
import sys
import time

from scapy.all import IP, TCP, Ether, IPv6, Raw

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
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
wire.bind(("veth1", 0))
for frame in packets:
    wire.send(frame)
time.sleep(1)
wire.setblocking(False)
answers = []
while True:
    try:
        frame = wire.recv(65536)
    except BlockingIOError:
        break
    is_tcp = frame[12:14] == b"\x08\x00" and frame[23] == 6 or frame[12:14] == b"\x86\xdd" and frame[20] == 6
    if is_tcp and frame[6:12] == bytes.fromhex(station.replace(":", "")):
        answers.append(frame.hex())
with open(path, "w") as file:
    file.writelines(answer + "\n" for answer in sorted(answers))
