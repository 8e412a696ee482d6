import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatLock, LOCK_FILE, parseLock } from '../../src/committed/lock.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;

async function published(more: Readonly<Record<string, unknown>> = {}) {
  const folder = workplace();
  writeConfiguration(folder, sampleConfiguration({ targets: { iptables: {} }, ...more }));
  const { status, stderr } = await azureAllowlist(['run', '--feed', ONE], { cwd: folder });
  expect(status, stderr).toBe(0);
  const verify = (...flags: string[]) => azureAllowlist(['verify', 'allowlists', ...flags], { cwd: folder });
  return { folder, out: join(folder, 'allowlists'), verify };
}

describe('verify --feed', () => {
  it('proves that a tree comes from a weekly file', async () => {
    const { verify } = await published();
    const { status, stdout, stderr } = await verify('--feed', ONE);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('made from this feed (2026-01-05)');
    expect(JSON.parse((await verify('--feed', ONE, '--json')).stdout)).toMatchObject({
      sameFeed: true,
      problems: [],
    });
  });

  it.each([
    ['one family', { families: [4] }],
    ['constraints', { constraints: { never: ['198.19.1.64/26'] } }],
  ])('knows what a configuration leaves out: %s', async (_, more) => {
    const { verify } = await published(more);
    const { status, stderr } = await verify('--feed', ONE);
    expect(status, stderr).toBe(0);
  });

  it('names what another week has', async () => {
    const { verify } = await published();
    const { status, stderr } = await verify('--feed', TWO);
    expect(status).toBe(1);
    expect(stderr).toContain('allowlists is not what the feed says');
    expect(stderr).toMatch(/snapshot\/Storage\.WestEurope\.txt: lacks 198\.19\.9\.128\/25/);
    expect(stderr).toMatch(/snapshot\/Storage\.WestEurope\.txt: has 198\./);
  });

  it('says what is held beyond the feed', async () => {
    const { folder, verify } = await published({ hold: '14d' });
    expect((await azureAllowlist(['run', '--feed', TWO], { cwd: folder })).status).toBe(0);
    const { status, stdout, stderr } = await verify('--feed', TWO);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(
      /made from this feed \(2026-01-12\); \d+ IPv4 addresses.* that the tags have lost are held until 2026-01-26/,
    );
  });

  it('says what keeps a week alike', async () => {
    const { folder, verify } = await published();
    const week = JSON.parse(readFileSync(ONE, 'utf8'));
    week.values.find(({ name }: { name: string }) => name === 'ServiceBus').properties.addressPrefixes.pop();
    const file = join(folder, 'ServiceTags_Public_20260119.json');
    writeFileSync(file, JSON.stringify(week));
    const { status, stdout, stderr } = await verify('--feed', file);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(
      'the tags in use are as in this feed, which is another than that of the lock (2026-01-05)',
    );
    const edition = join(folder, 'ServiceTags_Public_20260105.json');
    writeFileSync(edition, JSON.stringify(week));
    expect((await verify('--feed', edition)).stderr).toContain(
      'names another content of the file of 2026-01-05',
    );
  });

  it('finds out a forged tree that is consistent with itself', async () => {
    const { folder, out, verify } = await published();
    const honest = parseLock(readFileSync(join(out, LOCK_FILE), 'utf8'), LOCK_FILE);
    // The forger runs the tool on a file of his own, and lets the lock name the real one.
    const evil = '198.19.240.0/24';
    const week = JSON.parse(readFileSync(ONE, 'utf8'));
    for (const { name, properties } of week.values)
      if (['Storage.WestEurope', 'AzureCloud'].includes(name)) properties.addressPrefixes.push(evil);
    const file = join(folder, 'ServiceTags_Public_20260105.json');
    writeFileSync(file, JSON.stringify(week));
    rmSync(out, { recursive: true });
    expect((await azureAllowlist(['run', '--feed', file], { cwd: folder })).status).toBe(0);
    const forged = parseLock(readFileSync(join(out, LOCK_FILE), 'utf8'), LOCK_FILE);
    writeFileSync(join(out, LOCK_FILE), formatLock({ ...forged, feed: honest.feed }));
    const consistent = await verify();
    expect([consistent.status, consistent.stderr]).toEqual([0, '']);
    const { status, stderr } = await verify('--feed', ONE);
    expect(status).toBe(1);
    expect(stderr).toContain(
      `snapshot/Storage.WestEurope.txt: has ${evil}, which Storage.WestEurope does not have in the feed`,
    );
    expect(stderr).toContain('azure-space.txt: does not hold the addresses of the file');
  });

  it('compares what the lock says of the feed', async () => {
    const { out, verify } = await published();
    const path = join(out, LOCK_FILE);
    const { digest: _, ...lock } = JSON.parse(readFileSync(path, 'utf8'));
    lock.feed.fileDate = '2027-01-01';
    lock.feed.totals.tags += 1;
    writeFileSync(path, formatLock(lock));
    expect((await verify()).status).toBe(0);
    const { status, stderr } = await verify('--feed', ONE);
    expect(status).toBe(1);
    expect(stderr).toContain('feed.fileDate is 2027-01-01, the file says 2026-01-05');
    expect(stderr).toContain('feed.totals.tags is 9, the file says 8');
  });
});
