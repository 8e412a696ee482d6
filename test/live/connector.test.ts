import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { samplePolicy } from '../support/policy.ts';
import { lacks } from '../support/programs.ts';
import { buildBundled } from '../support/rule-files.ts';

const absent = lacks('xsltproc', 'xmllint');

/** Configurations as they may stand on a host; what is not the section must come through as it is. */
const EXISTING = {
  plain: `<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <runtime>
    <gcServer enabled="true"/>
  </runtime>
  <appSettings>
    <add key="TraceFilename" value="own &lt;name&gt;.log"/>
  </appSettings>
</configuration>
`,
  'with settings of its own': `<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <configSections><section name="x" type="y"/></configSections>
  <!-- kept -->
  <system.net>
    <connectionManagement><add address="*" maxconnection="200"/></connectionManagement>
  </system.net>
  <system.diagnostics><trace autoflush="true"/></system.diagnostics>
</configuration>
`,
  'with another proxy': `<configuration>
  <system.net><defaultProxy enabled="true"><proxy proxyaddress="http://old:1"/><bypasslist><add address="x"/></bypasslist></defaultProxy><settings/></system.net>
</configuration>
`,
  'with two sections': `<configuration><system.net><defaultProxy/><defaultProxy enabled="false"/></system.net></configuration>
`,
};

describe.skipIf(absent).each(['none', 'http://proxy.corp.example:8080'])(
  'the merge of the connector target, with xsltproc: proxy %s',
  (proxy) => {
    let directory: string;
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'connector-'));
      const { files } = await buildBundled('connector', samplePolicy(), { proxy });
      for (const { path, text } of files) writeFileSync(join(directory, path), text);
    });
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    const merge = (text: string) => {
      const file = join(directory, 'existing.config');
      writeFileSync(file, text);
      return execFileSync('xsltproc', [join(directory, 'connector-proxy.xslt'), file], { encoding: 'utf8' });
    };
    const xpath = (text: string, expression: string) => {
      const { stdout } = spawnSync('xmllint', ['--xpath', expression, '-'], {
        input: text,
        encoding: 'utf8',
      });
      return stdout.trim();
    };
    const canonical = (text: string) =>
      execFileSync('xmllint', ['--c14n', '-'], { input: text, encoding: 'utf8' });

    it('all XML files are well-formed', () => {
      for (const path of [
        'MicrosoftEntraPrivateNetworkConnectorService.exe.config',
        'MicrosoftEntraPrivateNetworkConnectorUpdaterService.exe.config',
        'connector-proxy.xslt',
      ])
        execFileSync('xmllint', ['--noout', join(directory, path)]);
    });

    it.each(Object.entries(EXISTING))('a file %s', (_what, text) => {
      const merged = merge(text);
      expect(xpath(merged, 'count(/configuration/system.net/defaultProxy)')).toBe('1');
      expect(xpath(merged, 'string(/configuration/system.net/defaultProxy/proxy/@proxyaddress)')).toBe(
        proxy === 'none' ? '' : proxy,
      );
      expect(xpath(merged, 'string(/configuration/system.net/defaultProxy/@enabled)')).toBe(
        proxy === 'none' ? 'false' : '',
      );
      // A second run changes nothing, and without the section both are the same.
      expect(merge(merged)).toBe(merged);
      const without = (xml: string) =>
        canonical(xml)
          .replace(/<defaultProxy[^>]*>.*?<\/defaultProxy>/gs, '')
          .replace(/<system\.net>\s*<\/system\.net>/g, '');
      expect(without(merged)).toBe(without(text));
    });
  },
);
