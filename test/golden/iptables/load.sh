#!/bin/sh
# azure-allowlist: iptables and ip6tables with ipset
# Generated; the next run overwrites edits.
# Content sha256 96ea01d67b7755f2f983ae4cea5291b8df165c84c87efbd1471f543f0644a50e
# NOT IN THESE FILES (rule connector; this target matches no host names): crl.example.net www.example.net (port
#   80)
# NOT IN THESE FILES (rule connector; this target matches no host names): .example.org (port 80,443)
# NOT IN THESE FILES (rule connector; this target matches no host names): *.example.com deep.label.example.net
#   login.example.net (port 443)
# NOT IN THESE FILES (rule connector; this target matches no host names): *.bus.example.net (port
#   443,5671-5672,8080-8090)
# Load, and load again, as root with: sh load.sh (azure.ipset, then iptables.rules and ip6tables.rules; then
#   what they left behind is destroyed)
# By hand, never leave out --noflush: the whole filter table would be wiped. The chain needs one jump of yours
#   per family, see README.md.
set -eu
cd "$(dirname "$0")"

# XTABLES=nft or XTABLES=legacy chooses the backend; without it, what the system calls iptables-restore.
variant=${XTABLES:+-$XTABLES}

# A file that is missing is missed before anything changes.
cat azure.ipset iptables.rules ip6tables.rules >/dev/null

# One load at a time.
exec 9>/run/azure-allowlist.lock
flock -w 60 9 || { echo "$0: another load has held /run/azure-allowlist.lock for a minute" >&2; exit 1; }

# The sets of these very files: new files fill sets of their own, and the chain in force goes on looking into its own
# until it is replaced, so that no packet meets new addresses with old ports, or an address that moves in neither place.
generation=$(cat azure.ipset iptables.rules ip6tables.rules | sha256sum | cut -c -5)
load() {
	sed "/^#/!s/ \(az-[a-z0-9-]*-[46]\)\( \|\$\)/ \1-$generation\2/" "$1"
}

# Others may hold the lock of xtables for a while: -w waits.
load azure.ipset | ipset restore
load iptables.rules | "iptables$variant-restore" -w 60 --noflush
load ip6tables.rules | "ip6tables$variant-restore" -w 60 --noflush

# Sets of an earlier load that nothing uses any more.
listed=$(ipset list -terse)
printf '%s\n' "$listed" | awk -v generation="$generation" '
	/^Name: / { name = $2; type = ""; ours = 0 }
	/^Type: / { type = $2 }
	/^Header: / { ours = / maxelem 1048576( |$)/ }
	/^References: 0$/ && ours && type == "hash:net" && name ~ /^az-[a-z][a-z0-9-]*-[46](-new|-[0-9a-f]+)?$/ &&
		name !~ "-" generation "$" { print name }
' | while read -r name; do
	ipset destroy "$name"
done
