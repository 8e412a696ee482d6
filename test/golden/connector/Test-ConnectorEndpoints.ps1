# azure-allowlist: Microsoft Entra private network connector
# Generated; the next run overwrites edits.
# Content sha256 36c19c30f50a3332d2c5e14f926073c5a5c37e25deead14b7e944c0ad8c3abf6
# Copy the folder to the connector's host; README.txt says what to do there.
#
# Tests from the connector's host whether it reaches what the policy requires: names, TCP, the proxy's answer to
# CONNECT, TLS and who issued the certificate. Changes nothing. Exit status 0 if nothing is blocked, 2 if something is.
# Wildcards cannot be asked for: name hosts below them with -Example tenant.msappproxy.net,...
#Requires -Version 5.1
[CmdletBinding()]
param(
    [string[]] $Example = @(),
    [string] $Proxy = 'none',
    [string[]] $Issuer = @('Microsoft Corporation', 'DigiCert Inc', 'DigiCert, Inc.'),
    [int] $TimeoutSeconds = 5
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$Endpoints = @(
    @{ Name = '*.bus.example.net'; Port = 443 }
    @{ Name = '*.bus.example.net'; Port = 5671 }
    @{ Name = '*.bus.example.net'; Port = 8080 }
    @{ Name = '*.example.com'; Port = 443 }
    @{ Name = '.example.org'; Port = 443 }
    @{ Name = '.example.org'; Port = 80 }
    @{ Name = 'crl.example.net'; Port = 80 }
    @{ Name = 'deep.label.example.net'; Port = 443 }
    @{ Name = 'login.example.net'; Port = 443 }
    @{ Name = 'www.example.net'; Port = 80 }
)

function Connect-Tcp([string] $Name, [int] $Port) {
    $client = New-Object System.Net.Sockets.TcpClient
    try {
        $task = $client.ConnectAsync($Name, $Port)
        if (-not $task.Wait($TimeoutSeconds * 1000)) { throw 'no answer to the SYN: a firewall drops it' }
        $client.ReceiveTimeout = $TimeoutSeconds * 2000
        $client.SendTimeout = $TimeoutSeconds * 2000
        return $client
    } catch {
        $client.Dispose()
        $cause = $_.Exception.GetBaseException()
        throw "$($cause.Message)"
    }
}

function Read-StatusLine([System.IO.Stream] $Stream, [string] $Request) {
    $bytes = [Text.Encoding]::ASCII.GetBytes($Request)
    $Stream.Write($bytes, 0, $bytes.Length)
    $text = ''
    # Byte by byte, to the end of the head: what follows belongs to TLS.
    while (-not $text.EndsWith("`r`n`r`n") -and $text.Length -lt 16384) {
        $byte = $Stream.ReadByte()
        if ($byte -lt 0) { break }
        $text += [char] $byte
    }
    if ($text -notmatch '^HTTP/1\.[01] (\d{3})') { throw 'the answer is no HTTP' }
    return [int] $Matches[1]
}

function Test-Endpoint([string] $Name, [int] $Port) {
    $direct = $Proxy -eq 'none'
    $client = $null
    try {
        if ($direct) {
            try { [void] [System.Net.Dns]::GetHostAddresses($Name) }
            catch { return @('BLOCKED', 'name-unknown', "the name servers must resolve $Name") }
            $client = Connect-Tcp $Name $Port
        } else {
            $url = [Uri] $Proxy
            $client = Connect-Tcp $url.DnsSafeHost $url.Port
        }
        $stream = $client.GetStream()
        if ($Port -eq 80) {
            $target = if ($direct) { '/' } else { "http://$Name/" }
            $status = Read-StatusLine $stream "GET $target HTTP/1.1`r`nHost: $Name`r`nConnection: close`r`n`r`n"
            if ($status -eq 407) { return @('BLOCKED', 'proxy-authentication', 'the proxy must let this host through without authentication') }
            if (-not $direct -and $status -in 502, 503, 504) { return @('BLOCKED', 'proxy-refuses', "the proxy answers $status") }
            if (-not $direct -and $status -eq 403) { return @('note', 'proxy-unclear', 'the proxy or the server says 403: look into the log of the proxy') }
            return @('works', 'works', "HTTP $status")
        }
        if (-not $direct) {
            $status = Read-StatusLine $stream "CONNECT ${Name}:$Port HTTP/1.1`r`nHost: ${Name}:$Port`r`n`r`n"
            if ($status -eq 407) { return @('BLOCKED', 'proxy-authentication', 'the proxy must let this host through without authentication') }
            if ($status -lt 200 -or $status -gt 299) { return @('BLOCKED', 'proxy-refuses', "the proxy answers $status to CONNECT: it must allow it") }
        }
        if ($Port -ne 443) { return @('works', 'works', 'connected') }
        $script:Errors = [System.Net.Security.SslPolicyErrors]::None
        $callback = [System.Net.Security.RemoteCertificateValidationCallback] {
            param($from, $certificate, $chain, $errors)
            $script:Errors = $errors
            return $true
        }
        $secure = New-Object System.Net.Security.SslStream($stream, $false, $callback)
        $secure.AuthenticateAsClient($Name)
        $issued = if ($secure.RemoteCertificate.Issuer -match 'O=(?:"([^"]+)"|([^,]+))') { "$($Matches[1])$($Matches[2])" } else { $secure.RemoteCertificate.Issuer }
        if ($Issuer -notcontains $issued) { return @('BLOCKED', 'tls-intercepted', "TLS is inspected (issuer $issued): exempt $Name") }
        if ($script:Errors -ne [System.Net.Security.SslPolicyErrors]::None) { return @('BLOCKED', 'certificate', "$($script:Errors): check the clock, and what the name resolves to") }
        return @('works', 'works', "TLS, issued by $issued")
    } catch {
        return @('BLOCKED', 'connection', $_.Exception.GetBaseException().Message)
    } finally {
        if ($client) { $client.Dispose() }
    }
}

$blocked = 0
foreach ($endpoint in $Endpoints) {
    $pattern = $endpoint.Name
    $suffix = $pattern -replace '^\*', ''
    $hosts = if ($pattern.StartsWith('*.')) { @($Example | Where-Object { $_.EndsWith($suffix) }) } else { @($pattern.TrimStart('.')) }
    if ($hosts.Count -eq 0) {
        [pscustomobject] @{ Endpoint = $pattern; Port = $endpoint.Port; Result = 'not judged'; Finding = 'not-probed'; Seen = 'name a host below it with -Example' }
    }
    foreach ($name in $hosts) {
        $result = Test-Endpoint $name $endpoint.Port
        if ($result[0] -eq 'BLOCKED') { $blocked++ }
        [pscustomobject] @{ Endpoint = $name; Port = $endpoint.Port; Result = $result[0]; Finding = $result[1]; Seen = $result[2] }
    }
}
if ($blocked -gt 0) { exit 2 }
