import { isIPv4 } from 'node:net';
import { parseAddress } from '../../src/net/address.ts';
import { lastAddress, parsePrefix } from '../../src/net/prefix.ts';

type Family = 'ip' | 'ipv6';
type Item = Readonly<Record<string, string>>;
type Variables = Map<string, string | readonly string[]>;

const MENU = /^\/(ip|ipv6) firewall (filter|address-list)$/;
const NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/;
const PROPERTIES: Readonly<Record<string, readonly string[]>> = {
  filter: [
    'chain',
    'protocol',
    'dst-port',
    'dst-address-list',
    'action',
    'disabled',
    'comment',
    'jump-target',
  ],
  'address-list': ['list', 'address', 'comment', 'dynamic'],
};

/**
 * Stands in for a router, of which there is no program to test with: the part of the script language of RouterOS that
 * the rule files use, written from MikroTik's manual and on its own, without the product's grammar. Commands run one by
 * one and count at once; an error ends the script, and what ran stays.
 */
export class RouterOs {
  readonly #items = new Map<string, Item[]>();
  readonly #most: number;
  #each: () => void = () => {};

  /** @param most how many entries of lists the memory holds */
  constructor({ own = '', most = 1_000_000 }: { readonly own?: string; readonly most?: number } = {}) {
    this.#most = most;
    this.import(own);
  }

  /** Runs a script; `each` is called after every change. @throws Error for what ends the script */
  import(script: string, each: () => void = () => {}): void {
    this.#each = each;
    this.#run(statements(script), new Map());
  }

  get state(): readonly string[] {
    return [...this.#items].flatMap(([menu, items]) =>
      items.map((item) => `${menu} ${JSON.stringify(item)}`),
    );
  }

  /** Names of the lists, with how many entries each has. */
  get lists(): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const family of ['ip', 'ipv6'])
      for (const { list } of this.#menu(`/${family} firewall address-list`))
        found.set(list!, (found.get(list!) ?? 0) + 1);
    return found;
  }

  /** Whether a packet passes: the first rule that matches decides, and at the end of the chain it does not. */
  allows(destination: string, port: number, protocol = 'tcp', chain = 'azure-allow'): boolean {
    const family: Family = destination.includes(':') ? 'ipv6' : 'ip';
    for (const rule of this.#menu(`/${family} firewall filter`)) {
      if (rule.chain !== chain || rule.disabled === 'yes') continue;
      const [first, last = first] = (rule['dst-port'] ?? '0-65535').split('-').map(Number);
      if (rule.protocol !== undefined && rule.protocol !== protocol) continue;
      if (port < first! || port > last!) continue;
      if (
        rule['dst-address-list'] !== undefined &&
        !this.#holds(family, rule['dst-address-list'], destination)
      )
        continue;
      if (rule.action === 'accept') return true;
      if (rule.action === 'return') return false;
    }
    return false;
  }

  #holds(family: Family, list: string, destination: string): boolean {
    const entries = this.#menu(`/${family} firewall address-list`).filter((entry) => entry.list === list);
    if (!/^[0-9.]+$|:/.test(destination)) return entries.some(({ address }) => address === destination);
    const { value } = parseAddress(destination);
    return entries.some(({ address }) => {
      if (!address!.includes('/')) return false;
      const { first, last } = spanOf(address!);
      return first <= value && value <= last;
    });
  }

  #menu(path: string): Item[] {
    if (!MENU.test(path)) throw new Error(`bad command name ${path}`);
    const found = this.#items.get(path) ?? [];
    this.#items.set(path, found);
    return found;
  }

  #run(lines: readonly string[], variables: Variables): void {
    let menu = '';
    for (const line of lines) {
      const local = /^:local ([A-Za-z]\w*) (.+)$/s.exec(line);
      const condition = /^:if \((\$\w+) = (\$\w+)\) do=\{(.*)\}$/s.exec(line);
      const every = /^:foreach (\w+) in=\[(\/.+?) find where (.+?)\] do=\{(.*)\}$/s.exec(line);
      const set = /^:set (\w+) \[:pick \[(\/.+?) get \$(\w+) ([a-z-]+)\] (\d+) (\d+)\]$/.exec(line);
      const call = /^\$(\w+)((?: \w+=\S+)*)$/.exec(line);
      const remove = /^(?:(\/.+?) )?remove \[find where (.+)\]$/.exec(line);
      const add = /^(?:(\/.+?) )?add (.+)$/.exec(line);
      if (local !== null) {
        const block = /^do=\{(.*)\}$/s.exec(local[2]!);
        variables.set(local[1]!, block === null ? value(local[2]!, variables) : statements(block[1]!));
      } else if (condition !== null) {
        if (value(condition[1]!, variables) === value(condition[2]!, variables))
          this.#run(statements(condition[3]!), variables);
      } else if (every !== null) {
        // An item is known by its place, as scripts know it by its id.
        const items = this.#menu(every[2]!);
        for (const item of items.filter((one) => matches(one, every[3]!, variables)))
          this.#run(statements(every[4]!), variables.set(every[1]!, String(items.indexOf(item))));
      } else if (set !== null) {
        if (!variables.has(set[1]!)) throw new Error(`no such variable ${set[1]}`);
        const item = this.#menu(set[2]!)[Number(variables.get(set[3]!))]!;
        variables.set(set[1]!, item[set[4]!]!.slice(Number(set[5]), Number(set[6])));
      } else if (call !== null) {
        const body = variables.get(call[1]!);
        if (!Array.isArray(body)) throw new Error(`no such function: ${line}`);
        const given = call[2]!
          .trim()
          .split(' ')
          .map((pair) => pair.split('='));
        this.#run(body as string[], new Map(given.map(([name, text]) => [name!, value(text!, variables)])));
      } else if (line.startsWith(':error ')) throw new Error(value(line.slice(7), variables));
      else if (MENU.test(line)) menu = line;
      else if (remove !== null) {
        const items = this.#menu(remove[1] ?? menu);
        for (const item of items.filter((one) => matches(one, remove[2]!, variables))) {
          items.splice(items.indexOf(item), 1);
          this.#each();
        }
      } else if (add !== null) {
        this.#add(add[1] ?? menu, add[2]!, variables);
        this.#each();
      } else throw new Error(`syntax error: ${line}`);
    }
  }

  #add(menu: string, text: string, variables: Variables): void {
    const items = this.#menu(menu);
    const pairs = text.match(/[a-z-]+=(?:\([^)]*\)|"(?:\\.|[^"])*"|\S+)/g) ?? [];
    if (pairs.join(' ') !== text) throw new Error(`syntax error: ${text}`);
    const item: Record<string, string> = menu.endsWith('list') ? { dynamic: 'no' } : {};
    for (const pair of pairs) {
      const [, name, given] = /^([a-z-]+)=(.*)$/s.exec(pair)!;
      if (!PROPERTIES[menu.split(' ').at(-1)!]!.includes(name!)) throw new Error(`unknown parameter ${name}`);
      item[name!] = value(given!, variables);
    }
    if (menu.endsWith('address-list')) {
      const address = item.address ?? '';
      if (address.includes('/')) {
        if (isIPv4(address.split('/')[0]!) !== menu.startsWith('/ip '))
          throw new Error(`invalid value for address: ${address}`);
        parsePrefix(address);
      } else if (!NAME.test(address)) throw new Error(`invalid value for address: ${address}`);
      if (items.some((other) => other.list === item.list && other.address === address))
        throw new Error('failure: already have such entry');
      if (items.length >= this.#most) throw new Error('failure: out of memory');
    } else {
      if (item.chain === undefined) throw new Error('missing value for chain');
      if (item['dst-port'] !== undefined && item.protocol === undefined)
        throw new Error('ports can be specified if proto is tcp or udp');
    }
    items.push(item);
  }
}

const spans = new Map<string, { readonly first: bigint; readonly last: bigint }>();

function spanOf(text: string): { readonly first: bigint; readonly last: bigint } {
  const known = spans.get(text);
  if (known !== undefined) return known;
  const prefix = parsePrefix(text);
  const span = { first: prefix.first, last: lastAddress(prefix) };
  spans.set(text, span);
  return span;
}

/** The commands of a text: a line each, or as many as the braces that it opens hold. */
function statements(text: string): string[] {
  const found: string[] = [];
  let open = '';
  for (const line of text.split('\n')) {
    if (open === '' && (line.trim() === '' || line.startsWith('#'))) continue;
    open = open === '' ? line.trim() : `${open}\n${line}`;
    const plain = open.replaceAll(/"(?:\\.|[^"])*"/g, '');
    if (plain.split('{').length !== plain.split('}').length) continue;
    found.push(open);
    open = '';
  }
  if (open !== '') throw new Error(`syntax error: ${open}`);
  return found;
}

function value(text: string, variables: Variables): string {
  const pick = /^\[:pick ("[^"]*") (\d+) (\d+)\]$/.exec(text);
  if (pick !== null) return value(pick[1]!, variables).slice(Number(pick[2]), Number(pick[3]));
  if (text.startsWith('(') && text.endsWith(')'))
    return text
      .slice(1, -1)
      .split(' . ')
      .map((part) => value(part, variables))
      .join('');
  if (/^"(?:\\.|[^"\\$])*"$/.test(text)) return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
  if (text.startsWith('$')) {
    const found = variables.get(text.slice(1));
    if (typeof found !== 'string') throw new Error(`no such variable ${text}`);
    return found;
  }
  if (!/^[A-Za-z0-9_.:/-]+$/.test(text)) throw new Error(`syntax error: ${text}`);
  return text;
}

function matches(item: Item, condition: string, variables: Variables): boolean {
  return condition.split(' and ').every((term) => {
    const not = /^!\((.+)\)$/.exec(term);
    if (not !== null) return !matches(item, not[1]!, variables);
    const [, property, sign, given] = /^([a-z-]+)(=|!=|~)(.+)$/.exec(term) ?? [];
    if (property === undefined) throw new Error(`syntax error: ${term}`);
    // A variable of a property's name is taken for the property.
    if (given === `$${property}`) throw new Error(`${given} is the property itself`);
    const own = item[property] ?? '';
    const wanted = value(given!, variables);
    return sign === '~' ? new RegExp(wanted).test(own) : (own === wanted) === (sign === '=');
  });
}
