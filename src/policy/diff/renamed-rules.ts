import { DualStackSet } from '../../net/dual-stack-set.ts';
import { Admission } from '../admission.ts';
import type { Policy, PolicyRule } from '../policy.ts';
import { admissionOfRule } from '../rule-admission.ts';

/** Share of the addresses, in percent, that a renamed rule must keep in each family. */
const ALIKE = 90n;

/**
 * Rules that are gone and stand under another name, by the new name: the same host names and ports, and nearly the
 * same addresses, or all the same service tags and others beside them. The nearest is looked for first.
 */
export function findRenamedRules(before: Policy, after: Policy): ReadonlyMap<string, string> {
  const stay = new Set(before.rules.map(({ name }) => name));
  const now = new Set(after.rules.map(({ name }) => name));
  const gone = before.rules.filter(({ name }) => !now.has(name));
  const renamed = new Map<string, string>();
  for (const isFormer of [isAlike, hasMoreTags])
    for (const rule of after.rules) {
      if (stay.has(rule.name) || renamed.has(rule.name)) continue;
      const former = gone.find((one) => ![...renamed.values()].includes(one.name) && isFormer(one, rule));
      if (former !== undefined) renamed.set(rule.name, former.name);
    }
  return renamed;
}

/** Whether the later rule is the earlier one with service tags added to it. */
function hasMoreTags(a: PolicyRule, b: PolicyRule): boolean {
  const before = new Set(a.tags.map(({ tag }) => tag));
  const after = new Set(b.tags.map(({ tag }) => tag));
  if (before.size === 0 || [...before].some((tag) => !after.has(tag))) return false;
  // Of what both name, the same holds as for a rule that is under a new name and nothing else.
  const added = DualStackSet.union(b.tags.filter(({ tag }) => !before.has(tag)).map((tag) => tag.addresses));
  return isAlike(a, { ...b, addresses: b.addresses.difference(added.difference(a.addresses)) });
}

function isAlike(a: PolicyRule, b: PolicyRule): boolean {
  if (admissionOfRule(a).isEmpty || !a.addressPorts.equals(b.addressPorts)) return false;
  const sameNames =
    a.names.length === b.names.length &&
    a.names.every((grant) => b.names.some((other) => Admission.names(other).equals(Admission.names(grant))));
  if (!sameNames) return false;
  const shared = a.addresses.intersection(b.addresses);
  return (['ipv4', 'ipv6'] as const).every(
    (family) =>
      shared[family].size * 100n >= a.addresses[family].size * ALIKE &&
      shared[family].size * 100n >= b.addresses[family].size * ALIKE,
  );
}
