import type { EndpointRow } from '../endpoints/endpoint-table.ts';
import { AddressSet } from '../net/address-set.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { HostSet } from '../net/host-set.ts';
import { intersectPorts } from '../net/method.ts';
import { PortSet } from '../net/ports.ts';
import { Admission } from '../policy/admission.ts';
import { clientsInWords, EVERY_CLIENT } from '../policy/clients.ts';
import type { AddressUse, NameGrant, Policy, PolicyRule } from '../policy/policy.ts';
import { type Budget, type Cover, coverRules } from './budget.ts';
import { type Capabilities, isProxy } from './manifest.ts';
import type { Omission, PlannedAddresses, PlannedRule, TargetPlan, Widening } from './plan.ts';

/** What the configuration of a target says about fitting. */
export interface FitSettings {
  /** Wins over the rules' own. */
  readonly addressUse?: AddressUse | undefined;
  /** Win over the rules' own. */
  readonly clients?: DualStackSet | undefined;
  readonly budget?: Budget | undefined;
}

/**
 * Decides what a target with these capabilities writes for a policy, and declares what it leaves out and
 * what it admits beyond.
 * @throws GuardRefusal `target-limit` for a budget that no cover fits
 */
export function fitPolicy(
  policy: Policy,
  capabilities: Capabilities,
  settings: FitSettings = {},
): TargetPlan {
  if (!capabilities.traffic)
    return { rules: [], omissions: [], widenings: [], admission: Admission.empty, settings: true };
  const { clients } = settings;
  const rules = policy.rules.map((rule) => ({
    ...onWay(rule, capabilities),
    ...(clients === undefined ? {} : { clients }),
    names: capabilities.methods ? rule.names : byAnyMethod(rule.names),
  }));
  const fitted = rules.map((rule) => fitRule(rule, capabilities, settings.addressUse ?? rule.addressUse));
  const covers = coverRules(
    fitted.map(({ addresses }) => addresses),
    settings.budget,
  );
  const finished = fitted.map((rule, index) => finishRule(rule, covers[index]!, capabilities));
  return {
    rules: finished.map((rule) => rule.planned),
    omissions: finished.flatMap((rule) => rule.omissions),
    widenings: finished.flatMap((rule) => rule.widenings),
    // One rule's omission may be what another rule admits: subtract rule by rule, then unite.
    admission: Admission.union(
      finished.map((rule) =>
        Admission.union(rule.widenings.map((widening) => widening.admitted)).union(
          rule.intended.difference(Admission.union(rule.omissions.map((omission) => omission.omitted))),
        ),
      ),
    ),
  };
}

/** A rule as the target sees its traffic: behind a proxy, a device that sees packets sees the proxy alone. */
function onWay(rule: PolicyRule, capabilities: Capabilities): PolicyRule {
  if (rule.scenario !== 'through-proxy' || isProxy(capabilities) || capabilities.namesBy.includes('url'))
    return rule;
  const { clients: _, ...rest } = rule;
  return rule.proxies === undefined ? rest : { ...rest, clients: rule.proxies };
}

/** The same where the method shows nowhere: what differed in it alone is on one set of ports. */
function byAnyMethod(names: readonly NameGrant[]): readonly NameGrant[] {
  if (names.every(({ by }) => by === undefined)) return names;
  const byPorts = new Map<string, NameGrant>();
  for (const { hosts, ports } of names) {
    const known = byPorts.get(`${ports}`);
    byPorts.set(`${ports}`, { hosts: known === undefined ? hosts : known.hosts.union(hosts), ports });
  }
  return [...byPorts.values()];
}

/** Addresses that a target is asked for, and the ports. */
export interface AskedAddresses {
  readonly set: DualStackSet;
  readonly ports: PortSet;
}

/** What a rule asks of a target: its names, and the addresses that it is asked for. */
export function intendedAdmission(rule: PolicyRule, { set, ports }: AskedAddresses): Admission {
  const names = rule.names.map(Admission.names);
  return Admission.union(ports.isEmpty ? names : [...names, Admission.addresses(set, ports)]);
}

/**
 * The addresses of a rule that a target with these capabilities is asked for. Service tags describe the same traffic as
 * the names; prefixes that the configuration adds by hand do not, and are asked for beside names too.
 */
export function askedAddresses(
  rule: PolicyRule,
  capabilities: Capabilities,
  addressUse: AddressUse,
): AskedAddresses {
  const ports = usedAddressPorts(rule, capabilities, addressUse);
  if (rule.prefixes.length === 0 || !capabilities.traffic) return { set: rule.addresses, ports };
  return ports.isEmpty
    ? { set: DualStackSet.fromPrefixes(rule.prefixes), ports: rule.addressPorts }
    : { set: rule.addresses, ports: rule.addressPorts };
}

/**
 * The ports on which a target with these capabilities is asked for the addresses of a rule, and not for its names
 * alone; none where it is not, though the rule's own prefixes may be asked for all the same (`askedAddresses`). Where names match on some ports only, addresses make up for them on the others.
 */
export function usedAddressPorts(
  rule: PolicyRule,
  capabilities: Capabilities,
  addressUse: AddressUse,
): PortSet {
  if (!capabilities.traffic) return PortSet.empty;
  if (rule.names.length === 0 || addressUse === 'always') return rule.addressPorts;
  if (addressUse === 'never') return PortSet.empty;
  if (rule.names.some(({ hosts }) => !splitNames(hosts, capabilities).omitted.isEmpty))
    return rule.addressPorts;
  return rule.names
    .reduce((closed, { ports }) => closed.union(closedToNames(ports, capabilities)), PortSet.empty)
    .intersection(rule.addressPorts);
}

/**
 * What the addresses of service tags let through beyond the ports on which they make up for names, where a rule's own
 * prefixes are asked for on all of its ports: a rule has one set of addresses and one of ports.
 */
function comingAlong(rule: PolicyRule, capabilities: Capabilities, addressUse: AddressUse): Admission {
  const used = usedAddressPorts(rule, capabilities, addressUse);
  if (rule.prefixes.length === 0 || used.isEmpty) return Admission.empty;
  const tags = rule.addresses.difference(DualStackSet.fromPrefixes(rule.prefixes));
  const ports = rule.addressPorts.difference(used);
  return Admission.addresses(
    ofFamilies(
      tags,
      capabilities.ipv4 && hasClientsOf(4, rule, capabilities),
      capabilities.ipv6 && hasClientsOf(6, rule, capabilities),
    ),
    ports.difference(unwritable(ports, capabilities)),
  );
}

/** The ports of a grant on which the target can match no name; what it cannot write at all is another matter. */
function closedToNames(ports: PortSet, capabilities: Capabilities): PortSet {
  if (capabilities.names === 'none') return PortSet.empty;
  const writable = ports.intersection(PortSet.allOf(capabilities.protocols));
  return writable.difference(openToNames(writable, capabilities));
}

/** Those of the ports on which the target can match a name. */
export function openToNames(ports: PortSet, { namePorts }: Capabilities): PortSet {
  return namePorts === undefined ? ports : ports.intersection(PortSet.parseList(namePorts));
}

/** Ports of protocols that the target has no words for. */
function unwritable(ports: PortSet, { protocols }: Capabilities): PortSet {
  return ports.difference(PortSet.allOf(protocols));
}

/** A rule before its addresses are cut into prefixes. */
interface FittedRule {
  readonly rule: PolicyRule;
  readonly names: readonly NameGrant[];
  /** What is written by address: empty where the rule is not by address, or the target has no such family. */
  readonly addresses: DualStackSet;
  readonly addressPorts: PortSet;
  readonly intended: Admission;
  readonly omissions: readonly Omission[];
  readonly widenings: readonly Widening[];
}

function fitRule(rule: PolicyRule, capabilities: Capabilities, addressUse: AddressUse): FittedRule {
  if (rule.scenario === 'bypass-proxy' && isProxy(capabilities)) {
    const intended = intendedAdmission(rule, askedAddresses(rule, capabilities, addressUse));
    return {
      rule,
      names: [],
      addresses: DualStackSet.empty,
      addressPorts: PortSet.empty,
      intended,
      omissions: [
        {
          rule: rule.name,
          kind: 'scenario',
          omitted: intended,
          reason: 'its traffic goes around the proxy (scenario: bypass-proxy)',
        },
      ],
      widenings: [],
    };
  }
  const omissions: Omission[] = [];
  const widenings: Widening[] = [];

  const names: NameGrant[] = [];
  const omitProtocol = (omitted: Admission, ports: PortSet) => {
    if (!omitted.isEmpty)
      omissions.push({
        rule: rule.name,
        kind: 'udp',
        omitted,
        reason: `this target writes ${capabilities.protocols.join(' and ').toUpperCase()} only, not port ${ports}`,
      });
  };
  for (const asked of rule.names) {
    const strange = unwritable(asked.ports, capabilities);
    const some = (hosts: HostSet, ports: PortSet) =>
      Admission.names({ hosts, ...intersectPorts(asked, ports) });
    omitProtocol(some(asked.hosts, strange), strange);
    const closed = closedToNames(asked.ports, capabilities);
    if (!closed.isEmpty)
      omissions.push({
        rule: rule.name,
        kind: 'names',
        omitted: some(asked.hosts, closed),
        reason: `this target matches names on port ${capabilities.namePorts} only`,
      });
    const on = intersectPorts(asked, asked.ports.difference(closed).difference(strange));
    if (on.ports.isEmpty) continue;
    const { kept, omitted, apexes, below } = splitNames(asked.hosts, capabilities);
    if (!omitted.isEmpty)
      omissions.push({
        rule: rule.name,
        kind: 'names',
        omitted: Admission.names({ hosts: omitted, ...on }),
        reason:
          capabilities.names === 'none'
            ? 'this target matches no host names'
            : 'this target matches whole host names only, no subdomains',
      });
    if (!apexes.isEmpty)
      widenings.push({
        rule: rule.name,
        kind: 'apex',
        admitted: Admission.names({ hosts: apexes, ...on }),
        reason: 'this target cannot match the subdomains without the domain itself',
      });
    if (!below.isEmpty)
      widenings.push({
        rule: rule.name,
        kind: 'subdomains',
        admitted: Admission.names({ hosts: below, ...on }),
        reason: 'this target cannot match a host without its subdomains',
      });
    if (!kept.isEmpty) names.push({ hosts: kept.union(apexes).union(below), ...on });
  }
  widenings.push(...wideningsOfRows(rule, names));

  const asked = askedAddresses(rule, capabilities, addressUse);
  const strange = unwritable(asked.ports, capabilities);
  const addressPorts = asked.ports.difference(strange);
  const isRefused = addressUse === 'never' && rule.names.length > 0;
  if (!isRefused) omitProtocol(Admission.addresses(asked.set, strange), strange);
  if (isRefused && !asked.ports.isEmpty)
    omissions.push({
      rule: rule.name,
      kind: 'addresses',
      omitted: Admission.addresses(asked.set, asked.ports),
      reason: "the rule's own prefixes are not written: `addresses: never`",
    });
  const useAddresses = !addressPorts.isEmpty && !isRefused;
  const along = useAddresses ? comingAlong(rule, capabilities, addressUse) : Admission.empty;
  if (!along.isEmpty)
    widenings.push({
      rule: rule.name,
      kind: 'ports',
      admitted: along,
      reason:
        "asked for on these ports by name and by the rule's own prefixes only; the service tags are needed on others, and the addresses of a rule have one list of ports",
    });
  const [ipv4, ipv6] = ([4, 6] as const).map((family) => {
    const capable = family === 4 ? capabilities.ipv4 : capabilities.ipv6;
    return capable && hasClientsOf(family, rule, capabilities);
  }) as [boolean, boolean];
  if (useAddresses)
    for (const family of [4, 6] as const) {
      const only = ofFamilies(asked.set, family === 4, family === 6);
      if ((family === 4 ? ipv4 : ipv6) || only.isEmpty) continue;
      omissions.push({
        rule: rule.name,
        kind: family === 4 ? 'ipv4' : 'ipv6',
        omitted: Admission.addresses(only, addressPorts),
        reason: hasClientsOf(family, rule, capabilities)
          ? `this target matches no IPv${family} addresses`
          : `no client of the rule has an IPv${family} address`,
      });
    }
  // What the tags have lost, as long as it is held: on the same ports as the addresses that they have.
  const hold =
    useAddresses && !usedAddressPorts(rule, capabilities, addressUse).isEmpty
      ? (rule.held ?? []).map(({ until, addresses }) => ({
          until,
          set: ofFamilies(addresses, ipv4, ipv6),
        }))
      : [];
  for (const until of new Set(hold.map((one) => one.until)))
    widenings.push({
      rule: rule.name,
      kind: 'hold',
      admitted: Admission.addresses(
        DualStackSet.union(hold.filter((one) => one.until === until).map(({ set }) => set)),
        addressPorts,
      ),
      reason: `no longer published, and let through until ${until} all the same`,
    });
  // After the fallback: addresses make up for names that a target cannot match, not for these.
  for (const { kind, reason } of rule.omitted ?? [])
    if (kind !== 'constraint' || !usedAddressPorts(rule, capabilities, addressUse).isEmpty)
      omissions.push({ rule: rule.name, kind, omitted: Admission.empty, reason });
  return {
    rule,
    names,
    addresses: useAddresses
      ? DualStackSet.union([ofFamilies(asked.set, ipv4, ipv6), ...hold.map(({ set }) => set)])
      : DualStackSet.empty,
    addressPorts,
    intended: intendedAdmission(rule, asked).difference(along),
    omissions,
    widenings,
  };
}

/** What the written names admit beyond rows that ask for a part of a host, or of a host pattern. */
function wideningsOfRows({ name, rows }: PolicyRule, written: readonly NameGrant[]): Widening[] {
  const wanted = ({ host, ports }: EndpointRow) => Admission.hosts(HostSet.fromPatterns([host]), ports);
  const isPartial = ({ path, partialName }: EndpointRow) => path !== undefined || partialName !== undefined;
  const partial = rows.filter(isPartial);
  if (partial.length === 0) return [];
  const whole = Admission.union(rows.filter((row) => !isPartial(row)).map(wanted));
  const admitted = Admission.union(written.map(Admission.names));
  return partial.map((row): Widening => {
    const beyond = wanted(row).intersection(admitted).difference(whole);
    return row.partialName === undefined
      ? {
          rule: name,
          kind: 'path',
          admitted: beyond,
          reason: `only ${row.host.name}${row.path} is asked for; this target admits the whole host`,
        }
      : {
          rule: name,
          kind: 'wildcard',
          admitted: beyond,
          reason: `only ${row.partialName} is asked for; no host pattern says that exactly`,
        };
  });
}

function finishRule(fitted: FittedRule, cover: Cover, capabilities: Capabilities) {
  const { rule, names, addressPorts, intended, omissions } = fitted;
  const widenings = [...fitted.widenings];
  if (!cover.extra.isEmpty)
    widenings.push({
      rule: rule.name,
      kind: 'budget',
      admitted: Admission.addresses(cover.extra, addressPorts),
      reason: `${cover.ipv4.length + cover.ipv6.length} prefixes where the exact addresses take ${fitted.addresses.cover().length}; these are the fewest extra addresses for the budget`,
    });
  const set = fitted.addresses.union(cover.extra);
  const addresses: PlannedAddresses | undefined = set.isEmpty
    ? undefined
    : { set, ipv4: cover.ipv4, ipv6: cover.ipv6, ports: addressPorts };
  if (!capabilities.ports) {
    const all = PortSet.allOf(capabilities.protocols);
    const widenPorts = (admitted: Admission) =>
      widenings.push({
        rule: rule.name,
        kind: 'ports',
        admitted,
        // What decides on requests, and not on packets, has no rule of a device that could bind them.
        reason:
          capabilities.addressMatch === 'literal'
            ? 'a host has one answer on all of its ports; what its packets pass must bind them'
            : 'these lists name no ports; the rule that uses them on the device must',
      });
    for (const { hosts, ports } of names)
      widenPorts(Admission.hosts(hosts, openToNames(all, capabilities).difference(ports)));
    if (addresses !== undefined)
      widenPorts(Admission.addresses(addresses.set, all.difference(addresses.ports)));
  }
  const bound = bindToClients({ intended, omissions, widenings }, rule, capabilities);
  const planned: PlannedRule = {
    name: rule.name,
    reason: rule.reason,
    names,
    addresses,
    ...(rule.clients === undefined || capabilities.clients === 'none' ? {} : { clients: rule.clients }),
  };
  return { planned, ...bound, widenings: bound.widenings.filter(({ admitted }) => !admitted.isEmpty) };
}

/** What a rule is about on a target, whoever uses it. */
interface Declarations {
  readonly intended: Admission;
  readonly omissions: readonly Omission[];
  readonly widenings: readonly Widening[];
}

/** Whether the target writes addresses of the family for any client of the rule. */
function hasClientsOf(family: 4 | 6, { clients }: PolicyRule, capabilities: Capabilities): boolean {
  if (clients === undefined || capabilities.clients !== 'same-family') return true;
  return !(family === 4 ? clients.ipv4 : clients.ipv6).isEmpty;
}

/** The same for the clients of the rule; where the target cannot name them, a widening that the others get through too. */
function bindToClients(
  { intended, omissions, widenings }: Declarations,
  { name, clients }: PolicyRule,
  capabilities: Capabilities,
): Declarations {
  if (clients === undefined) return { intended, omissions, widenings };
  const bound = (admission: Admission) => seenFrom(admission, clients, capabilities);
  if (capabilities.clients !== 'none')
    return {
      intended: bound(intended),
      // What is for no client of its family is none of the target's business, and told all the same.
      omissions: omissions.map((one) => ({ ...one, omitted: one.omitted.from(clients) })),
      widenings: widenings.map((one) => ({ ...one, admitted: bound(one.admitted) })),
    };
  const written = intended.difference(Admission.union(omissions.map(({ omitted }) => omitted)));
  return {
    intended: bound(intended),
    omissions: omissions.map((one) => ({ ...one, omitted: one.omitted.from(clients) })),
    widenings: [
      ...widenings,
      {
        rule: name,
        kind: 'clients',
        admitted: written.from(EVERY_CLIENT.difference(clients)),
        reason: `asked for by ${clientsInWords(clients)} only; these files name no clients, and every client gets through that the device does not stop`,
      },
    ],
  };
}

/** What the clients get to see of an admission: all, or on a device that sees packets the addresses of their own family. */
export function seenFrom(admission: Admission, clients: DualStackSet, capabilities: Capabilities): Admission {
  if (capabilities.clients !== 'same-family') return admission.from(clients);
  const names = admission.grants.map(({ hosts, ports }) => Admission.hosts(hosts, ports));
  const families = ([true, false] as const).map((isIpv4) =>
    Admission.union(
      admission.grants.map(({ addresses, ports }) =>
        Admission.addresses(ofFamilies(addresses, isIpv4, !isIpv4), ports),
      ),
    ).from(ofFamilies(clients, isIpv4, !isIpv4)),
  );
  return Admission.union([Admission.union(names).from(clients), ...families]);
}

function splitNames(hosts: HostSet, { names, apex, exact }: Capabilities) {
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
  const bare = exact === 'included' ? expressible.filter((pattern) => !pattern.subdomains) : [];
  return {
    kept: keptAll,
    omitted: hosts.difference(keptAll),
    apexes: HostSet.fromPatterns(
      widened.map(({ name }) => ({ name, apex: true, subdomains: false })),
    ).difference(hosts),
    below: HostSet.fromPatterns(bare.map(({ name }) => ({ name, apex: false, subdomains: true }))).difference(
      hosts,
    ),
  };
}

function ofFamilies(set: DualStackSet, ipv4: boolean, ipv6: boolean): DualStackSet {
  return new DualStackSet(ipv4 ? set.ipv4 : AddressSet.empty(4), ipv6 ? set.ipv6 : AddressSet.empty(6));
}
