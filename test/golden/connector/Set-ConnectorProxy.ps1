# azure-allowlist: Microsoft Entra private network connector
# Generated; the next run overwrites edits.
# Content sha256 e202972bdad9b1fff5944ec057a70e367a5c38d8c3018c9fc9973830d22ecebe
# Copy the folder to the connector's host; README.txt says what to do there.
#
# Puts the proxy settings into the connector's .exe.config files, sets the registry value for requests to applications
# and, where they go through the proxy, the proxy of the machine; then restarts the services. Run as administrator; a second run
# changes nothing. -WhatIf shows what would be done. The originals are kept; Undo-ConnectorProxy.ps1 puts them back.
#Requires -Version 5.1
#Requires -RunAsAdministrator
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [string] $Keep = (Join-Path $env:ProgramData 'azure-allowlist\connector')
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$Proxy = 'none'
$BackendThroughProxy = $false
$RegistryKey = 'HKLM:\SOFTWARE\Microsoft\Microsoft Entra private network connector'
$Configs = @(
    (Join-Path $env:ProgramFiles 'Microsoft Entra private network connector\MicrosoftEntraPrivateNetworkConnectorService.exe.config'),
    (Join-Path $env:ProgramFiles 'Microsoft Entra private network connector Updater\MicrosoftEntraPrivateNetworkConnectorUpdaterService.exe.config')
)

$stylesheet = New-Object System.Xml.Xsl.XslCompiledTransform
$stylesheet.Load((Join-Path $PSScriptRoot 'connector-proxy.xslt'))
foreach ($config in $Configs) {
    if (-not (Test-Path -LiteralPath $config)) { throw "$config is not there: is this the right product?" }
}
if (-not (Test-Path -LiteralPath $Keep)) {
    if ($PSCmdlet.ShouldProcess($Keep, 'make the folder for the originals')) {
        New-Item -ItemType Directory -Path $Keep -Force | Out-Null
    }
}

$changed = $false
foreach ($config in $Configs) {
    $name = Split-Path -Leaf $config
    $original = Join-Path $Keep $name
    $merged = Join-Path ([IO.Path]::GetTempPath()) "$name.merged"
    $stylesheet.Transform($config, $merged)
    $before = ([xml](Get-Content -LiteralPath $config -Raw)).OuterXml
    $after = ([xml](Get-Content -LiteralPath $merged -Raw)).OuterXml
    if ($before -eq $after) {
        Write-Output "$config has these settings already."
    } elseif ($PSCmdlet.ShouldProcess($config, "set the proxy to $Proxy")) {
        if (-not (Test-Path -LiteralPath $original)) { Copy-Item -LiteralPath $config -Destination $original }
        Copy-Item -LiteralPath $merged -Destination $config -Force
        $changed = $true
    }
    Remove-Item -LiteralPath $merged -WhatIf:$false
}

$wanted = [int] $BackendThroughProxy
$property = 'UseDefaultProxyForBackendRequests'
$existing = Get-ItemProperty -LiteralPath $RegistryKey -ErrorAction SilentlyContinue
$current = if ($existing -and ($existing.PSObject.Properties.Name -contains $property)) { [string] $existing.$property } else { 'absent' }
$same = ($current -eq [string] $wanted) -or ($wanted -eq 0 -and $current -eq 'absent')
if (-not $same -and $PSCmdlet.ShouldProcess("$RegistryKey, $property", "set to $wanted")) {
    $note = Join-Path $Keep 'registry.txt'
    if (-not (Test-Path -LiteralPath $note)) { Set-Content -LiteralPath $note -Value $current }
    if (-not (Test-Path -LiteralPath $RegistryKey)) { New-Item -Path $RegistryKey -Force | Out-Null }
    New-ItemProperty -LiteralPath $RegistryKey -Name $property -PropertyType DWord -Value $wanted -Force | Out-Null
    $changed = $true
}

if ($BackendThroughProxy) {
    $machine = $Proxy -replace '^http://', ''
    $shown = (& netsh winhttp show proxy) -join "`n"
    if ($shown -notlike "*$machine*" -and $PSCmdlet.ShouldProcess('netsh winhttp', "set the proxy of the machine to $machine")) {
        $dump = Join-Path $Keep 'winhttp.txt'
        if (-not (Test-Path -LiteralPath $dump)) { & netsh winhttp dump | Set-Content -LiteralPath $dump }
        & netsh winhttp set proxy "proxy-server=$machine"
        if ($LASTEXITCODE -ne 0) { throw "netsh winhttp set proxy failed with $LASTEXITCODE" }
        $changed = $true
    }
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
    Write-Output 'Nothing to change.'
}
