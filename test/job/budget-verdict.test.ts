import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { deviceTexts } from '../../src/review/device-line.ts';
import { verdict } from '../../src/review/verdict.ts';
import { runMadeUp } from '../support/made-up-job.ts';

it('measures a target with a budget at what it lets through, extra addresses included', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'budget-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const run = (date: string, prefixes: readonly string[]) =>
    runMadeUp(directory, {
      ...{ date, tags: { Sql: prefixes } },
      config: `rules:
  - { name: sql, serviceTags: [Sql], ports: [1433] }
targets: { iptables: { budget: 2 } }`,
    });
  // Three entries do not fit: the two /30 become one /25 with 120 more addresses.
  const large = '20.0.0.0/20';
  const first = await run('2026-01-05', [large, '20.1.0.0/30', '20.1.0.124/30']);
  expect(deviceTexts(first.review.targets)).toEqual([
    'iptables first files: 4,224 IPv4 addresses, of them 120 IPv4 addresses extra for the budget of rule sql',
  ]);
  // The rule loses four addresses, a thousandth; the device 124, for nothing has to be widened any more.
  const { review } = await run('2026-01-12', [large, '20.1.0.0/30']);
  expect(deviceTexts(review.targets)).toEqual([
    'iptables −124 IPv4 (sql); extra addresses for the budget of rule sql: 120 IPv4 addresses → none',
  ]);
  const { level, text } = verdict(review);
  expect(level).toBe('look');
  expect(text).toContain('iptables loses 2.9 % of what it allows in IPv4 (124 of 4,224; limit 1 %)');
});
