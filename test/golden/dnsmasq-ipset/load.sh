#!/bin/sh
# azure-allowlist: dnsmasq that fills nftables sets or ipsets from DNS answers
# Generated; the next run overwrites edits.
# Content sha256 8d9b9474f109fa26bd110855773771ea48989f7da90c03a3d9da96359fce536b
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

# XTABLES=nft or XTABLES=legacy chooses the backend; without it, what the system calls iptables-restore.
variant=${XTABLES:+-$XTABLES}
# `sh load.sh save` keeps the addresses that names have opened for the next load: before a reboot.
state=/var/lib/azure-allowlist/AZURE-NAMES
saved=${SAVED:-$state}
restart=${RESTART_DNSMASQ:-systemctl --no-block try-restart dnsmasq.service}

# A file that is missing is missed before anything changes.
cat iptables.rules ip6tables.rules >/dev/null

# One load at a time.
exec 9>/run/azure-allowlist.lock
flock -w 60 9 || { echo "$0: another load has held /run/azure-allowlist.lock for a minute" >&2; exit 1; }

# The addresses in a set, one a line after some words.
addresses() {
	held=$(ipset save "$1")
	printf '%s\n' "$held" | sed -n "s/^add $1 \([0-9a-f.:]*\).*/$2 \1/p"
}

if [ "${1-}" = save ]; then
	mkdir -p "$(dirname "$saved")"
	grep '^create ' azure-names.ipset | while read -r _ name _; do
		addresses "$name" "$name"
	done >"$saved.new"
	mv "$saved.new" "$saved"
	exit
fi

# First the sets. They are never emptied: what is in them came from answers that clients may hold for hours. One that is
# there with another timeout is exchanged for a new one that holds the same addresses.
grep '^create ' azure-names.ipset | while read -r _ name options; do
	ipset create "$name" $options 2>/dev/null && continue
	ipset destroy azure-names-new 2>/dev/null || :
	ipset create azure-names-new $options
	kept=$(addresses "$name" 'add azure-names-new')
	printf '%s\n' "$kept" | ipset restore -exist
	ipset swap azure-names-new "$name"
	ipset destroy azure-names-new
done
if [ -f "$saved" ]; then
	while read -r name address; do
		grep -q "^create $name " azure-names.ipset || continue
		case $address in *[!0-9a-f:.]*) continue ;; esac
		echo "add $name $address"
	done <"$saved" | ipset restore -exist
	rm "$saved"
fi

# Then the chains that look into them, and dnsmasq, which reads its lines at the start only and fills nothing from its cache.
# Others may hold the lock of xtables for a while: -w waits.
"iptables$variant-restore" -w 60 --noflush iptables.rules
"ip6tables$variant-restore" -w 60 --noflush ip6tables.rules
$restart

# Sets of these files' making that no file names and nothing uses any more.
listed=$(ipset list -terse)
printf '%s\n' "$listed" | awk '
	/^Name: / { name = $2; type = ""; ours = 0 }
	/^Type: / { type = $2 }
	/^Header: / { ours = / maxelem 65536 timeout [1-9]/ }
	/^References: 0$/ && ours && type == "hash:ip" && name ~ /^[a-z][a-z0-9-]*_[0-9p][0-9a-f_-]*_[46]$/ { print name }
' | while read -r name; do
	grep -q "^create $name " azure-names.ipset || ipset destroy "$name"
done
