import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../src/net/prefix.ts';
import { riskOfPolicy, riskOfRule, riskOfTag } from '../../src/policy/diff/risk.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import { namesInWords } from '../../src/review/wording.ts';
import { policyOf, tag } from '../review/weeks.ts';
import { makePolicy } from '../support/policy.ts';

/** The one rule that differs. */
function onlyRule(diff: ReturnType<typeof diffPolicies>) {
  expect(diff.rules).toHaveLength(1);
  return diff.rules[0]!;
}

const rule = { name: 'cloud' };
const NO_RULES = makePolicy();

describe('the difference of two policies', () => {
  it('is empty for equal policies', () => {
    const policy = policyOf({ cloud: [tag('A', '', '192.0.2.0/24')] }, rule);
    const diff = diffPolicies(policy, policy);
    expect(diff.rules).toEqual([]);
    expect(diff.isEmpty).toBe(true);
    expect(riskOfPolicy(diff)).toBe('metadata');
  });

  it('tells published lines from addresses: two siblings that become one line change nothing', () => {
    const diff = diffPolicies(
      policyOf({ cloud: [tag('A', '', '192.0.2.0/25', '192.0.2.128/25')] }, rule),
      policyOf({ cloud: [tag('A', '', '192.0.2.0/24')] }, rule),
    );
    const { tags, space } = onlyRule(diff);
    expect(tags[0]!.prefixes.gained.map(formatPrefix)).toEqual(['192.0.2.0/24']);
    expect(tags[0]!.prefixes.lost.map(formatPrefix)).toEqual(['192.0.2.0/25', '192.0.2.128/25']);
    expect(tags[0]!.prefixCount).toEqual({ before: 2, after: 1 });
    expect(space.gained.isEmpty && space.lost.isEmpty).toBe(true);
    expect(diff.isEmpty).toBe(false);
    expect(riskOfRule(onlyRule(diff))).toBe('metadata');
  });

  it('sees a gained /26 beside a /26 as those 64 addresses', () => {
    const diff = diffPolicies(
      policyOf({ cloud: [tag('A', '', '192.0.2.0/26')] }, rule),
      policyOf({ cloud: [tag('A', '', '192.0.2.0/25')] }, rule),
    );
    expect(onlyRule(diff).space.gained.toStrings()).toEqual(['192.0.2.64/26']);
    expect(onlyRule(diff).space.lost.isEmpty).toBe(true);
    expect(riskOfPolicy(diff)).toBe('widening');
    expect(diff.admission.gained.grants.map(({ ports }) => `${ports}`)).toEqual(['443']);
  });

  it('calls space that left one tag for another a move, in both families', () => {
    const diff = diffPolicies(
      policyOf(
        { cloud: [tag('A', '', '192.0.2.0/24', '2001:db8::/48'), tag('B', '', '198.51.100.0/24')] },
        rule,
      ),
      policyOf(
        {
          cloud: [
            tag('A', '', '192.0.2.0/25'),
            tag('B', '', '192.0.2.192/26', '198.51.100.0/24', '2001:db8::/48'),
          ],
        },
        rule,
      ),
    );
    const { moves, space, covered } = onlyRule(diff);
    expect(moves.map(({ from, to, addresses }) => [from, to, addresses.toStrings()])).toEqual([
      ['A', 'B', ['192.0.2.192/26', '2001:db8::/48']],
    ]);
    // The rest of the lost half is lost all the same.
    expect(space.lost.toStrings()).toEqual(['192.0.2.128/26']);
    expect(covered.map(({ tag: from, addresses }) => [from, addresses.toStrings()])).toEqual([
      ['A', ['192.0.2.192/26', '2001:db8::/48']],
    ]);
    expect(riskOfTag(onlyRule(diff).tags[0]!)).toBe('narrowing');
  });

  it('is a mere move where the rule keeps every address', () => {
    const diff = diffPolicies(
      policyOf({ cloud: [tag('A', '', '192.0.2.0/24'), tag('B', '')] }, rule),
      policyOf({ cloud: [tag('A', ''), tag('B', '', '192.0.2.0/24')] }, rule),
    );
    expect(riskOfRule(onlyRule(diff))).toBe('move');
    expect(diff.admission.gained.isEmpty && diff.admission.lost.isEmpty).toBe(true);
  });

  it('names what a tag lost that a broader tag still covers', () => {
    const diff = diffPolicies(
      policyOf({ cloud: [tag('A', '', '192.0.2.0/24'), tag('A.West', 'west', '192.0.2.0/26')] }, rule),
      policyOf({ cloud: [tag('A', '', '192.0.2.0/24')] }, rule),
    );
    const { tags, space, covered, moves } = onlyRule(diff);
    expect(tags.map((one) => [one.tag, one.presence, one.region])).toEqual([['A.West', 'removed', 'west']]);
    expect(space.lost.isEmpty).toBe(true);
    expect(moves).toEqual([]);
    expect(covered.map((one) => one.addresses.toStrings())).toEqual([['192.0.2.0/26']]);
  });

  it('compares names as sets, with their ports', () => {
    const diff = diffPolicies(
      makePolicy({ name: 'web', names: { '443': ['*.example.com', 'a.example.net'] } }),
      makePolicy({ name: 'web', names: { '443': ['.example.com'], '80,443': ['a.example.net'] } }),
    );
    const { names } = onlyRule(diff);
    expect(namesInWords(names.gained)).toEqual(['a.example.net:80', 'example.com:443']);
    expect(names.lost.isEmpty).toBe(true);
  });

  it('tells changed ports of unchanged addresses', () => {
    const diff = diffPolicies(
      makePolicy({ name: 'sql', prefixes: ['192.0.2.0/24'], ports: '1433' }),
      makePolicy({ name: 'sql', prefixes: ['192.0.2.0/24'], ports: '1433,11000-11999' }),
    );
    const { ports, space } = onlyRule(diff);
    expect(`${ports.gained}`).toBe('11000-11999');
    expect(space.gained.isEmpty).toBe(true);
    expect(riskOfRule(onlyRule(diff))).toBe('widening');
    expect(diff.admission.gained.describe()).toEqual(['port 11000-11999: 192.0.2.0/24']);
  });

  it('has every rule of a first run, and every rule that is gone', () => {
    const policy = makePolicy({ name: 'a', prefixes: ['192.0.2.0/24'] }, { name: 'b' });
    expect(diffPolicies(NO_RULES, policy).rules.map((one) => [one.rule, one.presence])).toEqual([
      ['a', 'added'],
      ['b', 'added'],
    ]);
    expect(diffPolicies(policy, NO_RULES).rules.map((one) => [one.rule, one.presence])).toEqual([
      ['a', 'removed'],
      ['b', 'removed'],
    ]);
  });

  it('does not count for the whole what another rule still admits, but tells it for the rule', () => {
    const diff = diffPolicies(
      makePolicy({ name: 'a', prefixes: ['192.0.2.0/24'] }, { name: 'b', prefixes: ['192.0.2.0/25'] }),
      makePolicy({ name: 'a', prefixes: ['192.0.2.0/24'] }, { name: 'b' }),
    );
    expect(onlyRule(diff).space.lost.toStrings()).toEqual(['192.0.2.0/25']);
    expect(onlyRule(diff).prefixes.lost.map(formatPrefix)).toEqual(['192.0.2.0/25']);
    expect(diff.admission.lost.isEmpty).toBe(true);
  });

  it('notices an order, a reason and an address use that changed', () => {
    const a = { name: 'a', names: { '443': ['a.example.com'] }, prefixes: ['192.0.2.0/24'] };
    const b = { name: 'b' };
    expect(diffPolicies(makePolicy(a, b), makePolicy(b, a))).toMatchObject({
      reordered: true,
      isEmpty: false,
      rules: [],
    });
    const before = makePolicy(a);
    const after = { ...before, rules: before.rules.map((one) => ({ ...one, reason: 'ticket 7' })) };
    expect(onlyRule(diffPolicies(before, after)).reason).toEqual({
      before: 'test rule a',
      after: 'ticket 7',
    });
    const never = diffPolicies(before, makePolicy({ ...a, addressUse: 'never' }));
    expect(onlyRule(never).addressUse).toEqual({ before: 'fallback', after: 'never' });
    expect(riskOfRule(onlyRule(never))).toBe('narrowing');
    expect(never.admission.lost.describe()).toEqual(['port 443: 192.0.2.0/24']);
  });

  it('keeps a tag whose region alone changed', () => {
    const diff = diffPolicies(
      policyOf({ cloud: [tag('A', 'usstagee', '192.0.2.0/24')] }, rule),
      policyOf({ cloud: [tag('A', 'eastusstg', '192.0.2.0/24')] }, rule),
    );
    expect(onlyRule(diff).tags.map((one) => [one.tag, one.region])).toEqual([['A', 'eastusstg']]);
    expect(riskOfRule(onlyRule(diff))).toBe('metadata');
  });
});
