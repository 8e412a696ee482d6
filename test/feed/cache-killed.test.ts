import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FeedCache } from '../../src/feed/cache.ts';
import { sha256 } from '../../src/sha256.ts';
import { compileModules } from '../support/compiled.ts';
import { below, seededRandom } from '../support/random.ts';

const SCRIPT = new URL('./cache-child.js', import.meta.url).pathname;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const KILLS = 24;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(realpathSync(tmpdir()), 'cache-killed-'));
  compileModules(join(directory, 'modules'), ['feed/cache.ts']);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A process that stores, from the moment at which it does. */
async function storing(own: number) {
  const child = spawn(process.execPath, [
    SCRIPT,
    join(directory, 'modules'),
    join(directory, 'cache'),
    String(own),
  ]);
  const told: string[] = [];
  child.stderr.on('data', (data: Buffer) => told.push(data.toString()));
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  return { child, told };
}

describe('a cache that runs share', () => {
  it(`is whole after ${KILLS} of them were killed while two stored at a time (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    let stored = 0;
    for (let round = 0; round < KILLS / 2; round++) {
      const pair = await Promise.all([storing(round * 2), storing(round * 2 + 1)]);
      for (const { child, told } of pair) {
        await sleep(below(random, 60));
        expect(child.exitCode, told.join('')).toBeNull();
        child.kill('SIGKILL');
        await once(child, 'exit');
        expect(told.join('')).toBe('');
      }
      const lines: string[] = [];
      const cache = new FeedCache(join(directory, 'cache'), (line) => lines.push(line));
      const records = await cache.records('public');
      // No record is torn, and what a record names is there, byte for byte.
      expect(lines).toEqual([]);
      for (const record of records) {
        const bytes = await cache.read(record);
        // A blob may be missing where one run pruned it while the other, killed since, had it again.
        if (bytes === undefined) expect(lines.splice(0).join()).toContain('ENOENT');
        else stored++;
      }
      const blobs = join(directory, 'cache', 'blobs');
      for (const name of readdirSync(blobs).filter((blob) => !blob.startsWith('.')))
        expect(sha256(readFileSync(join(blobs, name)))).toBe(name);
    }
    expect(stored).toBeGreaterThan(KILLS);
  });
});
