import ipaddress
import sys

with open(sys.argv[1]) as lines:
    for network in ipaddress.collapse_addresses(ipaddress.IPv4Network(line.strip()) for line in lines):
        print(network)
