import { parseAddress } from '../../src/net/address.ts';
import { lastAddress, type Prefix, parsePrefix } from '../../src/net/prefix.ts';

/**
 * Stands in for a PAN-OS device, of which there is no program to test with: the part of the configure-mode
 * command language that the rule files use, written from Palo Alto Networks' documentation and on its own,
 * without the product's read-back. `set` adds to lists and replaces single values, `delete` takes away a list,
 * `move` changes the order, `commit` validates references, limits and completeness, and only then does
 * anything apply.
 */
export class PanOsDevice {
  readonly #zones: ReadonlySet<string>;
  readonly #fetch: (url: string) => string;
  readonly #store = new Map<string, Map<string, string[]>>();
  /** Rules that the device has of its own: one that denies all, if asked for, and one that decrypts all. */
  readonly #order: { readonly security: string[]; readonly decryption: string[] };
  readonly #scope: string;
  #running: Rule[] = [];
  #exempt: Rule[] = [];

  constructor({ scope = '', denyAll = false, fetch = () => '' }: PanOsSetting = {}) {
    this.#zones = new Set(['trust', 'untrust']);
    this.#scope = scope;
    this.#fetch = fetch;
    this.#order = { security: denyAll ? ['deny-all'] : [], decryption: ['decrypt-all'] };
  }

  /** Takes commands as pasted into configure mode; the answers to what it does not find are returned. */
  paste(commands: string): string[] {
    return commands
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => {
        if (line.length > 4095) throw new Error(`longer than a terminal's line: ${line.slice(0, 60)}…`);
        const words = tokens(line);
        const verb = words.shift();
        const scope = this.#scope === '' ? [] : this.#scope.split(' ');
        for (const expected of scope)
          if (words.shift() !== expected) throw new Error(`not for ${this.#scope}: ${line}`);
        if (verb === 'set') this.#set(words, line);
        else if (verb === 'move') this.#move(words, line);
        else if (verb === 'delete') return this.#delete(words) ? [] : [`Object doesn't exist: ${line}`];
        else throw new Error(`Unknown command: ${line}`);
        return [];
      });
  }

  /** The problems that make a commit fail; none, and the candidate is what runs. */
  commit(): string[] {
    const problems: string[] = [];
    const rules = (rulebase: 'security' | 'decryption') => {
      const order = this.#order[rulebase];
      // What stands below the device's own rule for everything is never reached.
      const own = order.findIndex((name) => !this.#store.has(`${rulebase} ${name}`));
      const reached = (index: number) => own < 0 || index < own;
      return order.flatMap((name, index) =>
        index === own ? [] : [{ ...this.#rule(rulebase, name, problems), reached: reached(index) }],
      );
    };
    const [security, decryption] = [rules('security'), rules('decryption')];
    for (const name of this.#names('address-group'))
      if (this.#get('address-group', name, 'static').length === 0)
        problems.push(`address-group ${name} is empty`);
    for (const name of this.#names('category')) {
      if (this.#get('category', name, 'type').join() !== 'URL List')
        problems.push(`category ${name} has no type`);
      if (this.#get('category', name, 'list').length === 0) problems.push(`category ${name} is empty`);
    }
    if (this.#names('address').length > 10_000) problems.push('more than 10,000 address objects');
    if (this.#names('external-list').length > 30) problems.push('more than 30 external lists');
    if (problems.length === 0) [this.#running, this.#exempt] = [security, decryption];
    return problems;
  }

  /** Whether a connection from the trust to the untrust zone passes; by name where it says a name. */
  allows(target: {
    readonly host?: string;
    readonly address: string;
    readonly port: number;
    readonly protocol?: 'tcp' | 'udp';
  }): boolean {
    return this.#running.some((rule) => rule.reached && rule.matches(target));
  }

  /**
   * What passes from the trust to the untrust zone: of each rule that is reached, to whatever address where there are
   * entries of URLs, and on the ports of its services.
   */
  get passing(): readonly Passing[] {
    return this.#running.filter((rule) => rule.reached);
  }

  /** Whether TLS to a host stays undecrypted, before the device's own rule that decrypts everything. */
  exempts(target: { readonly host: string; readonly address: string; readonly port: number }): boolean {
    return this.#exempt.some((rule) => rule.reached && rule.matches(target));
  }

  /** The names of the security rules, in order. */
  get rules(): readonly string[] {
    return this.#order.security;
  }

  get groups(): readonly string[] {
    return this.#names('address-group');
  }

  members(group: string): readonly string[] {
    return this.#get('address-group', group, 'static');
  }

  #set(words: readonly string[], line: string): void {
    const found = GRAMMAR.map(({ kind, pattern, limit, field, list, value }) => {
      const match = new RegExp(`^${pattern}$`).exec(
        words.map((word) => word.replaceAll(' ', '\u00a0')).join(' '),
      );
      return match === null ? undefined : { kind, limit, list, value, groups: match.groups!, field };
    }).find((rule) => rule !== undefined);
    if (found === undefined) throw new Error(`Invalid syntax: ${line}`);
    const { kind, limit, list, value, groups } = found;
    const name = groups.name!;
    if (kind === 'rule' && words[0] !== this.#base) throw new Error(`Invalid syntax: ${line}`);
    if (!/^[A-Za-z0-9_][A-Za-z0-9_ -]*$/.test(name) || name.length > limit)
      throw new Error(`Invalid name: ${line}`);
    const field = groups.field ?? found.field ?? '';
    const given = groups.value!.replaceAll('\u00a0', ' ');
    const values = given.startsWith('[ ') ? given.slice(2, -2).split(' ') : [given];
    if (values.length > 1 && !list) throw new Error(`Only one value: ${line}`);
    for (const each of values) if (!value(each, field)) throw new Error(`Invalid value: ${line}`);
    const key = `${groups.rulebase ?? kind} ${name}`;
    const object = this.#store.get(key) ?? new Map<string, string[]>();
    const isList = list && !SINGLE.has(field);
    object.set(field, isList ? [...new Set([...(object.get(field) ?? []), ...values])] : values);
    if (kind === 'address-group' && object.get(field)!.length > 2500)
      throw new Error(`Too many members: ${line}`);
    // What a group or rule names must be there when the command is given, or the CLI refuses it.
    if (kind === 'address-group')
      for (const member of values)
        if (!this.#store.has(`address ${member}`) && !this.#store.has(`address-group ${member}`))
          throw new Error(`${member} is not a valid reference: ${line}`);
    if (kind === 'rule' && !this.#store.has(key)) this.#order[groups.rulebase as 'security'].push(name);
    this.#store.set(key, object);
  }

  #delete(words: readonly string[]): boolean {
    const text = words.join(' ');
    const match =
      /^(?<kind>address-group) (?<name>\S+)( (?<field>static))?$/.exec(text) ??
      /^profiles custom-url-(?<kind>category) (?<name>\S+)( (?<field>list))?$/.exec(text) ??
      /^(?<kind>address|service|external-list) (?<name>\S+)$/.exec(text) ??
      /^(?<kind>external-list) (?<name>\S+) type (?<field>(ip|url) certificate-profile)$/.exec(text) ??
      /^(?<base>(pre-)?rulebase) (?<kind>security|decryption) rules (?<name>\S+)( (?<field>from|to|source|destination|service|category))?$/.exec(
        text,
      );
    if (match === null) throw new Error(`Invalid syntax: delete ${text}`);
    const { kind, name, field, base } = match.groups as Record<'kind' | 'name', string> &
      Record<'field' | 'base', string | undefined>;
    if (base !== undefined && base !== this.#base) throw new Error(`Invalid syntax: delete ${text}`);
    const key = `${kind} ${name}`;
    if (field !== undefined) return this.#store.get(key)?.delete(field) ?? false;
    if (!this.#store.has(key)) return false;
    const users = base === undefined ? this.#usersOf(kind, name) : [];
    if (users.length > 0)
      throw new Error(`${name} cannot be deleted because of references from: ${users[0]}`);
    this.#store.delete(key);
    if (base !== undefined) {
      const order = this.#order[kind as 'security'];
      order.splice(order.indexOf(name), 1);
    }
    return true;
  }

  /** What refers to an object; an address group and a category of one name are two objects. */
  #usersOf(kind: string, name: string): string[] {
    const fields = {
      address: ['static', 'source', 'destination'],
      'address-group': ['static', 'source', 'destination'],
      service: ['service'],
      category: ['category'],
      'external-list': ['destination', 'category'],
    }[kind]!;
    return [...this.#store].flatMap(([key, object]) =>
      fields.some((field) => object.get(field)?.includes(name)) ? [key] : [],
    );
  }

  /** Everything that the candidate holds, sorted: two devices with equal states behave alike, but for the order of rules. */
  get state(): readonly string[] {
    return [...this.#store]
      .map(([key, object]) => {
        const fields = [...object].filter(([field]) => field !== 'comments');
        return `${key} ${JSON.stringify(fields.map(([field, values]) => [field, [...values].sort()]).sort())}`;
      })
      .filter((line) => !line.startsWith('tag '))
      .sort();
  }

  /** Every object of the device by kind and name, rules among them; tags are shared and stay. */
  get objects(): readonly string[] {
    return [...this.#store.keys()].filter((key) => !key.startsWith('tag ')).sort();
  }

  #move(words: readonly string[], line: string): void {
    const [base, rulebase, rules, name, where, anchor] = words;
    const order = this.#order[rulebase as 'security'];
    if (base !== this.#base || rules !== 'rules' || !/^(security|decryption)$/.test(rulebase ?? ''))
      throw new Error(`Invalid syntax: ${line}`);
    const from = order.indexOf(name!);
    if (from < 0) throw new Error(`No such rule: ${line}`);
    order.splice(from, 1);
    const to = where === 'top' ? 0 : order.indexOf(anchor!);
    if (to < 0 || (where !== 'top' && where !== 'before')) throw new Error(`No such place: ${line}`);
    order.splice(to, 0, name!);
  }

  get #base(): string {
    return this.#scope === '' ? 'rulebase' : 'pre-rulebase';
  }

  #names(kind: string): string[] {
    return [...this.#store.keys()].flatMap((key) =>
      key.startsWith(`${kind} `) ? [key.slice(kind.length + 1)] : [],
    );
  }

  #get(kind: string, name: string, field: string): readonly string[] {
    return this.#store.get(`${kind} ${name}`)?.get(field) ?? [];
  }

  #rule(rulebase: string, name: string, problems: string[]): Omit<Rule, 'reached'> {
    const get = (field: string): readonly string[] => {
      const values = this.#get(rulebase, name, field);
      if (values.length === 0) problems.push(`${rulebase} rule ${name}: ${field} is missing`);
      return values;
    };
    const unresolved = (what: string) => {
      problems.push(`${rulebase} rule ${name}: '${what}' is not a valid reference`);
      return [];
    };
    for (const zone of [...get('from'), ...get('to')])
      if (zone !== 'any' && !this.#zones.has(zone)) unresolved(zone);
    for (const source of get('source')) if (source !== 'any') unresolved(source);
    for (const tag of get('tag')) if (!this.#store.has(`tag ${tag}`)) unresolved(tag);
    if (get('action').join() !== (rulebase === 'security' ? 'allow' : 'no-decrypt'))
      problems.push(`${name}: action`);
    if (rulebase === 'decryption') get('type');
    else if (get('application').join() !== 'any') problems.push(`${name}: application`);
    const list = (item: string, type: string): string[] | undefined => {
      if (this.#get('external-list', item, `${type} recurring`).length === 0) return undefined;
      const [url] = this.#get('external-list', item, `${type} url`);
      const lines = this.#fetch(url!)
        .split('\n')
        .filter((entry) => entry !== '');
      if (lines.length > 50_000) problems.push(`external-list ${item}: more than 50,000 entries`);
      return lines;
    };
    const prefixes = (item: string): Prefix[] => {
      const [own] = this.#get('address', item, 'ip-netmask');
      if (own !== undefined) return [parsePrefix(own)];
      const group = this.#get('address-group', item, 'static');
      if (group.length > 0) return group.flatMap(prefixes);
      return list(item, 'ip')?.map(parsePrefix) ?? unresolved(item);
    };
    const entries = (item: string): readonly string[] => {
      const own = this.#get('category', item, 'list');
      return own.length > 0 ? own : (list(item, 'url') ?? unresolved(item));
    };
    const any = (values: readonly string[]) => values.length === 1 && values[0] === 'any';
    const services = get('service').map((item) => {
      const ports = (['tcp', 'udp'] as const).flatMap((protocol) => {
        const text = this.#get('service', item, `${protocol} port`)[0];
        return text === undefined ? [] : [{ protocol, text }];
      });
      // A service is of one protocol.
      if (ports.length !== 1) unresolved(item);
      return ports[0];
    });
    const [destination, category] = [get('destination'), get('category')];
    const addresses = any(destination) ? undefined : destination.flatMap(prefixes);
    const urls = any(category) ? undefined : category.flatMap(entries);
    return {
      services: services.flatMap((service) => service ?? []),
      addresses,
      urls,
      matches: ({ host, address, port, protocol = 'tcp' }) =>
        services.some((service) => service?.protocol === protocol && hasPort(service.text, port)) &&
        (addresses === undefined || addresses.some((prefix) => holds(prefix, address))) &&
        (urls === undefined || (host !== undefined && urls.some((entry) => urlMatches(entry, host)))),
    };
  }
}

export interface PanOsSetting {
  /** '' for a firewall; `shared` or `device-group NAME` for Panorama. */
  readonly scope?: string;
  /** Whether the device has a rule `deny-all` of its own already. */
  readonly denyAll?: boolean;
  /** What a web server answers for the URL of an external list. */
  readonly fetch?: (url: string) => string;
}

/** What one rule lets pass; undefined is any. */
export interface Passing {
  readonly services: readonly { readonly protocol: 'tcp' | 'udp'; readonly text: string }[];
  readonly addresses: readonly Prefix[] | undefined;
  readonly urls: readonly string[] | undefined;
}

interface Rule extends Passing {
  readonly reached: boolean;
  readonly matches: (target: {
    readonly host?: string;
    readonly address: string;
    readonly port: number;
    readonly protocol?: 'tcp' | 'udp';
  }) => boolean;
}

interface Command {
  readonly kind: string;
  readonly pattern: string;
  /** Characters of the name. */
  readonly limit: number;
  readonly field?: string;
  readonly list: boolean;
  readonly value: (text: string, field: string) => boolean;
}

const NAME = '(?<name>[^ ]+)';
const LIST = '(?<value>[^ []+|\\[( [^ ]+)+ \\])';
const SINGLE = new Set(['action', 'log-end', 'type']);
const HOUR = '([01]\\d|2[0-3])';
const URL_ENTRY = /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*\/$/;
const RECURRING = new RegExp(
  `^(five-minute|hourly|daily at ${HOUR}|weekly day-of-week (mon|tues|wednes|thurs|fri|satur|sun)day at ${HOUR})$`,
);

const GRAMMAR: readonly Command[] = [
  {
    kind: 'tag',
    pattern: `tag ${NAME} (?<field>comments) (?<value>[^ ]+)`,
    limit: 127,
    list: false,
    value: (text) => text.length <= 1023,
  },
  {
    kind: 'address',
    pattern: `address ${NAME} (?<field>ip-netmask) (?<value>[^ ]+)`,
    limit: 63,
    list: false,
    value: isPrefix,
  },
  {
    kind: 'address-group',
    pattern: `address-group ${NAME} (?<field>static) ${LIST}`,
    limit: 63,
    list: true,
    value: () => true,
  },
  {
    kind: 'service',
    pattern: `service ${NAME} protocol (?<field>(tcp|udp) port) (?<value>[^ ]+)`,
    limit: 63,
    list: false,
    value: isPortList,
  },
  {
    kind: 'category',
    pattern: `profiles custom-url-category ${NAME} (?<field>type) (?<value>URL\u00a0List)`,
    limit: 31,
    list: false,
    value: () => true,
  },
  {
    kind: 'category',
    pattern: `profiles custom-url-category ${NAME} (?<field>list) ${LIST}`,
    limit: 31,
    list: true,
    value: (text) => URL_ENTRY.test(text) && text.length <= 255,
  },
  {
    kind: 'external-list',
    pattern: `external-list ${NAME} type (?<field>(ip|url) url) (?<value>[^ ]+)`,
    limit: 31,
    list: false,
    value: (text) => text.startsWith('https://') && text.length <= 255,
  },
  {
    kind: 'external-list',
    pattern: `external-list ${NAME} type (?<field>(ip|url) recurring) (?<value>[^[]+)`,
    limit: 31,
    list: false,
    value: (text) => RECURRING.test(text),
  },
  {
    kind: 'external-list',
    pattern: `external-list ${NAME} type (?<field>(ip|url) certificate-profile) (?<value>[^ [{]+)`,
    limit: 31,
    list: false,
    value: (text) => text.length <= 31,
  },
  {
    kind: 'rule',
    pattern: `(pre-)?rulebase (?<rulebase>security) rules ${NAME} (?<field>from|to|source|destination|application|service|category|action|log-end|tag) ${LIST}`,
    limit: 63,
    list: true,
    value: (text, field) =>
      field === 'action' ? /^(allow|deny)$/.test(text) : field === 'log-end' ? /^(yes|no)$/.test(text) : true,
  },
  {
    kind: 'rule',
    pattern: `(pre-)?rulebase (?<rulebase>decryption) rules ${NAME} (?<field>from|to|source|destination|service|category|action|type|tag) ${LIST}`,
    limit: 63,
    list: true,
    value: (text, field) =>
      field === 'action'
        ? /^(no-)?decrypt$/.test(text)
        : field === 'type'
          ? text === 'ssl-forward-proxy'
          : true,
  },
];

function tokens(line: string): string[] {
  if (!/^([^" ]+|"[^"]*")( ([^" ]+|"[^"]*"))*$/.test(line)) throw new Error(`Invalid syntax: ${line}`);
  return [...line.matchAll(/"(?<quoted>[^"]*)"|[^ ]+/g)].map(({ 0: word, groups }) => groups?.quoted ?? word);
}

function isPrefix(text: string): boolean {
  try {
    parsePrefix(text);
    return true;
  } catch {
    return false;
  }
}

function isPortList(text: string): boolean {
  if (text.length > 1023 || !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return false;
  return text.split(',').every((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return first! >= 1 && first! <= last! && last! <= 65535;
  });
}

function hasPort(text: string, port: number): boolean {
  return text.split(',').some((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return first! <= port && port <= last!;
  });
}

function holds(prefix: Prefix, text: string): boolean {
  const { family, value } = parseAddress(text);
  return family === prefix.family && prefix.first <= value && value <= lastAddress(prefix);
}

/** `*.` is one or more labels; an entry that ends in a slash matches the whole host and no longer one. */
function urlMatches(entry: string, host: string): boolean {
  const name = entry.slice(0, -1);
  return name.startsWith('*.')
    ? host.endsWith(name.slice(1)) && host.length > name.length - 1
    : host === name;
}
