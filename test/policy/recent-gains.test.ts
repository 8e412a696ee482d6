import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/feed/file-date.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import {
  RECENT_WEEKS,
  type RecentGain,
  recentAt,
  rememberGains,
} from '../../src/policy/diff/recent-gains.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import type { Policy, TagAddresses } from '../../src/policy/policy.ts';
import { policyOf, tag } from '../review/weeks.ts';
import { makePolicy } from '../support/policy.ts';

const set = (...texts: string[]) => DualStackSet.fromPrefixes(texts.map(parsePrefix));
const gain = (rule: string, date: string, ...texts: string[]): RecentGain => ({
  rule,
  date,
  gained: set(...texts),
});
const told = (gains: readonly RecentGain[]) =>
  gains.map(({ rule, date, gained }) => [rule, date, gained.toStrings().join(' ')]);
const week = (tags: Readonly<Record<string, readonly TagAddresses[]>>): Policy =>
  policyOf(tags, ...Object.keys(tags).map((name) => ({ name })));

const [FIRST, SECOND, THIRD] = ['2025-07-07', '2025-07-14', '2025-07-21'] as const;

describe('what is remembered of a change', () => {
  it.each<[string, RecentGain[], Policy, Policy, string | undefined, string[][]]>([
    [
      'what a tag gained, as an exact cover',
      [],
      week({ r: [tag('A', '', '192.0.2.0/26')] }),
      week({ r: [tag('A', '', '192.0.2.0/25', '192.0.2.128/26', '2001:db8::/48')] }),
      SECOND,
      [['r', SECOND, '192.0.2.64/26 192.0.2.128/26 2001:db8::/48']],
    ],
    ['nothing of a first run', [], makePolicy(), week({ r: [tag('A', '', '192.0.2.0/24')] }), SECOND, []],
    [
      'nothing of a rule or a tag that the configuration adds',
      [],
      week({ r: [tag('A', '', '192.0.2.0/26')] }),
      week({
        r: [tag('A', '', '192.0.2.0/26'), tag('B', '', '192.0.2.64/26')],
        s: [tag('A', '', '192.0.2.0/26')],
      }),
      SECOND,
      [],
    ],
    [
      'what such a tag and one that was there gained both',
      [],
      week({ r: [tag('A', '', '192.0.2.0/26')] }),
      week({ r: [tag('A', '', '192.0.2.0/25'), tag('B', '', '192.0.2.64/26')] }),
      SECOND,
      [['r', SECOND, '192.0.2.64/26']],
    ],
    [
      'nothing of what only moved inside the rule',
      [],
      week({ r: [tag('A', '', '192.0.2.0/25'), tag('B', '', '198.51.100.0/28')] }),
      week({ r: [tag('A', '', '192.0.2.0/26'), tag('B', '', '198.51.100.0/28', '192.0.2.64/26')] }),
      SECOND,
      [],
    ],
    [
      'no more what was lost again, and the rest under its own date',
      [gain('r', FIRST, '192.0.2.0/25')],
      week({ r: [tag('A', '', '192.0.2.0/24')] }),
      week({ r: [tag('A', '', '192.0.2.64/26', '192.0.2.128/25', '198.51.100.0/28')] }),
      SECOND,
      [
        ['r', FIRST, '192.0.2.64/26'],
        ['r', SECOND, '198.51.100.0/28'],
      ],
    ],
    [
      'one entry where a file is published twice under its date',
      [gain('r', SECOND, '192.0.2.64/26')],
      week({ r: [tag('A', '', '192.0.2.0/25')] }),
      week({ r: [tag('A', '', '192.0.2.0/24')] }),
      SECOND,
      [['r', SECOND, '192.0.2.64/26 192.0.2.128/25']],
    ],
    [
      'rules that did not change, by name and date; none that is gone',
      [
        gain('s', SECOND, '192.0.2.64/26'),
        gain('s', FIRST, '192.0.2.0/26'),
        gain('gone', FIRST, '192.0.2.0/26'),
      ],
      week({
        s: [tag('A', '', '192.0.2.0/24')],
        r: [tag('A', '', '192.0.2.0/24')],
        gone: [tag('A', '', '192.0.2.0/24')],
      }),
      week({
        s: [tag('A', '', '192.0.2.0/24')],
        r: [tag('A', '', '192.0.2.0/24', '198.51.100.0/28')],
      }),
      THIRD,
      [
        ['r', THIRD, '198.51.100.0/28'],
        ['s', FIRST, '192.0.2.0/26'],
        ['s', SECOND, '192.0.2.64/26'],
      ],
    ],
    [
      'nothing over a feed without a date',
      [gain('r', FIRST, '192.0.2.0/26')],
      week({ r: [tag('A', '', '192.0.2.0/25')] }),
      week({ r: [tag('A', '', '192.0.2.0/24')] }),
      undefined,
      [],
    ],
  ])('%s', (_, gains, before, after, date, expected) => {
    expect(told(rememberGains(gains, diffPolicies(before, after), date))).toEqual(expected);
  });

  it.each([
    [0, true],
    [RECENT_WEEKS * 7, true],
    [RECENT_WEEKS * 7 + 1, false],
    // An older file that was accepted takes back what came after it.
    [-7, true],
  ])('%i days later: recent is %s', (days, recent) => {
    const gains = [gain('r', FIRST, '192.0.2.0/26')];
    const expected = recent ? gains : [];
    expect(recentAt(gains, addDays(FIRST, days))).toEqual(expected);
    expect(rememberGains(gains, diffPolicies(makePolicy(), makePolicy()), addDays(FIRST, days))).toEqual(
      expected,
    );
  });
});

// Sixteen blocks in three tags that a rule may have or not: every week is another choice.
const blocks = fc.uniqueArray(fc.nat(15), { maxLength: 10 });
const weeks = fc.array(
  fc.record({
    days: fc.constantFrom(0, 7, 14, 35),
    tags: fc.dictionary(fc.constantFrom('A', 'B', 'C'), blocks, { maxKeys: 3, noNullPrototype: true }),
  }),
  { minLength: 2, maxLength: 12 },
);
const prefixOf = (block: number) => `192.0.2.${block * 16}/28`;

describe('over any number of weeks', () => {
  it('remembers of each block when the rule gained it, as a calendar by hand does', () => {
    fc.assert(
      fc.property(weeks, (history) => {
        let date: string = FIRST;
        let gains: RecentGain[] = [];
        let before: Record<string, number[]> = {};
        /** The oracle: the day of each block's gain, one block at a time. */
        const calendar = new Map<number, string>();
        for (const [index, { days, tags }] of history.entries()) {
          date = addDays(date, days);
          const policy = (of: Record<string, number[]>) =>
            week({ r: Object.entries(of).map(([name, list]) => tag(name, '', ...list.map(prefixOf))) });
          gains = rememberGains(
            gains,
            diffPolicies(index === 0 ? makePolicy() : policy(before), policy(tags)),
            date,
          );
          for (let block = 0; block < 16; block++) {
            const had = Object.values(before).some((list) => list.includes(block));
            const has = Object.values(tags).some((list) => list.includes(block));
            const byOldTag = Object.keys(before).some((name) => tags[name]?.includes(block));
            if (!has) calendar.delete(block);
            else if (!had && byOldTag) calendar.set(block, date);
          }
          // What is not recent any more is never so again: the days only go forward.
          for (const [block, on] of calendar)
            if (Date.parse(date) - Date.parse(on) > RECENT_WEEKS * 7 * 86_400_000) calendar.delete(block);
          const byDate = new Map<string, string[]>();
          for (const [block, on] of [...calendar].sort(([a], [b]) => a - b))
            byDate.set(on, [...(byDate.get(on) ?? []), prefixOf(block)]);
          expect(told(gains)).toEqual(
            [...byDate].sort().map(([on, list]) => [
              'r',
              on,
              set(...list)
                .toStrings()
                .join(' '),
            ]),
          );
          before = tags;
        }
      }),
      { numRuns: 300 },
    );
  });
});
