import { type Family, parseAddress } from '../net/address.ts';
import { AddressSet } from '../net/address-set.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { formatHostPattern, type HostPattern, parseHost } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { PortSet, PROTOCOLS } from '../net/ports.ts';
import { lastAddress, type Prefix, parsePrefix } from '../net/prefix.ts';
import { Admission } from '../policy/admission.ts';
import { commonClients } from '../policy/clients.ts';
import { AllowlistError } from '../problem.ts';
import { withinTime } from '../within-time.ts';
import type { Manifest, ReadBackGrammar } from './manifest.ts';
import type { RuleFile } from './render.ts';
import { statementsIn } from './retired.ts';
import type { OptionValues } from './view.ts';

/** A rule file that is not in the form that the target writes. */
export class ReadBackError extends AllowlistError {
  override readonly name = 'ReadBackError';
}

/** Hosts and addresses gathered from the lines of a file, before ports are bound to them. */
export class EntryGroup {
  readonly #patterns: HostPattern[] = [];
  readonly #prefixes: Prefix[] = [];
  readonly #ranges: {
    readonly 4: { first: bigint; last: bigint }[];
    readonly 6: { first: bigint; last: bigint }[];
  } = {
    4: [],
    6: [],
  };

  /** The addresses of a list of one family. @throws ReadBackError for those that overlap, RangeError for the other family */
  static list(family: Family, prefixes: readonly string[], where: string): DualStackSet {
    const entries = new EntryGroup();
    for (const prefix of prefixes) entries.addPrefix(prefix);
    entries.requireDisjoint(where);
    const addresses = entries.addresses();
    if (!(family === 4 ? addresses.ipv6 : addresses.ipv4).isEmpty)
      throw new RangeError('holds the other family');
    return addresses;
  }

  addPrefix(text: string): void {
    this.#prefixes.push(parsePrefix(text));
  }

  addRange(first: string, last: string): void {
    const low = parseAddress(first);
    const high = parseAddress(last);
    if (low.family !== high.family || high.value < low.value)
      throw new RangeError('not a range of addresses');
    this.#ranges[low.family].push({ first: low.value, last: high.value });
  }

  addHost(name: string, apex: boolean, subdomains: boolean): void {
    const canonical = parseHost(name);
    if (canonical !== name) throw new RangeError(`${JSON.stringify(name)} is not in canonical spelling`);
    this.#patterns.push({ name, apex, subdomains });
  }

  /**
   * Entries that overlap are a sign of a hand in the file, and some programs drop or refuse one of them.
   * @throws ReadBackError
   */
  requireDisjoint(where: string): void {
    const { ipv4, ipv6 } = this.addresses();
    const given = [
      ...this.#prefixes.map((prefix) => lastAddress(prefix) - prefix.first + 1n),
      ...[...this.#ranges[4], ...this.#ranges[6]].map(({ first, last }) => last - first + 1n),
    ].reduce((sum, size) => sum + size, 0n);
    if (given !== ipv4.size + ipv6.size) throw new ReadBackError(`${where}: addresses that overlap`);
    let hosts = HostSet.empty;
    for (const pattern of this.#patterns) {
      const added = HostSet.fromPatterns([pattern]);
      if (!hosts.intersection(added).isEmpty)
        throw new ReadBackError(`${where}: ${formatHostPattern(pattern)} overlaps another name`);
      hosts = hosts.union(added);
    }
  }

  on(ports: PortSet): Admission {
    return Admission.of([
      { hosts: HostSet.fromPatterns(this.#patterns), addresses: this.addresses(), ports },
    ]);
  }

  addresses(): DualStackSet {
    const ranges = new DualStackSet(
      AddressSet.fromRanges(4, this.#ranges[4]),
      AddressSet.fromRanges(6, this.#ranges[6]),
    );
    return DualStackSet.fromPrefixes(this.#prefixes).union(ranges);
  }
}

/** What line grammars found in rule files. */
export interface GrammarReading {
  readonly admission: Admission;
  /** The addresses of each group of entries, by the group's name. */
  readonly groups: ReadonlyMap<string, DualStackSet>;
  /** The options that the files say. */
  readonly settings: OptionValues;
}

/** Seconds that one file may take: a megabyte takes a fraction of one. */
const LONGEST_READING = 20;

/**
 * Reads rule files back by the manifest's line grammars.
 * @param seconds the longest that one file may take
 * @throws ReadBackError for a file or line that no grammar knows, and for patterns that take too long
 */
export function readBackByGrammar(
  manifest: Manifest,
  files: readonly RuleFile[],
  seconds = LONGEST_READING,
): GrammarReading {
  const reader = new GrammarReader(manifest, files);
  for (const file of files) {
    withinTime(
      () => {
        const found = manifest.readBack
          .map((grammar) => ({ grammar, match: new RegExp(grammar.files, 'u').exec(file.path) }))
          .find(({ match }) => match !== null);
        if (found?.match == null)
          throw new ReadBackError(`${file.path}: not a file of target ${manifest.id}`);
        reader.read(file, found.grammar, found.match.groups ?? {});
      },
      seconds,
      () =>
        new ReadBackError(
          `${file.path}: reading it back takes over ${seconds} seconds: a pattern in readBack of the manifest of ${manifest.id} repeats what already repeats, such as (a+)+`,
        ),
    );
  }
  return { admission: reader.admission(), groups: reader.groups(), settings: reader.settings() };
}

interface GrammarGrant {
  readonly group: string;
  readonly ports: PortSet;
  readonly where: string;
  /** Absent where every client is meant. */
  readonly clients?: DualStackSet;
}

type Captures = Readonly<Record<string, string | undefined>>;

class GrammarReader {
  readonly #bindsPorts: boolean;
  /** What a file that names no ports admits. */
  readonly #allPorts: PortSet;
  readonly #groups = new Map<string, EntryGroup>();
  readonly #named = new Set<string>();
  readonly #same = new Map<string, string>();
  readonly #grants: GrammarGrant[] = [];
  readonly #options: Manifest['options'];
  readonly #undo: Manifest['undo'];
  readonly #defined = new Set<string>();
  readonly #used = new Set<string>();
  readonly #once = new Set<string>();
  /** Named lists of ports, by name. */
  readonly #services = new Map<string, PortSet>();
  readonly #usedServices = new Set<string>();
  #service = '';
  /** What the files say, less what they take back. */
  readonly #said: ReadonlySet<string>;

  constructor({ capabilities, options, undo }: Manifest, files: readonly RuleFile[]) {
    this.#said = new Set(
      undo === undefined
        ? []
        : files.flatMap(({ text }) =>
            statementsIn(text, undo).said.map(({ block, line }) => `${block}\n${line}`),
          ),
    );
    this.#undo = undo;
    this.#bindsPorts = capabilities.ports;
    this.#allPorts = PortSet.allOf(capabilities.protocols);
    this.#options = options;
  }

  read(file: RuleFile, grammar: ReadBackGrammar, fromPath: Captures): void {
    const lines = grammar.lines.map(({ match, does }) => ({
      pattern: new RegExp(`^(?:${match})$`, 'u'),
      does,
    }));
    const beginsGroups = lines.some(({ does }) => does === 'group');
    let group = fromPath.group ?? file.path;
    if (this.#bindsPorts && fromPath.ports !== undefined)
      this.#grants.push({ group, ports: parsePorts(fromPath.ports), where: file.path });
    const texts = file.text === '' ? [] : file.text.replace(/\n$/, '').split('\n');
    // Each fixed line ends what may stand before it.
    let passed = 0;
    let block = '';
    const next = () => lines.findIndex(({ does }, index) => does === 'fixed' && index >= passed);
    for (const [index, text] of texts.entries()) {
      const where = `${file.path}:${index + 1}`;
      const end = next();
      const line = lines
        .slice(passed, end < 0 ? undefined : end + 1)
        .map(({ pattern, does }) => ({ does, match: pattern.exec(text) }))
        .find(({ match }) => match !== null);
      if (line?.does === 'fixed') passed = end + 1;
      if (line?.match == null)
        throw new ReadBackError(`${where}: not a line of this format: ${JSON.stringify(text)}`);
      const captures: Captures = line.match.groups ?? {};
      this.#requireSame(captures, where);
      this.#refer(captures, where);
      if (text !== '' && !/^\s/.test(text)) block = text;
      if (line.does === 'undo') this.#requireUnsaid(block, text, where);
      if (line.does === 'define') this.#requireOnce(text, where);
      try {
        if (line.does === 'group') {
          group = captures.group ?? group;
          if (this.#named.has(group)) throw new ReadBackError(`${where}: the group ${group} is listed twice`);
          this.#named.add(group);
        } else if (line.does === 'service') this.#beginService(captures.service ?? '');
        else if (line.does === 'port') this.#port(grantedPorts(captures));
        else if (line.does === 'entry') {
          if (captures.group !== undefined && beginsGroups && !this.#named.has(captures.group))
            throw new ReadBackError(`${where}: no line before it begins the group ${captures.group}`);
          this.#entry(captures, captures.group ?? group, where);
        } else if (line.does === 'grant' && this.#bindsPorts)
          this.#grants.push({
            group: captures.group ?? group,
            ports: this.#portsOf(captures),
            where,
            ...(captures.clients === undefined ? {} : { clients: grantedClients(captures.clients) }),
          });
      } catch (error) {
        if (error instanceof ReadBackError) throw error;
        throw new ReadBackError(`${where}: ${(error as Error).message}`, [], { cause: error });
      }
    }
    if (next() >= 0)
      throw new ReadBackError(
        `${file.path}: there is no line ${JSON.stringify(grammar.lines[next()]!.match)}`,
      );
  }

  /** The options among the captures that have one value everywhere. */
  settings(): OptionValues {
    return Object.fromEntries(
      [...this.#same].flatMap(([name, value]) => {
        const key = name.charAt('same'.length).toLowerCase() + name.slice('same'.length + 1);
        const type = this.#options[key]?.type;
        if (type === undefined) return [];
        return [[key, type === 'string' ? value : type === 'integer' ? Number(value) : value === 'true']];
      }),
    );
  }

  /** What the options decide, the reader cannot know; but it must be the same everywhere. */
  #requireSame(captures: Captures, where: string): void {
    for (const [name, value] of Object.entries(captures)) {
      if (!name.startsWith('same') || value === undefined) continue;
      const before = this.#same.get(name);
      if (before !== undefined && before !== value)
        throw new ReadBackError(`${where}: ${value} stands where ${before} stood before`);
      this.#same.set(name, value);
    }
  }

  /** An object stands once, before what refers to it; objects of kinds that have names of their own are apart. */
  #refer(captures: Captures, where: string): void {
    const named = Object.entries(captures).flatMap(([key, name]) => {
      const [, verb, kind] = /^(defines|uses)(.*)$/.exec(key) ?? [];
      return verb === undefined || name === undefined ? [] : [{ verb, key: `${kind} ${name}`.trim(), name }];
    });
    for (const { key, name } of named.filter(({ verb }) => verb === 'uses')) {
      if (!this.#defined.has(key)) throw new ReadBackError(`${where}: nothing before it defines ${name}`);
      this.#used.add(key);
    }
    for (const { key, name } of named.filter(({ verb }) => verb === 'defines')) {
      if (this.#defined.has(key)) throw new ReadBackError(`${where}: ${name} is defined twice`);
      this.#defined.add(key);
    }
  }

  #beginService(name: string): void {
    if (this.#services.has(name)) throw new RangeError(`the list of ports ${name} is listed twice`);
    this.#services.set(name, PortSet.empty);
    this.#service = name;
  }

  #port(ports: PortSet): void {
    const before = this.#services.get(this.#service);
    if (before === undefined) throw new RangeError('no line before it begins a list of ports');
    if (!before.intersection(ports).isEmpty) throw new RangeError(`${ports} is listed twice`);
    this.#services.set(this.#service, before.union(ports));
  }

  /** The ports of a grant: those that it says itself, or those of the list that it names. */
  #portsOf(captures: Captures): PortSet {
    if (captures.service === undefined) return grantedPorts(captures);
    const ports = this.#services.get(captures.service);
    if (ports === undefined || ports.isEmpty)
      throw new RangeError(`nothing before it says the ports of ${captures.service}`);
    this.#usedServices.add(captures.service);
    return ports;
  }

  #requireOnce(text: string, where: string): void {
    if (this.#once.has(text)) throw new ReadBackError(`${where}: is listed twice`);
    this.#once.add(text);
  }

  #requireUnsaid(block: string, text: string, where: string): void {
    const undone = statementsIn(text.startsWith(' ') ? `${block}\n${text}` : text, this.#undo!).undone;
    for (const { block: in_, line } of undone)
      if (this.#said.has(`${in_}\n${line}`))
        throw new ReadBackError(`${where}: takes back what the file itself says`);
  }

  admission(): Admission {
    for (const name of this.#defined)
      if (!this.#used.has(name)) throw new ReadBackError(`nothing refers to ${name}`);
    for (const name of this.#services.keys())
      if (!this.#usedServices.has(name)) throw new ReadBackError(`nothing refers to ${name}`);
    // Files that bind no ports grant every group on all of them.
    if (!this.#bindsPorts)
      return Admission.union(
        [...this.#groups].map(([name, entries]) => {
          entries.requireDisjoint(name);
          return entries.on(this.#allPorts);
        }),
      );
    for (const [name, entries] of this.#groups) {
      const grants = this.#grants.filter(({ group }) => group === name);
      if (grants.length === 0)
        throw new ReadBackError(`the entries of ${name} are never granted on any port`);
      for (const [index, { ports, clients, where }] of grants.entries())
        if (
          grants
            .slice(0, index)
            .some((before) => !before.ports.intersection(ports).isEmpty && !areApart(before.clients, clients))
        )
          throw new ReadBackError(`${where}: ${name} is granted twice on a port`);
      entries.requireDisjoint(name);
    }
    return Admission.union(
      this.#grants.map(({ group, ports, clients, where }) => {
        const entries = this.#groups.get(group);
        if (entries === undefined && !where.includes(':')) return Admission.empty;
        if (entries === undefined) throw new ReadBackError(`${where}: the group ${group} has no entries`);
        return entries.on(ports).from(clients);
      }),
    );
  }

  groups(): Map<string, DualStackSet> {
    return new Map([...this.#groups].map(([name, entries]) => [name, entries.addresses()]));
  }

  #entry(captures: Captures, group: string, where: string): void {
    const entries = this.#groups.get(group) ?? new EntryGroup();
    this.#groups.set(group, entries);
    const { prefix, address, length, netmask, first, last, host, suffix, domain } = captures;
    if (prefix !== undefined) entries.addPrefix(prefix);
    else if (address !== undefined && netmask !== undefined)
      entries.addPrefix(`${address}/${maskLength(netmask)}`);
    else if (address !== undefined)
      entries.addPrefix(`${address}/${length ?? (address.includes(':') ? 128 : 32)}`);
    else if (first !== undefined && last !== undefined) entries.addRange(first, last);
    else if (host !== undefined) entries.addHost(host, true, false);
    else if (suffix !== undefined) entries.addHost(suffix, false, true);
    else if (domain !== undefined) entries.addHost(domain, true, true);
    else throw new ReadBackError(`${where}: the manifest's entry pattern captures nothing that is known`);
  }
}

/** Clients as `192.0.2.10, 2001:db8::/64`. @throws RangeError or AddressSyntaxError for host bits, or one that is listed twice */
function grantedClients(text: string): DualStackSet {
  const prefixes = text
    .trim()
    .split(/[\s,]+/)
    .map((one) => parsePrefix(one.includes('/') ? one : `${one}/${one.includes(':') ? 128 : 32}`));
  const clients = DualStackSet.fromPrefixes(prefixes);
  const given = prefixes.reduce((sum, prefix) => sum + lastAddress(prefix) - prefix.first + 1n, 0n);
  if (given !== clients.ipv4.size + clients.ipv6.size) throw new RangeError('a client is listed twice');
  return clients;
}

function areApart(a: DualStackSet | undefined, b: DualStackSet | undefined): boolean {
  return commonClients(a, b)?.isEmpty ?? false;
}

function grantedPorts({ ports, firstPort, lastPort, protocol }: Captures): PortSet {
  const parsed = parsePorts(firstPort === undefined ? (ports ?? '') : `${firstPort}-${lastPort}`);
  if (protocol === undefined) return parsed;
  const named = PROTOCOLS.find((one) => one === protocol);
  if (named === undefined) throw new RangeError(`${JSON.stringify(protocol)} is neither tcp nor udp`);
  return parsed.as(named);
}

/** Ports as vendors write lists of them: `80,443`, `80 443`, `8080-8090`, `8080:8090`. */
export function parsePorts(text: string): PortSet {
  return text
    .trim()
    .split(/[\s,]+/)
    .map((part) => PortSet.parse(part.replace(':', '-')))
    .reduce((all, ports) => all.union(ports), PortSet.empty);
}

/** The prefix length of a dotted mask. @throws RangeError for a mask with holes */
export function maskLength(netmask: string): number {
  const bits = parseAddress(netmask).value.toString(2).padStart(32, '0');
  const match = /^(1*)0*$/.exec(bits);
  if (match === null || bits.length !== 32) throw new RangeError(`${netmask} is not a netmask`);
  return match[1]!.length;
}

/** What `read` gives; its errors told with the place. @throws ReadBackError */
export function readAt<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ReadBackError) throw error;
    throw new ReadBackError(`${where}: ${(error as Error).message}`, [], { cause: error });
  }
}

/** Reads each object once: what a file was read into is asked for again for its options. */
export function readOnce<K extends object, V>(read: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    const found = known.get(key) ?? read(key);
    known.set(key, found);
    return found;
  };
}
