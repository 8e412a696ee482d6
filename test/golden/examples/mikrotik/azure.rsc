# azure-allowlist: MikroTik RouterOS address lists
# Generated; the next run overwrites edits.
# Content sha256 56569568f05be513c72450527d5d0ddb7cfe0c91e7d63ed9a84a6e785a35d826
# Rule connector: 3 IPv4 and 2 IPv6 prefixes on port 80,443
# Rule storage-weu: 3 IPv4 and 1 IPv6 prefixes on port 443
# Rule sql: 1 IPv4 and 0 IPv6 prefixes on port 1433,11000-11999
# Rule emptied: nothing on this target
# NOT IN THESE FILES (rule connector; this target matches no host names): crl.example.net www.example.net (port
#   80)
# NOT IN THESE FILES (rule connector; this target matches no host names): .example.org (port 80,443)
# NOT IN THESE FILES (rule connector; this target matches no host names): *.example.com deep.label.example.net
#   login.example.net (port 443)
# NOT IN THESE FILES (rule connector; this target matches no host names): *.bus.example.net (port
#   443,5671-5672,8080-8090)
# ALSO ALLOWS (rule connector; these lists name no ports; the rule that uses them on the device must): its IPv4
#   and IPv6 addresses (port 1-79,81-442,444-65535)
# ALSO ALLOWS (rule storage-weu; these lists name no ports; the rule that uses them on the device must): its
#   IPv4 and IPv6 addresses (port 1-442,444-65535)
# ALSO ALLOWS (rule sql; these lists name no ports; the rule that uses them on the device must): its IPv4
#   addresses (port 1-1432,1434-10999,12000-65535)
# Import it with `/import azure.rsc`. The lists are empty between their first and their last line.
# The lists name no ports. The filter rule that uses them must.
/ip firewall address-list remove [find list="azure-connector-ipv4"]
/ip firewall address-list add list="azure-connector-ipv4" address=198.51.100.0/25
/ip firewall address-list add list="azure-connector-ipv4" address=198.51.100.128/26
/ip firewall address-list add list="azure-connector-ipv4" address=203.0.113.7/32
/ipv6 firewall address-list remove [find list="azure-connector-ipv6"]
/ipv6 firewall address-list add list="azure-connector-ipv6" address=2001:db8::/34
/ipv6 firewall address-list add list="azure-connector-ipv6" address=2001:db8:8000::1/128
/ip firewall address-list remove [find list="azure-storage-weu-ipv4"]
/ip firewall address-list add list="azure-storage-weu-ipv4" address=192.0.2.0/28
/ip firewall address-list add list="azure-storage-weu-ipv4" address=192.0.2.32/31
/ip firewall address-list add list="azure-storage-weu-ipv4" address=198.51.100.192/27
/ipv6 firewall address-list remove [find list="azure-storage-weu-ipv6"]
/ipv6 firewall address-list add list="azure-storage-weu-ipv6" address=2001:db8:4000:10::/60
/ip firewall address-list remove [find list="azure-sql-ipv4"]
/ip firewall address-list add list="azure-sql-ipv4" address=198.18.0.0/15
