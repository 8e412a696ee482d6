import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DiffLine, diffLines, hunksOf } from '../../src/review/line-diff.ts';

const shown = (lines: readonly DiffLine[]) => lines.map(({ sign, text }) => `${sign}${text}`);
const text = (...lines: string[]) => lines.map((line) => `${line}\n`).join('');
const side = (lines: readonly DiffLine[], other: '+' | '-') =>
  lines.filter(({ sign }) => sign !== other).map((line) => line.text);

describe('the difference of two texts by line', () => {
  it.each([
    ['nothing', text('a', 'b'), text('a', 'b'), [' a', ' b']],
    ['a line more', text('a', 'c'), text('a', 'b', 'c'), [' a', '+b', ' c']],
    ['a line fewer', text('a', 'b', 'c'), text('a', 'c'), [' a', '-b', ' c']],
    ['another line', text('a', 'b', 'c'), text('a', 'x', 'c'), [' a', '-b', '+x', ' c']],
    ['a new file', '', text('a'), ['+a']],
    ['a file that is gone', text('a'), '', ['-a']],
    [
      'lines that repeat',
      text('{', 'a', '}', '{', 'b', '}'),
      text('{', 'b', '}'),
      [' {', '-a', '-}', '-{', ' b', ' }'],
    ],
    ['a line that moved', text('a', 'b', 'c', 'd'), text('b', 'c', 'd', 'a'), ['-a', ' b', ' c', ' d', '+a']],
  ] as const)('shows %s', (_, before, after, expected) => {
    expect(shown(diffLines(before, after))).toEqual(expected);
  });

  it('has all lines of both texts, in order, with their numbers', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', ''), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const diff = diffLines(text(...before), text(...after));
        expect(side(diff, '+')).toEqual(before);
        expect(side(diff, '-')).toEqual(after);
        expect(diff.flatMap((line) => line.before ?? [])).toEqual(before.map((__, index) => index + 1));
        expect(diff.flatMap((line) => line.after ?? [])).toEqual(after.map((__, index) => index + 1));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is the smallest possible for sorted lists without repetition', () => {
    const list = fc
      .uniqueArray(fc.nat(60), { maxLength: 40 })
      .map((items) => items.sort((a, b) => a - b).map(String));
    fc.assert(
      fc.property(list, list, (before, after) => {
        const changed = diffLines(text(...before), text(...after)).filter(({ sign }) => sign !== ' ');
        const apart =
          before.filter((line) => !after.includes(line)).length +
          after.filter((line) => !before.includes(line)).length;
        expect(changed).toHaveLength(apart);
      }),
      { numRuns: 500 },
    );
  });

  it('takes long files', () => {
    const before = Array.from({ length: 40_000 }, (_, index) => `line ${index}`);
    const after = before
      .filter((_, index) => index % 7 !== 3)
      .flatMap((line, index) => (index % 11 === 0 ? [line, `new ${index}`] : [line]));
    const diff = diffLines(text(...before), text(...after));
    expect(side(diff, '-')).toEqual(after);
    expect(diff.filter(({ sign }) => sign === '-')).toHaveLength(
      before.filter((_, index) => index % 7 === 3).length,
    );
  });
});

describe('hunks', () => {
  it('are the changed lines with three around, joined where they are near', () => {
    const before = Array.from({ length: 40 }, (_, index) => `${index}`);
    const after = before.flatMap((line) =>
      line === '10' || line === '15' ? [] : line === '30' ? [line, 'x'] : [line],
    );
    const hunks = hunksOf(diffLines(text(...before), text(...after)));
    expect(hunks.map((hunk) => shown(hunk).join(','))).toEqual([
      ' 7, 8, 9,-10, 11, 12, 13, 14,-15, 16, 17, 18',
      ' 28, 29, 30,+x, 31, 32, 33',
    ]);
  });
  it('hold every changed line once', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const diff = diffLines(text(...before), text(...after));
        const inHunks = hunksOf(diff)
          .flat()
          .filter(({ sign }) => sign !== ' ');
        expect(inHunks).toEqual(diff.filter(({ sign }) => sign !== ' '));
        const all = hunksOf(diff).flat();
        expect(new Set(all).size).toBe(all.length);
      }),
      { numRuns: 500 },
    );
  });
});
