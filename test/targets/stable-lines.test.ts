import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix } from '../../src/net/prefix.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { diffLines } from '../../src/review/line-diff.ts';
import { buildTarget } from '../../src/targets/build.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { exampleOptions, proseOf } from '../support/manifests.ts';
import { makePolicy } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

/** Comments, and files for readers, hold digests and counts; the comment of a PAN-OS tag holds the digest. */
const COMMENT = /^(#|\/\/)|sha256/;

/**
 * The most lines that one prefix stands on: an object and its end, a member of a group, an entry of a list to fetch; and
 * where the first member of a group leaves, the next is said otherwise.
 */
const MOST_LINES = 6;

function policyOf(prefixes: readonly string[]): Policy {
  return makePolicy(
    { name: 'cloud', prefixes: [...prefixes], ports: '443,5671-5672' },
    { name: 'other', prefixes: ['192.0.2.0/24', '2001:db8::/32'] },
  );
}

/** The lines of a target's files that come and go, by file, comments left out. */
async function changedLines(id: string, before: Policy, after: Policy): Promise<string[]> {
  const target = await loadTarget(id);
  const options = exampleOptions(target.manifest);
  const prose = proseOf(target.manifest);
  const [old, now] = [before, after].map(
    (policy) =>
      new Map(buildTarget(policy, { id, target, options }).files.map(({ path, text }) => [path, text])),
  );
  const paths = [...new Set([...old!.keys(), ...now!.keys()])].filter((path) => !prose.has(path));
  return paths.flatMap((path) =>
    diffLines(old!.get(path) ?? '', now!.get(path) ?? '')
      .filter(({ sign, text }) => sign !== ' ' && !COMMENT.test(text))
      .map(({ sign, text }) => `${path}: ${sign}${text}`),
  );
}

/** All of the prefixes, or as many of each family as a target takes that refuses more. */
async function takenBy(id: string, cover: readonly string[]): Promise<readonly string[]> {
  const target = await loadTarget(id);
  try {
    buildTarget(policyOf(cover), { id, target, options: exampleOptions(target.manifest) });
    return cover;
  } catch (error) {
    const most = /budget: (\d+)/.exec((error as Error).message)?.[1];
    if (most === undefined) throw error;
    return [4, 6].flatMap((family) =>
      cover.filter((text) => parsePrefix(text).family === family).slice(0, Number(most)),
    );
  }
}

/** More than a static group of PAN-OS, or ten groups of FortiOS, hold, so that groups are nested. */
const MANY = Array.from({ length: 4_000 }, (_, index) => `100.${64 + (index >> 8)}.${index & 255}.0/25`);

describe('one prefix that comes or goes in nested groups', () => {
  it('moves no other from group to group', async () => {
    for (const gone of [0, 1_234, 3_999]) {
      const without = MANY.filter((_, index) => index !== gone);
      const lines = await changedLines('paloalto', policyOf(MANY), policyOf(without));
      expect(lines, lines.join('\n')).toHaveLength(3);
      const own = MANY[gone]!;
      for (const line of lines)
        expect(line.includes(own) || line.includes(own.replace(/[.]/g, '_').replace('/', '-')), line).toBe(
          true,
        );
    }
  });

  it('moves no other from group to group of FortiOS', async () => {
    for (const gone of [0, 1_234, 3_999]) {
      const without = MANY.filter((_, index) => index !== gone);
      const lines = await changedLines('fortigate', policyOf(MANY), policyOf(without));
      expect(lines.length, lines.join('\n')).toBeGreaterThanOrEqual(4);
      expect(lines.length, lines.join('\n')).toBeLessThanOrEqual(MOST_LINES);
    }
  });
});

describe.skipIf(!feedsAvailable)('one prefix that comes or goes', async () => {
  const cover = policyOf(tagPrefixes(readWeek('20250818'), 'AzureCloud'))
    .rules[0]!.addresses.cover()
    .map(formatPrefix);

  it.each(await bundledTargets())('touches its own lines of %s and no others (seed 6)', async (id) => {
    const { manifest } = await loadTarget(id);
    if (!manifest.capabilities.ipv4) return;
    const random = seededRandom(6);
    const taken = await takenBy(id, cover);
    const whole = policyOf(taken);
    for (const family of [4, 6] as const) {
      if (!(family === 4 ? manifest.capabilities.ipv4 : manifest.capabilities.ipv6)) continue;
      const own = taken.filter((text) => parsePrefix(text).family === family);
      const gone = own[below(random, own.length)]!;
      const without = policyOf(taken.filter((text) => text !== gone));
      for (const [before, after] of [
        [whole, without],
        [without, whole],
      ] as const) {
        const lines = await changedLines(id, before, after);
        expect(lines.length, `${id} ${gone}\n${lines.join('\n')}`).toBeLessThanOrEqual(MOST_LINES);
        expect(lines.length, `${id} ${gone}`).toBeGreaterThan(0);
      }
    }
  });
});
