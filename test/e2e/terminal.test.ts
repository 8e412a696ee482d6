import { describe, expect, it } from 'vitest';
import { azureAllowlist, workplace } from './command.ts';
import { SAMPLE_WEEKS } from './configurations.ts';

async function diff(environment: Readonly<Record<string, string>>): Promise<string> {
  const ended = await azureAllowlist(['diff', ...SAMPLE_WEEKS], { cwd: workplace(), environment });
  expect(ended.status, ended.stderr).toBe(0);
  return ended.stdout;
}

const ESCAPE = '\u001b[';

describe('the review on a terminal', () => {
  it('has no colours in a pipe, colours where they are asked for, and none where NO_COLOR is set', async () => {
    const plain = await diff({});
    expect(plain).not.toContain(ESCAPE);
    const coloured = await diff({ FORCE_COLOR: '1' });
    expect(coloured).toContain(`${ESCAPE}36m`);
    expect(coloured).toContain(`${ESCAPE}31m`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '').replaceAll(/ +$/gm, '')).toBe(plain);
    expect(await diff({ FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(plain);
  });

  it.each([60, 80, 140])('keeps within %d columns', async (columns) => {
    const lines = (await diff({ COLUMNS: `${columns}` })).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    // A row of the table stands in one line where there is room for it.
    const table = lines.slice(lines.indexOf('Service tags'));
    const row = table.find((line) => line.startsWith('  AzureCloud'))!;
    expect(/ {2,}/.test(row.trim())).toBe(columns === 140);
  });

  it('takes no notice of a width that is none', async () => {
    expect(await diff({ COLUMNS: 'wide' })).toBe(await diff({}));
    expect(await diff({ COLUMNS: '0' })).toBe(await diff({}));
  });
});

describe('a wrong command line on a terminal', () => {
  const typed = 'a\u009b2J\u001b]0;x\u0007\u202eb';
  it.each([[[typed]], [['run', `--${typed}`]]])('is told without what a terminal obeys: %j', async (args) => {
    const { status, stderr } = await azureAllowlist(args, { cwd: workplace() });
    expect(status).toBe(5);
    expect(stderr).toContain('a\\u009b2J\\u001b]0;x\\u0007\\u202eb');
    expect(stderr).toMatch(/^[\x20-\x7e\n]+$/);
  });
});
