import { DualStackSet } from '../../net/dual-stack-set.ts';
import { comparePrefixes, formatPrefix, parsePrefix } from '../../net/prefix.ts';
import type { Policy } from '../../policy/policy.ts';
import { ConfigurationError, GuardRefusal, type Problem } from '../../problem.ts';
import { nameHash } from '../name-hash.ts';
import type { TargetPlan } from '../plan.ts';
import type { Vendor } from '../vendor.ts';
import type { AddressListView, HostView, NameListView, PortsView, ProtocolPortsView, View } from '../view.ts';
import { CLIENTS, readBack, readSettings } from './paloalto-read-back.ts';
import { hadProfile, RULE_KINDS, retiredObjects } from './paloalto-retired.ts';

/** Members of one static group, on every model. */
const MEMBERS = 2500;
/** External lists, and the IP or URL entries in all of them, that every model since PA-220 takes. */
const EXTERNAL_LISTS = 30;
const EXTERNAL_ENTRIES = 50_000;
const URL_LENGTH = 255;

export const vendor: Vendor = { extendView, readBack, readSettings };

const FAMILIES = [4, 6] as const;

/** Lists of a rule, which `set` would only add to. */
const RULE_LISTS = ['from', 'to', 'source', 'destination', 'service', 'category'] as const;

interface Group {
  readonly name: string;
  readonly members: readonly string[];
}

interface ExternalList {
  readonly name: string;
  readonly type: 'ip' | 'url';
  readonly file: string;
  readonly url: string;
  /** The certificate profile by which the device checks the server, if there is one. */
  readonly profiles: readonly string[];
  readonly entries: readonly string[];
}

interface SecurityRule {
  readonly name: string;
  readonly source: string;
  readonly destination: string;
  readonly service: string;
  readonly category: string;
}

/**
 * Names the objects. `_` stands in no rule's name, so that no two objects can come to the same name.
 * @throws GuardRefusal `target-limit` for more objects, lists or entries than the device takes
 */
function extendView(
  view: View,
  _plan: TargetPlan,
  _policy: Policy,
  inForce: ReadonlyMap<string, string>,
): View & Readonly<Record<string, unknown>> {
  const { options } = view;
  const names = new Names(String(options.prefix));
  const external = options.lists === 'external';
  if (external && options.externalBaseUrl === '')
    throw new ConfigurationError('targets.paloalto: lists external needs externalBaseUrl');

  const prefixes = view.addressLists.flatMap((list) => list.prefixes.map(({ prefix }) => prefix));
  const bound = new Map(
    [...view.nameLists, ...view.addressLists]
      .filter(({ clients }) => !clients.every)
      .map(({ rule, clients }) => [rule, clients.prefixes.map(({ prefix }) => prefix)] as const),
  );
  const addresses = [...new Set([...(external ? [] : prefixes), ...[...bound.values()].flat()])]
    .map(parsePrefix)
    .sort(comparePrefixes)
    .map((prefix) => ({ name: names.address(formatPrefix(prefix)), prefix: formatPrefix(prefix) }));
  const services = new Map(
    [...view.nameLists, ...view.addressLists].flatMap(({ ports }) =>
      ports.protocols.map((own): [string, ProtocolPortsView] => [names.service(own), own]),
    ),
  );
  const servicesOf = ({ protocols }: PortsView) => listed(protocols.map((own) => names.service(own)));
  const profiles = options.certificateProfile === '' ? [] : [String(options.certificateProfile)];
  const list = (name: string, type: 'ip' | 'url', entries: readonly string[]): ExternalList => {
    const file = `${name}.txt`;
    return { name, type, file, url: `${options.externalBaseUrl}/lists/${file}`, profiles, entries };
  };
  const externalLists = external
    ? [
        // Of both families, empty if need be: a list that is gone, PAN-OS goes on enforcing as it last was.
        ...view.rules.flatMap((rule) =>
          rule.addressLists.length === 0
            ? []
            : FAMILIES.map((family) =>
                list(
                  names.family({ rule: rule.name, family }),
                  'ip',
                  rule.addressLists
                    .filter((found) => found.family === family)
                    .flatMap((found) => found.prefixes.map(({ prefix }) => prefix)),
                ),
              ),
        ),
        ...view.nameLists.map((found) => list(names.category(found), 'url', found.hosts.flatMap(urlEntries))),
      ]
    : [];
  refuseOverLimit(view, addresses.length, externalLists);

  const anySource = listed(String(options.source).split(' '));
  const sourceOf = (rule: string) => (bound.has(rule) ? names.clients(rule) : anySource);
  const rules = view.rules.map((rule) => ({
    byName: rule.nameLists.map(
      (found): SecurityRule => ({
        name: names.category(found),
        source: sourceOf(rule.name),
        destination: 'any',
        service: servicesOf(found.ports),
        category: names.category(found),
      }),
    ),
    byAddress: rule.addressLists.slice(0, 1).map(
      (first): SecurityRule => ({
        name: `${names.rule(rule.name)}_addresses`,
        source: sourceOf(rule.name),
        destination: external
          ? listed(FAMILIES.map((family) => names.family({ rule: rule.name, family })))
          : names.rule(rule.name),
        service: servicesOf(first.ports),
        category: 'any',
      }),
    ),
    groups:
      external || rule.addressLists.length === 0
        ? []
        : [
            ...rule.addressLists.flatMap((found) =>
              nest(
                names.family(found),
                found.prefixes.map(({ prefix }) => names.address(prefix)),
              ),
            ),
            { name: names.rule(rule.name), members: rule.addressLists.map((found) => names.family(found)) },
          ],
  }));
  const securityRules = rules.flatMap(({ byName, byAddress }) => [...byName, ...byAddress]);
  // Plain HTTP has nothing to decrypt: an exemption for it would be one that nobody asked for.
  const decryptionRules = view.nameLists
    .filter(({ ports }) => options.noDecrypt === true && ports.text !== '80')
    .map((found) => ({
      name: names.category(found),
      source: sourceOf(found.rule),
      category: names.category(found),
      service: servicesOf(found.ports),
    }));
  const position = String(options.position);
  const urls = [...new Set(view.nameLists.flatMap(({ hosts }) => hosts.flatMap(urlEntries)))];
  const union = DualStackSet.fromPrefixes(prefixes.map(parsePrefix));
  const scope = options.panorama === 'firewall' ? '' : `${options.panorama} `;
  const rulebase = options.panorama === 'firewall' ? 'rulebase' : 'pre-rulebase';
  const groups = [
    ...rules.flatMap((rule) => rule.groups),
    ...[...bound].flatMap(([rule, clients]) =>
      nest(
        names.clients(rule),
        clients.map((prefix) => names.address(prefix)),
      ),
    ),
  ];
  const categories = external
    ? []
    : view.nameLists.map((found) => ({
        name: names.category(found),
        entries: found.hosts.flatMap(urlEntries),
      }));
  const paths = (kind: string, objects: Iterable<{ readonly name: string }>) =>
    [...objects].map(({ name }) => `${scope}${kind} ${name}`);
  const retired = retiredObjects(
    inForce,
    new Set([
      ...paths(`${rulebase} security rules`, securityRules),
      ...paths(`${rulebase} decryption rules`, decryptionRules),
      ...paths('address-group', groups),
      ...paths('address', addresses),
      ...[...services.keys()].map((name) => `${scope}service ${name}`),
      ...paths('profiles custom-url-category', categories),
      ...paths('external-list', externalLists),
    ]),
  );
  return {
    ...view,
    scope,
    rulebase,
    ruleLists: [
      ...securityRules.map(({ name }) => ({ of: 'security', name })),
      ...decryptionRules.map(({ name }) => ({ of: 'decryption', name })),
    ].flatMap((rule) => RULE_LISTS.map((list) => ({ ...rule, list }))),
    retiredRules: retired.filter(({ stage }) => stage < RULE_KINDS),
    retiredProfiles:
      profiles.length === 0
        ? externalLists.filter(({ name, type }) =>
            hadProfile(inForce, `${scope}external-list ${name} type ${type}`),
          )
        : [],
    retired: retired.filter(({ stage }) => stage >= RULE_KINDS),
    from: listed(String(options.from).split(' ')),
    to: listed(String(options.to).split(' ')),
    addresses,
    groups,
    services: [...services].map(([name, { protocol, text }]) => ({ name, protocol, ports: text })),
    categories,
    externalLists,
    securityRules,
    // `top` puts each above the ones before it: the last one first.
    securityMoves:
      position === 'end'
        ? []
        : (position === 'top' ? securityRules.toReversed() : securityRules).map(({ name }) => ({
            name,
            place: position,
          })),
    decryptionRules,
    decryptionMoves: decryptionRules.toReversed(),
    ipv4: union.ipv4.cover().map(formatPrefix),
    ipv6: union.ipv6.cover().map(formatPrefix),
    urls,
  };
}

class Names {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** After the prefix itself, so that it is the same in every week: `az-198_51_100_0-24`, `az-2001_db8__-32`. */
  address(prefix: string): string {
    return `${this.#prefix}-${prefix.replaceAll(/[.:]/g, '_').replace('/', '-')}`;
  }

  rule(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  family({ rule, family }: Pick<AddressListView, 'rule' | 'family'>): string {
    return `${this.rule(rule)}_ipv${family}`;
  }

  /** The group of a rule's clients: at most 2 + 1 + 20 + 1 + 7 = 31 characters. */
  clients(rule: string): string {
    return `${this.rule(rule)}${CLIENTS}`;
  }

  /** At most 2 + 1 + 20 + 1 + 7 = 31 characters. */
  category({ rule, ports }: NameListView): string {
    return `${this.rule(rule)}_${ports.key}`;
  }

  service({ protocol, key }: ProtocolPortsView): string {
    return `${this.#prefix}-${protocol}_${key}`;
  }
}

function listed(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `[ ${names.join(' ')} ]`;
}

/** `*.x/` is the subdomains of any depth, `x/` the host alone; the slash ends the host. */
function urlEntries({ name, apex, subdomains }: HostView): string[] {
  return [...(apex ? [`${name}/`] : []), ...(subdomains ? [`*.${name}/`] : [])];
}

/**
 * Groups of at most 2,500 members, the innermost first. A group that is too big is split by the next
 * hexadecimal digit of a hash of its members' names: a prefix that comes or goes moves no other, but for the
 * one with which a group outgrows the limit.
 */
function nest(name: string, members: readonly string[], digits = ''): Group[] {
  if (members.length <= MEMBERS) return [{ name, members }];
  const parts = new Map<string, string[]>();
  for (const member of members) {
    const digit = nameHash(member).toString(16).padStart(8, '0')[digits.length]!;
    const part = parts.get(digit);
    if (part === undefined) parts.set(digit, [member]);
    else part.push(member);
  }
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  const child = (digit: string) => (digits === '' ? `${name}_${digit}` : `${name}${digit}`);
  return [
    ...sorted.flatMap(([digit, part]) => nest(child(digit), part, digits + digit)),
    { name, members: sorted.map(([digit]) => child(digit)) },
  ];
}

function refuseOverLimit(view: View, addressObjects: number, lists: readonly ExternalList[]): void {
  const problems: Problem[] = [];
  const most = Number(view.options.addressObjects);
  if (addressObjects > most)
    problems.push({
      where: 'targets.paloalto.addressObjects',
      what: `${addressObjects} address objects, ${most} at most`,
      next: 'raise it if the model holds more, use lists: external, or select fewer service tags',
    });
  if (lists.length > EXTERNAL_LISTS)
    problems.push({
      where: 'targets.paloalto.lists',
      what: `${lists.length} external lists, ${EXTERNAL_LISTS} at most`,
      next: 'join rules that have the same ports',
    });
  for (const type of ['ip', 'url'] as const) {
    const entries = lists.reduce((sum, list) => sum + (list.type === type ? list.entries.length : 0), 0);
    if (entries > EXTERNAL_ENTRIES)
      problems.push({
        where: 'targets.paloalto.lists',
        what: `${entries} ${type} entries in external lists, ${EXTERNAL_ENTRIES} at most; the device would skip the rest`,
        next: 'select fewer or narrower service tags',
      });
  }
  for (const { url } of lists)
    if (url.length > URL_LENGTH)
      problems.push({
        where: 'targets.paloalto.externalBaseUrl',
        what: `${url} is longer than ${URL_LENGTH} characters`,
      });
  if (problems.length > 0)
    throw new GuardRefusal('target-limit: target paloalto is over a limit of its vendor', problems);
}
