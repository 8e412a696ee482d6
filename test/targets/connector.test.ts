import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, it } from 'vitest';
import { AllowlistError, ConfigurationError } from '../../src/problem.ts';
import { buildTarget, proveReadBack, proveSettings } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { resolveOptions } from '../../src/targets/options.ts';
import { samplePolicy } from '../support/policy.ts';

const target = await loadTarget('connector');
const build = (given: Readonly<Record<string, unknown>>) =>
  buildTarget(samplePolicy(), {
    id: 'connector',
    target,
    options: resolveOptions(target.manifest, given, 'targets.connector'),
  });
const textOf = (given: Readonly<Record<string, unknown>>, path: string) =>
  build(given).files.find((file) => file.path === path)!.text;

const SERVICE = 'MicrosoftEntraPrivateNetworkConnectorService.exe.config';

/** Elements with their attributes, in order: what XML says, without how it is spelled. */
function contentOf(text: string): string[] {
  const document = new DOMParser().parseFromString(text, 'text/xml');
  return Array.from(document.getElementsByTagName('*'), (element) =>
    [
      element.parentNode?.nodeName,
      element.nodeName,
      ...Array.from(element.attributes, ({ name, value }) => `${name}=${value}`).sort(),
    ].join(' '),
  );
}

describe('the connector target', () => {
  it('says what the two listings of the article say', () => {
    expect(contentOf(textOf({}, SERVICE))).toEqual(
      contentOf(`<?xml version="1.0" encoding="utf-8" ?>
<configuration>
    <system.net>
        <defaultProxy enabled="false"></defaultProxy>
    </system.net>
    <runtime>
        <gcServer enabled="true"/>
    </runtime>
    <appSettings>
        <add key="TraceFilename" value="MicrosoftEntraPrivateNetworkConnector.log" />
    </appSettings>
</configuration>`),
    );
    expect(
      contentOf(
        textOf(
          { proxy: 'http://proxyserver:8080', product: 'aad' },
          'ApplicationProxyConnectorService.exe.config',
        ),
      ),
    ).toEqual(
      contentOf(`<?xml version="1.0" encoding="utf-8" ?>
<configuration>
    <system.net>
        <defaultProxy>
            <proxy proxyaddress="http://proxyserver:8080" bypassonlocal="True" usesystemdefault="True"/>
        </defaultProxy>
    </system.net>
    <runtime>
        <gcServer enabled="true"/>
    </runtime>
    <appSettings>
        <add key="TraceFilename" value="AadAppProxyConnector.log" />
    </appSettings>
</configuration>`),
    );
  });

  it.each([
    [
      'entra',
      'MicrosoftEntraPrivateNetworkConnector',
      'Service.exe.config',
      'Microsoft Entra private network connector',
    ],
    ['aad', 'ApplicationProxyConnector', 'Service.exe.config', 'Microsoft AAD App Proxy Connector'],
  ])('names the files, folders and registry key of %s', (product, stem, end, folder) => {
    const { files } = build({ product, proxy: 'http://192.0.2.1:3128', backendThroughProxy: true });
    const paths = files.map(({ path }) => path);
    expect(paths).toContain(`${stem}${end}`);
    expect(paths).toContain(`${stem}Updater${end}`);
    const text = (path: string) => files.find((file) => file.path === path)!.text;
    expect(text('backend-proxy.reg')).toBe(
      `REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\${folder}]\n"UseDefaultProxyForBackendRequests"=dword:00000001\n`,
    );
    for (const script of ['Set-ConnectorProxy.ps1', 'Undo-ConnectorProxy.ps1'])
      expect(text(script)).toContain(`(Join-Path $env:ProgramFiles '${folder}\\${stem}${end}'),\n`);
    expect(text('Set-ConnectorProxy.ps1')).toContain(
      `\n$RegistryKey = 'HKLM:\\SOFTWARE\\Microsoft\\${folder}'\n`,
    );
    expect(text('README.txt')).toContain('netsh winhttp set proxy 192.0.2.1:3128\n');
  });

  it('gives the probe the names and ports of the policy', () => {
    const lines = textOf({}, 'Test-ConnectorEndpoints.ps1').match(/^ {4}@\{ Name = .*$/gm)!;
    expect(lines).toContain("    @{ Name = 'login.example.net'; Port = 443 }");
    expect(lines).toContain("    @{ Name = '*.example.com'; Port = 443 }");
    expect(lines).toContain("    @{ Name = 'crl.example.net'; Port = 80 }");
  });

  it('owes the policy nothing: no omission, no widening, no admission', () => {
    const { plan, entries } = build({});
    expect(plan).toMatchObject({ rules: [], omissions: [], widenings: [] });
    expect(plan.admission.isEmpty).toBe(true);
    expect(entries).toBe(0);
  });

  it.each([
    ['proxyserver:8080', 'http://'],
    ['https://proxyserver:8080', 'http://'],
    ['http://proxyserver', 'http://'],
    ['http://user:secret@proxyserver:8080', 'http://'],
    ['http://a"b:8080', 'http://'],
  ])('refuses the proxy %s, and says why', (proxy, reason) => {
    expect(() => build({ proxy })).toThrow(ConfigurationError);
    expect(() => build({ proxy })).toThrow(reason);
    expect(() => build({ proxy })).toThrow('the http:// is required, before an address as well');
  });

  it('refuses requests to applications through a proxy that is not there', () => {
    expect(() => build({ backendThroughProxy: true })).toThrow('give `proxy: http://…`');
  });

  it('reads every combination back as it was asked for, and as no other', () => {
    const proxies = [
      'none',
      'http://proxy.corp.example:8080',
      'http://192.0.2.1:3128',
      'http://[2001:db8::1]:80',
    ];
    const all = proxies.flatMap((proxy) =>
      ['entra', 'aad'].flatMap((product) =>
        (proxy === 'none' ? [false] : [false, true]).map((backendThroughProxy) => ({
          proxy,
          product,
          backendThroughProxy,
        })),
      ),
    );
    const outputs = all.map((options) => ({ options, ...build(options) }));
    for (const { options, files, plan } of outputs) {
      expect(proveReadBack(target, plan, files)).toEqual([]);
      for (const other of all)
        expect(proveSettings(target, other, files).length === 0, JSON.stringify([options, other])).toBe(
          JSON.stringify(options) === JSON.stringify(other),
        );
    }
  });

  it('notices a proxy that was changed in one file, or in all XML files but not in the script', () => {
    const { files, plan } = build({ proxy: 'http://proxy.corp.example:8080' });
    const edited = (which: RegExp) =>
      files.map(({ path, text }) => ({
        path,
        text: which.test(path) ? text.replaceAll('proxy.corp.example', 'evil.example') : text,
      }));
    for (const which of [/Service\.exe/, /Updater/, /xslt/, /Set-/, /config$|xslt$/])
      expect(() => proveReadBack(target, plan, edited(which)), String(which)).toThrow(AllowlistError);
  });
});
