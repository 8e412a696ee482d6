import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const text = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');
const WORDS = [
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
];

/** The rows of the first table after a line. */
function rowsAfter(document: string, line: string): number {
  const [, ...rest] = document.slice(document.indexOf(line)).split('\n');
  const end = rest.findIndex((row) => !row.startsWith('|'));
  // Below the rule under the titles.
  return rest.slice(1, end).length;
}

it('counts as many bad weeks, chains and first runs in README.md as docs/guards.md has', () => {
  const guards = text('docs/guards.md');
  const [, weeks, chains, first] =
    /(\d+) bad weeks, (\w+) chains of ten and (\w+) first runs/.exec(
      text('README.md').replace(/\s+/g, ' '),
    ) ?? [];
  const section = guards.slice(guards.indexOf('## Bad weeks'));
  expect(Number(weeks)).toBe(rowsAfter(section, '| what is done | outcome |'));
  expect(chains).toBe(WORDS[rowsAfter(section, '| chain of ten weeks | outcome |') - 7]);
  expect(first).toBe(WORDS[rowsAfter(section, '| what is done | file of') - 7]);
});
