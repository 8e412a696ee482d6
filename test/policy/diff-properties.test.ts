import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { diffPolicies, type PolicyDiff } from '../../src/policy/diff.ts';
import type { Policy, PolicyRule } from '../../src/policy/policy.ts';
import { policyOf, tag } from '../review/weeks.ts';
import type { RuleParts } from '../support/policy.ts';

// A small world, so that sets meet often: 16 blocks of each family, four tags, three rules.
const prefix4 = fc.tuple(fc.nat(15), fc.constantFrom(28, 29, 30)).map(([block, length]) => {
  const size = 2 ** (32 - length);
  return `192.0.2.${Math.floor((block * 16) / size) * size}/${length}`;
});
const prefix6 = fc.nat(7).map((block) => `2001:db8:${block}::/48`);
const prefixes = fc.uniqueArray(fc.oneof(prefix4, prefix6), { maxLength: 6 });
const host = fc.constantFrom(
  'a.example.com',
  '*.example.com',
  '.example.com',
  'example.com',
  'b.example.net',
  '*.a.example.com',
);
const names = fc.dictionary(
  fc.constantFrom('80', '443', '80,443', '400-500'),
  fc.uniqueArray(host, { maxLength: 3 }),
  { maxKeys: 2 },
);

const ruleParts = (name: string): fc.Arbitrary<RuleParts> =>
  fc.record({
    name: fc.constant(name),
    names,
    prefixes,
    ports: fc.constantFrom('443', '80,443', '1000-2000'),
    addressUse: fc.constantFrom('fallback', 'always', 'never'),
  });

const policy: fc.Arbitrary<Policy> = fc
  .tuple(
    fc.shuffledSubarray(['r0', 'r1', 'r2']).chain((chosen) => fc.tuple(...chosen.map(ruleParts))),
    fc.array(
      fc.tuple(fc.constantFrom('r0', 'r1', 'r2'), fc.constantFrom('A', 'B', 'A.West', 'C'), prefixes),
      { maxLength: 6 },
    ),
  )
  .map(([rules, tags]) => {
    const byRule: Record<string, ReturnType<typeof tag>[]> = {};
    for (const [rule, name, texts] of tags) {
      byRule[rule] ??= [];
      if (!byRule[rule].some((one) => one.tag === name)) byRule[rule].push(tag(name, '', ...texts));
    }
    return policyOf(byRule, ...rules);
  });

const namesOf = (rule: PolicyRule | undefined) =>
  Admission.union((rule?.names ?? []).map(({ hosts, ports }) => Admission.hosts(hosts, ports)));
const admissionOf = ({ rules }: Policy) =>
  Admission.union(
    rules.flatMap((rule) => [
      namesOf(rule),
      ...(rule.names.length === 0 || rule.addressUse !== 'never'
        ? [Admission.addresses(rule.addresses, rule.addressPorts)]
        : []),
    ]),
  );
const ruleOf = (of: Policy, name: string) => of.rules.find((rule) => rule.name === name);

/** What can be compared by value, with what came and what went exchanged. */
function mirror(diff: PolicyDiff) {
  const swap = <T>({ gained, lost }: { gained: T; lost: T }, text: (value: T) => unknown) => [
    text(lost),
    text(gained),
  ];
  return view(diff, swap);
}
function view(
  { rules, admission }: PolicyDiff,
  order: <T>(change: { gained: T; lost: T }, text: (value: T) => unknown) => unknown[] = (change, text) => [
    text(change.gained),
    text(change.lost),
  ],
) {
  const space = (set: DualStackSet) => set.toStrings();
  const grants = (of: Admission) => of.describe(1_000);
  return {
    admission: order(admission, grants),
    rules: rules
      .map((rule) => ({
        rule: rule.rule,
        names: order(rule.names, grants),
        space: order(rule.space, space),
        ports: order(rule.ports, String),
        prefixes: order(rule.prefixes, (list) => list.map(formatPrefix)),
        tags: rule.tags.map((one) => [
          one.tag,
          order(one.prefixes, (list) => list.map(formatPrefix)),
          order(one.space, space),
        ]),
        moves: rule.moves
          .map(({ from, to, addresses }) => {
            const [left, entered] = order({ gained: to, lost: from }, String);
            return `${left} ${entered} ${space(addresses)}`;
          })
          .sort(),
      }))
      .sort((a, b) => (a.rule < b.rule ? -1 : 1)),
  };
}

describe('the difference of any two policies', () => {
  it('is empty for a policy and itself', () => {
    fc.assert(
      fc.property(policy, (a) => diffPolicies(a, a).isEmpty),
      { numRuns: 200 },
    );
  });

  it('makes the later policy of the earlier one: less what is lost, plus what is gained', () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        const diff = diffPolicies(a, b);
        const { gained, lost } = diff.admission;
        expect(admissionOf(a).difference(lost).union(gained).equals(admissionOf(b))).toBe(true);
        expect(gained.intersection(lost).isEmpty).toBe(true);
        const changed = new Map(diff.rules.map((rule) => [rule.rule, rule]));
        for (const name of ['r0', 'r1', 'r2']) {
          const [old, now, rule] = [ruleOf(a, name), ruleOf(b, name), changed.get(name)];
          const oldSpace = old?.addresses ?? DualStackSet.empty;
          const newSpace = now?.addresses ?? DualStackSet.empty;
          if (rule === undefined) {
            expect(oldSpace.equals(newSpace) && namesOf(old).equals(namesOf(now))).toBe(true);
            continue;
          }
          expect(oldSpace.difference(rule.space.lost).union(rule.space.gained).equals(newSpace)).toBe(true);
          expect(rule.space.gained.intersection(rule.space.lost).isEmpty).toBe(true);
          expect(namesOf(old).difference(rule.names.lost).union(rule.names.gained).equals(namesOf(now))).toBe(
            true,
          );
          const tags = new Map(
            (old?.tags ?? []).map((one) => [one.tag, new Set(one.prefixes.map(formatPrefix))]),
          );
          for (const one of rule.tags) {
            const lines = tags.get(one.tag) ?? new Set<string>();
            tags.set(one.tag, lines);
            for (const prefix of one.prefixes.lost) expect(lines.delete(formatPrefix(prefix))).toBe(true);
            for (const prefix of one.prefixes.gained) lines.add(formatPrefix(prefix));
          }
          for (const one of now?.tags ?? [])
            expect([...(tags.get(one.tag) ?? [])].sort()).toEqual(one.prefixes.map(formatPrefix).sort());
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is the other way round for the other way round', () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        expect(view(diffPolicies(a, b))).toEqual(mirror(diffPolicies(b, a)));
      }),
      { numRuns: 300 },
    );
  });

  it('never lets a move or a cover hide a gain or a loss of the rule', () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        for (const rule of diffPolicies(a, b).rules) {
          const old = ruleOf(a, rule.rule)?.addresses ?? DualStackSet.empty;
          const now = ruleOf(b, rule.rule)?.addresses ?? DualStackSet.empty;
          expect(rule.space.gained.equals(now.difference(old))).toBe(true);
          expect(rule.space.lost.equals(old.difference(now))).toBe(true);
          const bySpace = new Map(rule.tags.map((one) => [one.tag, one.space]));
          for (const { from, to, addresses } of rule.moves) {
            const overlap = bySpace.get(from)!.lost.intersection(bySpace.get(to)!.gained);
            expect(addresses.equals(overlap)).toBe(true);
            expect(addresses.isEmpty).toBe(false);
            // What moved inside the rule neither entered nor left it.
            expect(addresses.intersection(rule.space.gained).isEmpty).toBe(true);
            expect(addresses.intersection(rule.space.lost).isEmpty).toBe(true);
          }
          const pairs = new Set(rule.moves.map(({ from, to }) => `${from} ${to}`));
          for (const from of rule.tags)
            for (const to of rule.tags)
              expect(pairs.has(`${from.tag} ${to.tag}`)).toBe(
                !from.space.lost.intersection(to.space.gained).isEmpty,
              );
          // What a tag lost has left the rule, or is told to stay: all of it, and nothing besides.
          const kept = new Map(rule.covered.map((one) => [one.tag, one.addresses]));
          for (const { tag: name, space } of rule.tags) {
            const stays = kept.get(name) ?? DualStackSet.empty;
            expect(stays.equals(space.lost.intersection(now))).toBe(true);
            expect(rule.space.lost.isSupersetOf(space.lost.difference(stays))).toBe(true);
          }
          for (const { tag: name, addresses } of rule.covered) {
            expect(addresses.isEmpty).toBe(false);
            expect(bySpace.has(name)).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
