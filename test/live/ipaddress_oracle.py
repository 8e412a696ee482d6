"""Covers and week-to-week differences of weekly files, worked out with the ipaddress module.

Arguments: weekly files, oldest first. Prints one JSON object a file: for each tag, and for all tags
together (""), the SHA-256 of its exact cover and of what was added and removed since the file before.
"""

import gzip
import hashlib
import ipaddress
import json
import sys

networks = {}


def network(text):
    if text not in networks:
        networks[text] = ipaddress.ip_network(text)
    return networks[text]


def collapse(nets):
    nets = set(nets)
    return [
        list(ipaddress.collapse_addresses(n for n in nets if n.version == version)) for version in (4, 6)
    ]


def subtract(left, right):
    """The addresses of `left` that are not in `right`; both are sorted and disjoint."""
    result = []
    at = 0
    for net in left:
        first, last = int(net.network_address), int(net.broadcast_address)
        while at < len(right) and int(right[at].broadcast_address) < first:
            at += 1
        probe = at
        while probe < len(right) and int(right[probe].network_address) <= last:
            gap_end = int(right[probe].network_address) - 1
            if first <= gap_end:
                result.append((first, gap_end))
            first = int(right[probe].broadcast_address) + 1
            probe += 1
        if first <= last:
            result.append((first, last))
    kind = ipaddress.IPv4Address if left and left[0].version == 4 else ipaddress.IPv6Address
    ranges = []
    for first, last in result:
        if ranges and ranges[-1][1] + 1 == first:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))
    return [net for first, last in ranges for net in ipaddress.summarize_address_range(kind(first), kind(last))]


def digest(families):
    return hashlib.sha256("\n".join(str(net) for nets in families for net in nets).encode()).hexdigest()


def read_texts(path):
    with gzip.open(path) as source:
        values = json.load(source)["values"]
    texts = {value["name"]: value["properties"]["addressPrefixes"] for value in values}
    texts[""] = [text for prefixes in texts.values() for text in prefixes]
    return texts


old_texts, old_covers, nothing = {}, {}, [[], []]
for path in sys.argv[1:]:
    texts = read_texts(path)
    covers = {}
    report = {}
    for name, prefixes in texts.items():
        old = old_covers.get(name, nothing)
        # Most tags stay as they were, and so do their covers.
        same = prefixes == old_texts.get(name)
        cover = covers[name] = old if same else collapse(network(text) for text in prefixes)
        changes = [nothing, nothing] if same else [
            [subtract(a, b) for a, b in zip(left, right)] for left, right in ((cover, old), (old, cover))
        ]
        report[name] = [digest(families) for families in (cover, *changes)]
    print(json.dumps(report), flush=True)
    old_texts, old_covers = texts, covers
