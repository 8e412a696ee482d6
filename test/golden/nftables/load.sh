#!/bin/sh
# azure-allowlist: nftables
# Generated; the next run overwrites edits.
# Content sha256 ece9d4e14b13afec8832a6927857690a756d09708e219350eac57bffb434b232
# NOT IN THESE FILES (rule connector; this target matches no host names): crl.example.net www.example.net (port
#   80)
# NOT IN THESE FILES (rule connector; this target matches no host names): .example.org (port 80,443)
# NOT IN THESE FILES (rule connector; this target matches no host names): *.example.com deep.label.example.net
#   login.example.net (port 443)
# NOT IN THESE FILES (rule connector; this target matches no host names): *.bus.example.net (port
#   443,5671-5672,8080-8090)
# Load, and load again, as root with: sh load.sh (azure-sets.nft, then azure-chain.nft; then what they left
#   behind is deleted)
# An accept here does not overrule a drop in another table. Yours must accept the mark, see README.md.
set -eu
cd "$(dirname "$0")"

# A file that is missing is missed before anything changes.
cat azure-sets.nft azure-chain.nft >/dev/null

# One load at a time.
exec 9>/run/azure-allowlist.lock
flock -w 60 9 || { echo "$0: another load has held /run/azure-allowlist.lock for a minute" >&2; exit 1; }

# The sets of these very files: new files fill sets of their own, and the chain in force goes on looking into its own
# until it is replaced, so that no packet meets new addresses with old ports, or an address that moves in neither place.
generation=$(cat azure-sets.nft azure-chain.nft | sha256sum | cut -c -5)
load() {
	sed "/^#/!s/_ipv[46]/&_$generation/" "$1" | nft -f -
}

# Two transactions, because one that flushes both sets and chain loses packets.
load azure-sets.nft
load azure-chain.nft

# What an earlier load has left in the table: the chains first, which look into the sets.
listed=$(nft -t list table inet azure_allow) || { sleep 1 && listed=$(nft -t list table inet azure_allow); }
loaded() {
	printf '%s\n' "$listed" | sed -n "s/^	$1 \([a-z0-9_-]*\) {\$/\1/p"
}
{
	loaded chain | sed -n '/^forward$/!s/.*/flush chain inet azure_allow &\ndelete chain inet azure_allow &/p'
	loaded set | sed -n "/_$generation\$/!s/.*/delete set inet azure_allow &/p"
} | nft -f -
