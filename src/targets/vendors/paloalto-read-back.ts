import { DualStackSet } from '../../net/dual-stack-set.ts';
import { type HostPattern, parseHost } from '../../net/host-pattern.ts';
import { HostSet } from '../../net/host-set.ts';
import { PortSet, PROTOCOLS, type Protocol } from '../../net/ports.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import { parsePorts, ReadBackError, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { OptionValues } from '../view.ts';
import { deletesObject, inOrder, type ObjectPath, objectOf, RULE_KINDS } from './paloalto-retired.ts';

/** What the name of the group of a rule's clients ends with. */
export const CLIENTS = '_clients';

/** Members of one static group, on every model. */
const MEMBERS = 2500;

/** The objects that the commands define, as the device would hold them before the commit. */
class Candidate {
  readonly addresses = new Map<string, Prefix>();
  readonly groups = new Map<string, Set<string>>();
  readonly services = new Map<string, PortSet>();
  readonly categories = new Map<string, Set<string> | undefined>();
  readonly lists = new Map<
    string,
    { type: string; url: string; recurring?: string; certificateProfile?: string }
  >();
  readonly rules = {
    security: new Map<string, Map<string, string[]>>(),
    decryption: new Map<string, Map<string, string[]>>(),
  };
  tag: string | undefined;
  readonly moved = { security: [] as string[], decryption: [] as string[] };
  readonly places = new Set<string>();
}

const FIELDS = {
  security: [
    'from',
    'to',
    'source',
    'destination',
    'application',
    'service',
    'category',
    'action',
    'log-end',
    'tag',
  ],
  decryption: ['from', 'to', 'source', 'destination', 'service', 'category', 'action', 'type', 'tag'],
} as const;

type Rulebase = keyof typeof FIELDS;

/**
 * Reads the commands into the objects that they define, resolves every reference, and compares the lists.
 * @throws ReadBackError for a command, order, reference or list that is not what this target writes
 */
export function readBack(files: readonly RuleFile[]): Admission {
  const { candidate, scope } = commandsOf(files);
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const take = (path: string): string[] => {
    const text = texts.get(path);
    if (text === undefined) throw new ReadBackError(`${path} is missing`);
    texts.delete(path);
    return linesOf(path, text);
  };
  take('about.txt');
  take('azure.set');
  readUpdate(take('azure-update.set'), candidate, scope);
  const contents = new Map(
    [...candidate.lists].map(([name, { type, url }]) => {
      const file = /^https:\/\/[^\s]+\/(lists\/[^/\s]+)$/.exec(url)?.[1];
      if (file === undefined || file !== `lists/${name}.txt`)
        throw new ReadBackError(`azure.set: the list ${name} is fetched from ${url}`);
      return [
        name,
        type === 'ip' ? { addresses: readPrefixes(file, take(file)) } : { hosts: readUrls(file, take(file)) },
      ];
    }),
  );
  const admission = admitted(candidate, contents);
  const all = Admission.union([
    Admission.of(admission.grants.map((grant) => ({ ...grant, ports: PortSet.of(1) }))),
  ]).onPort(1);
  const lists = {
    addresses: readPrefixes('edl-ipv4.txt', take('edl-ipv4.txt'), 4).union(
      readPrefixes('edl-ipv6.txt', take('edl-ipv6.txt'), 6),
    ),
    hosts: readUrls('edl-urls.txt', take('edl-urls.txt')),
  };
  if (!lists.addresses.equals(all.addresses) || !lists.hosts.equals(all.hosts))
    throw new ReadBackError('the edl-*.txt lists are not the union of what azure.set admits');
  for (const path of texts.keys()) throw new ReadBackError(`${path}: not a file of this target`);
  return admission;
}

interface Commands {
  readonly candidate: Candidate;
  readonly scope: string;
}

const commandsOf = readOnce((files: readonly RuleFile[]): Commands => {
  const text = files.find(({ path }) => path === 'azure.set')?.text;
  if (text === undefined) throw new ReadBackError('azure.set is missing');
  return readCommands(linesOf('azure.set', text));
});

/**
 * Reads the options back: the place on Panorama, the tag, and of the rules and lists what they say: zones, sources,
 * position, exemption from decryption, where the lists are fetched from. What no object tells is left out.
 * @throws ReadBackError where some names are exempt from decryption and others are not
 */
export function readSettings(files: readonly RuleFile[]): OptionValues {
  const { candidate, scope } = commandsOf(files);
  const { tag = '', rules, lists } = candidate;
  const [rule] = rules.security.values();
  const free = [...rules.security].find(([name, one]) => !isBound(candidate, name, one))?.[1];
  const spaced = (field: string) => rule?.get(field)?.join(' ') ?? '';
  const [list] = lists.values();
  const name = [...rules.security.keys()][0];
  const place = [...candidate.places].find((each) => each.startsWith('security '));
  const exempt = exemptionOf(candidate);
  return {
    panorama: scope === '' ? 'firewall' : scope.trimEnd(),
    tag,
    ...(rule === undefined || name === undefined
      ? {}
      : {
          prefix: name.slice(0, name.indexOf('-')),
          from: spaced('from'),
          to: spaced('to'),
          ...(free === undefined ? {} : { source: free.get('source')?.join(' ') ?? '' }),
          position: place === undefined ? 'end' : place.slice('security '.length),
          lists: list === undefined ? 'static' : 'external',
        }),
    ...(list === undefined
      ? {}
      : {
          externalBaseUrl: list.url.slice(0, list.url.lastIndexOf('/lists/')),
          recurring: list.recurring ?? '',
          certificateProfile: profilesOf(lists),
        }),
    ...(exempt === undefined ? {} : { noDecrypt: exempt }),
  };
}

/** The certificate profile of all lists; '' for none. A list that has another makes it none of the options. */
function profilesOf(lists: Candidate['lists']): string {
  return [...new Set([...lists.values()].map((list) => list.certificateProfile ?? ''))].join(' and ');
}

/** Whether the source of a rule is the group of its own clients, and not what the option says. */
function isBound({ groups }: Candidate, name: string, rule: ReadonlyMap<string, readonly string[]>): boolean {
  const source = rule.get('source')?.join(' ') ?? '';
  return source === `${name.slice(0, name.lastIndexOf('_'))}${CLIENTS}` && groups.has(source);
}

/** Whether the names are exempt from decryption: all of them, or none. Plain HTTP has nothing to decrypt. */
function exemptionOf({ rules: { security, decryption }, services }: Candidate): boolean | undefined {
  const named = [...security].filter(
    ([, rule]) =>
      rule.get('category')?.join() !== 'any' &&
      rule.get('service')?.some((service) => !services.get(service)?.equals(HTTP)),
  );
  if (named.length === 0) return undefined;
  const left = named.filter(([name]) => !decryption.has(name)).map(([name]) => name);
  if (left.length > 0 && left.length < named.length)
    throw new ReadBackError(`azure.set: ${left[0]} is not exempt from decryption, as other names are`);
  return left.length === 0;
}

const HTTP = PortSet.of(80);

function readCommands(lines: readonly string[]): Commands {
  const first = /^set (?<scope>shared |device-group \S+ |)tag /.exec(lines[0] ?? '');
  const scope = first?.groups?.scope;
  if (scope === undefined) throw new ReadBackError('azure.set:1: does not begin with the tag');
  const base = scope === '' ? 'rulebase' : 'pre-rulebase';
  const candidate = new Candidate();
  const seen = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const fail = (what: string): never => {
      throw new ReadBackError(`azure.set:${index + 1}: ${what}: ${JSON.stringify(line)}`);
    };
    if (seen.has(line)) fail('the command is listed twice');
    seen.add(line);
    const verb = line.startsWith('set ') ? 'set ' : 'move ';
    if (!line.startsWith(verb + scope)) fail('a command for another place');
    const words = line.slice(verb.length + scope.length).split(' ');
    try {
      if (verb === 'move ') move(candidate, base, words, fail);
      else define(candidate, base, words, fail);
    } catch (error) {
      if (error instanceof ReadBackError) throw error;
      fail((error as Error).message);
    }
  }
  return { candidate, scope };
}

function define(
  candidate: Candidate,
  base: string,
  [kind, ...words]: readonly string[],
  fail: (what: string) => never,
): void {
  const text = words.join(' ');
  const match = (pattern: RegExp): Readonly<Record<string, string>> =>
    (pattern.exec(text)?.groups as Readonly<Record<string, string>> | undefined) ??
    fail('not a command of this format');
  if (kind === 'tag') {
    if (candidate.tag !== undefined) fail('a second tag');
    candidate.tag = match(/^(?<tag>\S+) comments "azure-allowlist, content sha256 [0-9a-f]{64}"$/).tag;
  } else if (kind === 'address') {
    const { name, prefix: spelled } = match(/^(?<name>\S+) ip-netmask (?<prefix>\S+)$/);
    const prefix = canonical(spelled!);
    if (candidate.addresses.has(name!)) fail('the address is defined twice');
    if (!name!.endsWith(`-${spelled!.replaceAll(/[.:]/g, '_').replace('/', '-')}`))
      fail('the address is not the one of its name');
    candidate.addresses.set(name!, prefix);
  } else if (kind === 'address-group') {
    const { name, member } = match(/^(?<name>\S+) static (?<member>\S+)$/);
    if (!candidate.addresses.has(member!) && !candidate.groups.has(member!))
      fail('the member is not defined above');
    if (name === member) fail('a group in itself');
    const members = candidate.groups.get(name!) ?? new Set();
    members.add(member!);
    if (members.size > MEMBERS) fail(`a group holds ${MEMBERS} members`);
    candidate.groups.set(name!, members);
  } else if (kind === 'service') {
    const { name, protocol, ports } = match(
      /^(?<name>\S+) protocol (?<protocol>tcp|udp) port (?<ports>[\d,-]+)$/,
    );
    if (candidate.services.has(name!)) fail('the service is defined twice');
    candidate.services.set(name!, parsePorts(ports!).as(protocol as Protocol));
  } else if (kind === 'profiles') {
    const { name, entry } = match(/^custom-url-category (?<name>\S+) (type "URL List"|list (?<entry>\S+))$/);
    if (entry === undefined) candidate.categories.set(name!, new Set());
    else (candidate.categories.get(name!) ?? fail('the category has no type yet')).add(entry);
  } else if (kind === 'external-list') {
    const { name, type, attribute, value } = match(
      /^(?<name>\S+) type (?<type>ip|url) (?<attribute>url|recurring|certificate-profile) (?<value>\S.*)$/,
    );
    const list = candidate.lists.get(name!);
    if (attribute === 'url' && list === undefined) candidate.lists.set(name!, { type: type!, url: value! });
    else if (attribute === 'recurring' && list?.type === type) list!.recurring = value!;
    else if (attribute === 'certificate-profile' && list?.type === type) list!.certificateProfile = value!;
    else fail('the list is of another type, or defined twice');
  } else if (kind === base) {
    const { rulebase, name, field, value } = match(
      /^(?<rulebase>security|decryption) rules (?<name>\S+) (?<field>\S+) (?<value>\S+|\[( \S+)+ \])$/,
    );
    const fields: readonly string[] = FIELDS[rulebase as Rulebase];
    if (!fields.includes(field!)) fail(`a rule has no ${field}`);
    const rules = candidate.rules[rulebase as Rulebase];
    const rule = rules.get(name!) ?? new Map<string, string[]>();
    if (rule.has(field!)) fail(`${field} is said twice`);
    rule.set(field!, value!.startsWith('[ ') ? value!.slice(2, -2).split(' ') : [value!]);
    rules.set(name!, rule);
  } else fail('not a command of this format');
}

/** Moves change the order among allow rules, or put no-decrypt rules first: nothing of what is admitted. */
function move(
  candidate: Candidate,
  base: string,
  words: readonly string[],
  fail: (what: string) => never,
): void {
  const [kind, rulebase, rules, name, ...place] = words;
  if (kind !== base || (rulebase !== 'security' && rulebase !== 'decryption') || rules !== 'rules')
    fail('not a command of this format');
  else moveRule(candidate, rulebase, name!, place, fail);
}

function moveRule(
  candidate: Candidate,
  rulebase: Rulebase,
  name: string,
  place: readonly string[],
  fail: (what: string) => never,
): void {
  if (!candidate.rules[rulebase].has(name)) fail('there is no such rule above');
  if (place[0] === 'top' ? place.length !== 1 : place[0] !== 'before' || place.length !== 2)
    fail('not a place');
  if (rulebase === 'decryption' && place[0] !== 'top')
    fail('an exemption must stand before every decrypting rule');
  candidate.moved[rulebase].push(name);
  candidate.places.add(`${rulebase} ${place.join(' ')}`);
}

/** Lists of a rule, which `set` would only add to. */
const RULE_LISTS = ['from', 'to', 'source', 'destination', 'service', 'category'] as const;

/**
 * An update must empty everything that `set` would only add to, and may delete objects that the list does not define,
 * in an order that leaves no reference to what is gone.
 */
function readUpdate(lines: readonly string[], candidate: Candidate, scope: string): void {
  const base = scope === '' ? 'rulebase' : 'pre-rulebase';
  const expected = [
    ...(['security', 'decryption'] as const).flatMap((rulebase) =>
      [...candidate.rules[rulebase].keys()].flatMap((name) =>
        RULE_LISTS.map((list) => `delete ${scope}${base} ${rulebase} rules ${name} ${list}`),
      ),
    ),
    ...[...candidate.groups.keys()].map((name) => `delete ${scope}address-group ${name} static`),
    ...[...candidate.categories.keys()].map(
      (name) => `delete ${scope}profiles custom-url-category ${name} list`,
    ),
  ];
  // A profile may only be taken from a list that is to have none.
  const bare = new Set(
    [...candidate.lists]
      .filter(([, list]) => list.certificateProfile === undefined)
      .map(([name, { type }]) => `delete ${scope}external-list ${name} type ${type} certificate-profile`),
  );
  const emptied = lines.filter((line) => !deletesObject(line) && !bare.delete(line));
  if (emptied.toSorted().join('\n') !== expected.toSorted().join('\n'))
    throw new ReadBackError(
      'azure-update.set does not empty exactly the rules, groups and categories of azure.set',
    );
  const defined = new Set(definedObjects(candidate, scope, base));
  let last: ObjectPath | undefined;
  let emptying = false;
  for (const [index, line] of lines.entries()) {
    if (!deletesObject(line)) {
      emptying = true;
      continue;
    }
    const object = objectOf('delete', line)!;
    const fail = (what: string): never => {
      throw new ReadBackError(`azure-update.set:${index + 1}: ${what}: ${JSON.stringify(line)}`);
    };
    if (!/^[a-z][a-z0-9]?-/.test(object.name)) fail('not an object of this target');
    if (defined.has(object.path)) fail('azure.set defines this object');
    if (last !== undefined && inOrder(last, object) >= 0) fail('out of order, or twice');
    if (object.stage < RULE_KINDS && emptying) fail('rules are deleted before anything that they refer to');
    if (object.stage >= RULE_KINDS && !emptying && expected.length > 0)
      fail('the groups and rules that refer to it are emptied first');
    last = object;
  }
}

function definedObjects(candidate: Candidate, scope: string, base: string): string[] {
  const { addresses, groups, services, categories, lists, rules } = candidate;
  const of = (kind: string, objects: ReadonlyMap<string, unknown>) =>
    [...objects.keys()].map((name) => `${scope}${kind} ${name}`);
  return [
    ...of(`${base} security rules`, rules.security),
    ...of(`${base} decryption rules`, rules.decryption),
    ...of('address-group', groups),
    ...of('address', addresses),
    ...of('service', services),
    ...of('profiles custom-url-category', categories),
    ...of('external-list', lists),
  ];
}

type Content = { readonly addresses?: DualStackSet; readonly hosts?: HostSet };

function admitted(candidate: Candidate, lists: ReadonlyMap<string, Content>): Admission {
  const fail = (what: string): never => {
    throw new ReadBackError(`azure.set: ${what}`);
  };
  const used = new Set<string>();
  const use = (name: string): string => {
    used.add(name);
    return name;
  };
  const prefixesOf = (name: string): Prefix[] => {
    use(name);
    const address = candidate.addresses.get(name);
    if (address !== undefined) return [address];
    // Members are defined before their group, so that there is no circle to run into.
    return [...(candidate.groups.get(name) ?? fail(`there is no address or group ${name}`))].flatMap(
      prefixesOf,
    );
  };
  const addressesOf = (name: string): DualStackSet =>
    lists.get(use(name))?.addresses ?? DualStackSet.fromPrefixes(prefixesOf(name));
  const hostsOf = (name: string): HostSet => {
    use(name);
    const entries = candidate.categories.get(name);
    if (entries !== undefined) return readUrls(`the category ${name}`, [...entries]);
    return lists.get(name)?.hosts ?? fail(`there is no URL category ${name}`);
  };
  const portsOf = (name: string): PortSet =>
    candidate.services.get(use(name)) ?? fail(`there is no service ${name}`);

  const ends = new Set<string>();
  const sources = new Set<string>();
  const admissions: Admission[] = [];
  for (const rulebase of ['security', 'decryption'] as const)
    for (const [name, rule] of candidate.rules[rulebase]) {
      const get = (field: string): readonly string[] =>
        rule.get(field) ?? fail(`the rule ${name} has no ${field}`);
      const is = (field: string, value: string): void => {
        if (get(field).join(' ') !== value) fail(`${field} of the rule ${name} is not ${value}`);
      };
      const bound = isBound(candidate, name, rule);
      ends.add(JSON.stringify([get('from'), get('to')]));
      if (!bound) sources.add(JSON.stringify(get('source')));
      const clients = bound ? DualStackSet.fromPrefixes(get('source').flatMap(prefixesOf)) : undefined;
      is('tag', candidate.tag ?? '');
      const services = get('service').map(portsOf);
      if (services.length > PROTOCOLS.length) fail(`the rule ${name} has more than a service a protocol`);
      const ports = services.reduce((all, own) => all.union(own));
      const byName = get('category').join() !== 'any';
      const byAddress = get('destination').join() !== 'any';
      if (byName === byAddress) fail(`the rule ${name} is not by names alone or by addresses alone`);
      const admission = byName
        ? Admission.hosts(
            get('category')
              .map(hostsOf)
              .reduce((all, hosts) => all.union(hosts)),
            ports,
          )
        : Admission.addresses(DualStackSet.union(get('destination').map(addressesOf)), ports);
      if (admission.isEmpty) fail(`the rule ${name} admits nothing`);
      if (rulebase === 'security') {
        is('application', 'any');
        is('action', 'allow');
        is('log-end', 'yes');
        admissions.push(admission.from(clients));
      } else {
        is('action', 'no-decrypt');
        is('type', 'ssl-forward-proxy');
        if (!byName || candidate.rules.security.get(name)?.get('service')?.join() !== get('service').join())
          fail(`${name} exempts something else than the names of its security rule`);
        if (candidate.rules.security.get(name)?.get('source')?.join() !== get('source').join())
          fail(`${name} exempts others than the clients of its security rule`);
      }
    }
  if (ends.size > 1 || sources.size > 1) fail('the rules differ in from, to or source');
  if (candidate.places.size > 2 || [...candidate.places].filter((place) => place.startsWith('s')).length > 1)
    fail('the rules are moved to different places');
  for (const rulebase of ['security', 'decryption'] as const) {
    const moved = candidate.moved[rulebase];
    const expected = rulebase === 'security' && moved.length === 0 ? 0 : candidate.rules[rulebase].size;
    if (moved.length !== expected || new Set(moved).size !== expected)
      fail(`not every ${rulebase} rule is moved once`);
  }
  const urls = new Set(
    [...candidate.lists.values()].map(({ url, recurring }) => `${url.replace(/[^/]+$/, '')} ${recurring}`),
  );
  if (urls.size > 1) fail('the lists are fetched from different places, or at different times');
  for (const { url, recurring } of candidate.lists.values())
    if (recurring === undefined) fail(`${url} is never fetched`);
  const { addresses, groups, services, categories } = candidate;
  for (const name of [addresses, groups, services, categories, candidate.lists].flatMap((kind) => [
    ...kind.keys(),
  ]))
    if (!used.has(name)) fail(`${name} is used by no rule`);
  return Admission.union(admissions);
}

function readPrefixes(where: string, lines: readonly string[], family?: 4 | 6): DualStackSet {
  const prefixes = lines.map((line, index) => {
    try {
      return canonical(line);
    } catch (error) {
      throw new ReadBackError(`${where}:${index + 1}: ${(error as Error).message}`, [], { cause: error });
    }
  });
  refuseDoubled(where, lines);
  if (family !== undefined && prefixes.some((prefix) => prefix.family !== family))
    throw new ReadBackError(`${where}: holds a prefix of the other family`);
  return DualStackSet.fromPrefixes(prefixes);
}

function readUrls(where: string, entries: readonly string[]): HostSet {
  refuseDoubled(where, entries);
  return HostSet.fromPatterns(
    entries.map((entry): HostPattern => {
      const match = /^(?<below>\*\.)?(?<name>[^*/]+)\/$/.exec(entry)?.groups;
      if (match === undefined) throw new ReadBackError(`${where}: not an entry: ${JSON.stringify(entry)}`);
      const subdomains = match.below !== undefined;
      const pattern: HostPattern = { name: match.name!, apex: !subdomains, subdomains };
      if (!isCanonical(pattern)) throw new ReadBackError(`${where}: not a host: ${JSON.stringify(entry)}`);
      return pattern;
    }),
  );
}

function isCanonical(pattern: HostPattern): boolean {
  try {
    return parseHost(pattern.name) === pattern.name;
  } catch {
    return false;
  }
}

function refuseDoubled(where: string, lines: readonly string[]): void {
  const seen = new Set<string>();
  for (const line of lines) {
    if (seen.has(line)) throw new ReadBackError(`${where}: is listed twice: ${JSON.stringify(line)}`);
    seen.add(line);
  }
}

function canonical(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (formatPrefix(prefix) !== text)
    throw new RangeError(`${JSON.stringify(text)} is not in canonical spelling`);
  return prefix;
}

function linesOf(path: string, text: string): string[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new ReadBackError(`${path}: the last line is not ended`);
  return text.slice(0, -1).split('\n');
}
