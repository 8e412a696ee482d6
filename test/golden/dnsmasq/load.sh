#!/bin/sh
# azure-allowlist: dnsmasq that fills nftables sets or ipsets from DNS answers
# Generated; the next run overwrites edits.
# Content sha256 1172dd5fd8a7c802b19d5c39a5d0beb183c2f1d0ce71d5fd4efe747315893219
# NOT IN THESE FILES (rule storage-weu; this target matches no IPv4 addresses): its IPv4 addresses (port 443)
# NOT IN THESE FILES (rule storage-weu; this target matches no IPv6 addresses): its IPv6 addresses (port 443)
# NOT IN THESE FILES (rule sql; this target matches no IPv4 addresses): its IPv4 addresses (port
#   1433,11000-11999)
# ALSO ALLOWS (rule connector; this target cannot match a host without its subdomains): *.crl.example.net
#   *.www.example.net (port 80)
# ALSO ALLOWS (rule connector; this target cannot match the subdomains without the domain itself): example.com
#   (port 443)
# ALSO ALLOWS (rule connector; this target cannot match a host without its subdomains): *.deep.label.example.net
#   *.login.example.net (port 443)
# ALSO ALLOWS (rule connector; this target cannot match the subdomains without the domain itself):
#   bus.example.net (port 443,5671-5672,8080-8090)
# ALSO ALLOWS (rule connector; only www.example.net/pkiops is asked for; this target admits the whole host):
#   www.example.net (port 80)
# A name opens the addresses that it resolves to, for every other name that lives there.
# Load, and load again, as root with: sh load.sh (the sets, the chain, a restart of dnsmasq; then what they left
#   behind is deleted)
# sets: nftables needs dnsmasq 2.87 or later with nftset among what dnsmasq --version lists; sets: ipset does
#   not.
# Clients must ask this dnsmasq; load before it starts, and see README.md.
set -eu
cd "$(dirname "$0")"

# `sh load.sh save` keeps the addresses that names have opened for the next load: before a reboot.
state=/var/lib/azure-allowlist/azure_names
saved=${SAVED:-$state}
restart=${RESTART_DNSMASQ:-systemctl --no-block try-restart dnsmasq.service}

# A file that is missing is missed before anything changes.
cat azure-names-chain.nft >/dev/null

# One load at a time.
exec 9>/run/azure-allowlist.lock
flock -w 60 9 || { echo "$0: another load has held /run/azure-allowlist.lock for a minute" >&2; exit 1; }

# Looks what the table holds; the names of its sets or chains.
look() {
	listed=$(nft -t list table inet azure_names) || { sleep 1 && listed=$(nft -t list table inet azure_names); }
}
loaded() {
	printf '%s\n' "$listed" | sed -n "s/^	$1 \([a-z0-9_-]*\) {\$/\1/p"
}

# The addresses in a set, one a line after a name.
addresses() {
	held=$(nft list set inet azure_names "$1")
	printf '%s\n' "$held" | tr '\n' ' ' | sed -n 's/.*elements = {\([^}]*\)}.*/\1/p' | tr ',' '\n' |
		awk -v name="$2" 'NF { print name, $1 }'
}

# Lines of a set and an address; an address that is there already stays as it is, a set that no file names is passed over.
fill() {
	while read -r name address; do
		grep -q "^	set $name {\$" azure-names-sets.nft || continue
		case $address in *[!0-9a-f:.]*) continue ;; esac
		echo "add element inet azure_names $name { $address }"
	done | nft -f -
}

if [ "${1-}" = save ]; then
	mkdir -p "$(dirname "$saved")"
	look
	loaded set | while read -r name; do
		addresses "$name" "$name"
	done >"$saved.new"
	mv "$saved.new" "$saved"
	exit
fi

# First the sets. They are never emptied: what is in them came from answers that clients may hold for hours.
nft -f azure-names-sets.nft
if [ -f "$saved" ]; then
	fill <"$saved"
	rm "$saved"
fi
# A set with another timeout is another set: it takes over what the old one held.
look
inherited=$(
	loaded set | while read -r name; do
		grep -q "^	set $name {\$" azure-names-sets.nft && continue
		heir=$(sed -n "s/^	set \(${name%_*}_[0-9]*h\) {\$/\1/p" azure-names-sets.nft)
		[ -z "$heir" ] || addresses "$name" "$heir"
	done
)
printf '%s\n' "$inherited" | fill

# Then the chain that looks into them, and dnsmasq, which reads its lines at the start only and fills nothing from its cache.
nft -f azure-names-chain.nft
$restart

# What an earlier load has left in the table and no file names now: the chains first, which look into the sets.
look
left() {
	loaded "$1" | while read -r name; do
		grep -q "^	$1 $name {\$" "$2" || echo "$name"
	done
}
{
	left chain azure-names-chain.nft |
		sed 's/.*/flush chain inet azure_names &\ndelete chain inet azure_names &/'
	left set azure-names-sets.nft | sed 's/.*/delete set inet azure_names &/'
} | nft -f -
