import type { Policy, PolicyRule } from '../policy.ts';
import { admissionOfRule } from '../rule-admission.ts';

/** Share of the addresses, in percent, that a renamed rule must keep in each family. */
const ALIKE = 90n;

/**
 * Rules that are gone and stand under another name, by the new name: the same host names and ports, and nearly the
 * same addresses.
 */
export function findRenamedRules(before: Policy, after: Policy): ReadonlyMap<string, string> {
  const stay = new Set(before.rules.map(({ name }) => name));
  const now = new Set(after.rules.map(({ name }) => name));
  const gone = before.rules.filter(({ name }) => !now.has(name));
  const renamed = new Map<string, string>();
  for (const rule of after.rules) {
    if (stay.has(rule.name)) continue;
    const former = gone.find((one) => ![...renamed.values()].includes(one.name) && isAlike(one, rule));
    if (former !== undefined) renamed.set(rule.name, former.name);
  }
  return renamed;
}

function isAlike(a: PolicyRule, b: PolicyRule): boolean {
  if (admissionOfRule(a).isEmpty || !a.addressPorts.equals(b.addressPorts)) return false;
  const sameNames =
    a.names.length === b.names.length &&
    a.names.every(({ hosts, ports }) =>
      b.names.some((other) => other.ports.equals(ports) && other.hosts.equals(hosts)),
    );
  if (!sameNames) return false;
  const shared = a.addresses.intersection(b.addresses);
  return (['ipv4', 'ipv6'] as const).every(
    (family) =>
      shared[family].size * 100n >= a.addresses[family].size * ALIKE &&
      shared[family].size * 100n >= b.addresses[family].size * ALIKE,
  );
}
