import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job.ts';
import { deviceTexts } from '../../src/review/device-line.ts';
import { changesDevices, sentence } from '../../src/review/summary.ts';
import { verdict } from '../../src/review/verdict.ts';
import { runMadeUp } from '../support/made-up-job.ts';

const BLOCK = '198.18.8.0/24';

/**
 * nginx and haproxy have a list a rule, which an administrator uses for one server each; the objects of AWS and Check Point
 * are named by rules of the administrator's. iptables has one for all.
 */
describe('lists of rules that are used one by one', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lists-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const run = (
    date: string,
    { admin, wide }: { readonly admin: readonly string[]; readonly wide: readonly string[] },
    rule = 'wide',
  ) =>
    runMadeUp(directory, {
      ...{ date, tags: { Admin: admin, Wide: wide } },
      config: `rules:
  - { name: admin, serviceTags: [Admin], ports: [22] }
  - { name: ${rule}, serviceTags: [Wide], ports: [443] }
targets: { nginx: {}, haproxy: {}, aws: {}, checkpoint: {}, edl: {} }`,
    });
  const lines = ({ review }: JobResult) => deviceTexts(review.targets);

  it('change where one of them gains what another has had, and where addresses go from one to another', async () => {
    const wide = ['198.18.0.0/20', '198.18.32.0/20'];
    await run('2026-01-05', { admin: ['198.19.0.0/24'], wide });
    const gained = await run('2026-01-12', { admin: ['198.19.0.0/24', BLOCK], wide });
    expect(lines(gained)).toEqual([
      'nginx +256 IPv4 (admin); also allows other ports',
      'haproxy +256 IPv4 (admin); also allows other ports',
      'aws +256 IPv4 (admin); also allows other ports',
      'checkpoint +256 IPv4 (admin); also allows other ports',
      expect.stringMatching(/^edl (no change|allows the same)/),
    ]);
    expect(changesDevices(gained.review)).toBe(true);
    expect(sentence(gained.review)).toMatch(/^Newly allowed: 256 IPv4 addresses;/);
    const moved = await run('2026-01-19', { admin: ['198.19.0.0/24', '198.18.0.0/24'], wide });
    expect(lines(moved)).toEqual([
      'nginx +256 −256 IPv4 (admin); also allows other ports',
      'haproxy +256 −256 IPv4 (admin); also allows other ports',
      'aws +256 −256 IPv4 (admin); also allows other ports',
      'checkpoint +256 −256 IPv4 (admin); also allows other ports',
      expect.stringMatching(/^edl (no change|allows the same)/),
    ]);
    expect(verdict(moved.review).text).not.toContain('what is allowed stays the same');
  });

  it('are compared with the text in force, not with what was meant', async () => {
    const tags = { admin: ['198.19.0.0/24'], wide: ['198.18.0.0/20'] };
    await run('2026-01-05', tags);
    const list = join(directory, 'allowlists/nginx/admin-ipv4.conf');
    writeFileSync(list, `${readFileSync(list, 'utf8')}${BLOCK} 1;\n`);
    // What was added by hand is in the other list as well.
    expect(lines(await run('2026-01-12', tags))[0]).toBe('nginx −256 IPv4 (admin)');
  });

  it('are the same lists under another name, where a rule was renamed', async () => {
    const tags = { admin: ['198.19.0.0/24'], wide: ['198.18.0.0/20'] };
    await run('2026-01-05', tags);
    const renamed = await run('2026-01-12', { ...tags, wide: [...tags.wide, '198.18.32.0/24'] }, 'broad');
    expect(lines(renamed)[0]).toMatch(
      /^nginx \+256 IPv4 \(broad\); also allows other ports; no longer written: wide-ipv4\.conf/,
    );
  });
});
