import { expect, it } from 'vitest';
import { enumerate } from '../../src/review/wording.ts';

it.each([
  [[], ''],
  [['a'], 'a'],
  [['a', 'b'], 'a and b'],
  // Of one that is left out, its name is no longer than the count.
  [['a', 'b', 'c', 'd'], 'a, b, c and d'],
  [['a', 'b', 'c', 'd', 'e'], 'a, b, c and 2 more'],
])('enumerates %j, three of them at most by name', (parts, text) => {
  expect(enumerate(parts, 3)).toBe(text);
});

it('names all where no number is given', () => {
  expect(enumerate([...'abcdef'])).toBe('a, b, c, d, e and f');
});
