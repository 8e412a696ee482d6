import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;

interface Tag {
  name: string;
  properties: { systemService: unknown; platform: unknown; addressPrefixes: string[] };
}

/** The second week with something changed in a tag. */
function place(bend: (tag: (name: string) => Tag, values: Tag[]) => void) {
  const folder = workplace();
  writeConfiguration(folder, sampleConfiguration({ targets: { iptables: {} } }));
  const week = JSON.parse(readFileSync(TWO, 'utf8'));
  bend((name) => week.values.find((value: Tag) => value.name === name), week.values);
  const file = join(folder, 'ServiceTags_Public_20260112.json');
  writeFileSync(file, JSON.stringify(week));
  const run = (feed: string) => azureAllowlist(['run', '--feed', feed], { cwd: folder });
  const review = () => readFileSync(join(folder, 'allowlists/REVIEW.md'), 'utf8').replaceAll('\\', '');
  return { folder, file, run, review };
}

describe('a week with a blemish', () => {
  it('is published where no rule uses the tag, and the blemish is noted', async () => {
    const { folder, file, run, review } = place((tag, values) => {
      tag('ServiceBus').properties.systemService = 'A & B';
      tag('Storage.NorthEurope').properties.platform = null;
      values.push({
        name: 'New-Tag',
        properties: { systemService: '', platform: 'Azure', addressPrefixes: ['192.0.2.0/24'] },
      });
    });
    expect((await run(ONE)).status).toBe(0);
    const { status, stdout, stderr } = await run(file);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('iptables +648 −64 IPv4');
    for (const text of [stderr, review()]) {
      expect(text).toMatch(/feed-quarantine.*in service tags that no rule uses: \$\.values\[\d+\]/s);
      expect(text).toMatch(/"A (?:&|&amp;) B" is not allowed.*ServiceBus.*its addresses count/s);
      expect(text).toMatch(/platform: null.*Storage\.NorthEurope.*its addresses count/s);
      expect(text).toContain('"New-Tag" is not allowed');
    }
    expect((await azureAllowlist(['verify', 'allowlists'], { cwd: folder })).status).toBe(0);
  });

  it('is no feed where a rule uses the tag', async () => {
    const { file, run } = place((tag) => {
      tag('Storage.WestEurope').properties.systemService = 'A & B';
    });
    expect((await run(ONE)).status).toBe(0);
    const { status, stderr } = await run(file);
    expect([status, stderr]).toEqual([4, expect.stringContaining('"A & B" is not allowed')]);
  });
});
