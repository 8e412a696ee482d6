import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { CONNECTOR_TAGS, SAMPLE_RANGES, SAMPLE_WEEKS } from './configurations.ts';

it('the connector target is published, verified, reviewed and guarded against edits like any other', async () => {
  const cwd = workplace();
  const configure = (connector: object) =>
    writeConfiguration(cwd, {
      version: 1,
      feed: { source: { kind: 'file', path: SAMPLE_WEEKS[0] } },
      rules: [{ name: 'connector', endpoints: ['private-network-connector'], serviceTags: CONNECTOR_TAGS }],
      targets: { squid: {}, connector },
      guards: { 'special-use': { allow: SAMPLE_RANGES } },
    });
  const run = (...args: string[]) => azureAllowlist(args, { cwd });
  configure({ proxy: 'http://proxy.corp.example:8080' });
  const first = await run('run');
  expect(first).toMatchObject({ status: 0 });
  expect(await run('run')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('nothing changes on any device'),
  });
  expect(await run('verify')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('squid, connector read back equal'),
  });
  // Nothing is said to be missing on it, and no question about traffic is asked of it.
  const lock = JSON.parse(readFileSync(join(cwd, 'allowlists/allowlist.lock.json'), 'utf8'));
  expect(lock.targets.connector).toMatchObject({ omissions: [], widenings: [], entries: 0 });
  const asked = JSON.parse((await run('check', 'login.microsoftonline.com:443', '--json')).stdout);
  expect(asked.answers[0].targets.map(({ target }: { target: string }) => target)).toEqual(['squid']);

  configure({ proxy: 'http://proxy2.corp.example:8080' });
  const changed = await run('run', '--dry-run', '--detailed-exitcode');
  expect(changed.status).toBe(2);
  expect(changed.stdout).toContain('http://proxy2.corp.example:8080');

  configure({ proxy: 'http://proxy.corp.example:8080' });
  const file = join(cwd, 'allowlists/connector/MicrosoftEntraPrivateNetworkConnectorService.exe.config');
  writeFileSync(file, readFileSync(file, 'utf8').replace('proxy.corp', 'evil'));
  const verified = await run('verify');
  expect(verified.status).not.toBe(0);
  expect(`${verified.stdout}${verified.stderr}`).toContain('was edited after it was generated');
  const drifted = await run('run', '--dry-run', '--detailed-exitcode');
  expect(drifted.status).toBe(2);
  expect(drifted.stdout).toContain('connector');
  expect(await run('run')).toMatchObject({ status: 0 });
  expect(readFileSync(file, 'utf8')).toContain('proxy.corp');
});
