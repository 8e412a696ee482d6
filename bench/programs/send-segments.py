"""Sends TCP segments to port 443 of the addresses on standard input, one after the other and round again,
for as many seconds as the argument says; prints how many, and in how many seconds."""
import socket
import struct
import sys
import time

SOURCE = "10.99.1.2"
tcp = struct.pack(">HHIIBBHHH", 40000, 443, 1, 1, 5 << 4, 0x10, 1024, 0, 0)
packets = []
for line in sys.stdin:
    address = line.strip()
    header = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0)
    header += socket.inet_aton(SOURCE) + socket.inet_aton(address)
    packets.append((header + tcp, (address, 0)))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
seconds = float(sys.argv[1])
sent = 0
begin = time.monotonic()
while time.monotonic() - begin < seconds:
    for index in range(64):
        packet, address = packets[(sent + index) % len(packets)]
        raw.sendto(packet, address)
    sent += 64
print(sent, time.monotonic() - begin)
