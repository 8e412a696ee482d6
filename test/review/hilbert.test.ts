import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressAt, placeOf, SIDE, squaresOf } from '../../src/review/html/page/hilbert.ts';

const LAST = 2 ** 32 - 1;
const address = fc.integer({ min: 0, max: LAST });

describe('the Hilbert curve through all IPv4 addresses', () => {
  it('begins at the left and ends at the right of the top', () => {
    expect(placeOf(0)).toEqual({ x: 0, y: 0 });
    expect(placeOf(LAST)).toEqual({ x: SIDE - 1, y: 0 });
  });

  it('gives every address a place of its own', () => {
    fc.assert(
      fc.property(address, (value) => {
        const { x, y } = placeOf(value);
        expect(addressAt(x, y)).toBe(value);
      }),
      { numRuns: 2_000 },
    );
  });

  it('makes neighbours of neighbours', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAST - 1 }), (value) => {
        const [a, b] = [placeOf(value), placeOf(value + 1)];
        expect(Math.abs(a.x - b.x) + Math.abs(a.y - b.y)).toBe(1);
      }),
      { numRuns: 2_000 },
    );
  });

  it('shows ranges as squares that hold exactly their addresses', () => {
    const ranges = fc
      .uniqueArray(fc.integer({ min: 0, max: 2_000 }), { minLength: 2, maxLength: 12 })
      .map((bounds) => bounds.sort((a, b) => a - b))
      .map((bounds) => (bounds.length % 2 === 0 ? bounds : bounds.slice(1)))
      .map((bounds) => bounds.map((bound) => bound + 0x14_00_00_00));
    fc.assert(
      fc.property(ranges, (bounds) => {
        const shown = new Set<number>();
        for (const { x, y, side } of squaresOf(bounds))
          for (let i = 0; i < side; i++)
            for (let j = 0; j < side; j++) {
              const value = addressAt(x + i, y + j);
              expect(shown.has(value)).toBe(false);
              shown.add(value);
            }
        const wanted = new Set<number>();
        for (let i = 0; i < bounds.length; i += 2)
          for (let value = bounds[i]!; value <= bounds[i + 1]!; value++) wanted.add(value);
        expect(shown).toEqual(wanted);
      }),
      { numRuns: 100 },
    );
  });

  it('shows the whole space as one square and a /9 as two', () => {
    expect(squaresOf([0, LAST])).toEqual([{ x: 0, y: 0, side: SIDE }]);
    expect(squaresOf([0x14_00_00_00, 0x14_7f_ff_ff])).toHaveLength(2);
  });
});
