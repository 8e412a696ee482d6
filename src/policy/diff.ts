import type { Admission } from './admission.ts';
import type { Change } from './diff/change.ts';
import { findNestedRules, type NestedRules } from './diff/nested-rules.ts';
import { findRenamedRules } from './diff/renamed-rules.ts';
import { diffRule, type RuleDiff } from './diff/rules.ts';
import type { Policy } from './policy.ts';
import { admissionOf } from './rule-admission.ts';

/** The difference of two policies, as a value. */
export interface PolicyDiff {
  /** The rules that differ: those of the later policy in its order, then those that are gone. */
  readonly rules: readonly RuleDiff[];
  /**
   * What all rules together admit, names and addresses with their ports. A rule may lose what another
   * admits: that shows in `rules`, not here. Addresses that a rule never uses do not count.
   */
  readonly admission: Change<Admission>;
  /** Whether nothing differs, not even a reason or the order of the rules. */
  readonly isEmpty: boolean;
  /** Rules that let nothing through beyond another, where one of the two differs. */
  readonly nested: readonly NestedRules[];
  /** Whether the rules that both policies have stand in another order. */
  readonly reordered: boolean;
}

/** Compares two policies; the first run compares with a policy that has no rules. */
export function diffPolicies(before: Policy, after: Policy): PolicyDiff {
  const old = new Map(before.rules.map((rule) => [rule.name, rule]));
  const now = new Map(after.rules.map((rule) => [rule.name, rule]));
  const renamed = findRenamedRules(before, after);
  const formerNames = new Set(renamed.values());
  const rules = [...new Set([...now.keys(), ...old.keys()])].flatMap((name) => {
    if (formerNames.has(name)) return [];
    const former = renamed.get(name);
    if (former === undefined) return diffRule(name, old.get(name), now.get(name)) ?? [];
    return diffRule(name, old.get(former), now.get(name), former) ?? [];
  });
  const oldAdmission = admissionOf(before);
  const newAdmission = admissionOf(after);
  const shared = (policy: Policy) =>
    policy.rules
      .map(({ name }) => name)
      .filter((name) => old.has(name) && now.has(name))
      .join('\n');
  const reordered = shared(before) !== shared(after);
  return {
    rules,
    admission: {
      gained: newAdmission.difference(oldAdmission),
      lost: oldAdmission.difference(newAdmission),
    },
    reordered,
    nested: findNestedRules(after).filter(({ inner, outer }) =>
      rules.some(({ rule }) => rule === inner || rule === outer),
    ),
    isEmpty: rules.length === 0 && !reordered,
  };
}
