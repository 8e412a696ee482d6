import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, it } from 'vitest';
import { addToAtom } from '../../src/review/atom.ts';
import type { Review } from '../../src/review/review.ts';
import { sampleReview } from '../review/sample.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;

function read(text: string) {
  const feed = new DOMParser({
    onError: (_, message) => {
      throw new Error(message);
    },
  }).parseFromString(text, 'application/xml').documentElement!;
  const texts = (name: string) => [...feed.getElementsByTagName(name)].map((one) => one.textContent);
  return { texts, entries: feed.getElementsByTagName('entry').length };
}

describe('an Atom feed of the changes', () => {
  it('gets an entry a change, is proved by verify, and goes where it is not asked for any more', async () => {
    const folder = workplace();
    const path = join(folder, 'allowlists/feed.xml');
    const configure = (publish?: object) =>
      writeConfiguration(
        folder,
        sampleConfiguration({ targets: { iptables: {} }, ...(publish === undefined ? {} : { publish }) }),
      );
    const run = async (feed: string) => {
      const result = await azureAllowlist(['run', '--feed', feed], { cwd: folder });
      expect(result.status, result.stderr).toBe(0);
    };
    configure({ atom: { link: 'https://git.example.com/allowlists' } });
    await run(ONE);
    const first = readFileSync(path, 'utf8');
    await run(ONE);
    expect(readFileSync(path, 'utf8')).toBe(first);
    await run(TWO);
    const second = readFileSync(path, 'utf8');
    // The entry of before is there line for line.
    for (const line of first.split('\n').slice(8)) expect(second.split('\n')).toContain(line);
    const { texts, entries } = read(second);
    expect(entries).toBe(2);
    expect(texts('updated')).toEqual(
      ['2026-01-12', '2026-01-12', '2026-01-05'].map((date) => `${date}T00:00:00Z`),
    );
    expect(texts('title')[1]).toBe('Azure allowlist of 2026-01-12: +648 -64 IPv4, +16,842,752/64 IPv6');
    expect(texts('content')[0]).toMatch(/^Newly allowed: .*\n.*\niptables \+648 −64 IPv4/);
    expect(new Set(texts('id')).size).toBe(3);
    expect((await azureAllowlist(['verify', 'allowlists'], { cwd: folder })).status).toBe(0);
    writeFileSync(path, second.replace('+648', '+1'));
    const edited = await azureAllowlist(['verify', 'allowlists'], { cwd: folder });
    expect([edited.status, `${edited.stdout}${edited.stderr}`]).toEqual([
      1,
      expect.stringContaining('feed.xml'),
    ]);
    writeFileSync(path, second);
    configure();
    rmSync(join(folder, 'allowlists/iptables'), { recursive: true });
    await run(TWO);
    expect(() => readFileSync(path)).toThrow('ENOENT');
  });

  it.each(['feed.xml', 'REVIEW.md'])('leaves a %s that somebody else wrote', async (name) => {
    const folder = workplace();
    const path = join(folder, 'allowlists', name);
    mkdirSync(join(folder, 'allowlists'));
    writeFileSync(path, 'mine\n');
    writeConfiguration(folder, sampleConfiguration({ targets: { iptables: {} }, publish: { atom: true } }));
    const { status, stderr } = await azureAllowlist(['run', '--feed', ONE], { cwd: folder });
    expect([status, stderr]).toEqual([1, expect.stringContaining(`${name}: no run wrote it`)]);
    expect(readFileSync(path, 'utf8')).toBe('mine\n');
    expect(readdirSync(join(folder, 'allowlists'))).toEqual([name]);
  });

  it('keeps a year, and begins anew after a file that it cannot read', () => {
    let text: string | undefined;
    const week = (number: number): Review => {
      const review = sampleReview();
      const fileDate = new Date(Date.UTC(2024, 0, 1 + 7 * number)).toISOString().slice(0, 10);
      return {
        ...review,
        feed: { ...review.feed, after: { ...review.feed.after, fileDate, changeNumber: number } },
      };
    };
    const add = (last: string | undefined, number: number) =>
      addToAtom(last, week(number), { digest: 'd'.repeat(64), link: undefined });
    for (let number = 1; number <= 60; number++) text = add(text, number);
    const { texts, entries } = read(text!);
    expect(entries).toBe(52);
    expect(texts('id')[1]).toBe(`urn:azure-allowlist:public:60:${'d'.repeat(64)}`);
    // The same change twice is one entry.
    expect(add(text, 60)).toBe(text);
    expect(read(add('<feed><entry>', 3)).entries).toBe(1);
  });
});
