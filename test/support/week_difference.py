"""The difference of two weekly files by Python's own arithmetic, as JSON.

`ipaddress` parses, collapses and covers; a sweep over integers subtracts. Nothing of the product is used.
Arguments: the two files (gzip), then the tags to compare; without tags all of them.
"""

import gzip
import ipaddress
import json
import sys

CLASSES = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}


def load(path, tags):
    values = json.load(gzip.open(path))["values"]
    return {v["name"]: v["properties"]["addressPrefixes"] for v in values if not tags or v["name"] in tags}


def ranges(texts, version):
    nets = [net for net in map(ipaddress.ip_network, texts) if net.version == version]
    return [(int(net[0]), int(net[-1])) for net in ipaddress.collapse_addresses(nets)]


def minus(a, b):
    out = []
    j = 0
    for first, last in a:
        while j < len(b) and b[j][1] < first:
            j += 1
        for k in range(j, len(b)):
            f, l = b[k]
            if f > last:
                break
            if f > first:
                out.append((first, f - 1))
            first = l + 1
            if first > last:
                break
        if first <= last:
            out.append((first, last))
    return out


def both(a, b):
    return minus(a, minus(a, b))


def size(a):
    return sum(last - first + 1 for first, last in a)


def joined(a):
    """Ranges that touch are one."""
    out = []
    for first, last in sorted(a):
        if out and out[-1][1] == first - 1:
            out[-1][1] = last
        else:
            out.append([first, last])
    return out


def cover(a, version):
    cls = CLASSES[version]
    nets = [net for f, l in a for net in ipaddress.summarize_address_range(cls(f), cls(l))]
    return [str(net) for net in ipaddress.collapse_addresses(nets)]


def described(families):
    """A space of both families: sizes, the fewest prefixes, and ranges as numbers."""
    return {
        "ipv%d" % version: {
            "addresses": str(size(a)),
            "prefixes": cover(a, version),
            "ranges": [[str(first), str(last)] for first, last in joined(a)],
        }
        for version, a in families.items()
    }


def families(texts):
    return {version: ranges(texts, version) for version in (4, 6)}


def combine(operation, a, b):
    return {version: operation(a[version], b[version]) for version in (4, 6)}


def is_empty(space):
    return not space[4] and not space[6]


def order(texts):
    nets = sorted(map(ipaddress.ip_network, texts), key=lambda n: (n.version, int(n[0]), n.prefixlen))
    return [str(net) for net in nets]


def parts(texts, space):
    """How much of each prefix is in the space: all, part or nothing."""
    out = []
    for text in texts:
        net = ipaddress.ip_network(text)
        own = [(int(net[0]), int(net[-1]))]
        inside = size(both(own, space[net.version]))
        out.append("nothing" if inside == 0 else "all" if inside == net.num_addresses else "part")
    return out


before, after, *tags = sys.argv[1:]
old, new = load(before, tags), load(after, tags)
all_old, all_new = (families(sorted({p for ps in of.values() for p in ps})) for of in (old, new))
gained, lost = combine(minus, all_new, all_old), combine(minus, all_old, all_new)
found = {}
spaces = {}
for name in sorted(set(old) | set(new)):
    a, b = old.get(name, []), new.get(name, [])
    if set(a) == set(b) and (name in old) == (name in new):
        continue
    came, went = order(set(b) - set(a)), order(set(a) - set(b))
    x, y = families(a), families(b)
    spaces[name] = (combine(minus, y, x), combine(minus, x, y))
    found[name] = {
        "gained": came,
        "lost": went,
        "gainedParts": parts(came, gained),
        "lostParts": parts(went, lost),
        "space": {"gained": described(spaces[name][0]), "lost": described(spaces[name][1])},
    }
moves = []
for source, (_, left) in spaces.items():
    for target, (entered, _) in spaces.items():
        moved = combine(both, left, entered)
        if not is_empty(moved):
            moves.append({"from": source, "to": target, "addresses": described(moved)})
covered = []
for name, (_, left) in spaces.items():
    kept = combine(both, left, all_new)
    if not is_empty(kept):
        covered.append({"tag": name, "addresses": described(kept)})
print(
    json.dumps(
        {
            "tags": found,
            "space": {"gained": described(gained), "lost": described(lost)},
            "kept": described(combine(both, all_old, all_new)),
            "now": {"ipv%d" % version: str(size(a)) for version, a in all_new.items()},
            "moves": moves,
            "covered": covered,
        }
    )
)
