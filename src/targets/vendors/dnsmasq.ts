import type { Family } from '../../net/address.ts';
import { parseHost } from '../../net/host-pattern.ts';
import { HostSet } from '../../net/host-set.ts';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import { ConfigurationError } from '../../problem.ts';
import { ReadBackError } from '../read-back.ts';
import type { RuleFile, TemplateTexts } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import type { NameListView, OptionValues, View } from '../view.ts';
import { multiports, readChain, statements } from './iptables-chain.ts';
import { expectLoadScript } from './load-script.ts';
import { NftLines, nftRulePorts, nftSettings, takeSetRules } from './nft-lines.ts';

const FAMILIES = [4, 6] as const;

export const vendor: Vendor = { extendView, readBack, readSettings };

function extendView(view: View): View & Readonly<Record<string, unknown>> {
  const nftables = view.options.sets === 'nftables';
  const hours = Number(view.options.timeoutHours);
  // ipset counts in 31 bits of milliseconds.
  if (hours < 1 || hours > 596)
    throw new ConfigurationError(`targets.dnsmasq.timeoutHours: ${hours} is not between 1 and 596`);
  const setName = nftables ? (list: NameListView, family: Family) => nftSet(list, family, hours) : ipSet;
  const entry = (list: NameListView, family: Family): string =>
    nftables ? `${family}#inet#${view.options.table}#${setName(list, family)}` : setName(list, family);
  const sets = view.nameLists.flatMap((list) =>
    FAMILIES.map((family) => ({
      name: setName(list, family),
      type: `ipv${family}_addr`,
      family: family === 4 ? 'inet' : 'inet6',
      protocol: family === 4 ? 'ip' : 'ip6',
      ports: nftRulePorts(list.ports),
      timeout: `${hours * 3600}`,
    })),
  );
  const rules = (family: Family) =>
    view.nameLists.flatMap((list) =>
      multiports(list.ports).map((match) => ({ ...match, set: setName(list, family) })),
    );
  return {
    ...view,
    directive: nftables ? 'nftset' : 'ipset',
    domains: domains(view.nameLists).map(({ name, lists }) => ({
      name,
      sets: lists.flatMap((list) => FAMILIES.map((family) => entry(list, family))).join(','),
    })),
    nftables: nftables ? [{ sets }] : [],
    ipset: nftables ? [] : [{ sets, ipv4Rules: rules(4), ipv6Rules: rules(6) }],
  };
}

/** No rule's name holds a `_`. A set cannot be given another timeout: one with another has another name. */
function nftSet({ rule, ports }: NameListView, family: Family, hours: number): string {
  return `${rule}_${ports.key}_ipv${family}_${hours}h`;
}

/** At most 20 + 1 + 7 + 2 characters; ipset allows 31. */
function ipSet({ rule, ports }: NameListView, family: Family): string {
  return `${rule}_${ports.key}_${family}`;
}

/**
 * The domains to write, each with all lists that it is in. dnsmasq obeys the longest domain that fits and no
 * other: a domain must repeat the lists of those above it, and is left out where it would say nothing more.
 */
function domains(lists: readonly NameListView[]): { name: string; lists: NameListView[] }[] {
  const own = new Map<string, Set<NameListView>>();
  for (const list of lists)
    for (const { name } of list.hosts) own.set(name, (own.get(name) ?? new Set()).add(list));
  const above = (name: string): string[] =>
    [...name.matchAll(/\./g)].map(({ index }) => name.slice(index + 1)).filter((parent) => own.has(parent));
  const all = (name: string): NameListView[] =>
    lists.filter((list) => [name, ...above(name)].some((domain) => own.get(domain)!.has(list)));
  const order = (name: string) => name.split('.').reverse().join('.');
  return [...own.keys()]
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
    .filter((name) => {
      const [nearest] = above(name);
      return nearest === undefined || all(nearest).length < all(name).length;
    })
    .map((name) => ({ name, lists: all(name) }));
}

/** A set that dnsmasq fills, and what its rule lets through. */
interface FilledSet {
  readonly family: Family;
  readonly ports: PortSet;
}

function readBack(files: readonly RuleFile[], templates: TemplateTexts): Admission {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const take = (path: string): RuleFile => {
    const file = byPath.get(path);
    if (file === undefined) throw new ReadBackError(`${path} is missing`);
    byPath.delete(path);
    return file;
  };
  const conf = take('azure-names.conf');
  const nftables = byPath.has('azure-names-sets.nft');
  const script = take('load.sh');
  let sets: Map<string, FilledSet>;
  if (nftables) {
    const read = readNft(take('azure-names-sets.nft'), take('azure-names-chain.nft'));
    sets = read.sets;
    expectLoadScript(script, templates, 'load-nftables.sh.hbs', { 'options.table': read.table });
  } else {
    const chains = [readChain(take('iptables.rules'), 4), readChain(take('ip6tables.rules'), 6)] as const;
    sets = readIpsets(take('azure-names.ipset'), chains);
    expectLoadScript(script, templates, 'load-ipset.sh.hbs', { 'options.chain': chains[0].chain });
  }
  for (const path of byPath.keys()) throw new ReadBackError(`${path}: not a file of this target`);
  return readConf(conf, nftables, sets);
}

/** What fills, where it stands, and how long an address stays, as far as there is a set. */
function readSettings(files: readonly RuleFile[]): OptionValues {
  const textOf = (path: string) => files.find((file) => file.path === path)?.text;
  const nft = textOf('azure-names-sets.nft');
  if (nft !== undefined) {
    const hours = /^\t\ttimeout (\d+)h$/m.exec(nft)?.[1];
    return {
      sets: 'nftables',
      ...nftSettings(files, 'azure-names-chain.nft'),
      ...(hours === undefined ? {} : { timeoutHours: Number(hours) }),
    };
  }
  const rules = files.find(({ path }) => path === 'iptables.rules');
  if (rules === undefined) throw new ReadBackError('iptables.rules is missing');
  const seconds = / timeout (\d+) /.exec(textOf('azure-names.ipset') ?? '')?.[1];
  return {
    sets: 'ipset',
    chain: readChain(rules, 4).chain,
    ...(seconds === undefined ? {} : { timeoutHours: Number(seconds) / 3600 }),
  };
}

function readConf(file: RuleFile, nftables: boolean, sets: ReadonlyMap<string, FilledSet>): Admission {
  const lines = new Map<string, PortSet>();
  const used = new Set<string>();
  const pattern = nftables
    ? /^nftset=\/(?<name>[^/]+)\/(?<sets>\S+)$/
    : /^ipset=\/(?<name>[^/]+)\/(?<sets>\S+)$/;
  for (const [where, line] of statements(file)) {
    const fail = (what: string): never => {
      throw new ReadBackError(`${where}: ${what}: ${JSON.stringify(line)}`);
    };
    const { name, sets: entries } = pattern.exec(line)?.groups ?? fail('not a line of this format');
    if (!isCanonical(name!)) fail('not a host name');
    if (lines.has(name!)) fail('the domain has a line already, and dnsmasq obeys one of them only');
    const ports: Record<Family, PortSet> = { 4: PortSet.empty, 6: PortSet.empty };
    const named = entries!.split(',');
    if (new Set(named).size !== named.length) fail('a set is listed twice');
    for (const entry of named) {
      const set = sets.get(entry) ?? fail(`there is no set ${entry}`);
      used.add(entry);
      ports[set.family] = ports[set.family].union(set.ports);
    }
    if (!ports[4].equals(ports[6])) fail('the families differ');
    lines.set(name!, ports[4]);
  }
  for (const name of sets.keys())
    if (!used.has(name)) throw new ReadBackError(`${file.path}: nothing fills ${name}`);
  // A line holds for all that is below its domain but not below the domain of a longer line.
  const domain = (name: string) => HostSet.fromPatterns([{ name, apex: true, subdomains: true }]);
  return Admission.union(
    [...lines].map(([name, ports]) => {
      const longer = [...lines.keys()].filter((other) => other.endsWith(`.${name}`));
      return Admission.hosts(
        longer.reduce((hosts, other) => hosts.difference(domain(other)), domain(name)),
        ports,
      );
    }),
  );
}

/** The sets by the name that a dnsmasq line gives them. */
function readNft(file: RuleFile, chainFile: RuleFile): { table: string; sets: Map<string, FilledSet> } {
  const declared = new NftLines(file);
  const table = declared.take(/^table inet (?<table>[a-z][a-z0-9_]*) \{$/).table!;
  const families = new Map<string, Family>();
  const timeouts = new Set<string>();
  for (;;) {
    const set = declared.takeIf(/^\tset (?<name>[a-z0-9_-]+_(?<hours>[1-9]\d{0,2})h) \{$/);
    if (set === undefined) break;
    if (families.has(set.name!)) declared.fail('the set is declared twice');
    families.set(set.name!, declared.take(/^\t\ttype ipv(?<family>[46])_addr$/).family === '4' ? 4 : 6);
    declared.takeText('\t\tflags dynamic,timeout');
    declared.takeText(`\t\ttimeout ${set.hours}h`);
    timeouts.add(set.hours!);
    if (timeouts.size > 1) declared.fail('another timeout');
    declared.takeText('\t\tsize 65535');
    declared.takeText('\t}');
  }
  declared.takeText('}');
  declared.end();
  const lines = new NftLines(chainFile);
  lines.takeText(`table inet ${table} {`);
  const { chain } = lines.take(/^\tchain (?<chain>forward|output) \{$/);
  lines.takeText(`\t\ttype filter hook ${chain} priority filter - 10; policy accept;`);
  lines.takeText('\t}');
  lines.takeText('}');
  lines.takeText(`flush chain inet ${table} ${chain}`);
  const marks = new Set<string>();
  const sets = new Map<string, FilledSet>();
  for (const [name, family] of families) {
    const ip = family === 4 ? 'ip' : 'ip6';
    const match = `${ip} daddr @${name} update @${name} { ${ip} daddr }`;
    const { ports, clients } = takeSetRules(lines, `${table} ${chain}`, family, match, marks);
    if (clients !== undefined) lines.fail('this target names no clients');
    sets.set(`${family}#inet#${table}#${name}`, { family, ports });
  }
  lines.end();
  return { table, sets };
}

function readIpsets(
  file: RuleFile,
  chains: readonly [ReturnType<typeof readChain>, ReturnType<typeof readChain>],
): Map<string, FilledSet> {
  const sets = new Map<string, FilledSet>();
  const timeouts = new Set<string>();
  for (const [where, line] of statements(file)) {
    const found =
      /^create (?<name>\S{1,31}) hash:ip family (?<family>inet6?) timeout (?<timeout>\d+) maxelem 65536 -exist$/.exec(
        line,
      )?.groups;
    if (found === undefined)
      throw new ReadBackError(`${where}: not a command of this format: ${JSON.stringify(line)}`);
    timeouts.add(found.timeout!);
    if (timeouts.size > 1 || Number(found.timeout) % 3600 !== 0 || Number(found.timeout) === 0)
      throw new ReadBackError(`${where}: another timeout, or none`);
    if (sets.has(found.name!)) throw new ReadBackError(`${where}: the set is created twice`);
    sets.set(found.name!, { family: found.family === 'inet' ? 4 : 6, ports: PortSet.empty });
  }
  if (chains[0].chain !== chains[1].chain)
    throw new ReadBackError(`the families use different chains: ${chains[0].chain}, ${chains[1].chain}`);
  for (const { set, family, ports, clients, where } of chains.flatMap(({ rules }) => rules)) {
    if (clients !== undefined) throw new ReadBackError(`${where}: this target names no clients`);
    const known = sets.get(set);
    if (known?.family !== family) throw new ReadBackError(`${where}: there is no set ${set} of this family`);
    if (!known.ports.intersection(ports).isEmpty) throw new ReadBackError(`${where}: a port is listed twice`);
    sets.set(set, { family, ports: known.ports.union(ports) });
  }
  for (const [name, { ports }] of sets)
    if (ports.isEmpty) throw new ReadBackError(`the set ${name} is in no rule`);
  return sets;
}

function isCanonical(name: string): boolean {
  try {
    return parseHost(name) === name;
  } catch {
    return false;
  }
}
