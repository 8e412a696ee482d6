import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addDays } from '../../src/feed/file-date.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { holdRemovals } from '../../src/policy/hold.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { makePolicy } from '../../src/policy/resolve.ts';
import { policyOf, tag } from '../review/weeks.ts';

const FIRST = '2026-01-05';
const ADDRESSES = 12;
const address = (index: number) => `198.51.100.${index}/32`;
const NEVER = new Set([3, 7]);
const never = DualStackSet.fromPrefixes([...NEVER].map((index) => parsePrefix(address(index))));

/** Which addresses each of two tags has in a week. */
const week = fc.tuple(
  fc.uniqueArray(fc.nat(ADDRESSES - 1), { maxLength: ADDRESSES }),
  fc.uniqueArray(fc.nat(ADDRESSES - 1), { maxLength: ADDRESSES }),
);

const policyOfWeek = ([a, b]: readonly (readonly number[])[]): Policy =>
  policyOf({ r: [tag('A', '', ...a!.map(address)), tag('B', '', ...b!.map(address))] }, { name: 'r' });

it('holds each address exactly as long as an address-by-address reckoning says', () => {
  fc.assert(
    fc.property(
      fc.array(week, { minLength: 2, maxLength: 8 }),
      fc.integer({ min: 1, max: 30 }),
      fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 8, maxLength: 8 }),
      (weeks, days, gaps) => {
        let inForce = policyOfWeek(weeks[0]!);
        let date = FIRST;
        /** Until when an address is held that both tags lack now. */
        const until = new Map<number, string>();
        let before = weeks[0]!;
        for (const [index, now] of weeks.slice(1).entries()) {
          date = addDays(date, gaps[index]!);
          inForce = holdRemovals(policyOfWeek(now), inForce, {
            days,
            date,
            never,
            within: undefined,
            families: [4, 6],
          });
          const has = (at: readonly (readonly number[])[], one: number) =>
            at.some((list) => list.includes(one));
          for (let one = 0; one < ADDRESSES; one++) {
            if (has(now, one) || NEVER.has(one)) until.delete(one);
            else if (has(before, one)) until.set(one, addDays(date, days));
            else if ((until.get(one) ?? '') <= date) until.delete(one);
          }
          before = now;
          const [rule] = inForce.rules;
          const held = rule!.held ?? [];
          const found = held.flatMap((entry) =>
            [...entry.addresses.ipv4.ranges()].flatMap(({ first, last }) =>
              Array.from({ length: Number(last - first) + 1 }, (_, offset) => [
                Number(BigInt(first) & 255n) + offset,
                entry.until,
              ]),
            ),
          );
          expect(found.sort(([a], [b]) => Number(a) - Number(b))).toEqual(
            [...until].sort(([a], [b]) => a - b),
          );
        }
      },
    ),
    { numRuns: 500 },
  );
});

it('leaves a policy as it is where nothing is lost, or the rule is new', () => {
  const policy = policyOfWeek([[1, 2], []]);
  const settings = { days: 14, date: FIRST, never, within: undefined, families: [4, 6] as const };
  expect(holdRemovals(policy, makePolicy([]), settings)).toBe(policy);
  expect(holdRemovals(policy, policyOfWeek([[1], []]), settings)).toBe(policy);
});

it('holds inside what may be published only, and of the configured families', () => {
  const before = policyOf({ r: [tag('A', '', '198.51.100.0/24', '2001:db8::/47')] }, { name: 'r' });
  const after = policyOf({ r: [tag('A', '')] }, { name: 'r' });
  const held = (within: string[] | undefined, families: readonly (4 | 6)[]) =>
    holdRemovals(after, before, {
      days: 7,
      date: FIRST,
      never: DualStackSet.empty,
      within: within === undefined ? undefined : DualStackSet.fromPrefixes(within.map(parsePrefix)),
      families,
    }).rules[0]!.held?.flatMap(({ addresses }) => addresses.toStrings());
  expect(held(undefined, [4, 6])).toEqual(['198.51.100.0/24', '2001:db8::/47']);
  expect(held(['198.51.100.0/25', '2001:db8::/48'], [4, 6])).toEqual(['198.51.100.0/25', '2001:db8::/48']);
  expect(held(undefined, [4])).toEqual(['198.51.100.0/24']);
  expect(held(['203.0.113.0/24'], [4, 6])).toBeUndefined();
});
