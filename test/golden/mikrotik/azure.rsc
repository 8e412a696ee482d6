# azure-allowlist: MikroTik RouterOS script
# Generated; the next run overwrites edits.
# Content sha256 95cb8035b8b5d290d9f329a27808e444fe2e6b94a598a983e6337784a9423637
# Rule connector: 2 names on port 80; 1 name on port 80,443; 2 names on port 443; 3 IPv4 and 2 IPv6 prefixes on
#   port 80,443
# Rule storage-weu: 3 IPv4 and 1 IPv6 prefixes on port 443
# Rule sql: 1 IPv4 and 0 IPv6 prefixes on port 1433,11000-11999
# Rule emptied: nothing on this target
# NOT IN THESE FILES (rule connector; this target matches whole host names only, no subdomains): *.example.org
#   (port 80,443)
# NOT IN THESE FILES (rule connector; this target matches whole host names only, no subdomains): *.example.com
#   (port 443)
# NOT IN THESE FILES (rule connector; this target matches whole host names only, no subdomains):
#   *.bus.example.net (port 443,5671-5672,8080-8090)
# ALSO ALLOWS (rule connector; only www.example.net/pkiops is asked for; this target admits the whole host):
#   www.example.net (port 80)
# Copy azure.rsc to the router and /import it (RouterOS 7). The chain needs one jump of yours in each family,
#   see README.md.
# The router resolves the names, to IPv4 addresses only; clients must get the same answers, so let them ask the
#   router.
:local azVersion [:pick "95cb8035b8b5d290d9f329a27808e444fe2e6b94a598a983e6337784a9423637" 0 8]
:local azMark ("azure-allowlist " . $azVersion)
:local azKept ""
:foreach azRule in=[/ip firewall filter find where comment~"^azure-allowlist loaded "] do={
  :set azKept [:pick [/ip firewall filter get $azRule comment] 23 31]
}
:local azTidy do={
  /ip firewall filter remove [find where comment~"^azure-allowlist " and !(comment~(" " . $keep . "\$"))]
  /ipv6 firewall filter remove [find where comment~"^azure-allowlist " and !(comment~(" " . $keep . "\$"))]
  /ip firewall address-list remove [find where dynamic=no and list~"^azure-[a-z0-9_-]+[.][0-9a-f]+\$" and !(list~("[.]" . $keep . "\$"))]
  /ipv6 firewall address-list remove [find where dynamic=no and list~"^azure-[a-z0-9_-]+[.][0-9a-f]+\$" and !(list~("[.]" . $keep . "\$"))]
}
$azTidy keep=$azKept
:if ($azKept = $azVersion) do={
  :error "azure-allowlist: this file is loaded already"
}
/ip firewall address-list
add list=("azure-connector-ipv4." . $azVersion) address=198.51.100.0/25
add list=("azure-connector-ipv4." . $azVersion) address=198.51.100.128/26
add list=("azure-connector-ipv4." . $azVersion) address=203.0.113.7/32
add list=("azure-storage-weu-ipv4." . $azVersion) address=192.0.2.0/28
add list=("azure-storage-weu-ipv4." . $azVersion) address=192.0.2.32/31
add list=("azure-storage-weu-ipv4." . $azVersion) address=198.51.100.192/27
add list=("azure-sql-ipv4." . $azVersion) address=198.18.0.0/15
add list=("azure-connector_80." . $azVersion) address=crl.example.net
add list=("azure-connector_80." . $azVersion) address=www.example.net
add list=("azure-connector_80-443." . $azVersion) address=example.org
add list=("azure-connector_443." . $azVersion) address=deep.label.example.net
add list=("azure-connector_443." . $azVersion) address=login.example.net
/ipv6 firewall address-list
add list=("azure-connector-ipv6." . $azVersion) address=2001:db8::/34
add list=("azure-connector-ipv6." . $azVersion) address=2001:db8:8000::1/128
add list=("azure-storage-weu-ipv6." . $azVersion) address=2001:db8:4000:10::/60
/ip firewall filter
add chain=azure-allow protocol=tcp dst-port=80 dst-address-list=("azure-connector-ipv4." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=443 dst-address-list=("azure-connector-ipv4." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=443 dst-address-list=("azure-storage-weu-ipv4." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=1433 dst-address-list=("azure-sql-ipv4." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=11000-11999 dst-address-list=("azure-sql-ipv4." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=80 dst-address-list=("azure-connector_80." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=80 dst-address-list=("azure-connector_80-443." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=443 dst-address-list=("azure-connector_80-443." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=443 dst-address-list=("azure-connector_443." . $azVersion) action=accept comment=$azMark
/ipv6 firewall filter
add chain=azure-allow protocol=tcp dst-port=80 dst-address-list=("azure-connector-ipv6." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=443 dst-address-list=("azure-connector-ipv6." . $azVersion) action=accept comment=$azMark
add chain=azure-allow protocol=tcp dst-port=443 dst-address-list=("azure-storage-weu-ipv6." . $azVersion) action=accept comment=$azMark
/ip firewall filter add chain=azure-allow action=return disabled=yes comment=("azure-allowlist loaded " . $azVersion)
$azTidy keep=$azVersion
