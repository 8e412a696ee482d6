import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { targetsCommand } from '../../src/cli/targets.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import { recordingIo } from '../support/recording-io.ts';

async function said(): Promise<string[]> {
  const { io, said: text } = recordingIo();
  await targetsCommand({}, io);
  return text.out.trimEnd().split('\n');
}

describe('the targets', () => {
  it('are on one screen, each with what it matches, its limits and how it is loaded', async () => {
    const lines = await said();
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(140);
    const ids = await bundledTargets();
    expect(lines.slice(1, 1 + ids.length).map((line) => line.split(' ')[0])).toEqual(ids);
    const rowOf = (id: string) => lines.find((line) => line.startsWith(`${id} `))!.split(/ {2,}/);
    expect(rowOf('aws')).toEqual(['aws', 'v4 v6', '-', '-', '-', '1,000 a list', 'terraform apply']);
    expect(rowOf('squid').slice(1, 5)).toEqual(['v4 v6 (URL)', '*.x', 'proxy request, TLS', 'tcp']);
    for (const id of ids)
      expect(rowOf(id).at(-1)).toBe((await loadTarget(id)).manifest.loaded ?? 'no word on loading');
  });

  it('have a row each in the table of docs/targets.md, before any section', () => {
    const document = readFileSync(new URL('../../docs/targets.md', import.meta.url), 'utf8');
    const [top] = document.split('\n## ');
    const rows = top!.split('\n').filter((line) => line.startsWith('| ['));
    return bundledTargets().then((ids) => {
      expect(rows.map((row) => /^\| \[([a-z-]+)\]/.exec(row)![1])).toEqual(ids);
      for (const row of rows) expect(row.split(' | ')).toHaveLength(12);
    });
  });
});
