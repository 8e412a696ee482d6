import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatHostPattern, type HostPattern, parseHost } from '../../net/host-pattern.ts';
import { HostSet } from '../../net/host-set.ts';
import type { Method } from '../../net/method.ts';
import { PortSet } from '../../net/ports.ts';
import { lastAddress, type Prefix, parsePrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import { readClientText } from '../../policy/clients.ts';
import { ReadBackError, readAt } from '../read-back.ts';
import type { RuleFile } from '../render.ts';

export const ALLOW = 'azure-allow.conf';
const SPLICE = 'azure-splice.conf';
const PORTS = 'azure-ports.conf';

/** Plain HTTP. A tunnel to it carries no TLS handshake that could be looked at. */
export const HTTP = PortSet.of(80);
/** What Squid's own `SSL_ports` holds. */
const HTTPS = PortSet.of(443);

/** The ACL of requests for a tunnel. */
export const TUNNEL = 'azure-tunnel';

export type ListKind = 'names' | 'below' | 'addresses';

/**
 * Reads the files back as Squid would evaluate them: list files through the ACLs that name them, and
 * the `http_access` lines as pairs of a list and its ports, by CONNECT, by other requests, or by both.
 */
export function readBack(files: readonly RuleFile[]): Admission {
  const lists = new Map(files.filter(({ path }) => path.endsWith('.txt')).map((file) => [file.path, file]));
  const configurations = new Map(
    files.filter(({ path }) => !path.endsWith('.txt')).map((file) => [file.path, file]),
  );
  for (const path of configurations.keys())
    if (![ALLOW, SPLICE, PORTS].includes(path))
      throw new ReadBackError(`${path}: not a file of target squid`);
  const allow = configurations.get(ALLOW);
  if (allow === undefined) throw new ReadBackError(`${ALLOW} is missing`);

  const reader = new ConfigurationReader(allow, lists);
  const allowed = reader.allowed();
  for (const path of lists.keys())
    if (!reader.listsRead.has(path)) throw new ReadBackError(`${path}: no ACL of ${ALLOW} reads this list`);

  checkSplice(configurations.get(SPLICE), lists, allowed, reader.directory);
  checkPorts(configurations.get(PORTS), allowed);
  return allowed;
}

function checkSplice(
  file: RuleFile | undefined,
  lists: ReadonlyMap<string, RuleFile>,
  allowed: Admission,
  directory: string | undefined,
): void {
  const expected = Admission.union(
    tunnelsOf(allowed).grants.map(({ hosts, ports, clients }) => Admission.hosts(hosts, ports).from(clients)),
  );
  const reader = file === undefined ? undefined : new ConfigurationReader(file, lists);
  const found = reader === undefined ? Admission.empty : reader.spliced();
  if (reader?.directory !== undefined && reader.directory !== directory)
    throw new ReadBackError(`${SPLICE} and ${ALLOW} read lists of different directories`);
  if (!found.equals(expected))
    throw new ReadBackError(`${SPLICE} does not splice just the names that ${ALLOW} allows`, [
      ...difference(SPLICE, 'missing', expected.difference(found)),
      ...difference(SPLICE, 'not allowed', found.difference(expected)),
    ]);
}

function checkPorts(file: RuleFile | undefined, allowed: Admission): void {
  const expected = portsBeyond(
    tunnelsOf(allowed).grants.reduce((all, { ports }) => all.union(ports), PortSet.empty),
  ).toString();
  const statements = file === undefined ? [] : statementsOf(file);
  const found = statements
    .map(({ words, where }) => {
      if (words[0] !== 'acl' || words[1] !== 'SSL_ports' || words[2] !== 'port' || words.length < 4)
        throw new ReadBackError(`${where}: only \`acl SSL_ports port …\` may stand here`);
      return readPorts(words.slice(3), where);
    })
    .reduce((all, ports) => all.union(ports), PortSet.empty)
    .toString();
  if (found !== expected || statements.length > 1)
    throw new ReadBackError(
      `${PORTS}: SSL_ports gets ${found || 'no port'}, the rules need ${expected || 'none'}`,
    );
}

/** What may be reached through a tunnel. */
function tunnelsOf(allowed: Admission): Admission {
  return allowed.only('tunnel').byAnyMethod();
}

interface Statement {
  readonly words: readonly string[];
  readonly where: string;
}

type Acl =
  | { readonly kind: 'list'; readonly file: string; readonly type: string }
  | { readonly kind: 'ports'; readonly ports: PortSet }
  | { readonly kind: 'clients'; readonly clients: DualStackSet }
  | { readonly kind: 'step1' }
  | { readonly kind: 'tunnel' };

const LIST_TYPES: Readonly<Record<string, ListKind>> = {
  'dstdomain -n': 'names',
  'dstdom_regex -n -i': 'below',
  'dst -n': 'addresses',
  'ssl::server_name': 'names',
  'ssl::server_name_regex -i': 'below',
};

/** Those that compare with the host of a request. */
const HOST_TYPES: ReadonlySet<string> = new Set(['dstdomain -n', 'dstdom_regex -n -i']);
const ADDRESSES = 'dst -n';

/** One configuration file: its ACLs, then the lines that combine them. */
class ConfigurationReader {
  readonly listsRead = new Set<string>();
  /** A list may be read once for the host of a request, and once for the name of a handshake. */
  readonly #readings = new Set<string>();
  /** The directory that every ACL reads its list from. */
  directory: string | undefined;
  readonly #lists: ReadonlyMap<string, RuleFile>;
  readonly #acls = new Map<string, Acl>();
  readonly #used = new Set<string>();
  readonly #lines: Statement[] = [];
  readonly #path: string;

  constructor(file: RuleFile, lists: ReadonlyMap<string, RuleFile>) {
    this.#lists = lists;
    this.#path = file.path;
    for (const statement of statementsOf(file)) {
      if (statement.words[0] === 'acl') this.#define(statement);
      else this.#lines.push(statement);
    }
    const stated = /^# List files are read from (\S+)$/m.exec(file.text)?.[1];
    if (this.directory !== undefined && this.directory !== stated)
      throw new ReadBackError(`${file.path}: the lists are not read from the directory that is stated`);
  }

  /** What the `http_access` lines allow. */
  allowed(): Admission {
    const lines = this.#lines.map(({ words: [directive, action, ...words], where }) => {
      const method = this.#method(words[0] ?? '');
      const acls = method === undefined ? words : words.slice(1);
      if (directive !== 'http_access' || action !== 'allow' || acls.length < 2 || acls.length > 3)
        throw new ReadBackError(
          `${where}: \`http_access allow LIST PORTS\`, perhaps with ${TUNNEL} before and CLIENTS behind it, is expected`,
        );
      const allowed = this.#pair(acls[0]!, acls[1]!, where).from(this.#clients(acls[2], where));
      return method === undefined ? allowed : allowed.only(method);
    });
    this.#finish();
    return Admission.union(lines);
  }

  /**
   * What is spliced. Tunnels to port 80 are by the host of the CONNECT alone, before the peek; the others by it and by
   * the name of the handshake, after the peek at step 1, or no name is known.
   */
  spliced(): Admission {
    if (this.#lines.length === 0) {
      this.#finish();
      return Admission.empty;
    }
    const peek = this.#lines.findIndex(({ words }) => /^ssl_bump peek \S+$/.test(words.join(' ')));
    if (peek < 0) throw new ReadBackError(`${this.#path}: an ssl_bump line must peek at step 1`);
    this.#requireStep1(this.#lines[peek]!.words[2]!, this.#lines[peek]!.where);
    const admissions = this.#lines.flatMap(({ words, where }, index) => {
      if (index === peek) return [];
      if (words[0] !== 'ssl_bump' || words[1] !== 'splice' || words.length < 5 || words.length > 6)
        throw new ReadBackError(`${where}: \`ssl_bump splice\` and three ACLs, or four, are expected`);
      const [, , first, second, ports, from] = words as unknown as [
        string,
        string,
        string,
        string,
        string,
        string?,
      ];
      const clients = this.#clients(from, where);
      if (index < peek) {
        this.#requireStep1(first, where);
        this.#requireHostList(second, where);
        const admission = this.#pair(second, ports, where);
        if (admission.grants.some((grant) => !grant.ports.equals(HTTP)))
          throw new ReadBackError(`${where}: what is spliced before the peek is port 80 alone`);
        return [admission.from(clients)];
      }
      this.#requireHostList(first, where);
      const [host, tls] = [this.#pair(first, ports, where), this.#pair(second, ports, where)];
      if (!host.equals(tls) || this.#isHostList(second, where))
        throw new ReadBackError(`${where}: the host and the server name must come from the same list`);
      return [tls.from(clients)];
    });
    this.#finish();
    return Admission.union(admissions);
  }

  /** The method that an ACL of a line stands for; undefined for an ACL of another kind. */
  #method(word: string): Method | undefined {
    const name = word.replace(/^!/, '');
    if (this.#acls.get(name)?.kind !== 'tunnel') return undefined;
    this.#used.add(name);
    return name === word ? 'tunnel' : 'plain';
  }

  /** The clients of an ACL; undefined, which is every client, where a line names none. */
  #clients(name: string | undefined, where: string): DualStackSet | undefined {
    if (name === undefined) return undefined;
    const acl = this.#use(name, where);
    if (acl.kind !== 'clients') throw new ReadBackError(`${where}: ${name} is not an ACL of clients`);
    return acl.clients;
  }

  #requireStep1(name: string, where: string): void {
    if (this.#use(name, where).kind !== 'step1')
      throw new ReadBackError(`${where}: only step 1 may stand here: later, nothing could be bumped`);
  }

  #isHostList(name: string, where: string): boolean {
    const acl = this.#use(name, where);
    return acl.kind === 'list' && HOST_TYPES.has(acl.type);
  }

  #requireHostList(name: string, where: string): void {
    if (!this.#isHostList(name, where))
      throw new ReadBackError(`${where}: ${name} is not compared with the host of the CONNECT`);
  }

  #define({ words, where }: Statement): void {
    const [, name, type, ...rest] = words;
    if (name === undefined || type === undefined || rest.length === 0)
      throw new ReadBackError(`${where}: an incomplete acl`);
    if (!/^[A-Za-z0-9_-]{1,63}$/.test(name)) throw new ReadBackError(`${where}: not an ACL name: ${name}`);
    const known = this.#acls.get(name);
    const acl = this.#acl(type, rest, where);
    // Squid adds what a second line of an ACL names.
    if (known?.kind === 'clients' && acl.kind === 'clients') {
      if (!known.clients.intersection(acl.clients).isEmpty)
        throw new ReadBackError(`${where}: a client is listed twice`);
      this.#acls.set(name, { kind: 'clients', clients: known.clients.union(acl.clients) });
      return;
    }
    if (known !== undefined) throw new ReadBackError(`${where}: the ACL ${name} is defined twice`);
    this.#acls.set(name, acl);
  }

  #acl(type: string, rest: readonly string[], where: string): Acl {
    if (type === 'at_step' && rest.join(' ') === 'SslBump1') return { kind: 'step1' };
    if (type === 'method' && rest.join(' ') === 'CONNECT') return { kind: 'tunnel' };
    if (type === 'src') {
      const clients = readAt(where, () => rest.map(readClientText));
      return { kind: 'clients', clients: DualStackSet.fromPrefixes(clients) };
    }
    if (type === 'port') return { kind: 'ports', ports: readPorts(rest, where) };
    const listType = [type, ...rest.slice(0, -1)].join(' ');
    const path = /^"(\/[^"]*)\/([^"/]+)"$/.exec(rest.at(-1) ?? '');
    if (!Object.hasOwn(LIST_TYPES, listType) || path === null)
      throw new ReadBackError(`${where}: not an ACL of this format: ${listType}`);
    const [, directory, file] = path as unknown as [string, string, string];
    this.directory ??= directory;
    if (this.directory !== directory)
      throw new ReadBackError(`${where}: ${directory} is not where the other lists are`);
    if (!this.#lists.has(file))
      throw new ReadBackError(`${where}: ${file} does not exist: Squid would take it as empty`);
    const reading = `${HOST_TYPES.has(listType) || listType === ADDRESSES}:${file}`;
    if (this.#readings.has(reading)) throw new ReadBackError(`${where}: ${file} is read twice`);
    this.#readings.add(reading);
    this.listsRead.add(file);
    return { kind: 'list', file, type: listType };
  }

  #use(name: string, where: string): Acl {
    const acl = this.#acls.get(name);
    if (acl === undefined) throw new ReadBackError(`${where}: the ACL ${name} is not defined above`);
    this.#used.add(name);
    return acl;
  }

  #pair(list: string, ports: string, where: string): Admission {
    const matched = this.#use(list, where);
    const on = this.#use(ports, where);
    if (matched.kind !== 'list' || on.kind !== 'ports')
      throw new ReadBackError(`${where}: a list and its ports are expected`);
    return readList(this.#lists.get(matched.file)!, LIST_TYPES[matched.type]!, on.ports);
  }

  #finish(): void {
    const lines = new Set<string>();
    for (const { words, where } of this.#lines) {
      const line = words.join(' ');
      if (lines.has(line)) throw new ReadBackError(`${where}: the line is listed twice`);
      lines.add(line);
    }
    for (const name of this.#acls.keys())
      if (!this.#used.has(name)) throw new ReadBackError(`${this.#path}: the ACL ${name} is never used`);
  }
}

/** The statements of a configuration file: comments and blank lines do nothing. */
function statementsOf({ path, text }: RuleFile): Statement[] {
  return text.split('\n').flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return [];
    if (/^\s|\s$|\s\s|\\$/.test(line))
      throw new ReadBackError(`${path}:${index + 1}: not a line of this format: ${JSON.stringify(line)}`);
    return [{ words: line.split(' '), where: `${path}:${index + 1}` }];
  });
}

function readPorts(words: readonly string[], where: string): PortSet {
  const ports = words.map((word) => readAt(where, () => PortSet.parse(word)));
  const all = ports.reduce((union, part) => union.union(part), PortSet.empty);
  if (squidPorts(all) !== words.join(' '))
    throw new ReadBackError(`${where}: ports that are double or out of order`);
  return all;
}

function readList({ path, text }: RuleFile, kind: ListKind, ports: PortSet): Admission {
  const patterns: HostPattern[] = [];
  const prefixes: Prefix[] = [];
  const lines = text.replace(/\n$/, '').split('\n');
  for (const [index, line] of lines.entries()) {
    const where = `${path}:${index + 1}`;
    if (kind === 'addresses') prefixes.push(readAt(where, () => parsePrefix(line)));
    else patterns.push(readAt(where, () => (kind === 'names' ? readName(line) : readBelow(line))));
  }
  // Squid drops the wider of two overlapping networks and refuses names that a suffix covers.
  for (const [index, prefix] of prefixes.entries())
    if (index > 0 && !follows(prefix, prefixes[index - 1]!))
      throw new ReadBackError(`${path}:${index + 1}: overlaps the entry before, or is out of order`);
  const addresses = DualStackSet.fromPrefixes(prefixes);
  const hosts = HostSet.fromPatterns(patterns);
  if (hosts.toStrings().join() !== patterns.map(formatHostPattern).join())
    throw new ReadBackError(
      `${path}: names that are listed twice, are covered by another or are out of order`,
    );
  return Admission.of([{ hosts, addresses, ports }]);
}

function follows(prefix: Prefix, before: Prefix): boolean {
  return prefix.family === before.family && prefix.first > lastAddress(before);
}

function readName(line: string): HostPattern {
  const subdomains = line.startsWith('.');
  const name = subdomains ? line.slice(1) : line;
  return { name: canonicalHost(name), apex: true, subdomains };
}

function readBelow(line: string): HostPattern {
  const match = /^\\\.((?:[a-z0-9_-]|\\\.)+)\$$/.exec(line);
  if (match === null) throw new RangeError(`not a pattern of this format: ${JSON.stringify(line)}`);
  return { name: canonicalHost(match[1]!.replaceAll('\\.', '.')), apex: false, subdomains: true };
}

function canonicalHost(name: string): string {
  if (parseHost(name) !== name) throw new RangeError(`${JSON.stringify(name)} is not in canonical spelling`);
  return name;
}

function difference(where: string, what: string, admission: Admission) {
  return admission.describe().map((line) => ({ where, what: `${what}: ${line}` }));
}

export function squidPorts(ports: PortSet): string {
  return ports.toStrings().join(' ');
}

export function portsBeyond(ports: PortSet): PortSet {
  return ports.difference(HTTPS);
}
