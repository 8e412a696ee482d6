import { Admission } from './admission.ts';
import type { Policy, PolicyRule } from './policy.ts';

/** What all rules together admit; addresses that a rule never uses do not count. */
export function admissionOf(policy: Policy): Admission {
  return Admission.union(policy.rules.map(admissionOfRule));
}

/** What one rule lets its clients through to by name, and by address where it uses its addresses. */
export function admissionOfRule(rule: PolicyRule): Admission {
  const names = rule.names.map(Admission.names);
  const byAddress = rule.names.length === 0 || rule.addressUse !== 'never';
  return Admission.union(
    byAddress ? [...names, Admission.addresses(rule.addresses, rule.addressPorts)] : names,
  ).from(rule.clients);
}
