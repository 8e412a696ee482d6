# azure-allowlist: Microsoft Entra private network connector
# Generated; the next run overwrites edits.
# Content sha256 06a0a87d8333e6a78963b6b0c67db0d571725a6c7d27d8efe9ab8ef20cbe3e8f
# Copy the folder to the connector's host; README.txt says what to do there.
#
# Puts back what Set-ConnectorProxy.ps1 kept: the .exe.config files, the registry value and the proxy of the machine; then
# restarts the services. Run as administrator. -WhatIf shows what would be done.
#Requires -Version 5.1
#Requires -RunAsAdministrator
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [string] $Keep = (Join-Path $env:ProgramData 'azure-allowlist\connector')
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$RegistryKey = 'HKLM:\SOFTWARE\Microsoft\Microsoft Entra private network connector'
$Configs = @(
    (Join-Path $env:ProgramFiles 'Microsoft Entra private network connector\MicrosoftEntraPrivateNetworkConnectorService.exe.config'),
    (Join-Path $env:ProgramFiles 'Microsoft Entra private network connector Updater\MicrosoftEntraPrivateNetworkConnectorUpdaterService.exe.config')
)

$changed = $false
foreach ($config in $Configs) {
    $original = Join-Path $Keep (Split-Path -Leaf $config)
    if ((Test-Path -LiteralPath $original) -and $PSCmdlet.ShouldProcess($config, 'put the original back')) {
        Copy-Item -LiteralPath $original -Destination $config -Force
        Remove-Item -LiteralPath $original
        $changed = $true
    }
}
$note = Join-Path $Keep 'registry.txt'
if ((Test-Path -LiteralPath $note) -and $PSCmdlet.ShouldProcess($RegistryKey, 'put UseDefaultProxyForBackendRequests back')) {
    $value = (Get-Content -LiteralPath $note -Raw).Trim()
    if ($value -eq 'absent') {
        Remove-ItemProperty -LiteralPath $RegistryKey -Name 'UseDefaultProxyForBackendRequests' -ErrorAction SilentlyContinue
    } else {
        New-ItemProperty -LiteralPath $RegistryKey -Name 'UseDefaultProxyForBackendRequests' -PropertyType DWord -Value ([int] $value) -Force | Out-Null
    }
    Remove-Item -LiteralPath $note
    $changed = $true
}
$dump = Join-Path $Keep 'winhttp.txt'
if ((Test-Path -LiteralPath $dump) -and $PSCmdlet.ShouldProcess('netsh winhttp', 'put the proxy of the machine back')) {
    & netsh -f $dump
    if ($LASTEXITCODE -ne 0) { throw "netsh -f $dump failed with $LASTEXITCODE" }
    Remove-Item -LiteralPath $dump
    $changed = $true
}
if ($changed) {
    foreach ($config in $Configs) {
        $program = (Split-Path -Leaf $config) -replace '\.config$', ''
        $services = Get-CimInstance -ClassName Win32_Service | Where-Object { $_.PathName -like "*\$program*" }
        foreach ($service in $services) {
            if ($PSCmdlet.ShouldProcess($service.Name, 'restart the service')) { Restart-Service -Name $service.Name }
        }
    }
} else {
    Write-Output 'Nothing was kept: there is nothing to undo.'
}
