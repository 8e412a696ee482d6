import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_RANGES, SAMPLE_WEEKS } from './configurations.ts';

describe('scenarios', () => {
  it.each([
    ['bypass-proxy', ['nftables', 'connector', 'pac'], 'enabled="false"', 'return "DIRECT"'],
    [
      'through-proxy',
      ['squid', 'nftables', 'connector', 'pac'],
      'proxyaddress="http://proxy.example.com:8080"',
      'PROXY proxy.example.com:8080',
    ],
  ])(
    '%s: what init writes, run takes as it is, and verify proves',
    async (scenario, targets, config, pac) => {
      const cwd = workplace();
      const run = (...args: string[]) => azureAllowlist(args, { cwd });
      expect(await run('init', '--scenario', scenario)).toMatchObject({ status: 0 });
      // The made-up weeks are in ranges that no real feed may have.
      appendFileSync(
        join(cwd, 'allowlist.yaml'),
        `guards: { special-use: { allow: ${JSON.stringify(SAMPLE_RANGES)} } }\n`,
      );
      for (const week of SAMPLE_WEEKS) expect(await run('run', '--feed', week)).toMatchObject({ status: 0 });
      expect(await run('verify')).toMatchObject({
        status: 0,
        stdout: expect.stringContaining(`${targets.join(', ')} read back equal`),
      });
      const text = (path: string) => readFileSync(join(cwd, 'allowlists', path), 'utf8');
      expect(text('connector/MicrosoftEntraPrivateNetworkConnectorService.exe.config')).toContain(config);
      expect(text('pac/wpad.dat')).toContain(pac.replace('return ', '').replaceAll('"', ''));
      // A second init leaves the file as it is.
      expect(await run('init', '--scenario', scenario)).toMatchObject({ status: 5 });
    },
  );

  it('refuses a table of another cloud than the feed, and notes one of low confidence', async () => {
    const cwd = workplace();
    const run = (...args: string[]) => azureAllowlist(args, { cwd });
    const configure = (cloud: string, table: string) =>
      writeConfiguration(cwd, {
        version: 1,
        feed: { cloud },
        rules: [{ name: 'connector', endpoints: [table] }],
        targets: { squid: {} },
      });
    configure('usgov', 'private-network-connector');
    const refused = await run('run', '--dry-run', '--offline');
    expect(refused.status).toBe(5);
    expect(refused.stderr).toContain(
      'rules[0].endpoints[0]: the table private-network-connector is of the cloud public, the feed of usgov',
    );
    configure('usgov', 'private-network-connector-usgov');
    writeFileSync(
      join(cwd, 'ServiceTags_AzureGovernment_20260105.json'),
      JSON.stringify({
        changeNumber: 1,
        cloud: 'AzureGovernment',
        values: [
          {
            name: 'AzureCloud',
            id: 'AzureCloud',
            properties: {
              changeNumber: 1,
              region: '',
              regionId: 0,
              platform: 'Azure',
              systemService: '',
              addressPrefixes: ['20.140.48.0/20'],
              networkFeatures: [],
            },
          },
        ],
      }),
    );
    const noted = await run('run', '--dry-run', '--feed', 'ServiceTags_AzureGovernment_20260105.json');
    expect(noted.stderr).toContain('noted: the endpoint table private-network-connector-usgov');
    expect(noted.status).toBe(0);
    const details = await run(
      'run',
      '--dry-run',
      '--details',
      '--feed',
      'ServiceTags_AzureGovernment_20260105.json',
    );
    expect(details.stdout.replace(/\s+/g, ' ')).toContain(
      'the endpoint table private-network-connector-usgov is of low confidence: check its rows',
    );
  });
});
