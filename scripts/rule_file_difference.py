"""What the rule files of two output trees admit by address, and the difference, by Python's own arithmetic.

Reads lines like `["<folder before>", "<folder after>", {"<rule>": ["<port>"]}]` from standard input, each the folder
of one target, and writes a line of JSON for each: addresses gained and lost by family, on whatever port. A prefix is
on the ports of the rule that its file or line names, or the last line before it that names one. Prefixes are found in the text of the files by
their form alone; comments, lines that take something back and files for readers are left out; `ipaddress` parses and collapses, a sweep over integers
subtracts. Nothing of the product is used.
"""

import ipaddress
import json
import os
import re
import sys

TOKEN = re.compile(
    r"(?<![\w.:/-])((?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]*:[0-9a-fA-F:]*:?[0-9a-fA-F:.]*)"
    r"(?:/(\d{1,3})|\s*-\s*((?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F:]+:[0-9a-fA-F:.]*)|\s+((?:\d{1,3}\.){3}\d{1,3}))?(?![\w.:/-])"
)
COMMENT = re.compile(r"^\s*(#|!|//|;)")
#: A line that takes back what an earlier file made admits nothing.
TAKES_BACK = re.compile(r"^\s*(no|delete) ")
#: Files that people read, and the update that repeats what another file holds.
LEFT_OUT = re.compile(r"(^|/)(about\.txt|README.*|.*update.*)$")


def ranges_of(folder, ports):
    found = {}
    named = re.compile("|".join(sorted((re.escape(rule) for rule in ports), key=len, reverse=True)))
    for base, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(base, name)
            if LEFT_OUT.search(path):
                continue
            rule = named.search(os.path.relpath(path, folder))
            rule = rule and rule.group()
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    if COMMENT.match(line) or TAKES_BACK.match(line):
                        continue
                    match = named.search(line)
                    rule = match.group() if match else rule
                    for first, length, last, mask in TOKEN.findall(line):
                        try:
                            if last:
                                low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
                                add(found, ports, rule, low.version, int(low), int(high))
                                continue
                            if mask:
                                net = ipaddress.ip_network(f"{first}/{mask}")
                            elif length:
                                net = ipaddress.ip_network(f"{first}/{length}")
                            elif "." in first or first.count(":") > 1:
                                net = ipaddress.ip_network(first)
                            else:
                                continue
                        except ValueError:
                            continue
                        add(found, ports, rule, net.version, int(net[0]), int(net[-1]))
    return {key: merge(ranges) for key, ranges in found.items()}


def add(found, ports, rule, version, first, last):
    for port in ports.get(rule, ["*"]):
        found.setdefault((version, port), []).append((first, last))


def merge(ranges):
    out = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], last)
        else:
            out.append([first, last])
    return out


def minus(a, b):
    out = []
    j = 0
    for first, last in a:
        at = first
        while j < len(b) and b[j][1] < at:
            j += 1
        k = j
        while at <= last:
            if k == len(b) or b[k][0] > last:
                out.append((at, last))
                break
            if b[k][0] > at:
                out.append((at, b[k][0] - 1))
            at = b[k][1] + 1
            k += 1
    return out


def size(before, after, version):
    """How many addresses `after` admits on some port on which `before` does not."""
    keys = [key for key in after if key[0] == version]
    gained = [span for key in keys for span in minus(after[key], before.get(key, []))]
    return str(sum(last - first + 1 for first, last in merge(gained)))


for line in sys.stdin:
    before, after, ports = json.loads(line)
    old, now = ranges_of(before, ports), ranges_of(after, ports)
    print(
        json.dumps(
            {
                f"ipv{version}": {"gained": size(old, now, version), "lost": size(now, old, version)}
                for version in (4, 6)
            }
        ),
        flush=True,
    )
