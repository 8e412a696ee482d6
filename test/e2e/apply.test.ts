import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTree } from '../publish/trees.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;

function place() {
  const folder = workplace();
  const configure = (more: object = {}) =>
    writeConfiguration(folder, sampleConfiguration({ targets: { iptables: {}, squid: {} }, ...more }));
  configure();
  const command = (...args: string[]) => azureAllowlist(args, { cwd: folder });
  const out = join(folder, 'allowlists');
  const plan = (week: string, ...more: string[]) =>
    command('run', '--feed', week, '--plan', 'plan.json', ...more);
  const apply = (week: string, ...more: string[]) => command('apply', 'plan.json', '--feed', week, ...more);
  return { folder, configure, command, out, plan, apply };
}

const flat = (text: string) => text.replace(/\s+/g, ' ');

describe('a plan that was approved', () => {
  it('is published as it was shown, and once more changes nothing', async () => {
    const { folder, out, plan, apply, command } = place();
    expect((await command('run', '--feed', ONE)).status).toBe(0);
    const before = readTree(out);
    const planned = await plan(TWO);
    expect(planned.status, planned.stderr).toBe(0);
    expect(planned.stdout).toContain('The plan is in plan.json, nothing written to allowlists');
    expect(readTree(out)).toEqual(before);
    const document = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'));
    expect(document).toMatchObject({ version: 1, feed: { fileDate: '2026-01-12' }, accept: [] });
    expect(document.review).toContain('# Azure allowlist');
    const applied = await apply(TWO);
    expect(applied.status, applied.stderr).toBe(0);
    expect(readFileSync(join(out, 'REVIEW.md'), 'utf8')).toBe(document.review);
    expect(Object.keys(document.files).sort()).toEqual([...readTree(out).keys()].sort());
  });

  it('takes its acceptances with it', async () => {
    const { command, plan, apply, out } = place();
    expect((await command('run', '--feed', TWO)).status).toBe(0);
    expect((await plan(ONE)).status).toBe(3);
    expect((await plan(ONE, '--accept', 'feed-rollback')).status).toBe(0);
    const { status, stderr } = await apply(ONE);
    expect(status, stderr).toBe(0);
    expect(readFileSync(join(out, 'allowlist.lock.json'), 'utf8')).toContain('"guard": "feed-rollback"');
  });

  it('is refused where something has moved since, and says what; nothing is written', async () => {
    const { command, plan, apply, configure, out } = place();
    const first = await plan(ONE);
    expect(first.status, first.stderr).toBe(0);
    const another = await apply(TWO);
    expect(another.status).toBe(1);
    expect(flat(another.stderr)).toContain(
      'this is not what was approved; nothing was written feed: it is ServiceTags_Public_20260112.json now, the plan is of ServiceTags_Public_20260105.json',
    );
    configure({ targets: { iptables: {} } });
    const configured = await apply(ONE);
    expect(configured.status).toBe(1);
    expect(flat(configured.stderr)).toContain('would be written with other bytes: configuration');
    expect(existsSync(out)).toBe(false);
    configure();
    expect((await command('run', '--feed', ONE)).status).toBe(0);
    expect((await plan(TWO)).status).toBe(0);
    configure({ targets: { iptables: {} } });
    expect((await command('run', '--feed', ONE)).status).toBe(0);
    configure();
    const before = readTree(out);
    const moved = await apply(TWO);
    expect(moved.status).toBe(1);
    expect(flat(moved.stderr)).toContain('what is in force is not what the plan was compared with');
    expect(readTree(out)).toEqual(before);
  });

  it.each(['', '[]', '{"version":1}', '{'])('is no plan: %j', async (text) => {
    const { folder, apply } = place();
    writeFileSync(join(folder, 'plan.json'), text);
    const { status, stderr } = await apply(ONE);
    expect(status).toBe(5);
    expect(stderr).toMatch(/plan/);
  });
});
