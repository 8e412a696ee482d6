import { Admission } from './admission.ts';
import type { Change } from './diff/change.ts';
import { diffRule, type RuleDiff } from './diff/rules.ts';
import type { Policy, PolicyRule } from './policy.ts';

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
  /** Whether the rules that both policies have stand in another order. */
  readonly reordered: boolean;
}

/** Compares two policies; the first run compares with a policy that has no rules. */
export function diffPolicies(before: Policy, after: Policy): PolicyDiff {
  const old = new Map(before.rules.map((rule) => [rule.name, rule]));
  const now = new Map(after.rules.map((rule) => [rule.name, rule]));
  const rules = [...new Set([...now.keys(), ...old.keys()])].flatMap(
    (name) => diffRule(name, old.get(name), now.get(name)) ?? [],
  );
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
    isEmpty: rules.length === 0 && !reordered,
  };
}

/** What all rules together admit; addresses that a rule never uses do not count. */
export function admissionOf(policy: Policy): Admission {
  return Admission.union(policy.rules.flatMap(admissionsOfRule));
}

function admissionsOfRule(rule: PolicyRule): Admission[] {
  const names = rule.names.map(({ hosts, ports }) => Admission.hosts(hosts, ports));
  const byAddress = rule.names.length === 0 || rule.addressUse !== 'never';
  return byAddress ? [...names, Admission.addresses(rule.addresses, rule.addressPorts)] : names;
}
