import { AddressSet } from '../net/address-set.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { HostSet } from '../net/host-set.ts';
import { PortSet } from '../net/ports.ts';
import { Admission } from '../policy/admission.ts';
import type { AddressUse, NameGrant, Policy, PolicyRule } from '../policy/policy.ts';
import type { Capabilities } from './manifest.ts';
import type { Omission, PlannedAddresses, PlannedRule, TargetPlan, Widening } from './plan.ts';

const ALL_PORTS = PortSet.fromRanges([{ first: 1, last: 65535 }]);

/**
 * Decides what a target with these capabilities writes for a policy, and declares what it leaves out and
 * what it admits beyond.
 * @param addressUse the target's own setting, which wins over the rules'
 */
export function fitPolicy(policy: Policy, capabilities: Capabilities, addressUse?: AddressUse): TargetPlan {
  const fitted = policy.rules.map((rule) => fitRule(rule, capabilities, addressUse ?? rule.addressUse));
  const omissions = fitted.flatMap((rule) => rule.omissions);
  const widenings = fitted.flatMap((rule) => rule.widenings);
  return {
    rules: fitted.map((rule) => rule.planned),
    omissions,
    widenings,
    // One rule's omission may be what another rule admits: subtract rule by rule, then unite.
    admission: Admission.union(
      fitted.map((rule) =>
        Admission.union(rule.widenings.map((widening) => widening.admitted)).union(
          rule.intended.difference(Admission.union(rule.omissions.map((omission) => omission.omitted))),
        ),
      ),
    ),
  };
}

/** What a rule asks of a target: its names, and its addresses where they are used. */
export function intendedAdmission(rule: PolicyRule, useAddresses: boolean): Admission {
  const names = rule.names.map(({ hosts, ports }) => Admission.hosts(hosts, ports));
  return Admission.union(
    useAddresses ? [...names, Admission.addresses(rule.addresses, rule.addressPorts)] : names,
  );
}

interface FittedRule {
  readonly planned: PlannedRule;
  readonly intended: Admission;
  readonly omissions: readonly Omission[];
  readonly widenings: readonly Widening[];
}

function fitRule(rule: PolicyRule, capabilities: Capabilities, addressUse: AddressUse): FittedRule {
  const omissions: Omission[] = [];
  const widenings: Widening[] = [];

  const names: NameGrant[] = [];
  for (const grant of rule.names) {
    const { kept, omitted, apexes } = splitNames(grant.hosts, capabilities);
    if (!omitted.isEmpty)
      omissions.push({
        rule: rule.name,
        kind: 'names',
        omitted: Admission.hosts(omitted, grant.ports),
        reason:
          capabilities.names === 'none'
            ? 'this target matches no host names'
            : 'this target matches whole host names only, no subdomains',
      });
    if (!apexes.isEmpty)
      widenings.push({
        rule: rule.name,
        kind: 'apex',
        admitted: Admission.hosts(apexes, grant.ports),
        reason: 'this target cannot match the subdomains without the domain itself',
      });
    if (!kept.isEmpty) names.push({ hosts: kept.union(apexes), ports: grant.ports });
  }
  const wholeHosts = Admission.union(
    rule.rows
      .filter((row) => row.path === undefined)
      .map((row) => Admission.hosts(HostSet.fromPatterns([row.host]), row.ports)),
  );
  for (const row of rule.rows) {
    if (row.path === undefined || capabilities.names === 'none') continue;
    widenings.push({
      rule: rule.name,
      kind: 'path',
      admitted: Admission.hosts(HostSet.fromPatterns([row.host]), row.ports).difference(wholeHosts),
      reason: `only ${row.host.name}${row.path} is asked for; this target admits the whole host`,
    });
  }

  const namesMissing = omissions.length > 0;
  const useAddresses =
    rule.names.length === 0 || addressUse === 'always' || (addressUse === 'fallback' && namesMissing);
  if (useAddresses)
    for (const family of [4, 6] as const) {
      const capable = family === 4 ? capabilities.ipv4 : capabilities.ipv6;
      const only = ofFamily(rule.addresses, family);
      if (capable || only.isEmpty) continue;
      omissions.push({
        rule: rule.name,
        kind: family === 4 ? 'ipv4' : 'ipv6',
        omitted: Admission.addresses(only, rule.addressPorts),
        reason: `this target matches no IPv${family} addresses`,
      });
    }
  const addresses = useAddresses ? planAddresses(rule, capabilities) : undefined;

  if (!capabilities.ports) {
    for (const { hosts, ports } of names)
      widenings.push(portWidening(rule.name, Admission.hosts(hosts, ALL_PORTS.difference(ports))));
    if (addresses !== undefined)
      widenings.push(
        portWidening(rule.name, Admission.addresses(addresses.set, ALL_PORTS.difference(addresses.ports))),
      );
  }
  return {
    planned: { name: rule.name, reason: rule.reason, names, addresses },
    intended: intendedAdmission(rule, useAddresses),
    omissions,
    widenings: widenings.filter(({ admitted }) => !admitted.isEmpty),
  };
}

function portWidening(rule: string, admitted: Admission): Widening {
  return {
    rule,
    kind: 'ports',
    admitted,
    reason: 'these lists name no ports; the rule that uses them on the device must',
  };
}

function planAddresses(rule: PolicyRule, capabilities: Capabilities): PlannedAddresses | undefined {
  const set = new DualStackSet(
    capabilities.ipv4 ? rule.addresses.ipv4 : AddressSet.empty(4),
    capabilities.ipv6 ? rule.addresses.ipv6 : AddressSet.empty(6),
  );
  if (set.isEmpty) return undefined;
  return { set, ipv4: set.ipv4.cover(), ipv6: set.ipv6.cover(), ports: rule.addressPorts };
}

function splitNames(hosts: HostSet, { names, apex }: Capabilities) {
  const { include } = hosts.patterns();
  const expressible = include.filter(
    ({ subdomains }) => names === 'suffix' || (names === 'exact' && !subdomains),
  );
  const kept = HostSet.fromPatterns(expressible);
  // The whole host of `.x` can be said even where its subdomains cannot.
  const bareApexes = names === 'exact' ? include.filter((pattern) => pattern.subdomains && pattern.apex) : [];
  const keptAll = kept.union(
    HostSet.fromPatterns(bareApexes.map((pattern) => ({ ...pattern, subdomains: false }))),
  );
  const widened =
    apex === 'included' ? expressible.filter((pattern) => pattern.subdomains && !pattern.apex) : [];
  return {
    kept: keptAll,
    omitted: hosts.difference(keptAll),
    apexes: HostSet.fromPatterns(
      widened.map(({ name }) => ({ name, apex: true, subdomains: false })),
    ).difference(hosts),
  };
}

function ofFamily(set: DualStackSet, family: 4 | 6): DualStackSet {
  return family === 4
    ? new DualStackSet(set.ipv4, AddressSet.empty(6))
    : new DualStackSet(AddressSet.empty(4), set.ipv6);
}
