import { comparePrefixes, parsePrefix } from '../../net/prefix.ts';
import type { Policy } from '../../policy/policy.ts';
import { ConfigurationError, GuardRefusal, type Problem } from '../../problem.ts';
import { nameHash } from '../name-hash.ts';
import type { TargetPlan } from '../plan.ts';
import type { Vendor } from '../vendor.ts';
import type { AddressListView, OptionValues, PortsView, PrefixView, View } from '../view.ts';
import { readBack, readSettings } from './fortigate-read-back.ts';
import { definedIn, retiredObjects } from './fortigate-retired.ts';
import { LEAST_POLICY_ID, POLICY_IDS, type Table } from './fortigate-text.ts';

export const vendor: Vendor = { extendView, readBack, readSettings };

/** The last id that FortiOS takes for a policy. */
const LAST_POLICY_ID = 4_294_967_294;

/** Bits of the hash by which members are spread over groups. */
const BITS = 32;

interface Group {
  readonly name: string;
  /** At least one. */
  readonly members: readonly string[];
}

interface FirewallPolicy {
  readonly id: number;
  /** Its own, and that of the group that it lets through. */
  readonly name: string;
  readonly rule: string;
  readonly service: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** The sources, in quotation marks. */
  readonly source: string;
}

/**
 * Names the objects, and finds those that earlier weeks left. `_` stands in no rule's name, so that no two objects can
 * come to the same name.
 * @throws ConfigurationError for a limit or id that no device has
 * @throws GuardRefusal `target-limit` for more objects or members than the device takes
 */
function extendView(
  view: View,
  _plan: TargetPlan,
  _policy: Policy,
  inForce: ReadonlyMap<string, string>,
): View & Readonly<Record<string, unknown>> {
  const { options } = view;
  const prefix = String(options.prefix);
  const most = Number(options.groupMembers);
  refuseOptions(options);
  const published = inForce.get('azure.conf') ?? '';

  const lists = view.addressLists.map((list) => ({
    ...list,
    name: `${prefix}-${list.rule}_ipv${list.family}`,
    service: serviceName(prefix, list.ports),
    source: list.clients.every
      ? quotedAll(String(list.ipv4 ? options.srcaddr : options.srcaddr6))
      : `"${clientsName(prefix, list)}"`,
  }));
  const prefixes = new Map(
    lists.flatMap((list) =>
      [...list.prefixes, ...list.clients.prefixes].map((one) => [one.prefix, one] as const),
    ),
  );
  const addresses = [...prefixes.values()]
    .map((one) => ({ one, parsed: parsePrefix(one.prefix) }))
    .sort((a, b) => comparePrefixes(a.parsed, b.parsed))
    .map(({ one }) => ({ ...one, name: addressName(prefix, one) }));
  const groups = (family: 4 | 6): Group[] =>
    lists
      .filter((list) => list.family === family)
      .flatMap((list) => [
        ...nest(
          list.name,
          list.prefixes.map((one) => addressName(prefix, one)),
          most,
        ),
        ...(list.clients.every
          ? []
          : nest(
              clientsName(prefix, list),
              list.clients.prefixes.map((one) => addressName(prefix, one)),
              most,
            )),
      ]);
  const services = new Map(lists.map(({ service, ports }) => [service, ports]));
  const policies = lists.map(
    ({ name, rule, service, source, ipv4, ipv6 }): FirewallPolicy => ({
      id: policyId(options, name),
      name,
      rule,
      service,
      source,
      ipv4,
      ipv6,
    }),
  );
  const tables = {
    'firewall address': addresses.filter(({ ipv4 }) => ipv4),
    'firewall address6': addresses.filter(({ ipv6 }) => ipv6),
    'firewall addrgrp': groups(4),
    'firewall addrgrp6': groups(6),
    'firewall service custom': [...services].map(([name, { protocols }]) => ({
      name,
      protocols: protocols.map(({ protocol, ranges }) => ({
        protocol,
        ranges: ranges.map(({ text }) => text).join(' '),
      })),
    })),
    'firewall policy': policies.map(({ id }) => ({ name: String(id) })),
  } satisfies Record<Table, readonly { readonly name: string }[]>;
  refuseOverLimit(
    view,
    policies,
    [...tables['firewall addrgrp'], ...tables['firewall addrgrp6']],
    [
      ...new Set([
        ...addresses.map(({ name }) => name),
        ...definedIn(published, 'firewall address', 'firewall address6').map(({ name }) => name),
      ]),
    ],
  );

  const current = new Map(
    Object.entries(tables).map(([table, objects]) => [table, new Set(objects.map(({ name }) => name))]),
  );
  const retired = retiredObjects(published, (table, name) => current.get(table)!.has(name));
  const [retiredPolicies, retiredObjectsElsewhere] = [true, false].map((isPolicy) =>
    retired.filter(({ table }) => (table === 'firewall policy') === isPolicy),
  );
  const position = String(options.position);
  return {
    ...view,
    addresses4: tables['firewall address'],
    addresses6: tables['firewall address6'],
    groups4: tables['firewall addrgrp'].map(firstApart),
    groups6: tables['firewall addrgrp6'].map(firstApart),
    services: tables['firewall service custom'],
    hasPolicies: policies.length + retiredPolicies!.length > 0,
    policies,
    moves: position === 'end' ? [] : policies.map(({ id }) => ({ id, place: position })),
    retiredPolicies: retiredPolicies!.flatMap(({ names }) => names),
    retired: retiredObjectsElsewhere!,
    srcintf: quotedAll(String(options.srcintf)),
    dstintf: quotedAll(String(options.dstintf)),
    nat: options.nat === true ? 'enable' : 'disable',
  };
}

function quotedAll(text: string): string {
  return text
    .split(' ')
    .map((name) => `"${name}"`)
    .join(' ');
}

/** The group of a rule's clients of one family. */
function clientsName(beginning: string, { rule, family }: AddressListView): string {
  return `${beginning}-${rule}_clients${family}`;
}

/** After the prefix itself, so that it is the same in every week: `az-198_51_100_0-24`, `az-2001_db8__-32`. */
function addressName(beginning: string, { prefix }: PrefixView): string {
  return `${beginning}-${prefix.replaceAll(/[.:]/g, '_').replace('/', '-')}`;
}

function serviceName(beginning: string, { key }: PortsView): string {
  return `${beginning}-ports_${key}`;
}

/**
 * After the name, so that a rule that comes or goes changes no other's: FortiOS keeps two policies apart by their ids,
 * and a file that is loaded twice must edit the same ones.
 */
function policyId({ firstPolicyId }: OptionValues, name: string): number {
  return Number(firstPolicyId) + (nameHash(name) % POLICY_IDS);
}

/**
 * Groups of at most so many members, the innermost first. A group that is too big is halved by the next bit of a hash
 * of its members' names: a prefix that comes or goes moves no other, but for the one with which a group outgrows the
 * limit.
 */
function nest(name: string, members: readonly string[], most: number): Group[] {
  const parts = halved(members, most);
  if (parts.length === 1) return [{ name, members }];
  const inner = parts.map((part) => ({ name: `${name}_${part.bits}`, members: part.members }));
  return [...inner, { name, members: inner.map((group) => group.name) }];
}

function halved(
  members: readonly string[],
  most: number,
  bits = '',
): { readonly bits: string; readonly members: readonly string[] }[] {
  if (members.length <= most || bits.length === BITS) return [{ bits, members }];
  return ['0', '1'].flatMap((bit) => {
    const half = members.filter(
      (member) => nameHash(member).toString(2).padStart(BITS, '0')[bits.length] === bit,
    );
    return half.length === 0 ? [] : halved(half, most, bits + bit);
  });
}

/** `set` replaces the members by the first one, `append` adds each of the others. */
function firstApart({ name, members: [first, ...others] }: Group) {
  return { name, first: first!, others };
}

function refuseOptions({ groupMembers, firstPolicyId }: OptionValues): void {
  const problems: Problem[] = [];
  if (Number(groupMembers) < 2)
    problems.push({ where: 'targets.fortigate.groupMembers', what: `${groupMembers} is less than 2` });
  const last = LAST_POLICY_ID - POLICY_IDS;
  if (Number(firstPolicyId) < LEAST_POLICY_ID || Number(firstPolicyId) > last)
    problems.push({
      where: 'targets.fortigate.firstPolicyId',
      what: `${firstPolicyId} is not from ${LEAST_POLICY_ID} to ${last}`,
      next: 'the policies that a device numbers by itself begin at 1',
    });
  if (problems.length > 0)
    throw new ConfigurationError('targets.fortigate: the options of target fortigate are wrong', problems);
}

function refuseOverLimit(
  view: View,
  policies: readonly FirewallPolicy[],
  groups: readonly Group[],
  addressObjects: readonly string[],
): void {
  const problems: Problem[] = [];
  const mostObjects = Number(view.options.addressObjects);
  if (addressObjects.length > mostObjects)
    problems.push({
      where: 'targets.fortigate.addressObjects',
      what: `${addressObjects.length} address objects while the file is loaded, those of last time among them; ${mostObjects} at most`,
      next: 'raise it if the model holds more (print tablesize), or select fewer service tags',
    });
  const mostMembers = Number(view.options.groupMembers);
  for (const { name, members } of groups)
    if (members.length > mostMembers)
      problems.push({
        where: 'targets.fortigate.groupMembers',
        what: `${members.length} members in the group ${name}, ${mostMembers} at most`,
        next: 'raise it if the model takes more (print tablesize), or select fewer service tags',
      });
  for (const [index, { id, name }] of policies.entries()) {
    const other = policies.slice(0, index).find((one) => one.id === id);
    if (other !== undefined)
      problems.push({
        where: 'targets.fortigate',
        what: `the policies ${other.name} and ${name} come to the same id ${id}`,
        next: 'rename one of the two rules',
      });
  }
  if (problems.length > 0)
    throw new GuardRefusal('target-limit: target fortigate is over a limit of its vendor', problems);
}
