"""What somebody would write instead: the tags of a weekly file as an ipset restore file and a Squid ACL each.

usage: weekly.py FEED FOLDER TAG...
"""
import ipaddress
import json
import sys

feed, folder, *wanted = sys.argv[1:]
with open(feed, encoding="utf-8") as file:
    tags = {tag["name"]: tag["properties"]["addressPrefixes"] for tag in json.load(file)["values"]}
networks = [ipaddress.ip_network(prefix) for tag in wanted for prefix in tags[tag]]
for family in (4, 6):
    cover = list(ipaddress.collapse_addresses(one for one in networks if one.version == family))
    with open(f"{folder}/ipset-{family}.txt", "w", encoding="ascii") as file:
        file.writelines(f"add azure{family} {one}\n" for one in cover)
    with open(f"{folder}/squid-{family}.txt", "w", encoding="ascii") as file:
        file.writelines(f"{one}\n" for one in cover)
