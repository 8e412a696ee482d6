# azure-allowlist: Windows Firewall script
# Generated; the next run overwrites edits.
# Content sha256 e5d0cd57e1ae3a880f5067a3be69c655c704cb7fd03dc76bdb4f2590b39a7417
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
# Run it as administrator, each time that it has changed: powershell -ExecutionPolicy Bypass -File
#   Set-AzureFirewall.ps1
# Windows lets everything out unless told otherwise, see README.md.
$ErrorActionPreference = 'Stop'
$azureAddresses = @{}
$azureRules = @{}
function Add-AzureAddress([string] $List, [string] $Address) {
  if (-not $azureAddresses.ContainsKey($List)) { $azureAddresses[$List] = New-Object System.Collections.ArrayList }
  [void] $azureAddresses[$List].Add($Address)
}
function Add-AzureRule([string] $List, [string] $Protocol, [string] $Ports) {
  $azureRules["azure-$List-$Protocol"] = @{ List = $List; Protocol = $Protocol; Ports = $Ports.Split(',') }
}
Add-AzureAddress 'connector-ipv4' '198.51.100.0/25'
Add-AzureAddress 'connector-ipv4' '198.51.100.128/26'
Add-AzureAddress 'connector-ipv4' '203.0.113.7/32'
Add-AzureAddress 'connector-ipv6' '2001:db8::/34'
Add-AzureAddress 'connector-ipv6' '2001:db8:8000::1/128'
Add-AzureAddress 'storage-weu-ipv4' '192.0.2.0/28'
Add-AzureAddress 'storage-weu-ipv4' '192.0.2.32/31'
Add-AzureAddress 'storage-weu-ipv4' '198.51.100.192/27'
Add-AzureAddress 'storage-weu-ipv6' '2001:db8:4000:10::/60'
Add-AzureAddress 'sql-ipv4' '198.18.0.0/15'
Add-AzureRule 'connector-ipv4' 'tcp' '80,443'
Add-AzureRule 'connector-ipv6' 'tcp' '80,443'
Add-AzureRule 'storage-weu-ipv4' 'tcp' '443'
Add-AzureRule 'storage-weu-ipv6' 'tcp' '443'
Add-AzureRule 'sql-ipv4' 'tcp' '1433,11000-11999'
foreach ($name in $azureRules.Keys) {
  $rule = $azureRules[$name]
  $settings = @{
    Name = $name; Direction = 'Outbound'; Action = 'Allow'; Enabled = 'True'; Profile = 'Any'
    Protocol = $rule.Protocol; RemotePort = $rule.Ports; RemoteAddress = $azureAddresses[$rule.List].ToArray()
  }
  if (Get-NetFirewallRule -Name $name -ErrorAction SilentlyContinue) { Set-NetFirewallRule @settings }
  else { New-NetFirewallRule @settings -DisplayName $name -Group 'azure-allowlist' | Out-Null }
}
Get-NetFirewallRule -Group 'azure-allowlist' -ErrorAction SilentlyContinue | Where-Object { -not $azureRules.ContainsKey($_.Name) } | Remove-NetFirewallRule
