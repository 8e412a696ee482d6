import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sha256 } from '../../src/sha256.ts';
import { startServer } from '../feed/loopback-server.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE] = SAMPLE_WEEKS;

/** A source that answers a document it has given before with 304, and a job that asks it. */
async function place() {
  const asked: (string | undefined)[] = [];
  const server = await startServer((request, response) => {
    asked.push(request.headers['if-none-match']);
    if (request.headers['if-none-match'] === '"one"') response.writeHead(304, { etag: '"one"' }).end();
    else response.writeHead(200, { etag: '"one"' }).end(readFileSync(ONE));
  });
  onTestFinished(() => server.close());
  const folder = workplace();
  writeConfiguration(
    folder,
    sampleConfiguration({
      targets: { iptables: {} },
      feed: { source: { kind: 'url', url: `${server.origin}/${basename(ONE)}` } },
    }),
  );
  const run = async () => {
    const result = await azureAllowlist(['run'], { cwd: folder });
    expect(result.status, result.stderr).toBe(0);
    return result;
  };
  const cache = join(folder, '.cache/azure-allowlist');
  const rules = () => readFileSync(join(folder, 'allowlists/iptables/iptables.rules'), 'utf8');
  return { folder, run, cache, asked, rules };
}

describe('a cache that somebody else has written to', () => {
  it('stands for nothing but the bytes in force', async () => {
    const { run, cache, asked } = await place();
    await run();
    await run();
    expect(asked).toEqual([undefined, '"one"']);
    // A week of the attacker's, with the validator of the honest one.
    const evil = JSON.parse(readFileSync(ONE, 'utf8'));
    const storage = evil.values.find(({ name }: { name: string }) => name === 'Storage.WestEurope');
    storage.properties.addressPrefixes.push('198.19.240.0/24');
    const bytes = JSON.stringify(evil);
    const [name] = readdirSync(join(cache, 'feeds/public'));
    const record = JSON.parse(readFileSync(join(cache, 'feeds/public', name!), 'utf8'));
    record.source.sha256 = sha256(bytes);
    const identity = sha256(`${record.key}\n${record.source.name}\n${record.source.sha256}`).slice(0, 24);
    writeFileSync(join(cache, 'blobs', record.source.sha256), bytes);
    writeFileSync(join(cache, 'feeds/public', `2026-01-05-${identity}.json`), JSON.stringify(record));
    writeFileSync(join(cache, 'feeds/public', name!), 'damaged');
    const { stdout } = await run();
    expect(asked.at(-1)).toBeUndefined();
    expect(stdout).toContain('nothing changes on any device');
  });

  it('is asked for nothing where nothing is in force', async () => {
    const { folder, run, asked } = await place();
    const fetched = await azureAllowlist(['fetch'], { cwd: folder });
    expect(fetched.status, fetched.stderr).toBe(0);
    await run();
    expect(asked).toEqual([undefined, undefined]);
  });

  it('is not used where everybody can write to it', async () => {
    const { run, cache, asked } = await place();
    mkdirSync(cache, { recursive: true });
    chmodSync(cache, 0o777);
    for (let times = 0; times < 2; times++) {
      const { stderr } = await run();
      expect(stderr).toContain('the cache is not used: everybody can write to it (mode 777)');
    }
    expect(asked).toEqual([undefined, undefined]);
    expect(readdirSync(cache)).toEqual([]);
  });
});
