import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { feedFiles, feedsAvailable } from '../support/feeds.ts';
import { some } from '../support/long.ts';
import { lacks } from '../support/programs.ts';

const oracle = fileURLToPath(new URL('./ipaddress_oracle.py', import.meta.url));

const digest = (set: DualStackSet) => createHash('sha256').update(set.toStrings().join('\n')).digest('hex');

/** The tags of a weekly file, and all of them together under "". */
function readSets(path: string): Map<string, DualStackSet> {
  const { values } = JSON.parse(gunzipSync(readFileSync(path)).toString()) as {
    values: { name: string; properties: { addressPrefixes: string[] } }[];
  };
  const sets = new Map(
    values.map(({ name, properties }) => [
      name,
      DualStackSet.fromPrefixes(properties.addressPrefixes.map(parsePrefix)),
    ]),
  );
  return sets.set('', DualStackSet.union(sets.values()));
}

describe.skipIf(!feedsAvailable || lacks('python3'))("python's ipaddress", () => {
  it.each(['public', 'usgov', 'china', 'germany'] as const)(
    'finds the same covers and differences in the files of %s',
    async (folder) => {
      const files = some(feedFiles(folder), 8);
      const python = spawn('python3', [oracle, ...files], { stdio: ['ignore', 'pipe', 'inherit'] });
      let before = new Map<string, DualStackSet>();
      let week = 0;
      let compared = 0;
      try {
        for await (const line of createInterface({ input: python.stdout })) {
          const expected = JSON.parse(line) as Record<string, [string, string, string]>;
          const sets = readSets(files[week]!);
          expect([...sets.keys()].sort()).toEqual(Object.keys(expected).sort());
          for (const [name, set] of sets) {
            const old = before.get(name) ?? DualStackSet.empty;
            const actual = [set, set.difference(old), old.difference(set)].map(digest);
            expect(actual, `${files[week]} ${name}`).toEqual(expected[name]);
            compared++;
          }
          before = sets;
          week++;
        }
      } finally {
        python.kill();
      }
      expect(week).toBe(files.length);
      process.stderr.write(`${folder}: ${week} files, ${compared} tags alike\n`);
    },
    600_000,
  );
});
