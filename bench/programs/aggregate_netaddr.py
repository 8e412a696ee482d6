import sys

import netaddr

with open(sys.argv[1]) as lines:
    for network in netaddr.cidr_merge([line.strip() for line in lines]):
        print(network)
