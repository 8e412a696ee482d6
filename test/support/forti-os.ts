import { parseAddress } from '../../src/net/address.ts';
import { lastAddress, type Prefix, parsePrefix } from '../../src/net/prefix.ts';

/**
 * Stands in for a FortiGate, of which there is no program to test with: the part of the FortiOS command language that
 * the rule files use, written from Fortinet's CLI references and on its own, without the product's read-back. Nothing
 * waits for a commit: `next` checks an entry and makes it count at once, `delete` refuses what others refer to. What
 * is no command of FortiOS is an exception; what the device would answer to a command that it knows is returned.
 */
export class FortiGate {
  readonly #tables = new Map<string, Map<string, Entry>>(
    Object.keys(TABLES).map((name) => [name, new Map()]),
  );
  readonly #most: { readonly members: number; readonly addresses: number };

  /** @param own commands that the device was configured with before */
  constructor({ own = '', members = 300, addresses = 10_000 }: FortiGateSetting = {}) {
    this.#most = { members, addresses };
    this.#table('firewall address').set('all', new Map([['subnet', ['0.0.0.0', '0.0.0.0']]]));
    this.#table('firewall address6').set('all', new Map([['ip6', ['::/0']]]));
    this.#table('firewall service custom').set('ALL', new Map([['protocol', ['IP']]]));
    if (this.run(own).length > 0) throw new Error('what the device was configured with is wrong');
  }

  /**
   * Takes a configuration script; `each` is called with the table after every command that changes something. Returns
   * the answers that are errors.
   */
  run(script: string, each: (table: string) => void = () => {}): string[] {
    let table: string | undefined;
    let open: { readonly key: string; readonly entry: Entry } | undefined;
    const answers: string[] = [];
    const save = () => {
      if (open === undefined) return;
      this.#save(table!, open.key, open.entry);
      open = undefined;
      each(table!);
    };
    for (const line of script.split('\n')) {
      if (line.trim() === '') continue;
      const [verb, ...words] = tokens(line);
      const bad = (): never => {
        throw new Error(`Unknown action: ${line}`);
      };
      if (verb === 'config' && table === undefined) {
        table = words.join(' ');
        if (!(table in TABLES)) bad();
      } else if (table === undefined) bad();
      else if (verb === 'end' && words.length === 0) {
        save();
        table = undefined;
      } else if (open !== undefined) {
        if (verb === 'next' && words.length === 0) save();
        else if (verb === 'set' || verb === 'append') this.#assign(table, open.entry, verb, words, line);
        else if (verb === 'unset' && words.length === 1 && words[0]! in TABLES[table]!.fields)
          open.entry.delete(words[0]!);
        else bad();
      } else if (verb === 'edit' && words.length === 1) {
        const key = this.#key(table, words[0]!, line);
        open = { key, entry: new Map(this.#table(table).get(key) ?? []) };
      } else if (verb === 'delete' && words.length === 1) {
        const answer = this.#delete(table, words[0]!);
        if (answer !== undefined) answers.push(`${answer}: ${line.trim()}`);
        each(table);
      } else if (verb === 'move' && words.length === 3) {
        const answer = this.#move(table, words, line);
        if (answer !== undefined) answers.push(`${answer}: ${line.trim()}`);
        each(table);
      } else bad();
    }
    if (table !== undefined) throw new Error(`${table} is still open at the end`);
    return answers;
  }

  /** Whether a connection passes: the first policy that matches decides, and none means no. */
  allows({
    address,
    port,
    protocol = 'tcp',
    from = 'internal',
    to = 'wan1',
  }: {
    readonly address: string;
    readonly port: number;
    readonly protocol?: 'tcp' | 'udp';
    readonly from?: string;
    readonly to?: string;
  }): boolean {
    const suffix = address.includes(':') ? '6' : '';
    const { value } = parseAddress(address);
    for (const entry of this.#table('firewall policy').values()) {
      const get = (field: string) => entry.get(field) ?? [];
      const isOn = (field: string, name: string) => get(field).some((own) => own === name || own === 'any');
      if (
        get('status').join() !== 'disable' &&
        isOn('srcintf', from) &&
        isOn('dstintf', to) &&
        get('service').some((name) => this.#serves(name, port, protocol)) &&
        get(`dstaddr${suffix}`).some((name) => this.#holds(name, suffix, value))
      )
        return get('action').join() === 'accept';
    }
    return false;
  }

  /** The names of the policies, in order; of those without one, the id. */
  get policies(): readonly string[] {
    return [...this.#table('firewall policy')].map(([id, entry]) => entry.get('name')?.[0] ?? id);
  }

  /** Whether the policy of a name translates the addresses of the clients. */
  translates(name: string): boolean {
    const found = [...this.#table('firewall policy').values()].find(
      (entry) => entry.get('name')?.[0] === name,
    );
    return found?.get('nat')?.join() === 'enable';
  }

  /** The groups and how many members each has. */
  get groups(): ReadonlyMap<string, number> {
    return new Map(
      GROUPS.flatMap((table) =>
        [...this.#table(table)].map(([name, entry]) => [name, entry.get('member')!.length] as const),
      ),
    );
  }

  /** Every object by table and name, but for those that come with the device. */
  get objects(): readonly string[] {
    return [...this.#tables]
      .flatMap(([table, entries]) => [...entries.keys()].map((name) => `${table} ${name}`))
      .filter((key) => !BUILT_IN.has(key))
      .sort();
  }

  /** Every object with what it says; devices with equal states behave alike, but for the order of policies. */
  get state(): readonly string[] {
    return [...this.#tables]
      .flatMap(([table, entries]) =>
        [...entries].map(([name, entry]) => {
          const fields = [...entry].map(([field, values]) => [field, [...values].sort()]).sort();
          return `${table} ${name} ${JSON.stringify(fields)}`;
        }),
      )
      .sort();
  }

  #table(name: string): Map<string, Entry> {
    return this.#tables.get(name)!;
  }

  #key(table: string, word: string, line: string): string {
    const { nameLength } = TABLES[table]!;
    if (nameLength !== undefined) {
      if (word.length > nameLength || !/^[A-Za-z0-9 _.-]+$/.test(word)) throw new Error(`Bad name: ${line}`);
      return word;
    }
    if (!/^\d+$/.test(word) || Number(word) > 4_294_967_294) throw new Error(`Bad id: ${line}`);
    if (Number(word) > 0) return word;
    return String(Math.max(0, ...[...this.#table(table).keys()].map(Number)) + 1);
  }

  #assign(table: string, entry: Entry, verb: string, words: readonly string[], line: string): void {
    const [field = '', ...values] = words;
    const type = TABLES[table]!.fields[field];
    if (type === undefined) throw new Error(`Unknown field: ${line}`);
    if (values.length === 0) throw new Error(`No value: ${line}`);
    if (!type.list && (values.length !== (type.words ?? 1) || verb === 'append'))
      throw new Error(`Not a list: ${line}`);
    for (const value of values)
      if (type.value !== undefined && !type.value(value)) throw new Error(`Bad value: ${line}`);
    for (const value of values)
      if (type.refers !== undefined && !type.refers.some((to) => this.#table(to).has(value)))
        throw new Error(`entry not found in datasource: ${line}`);
    entry.set(field, verb === 'append' ? [...new Set([...(entry.get(field) ?? []), ...values])] : values);
  }

  #save(table: string, key: string, entry: Entry): void {
    const fail = (what: string): never => {
      throw new Error(`${table} ${key}: ${what}`);
    };
    const has = (field: string) => entry.has(field) || fail(`attribute '${field}' MUST be set`);
    if (table === 'firewall address') has('subnet');
    if (table === 'firewall address6') has('ip6');
    if (GROUPS.includes(table)) {
      has('member');
      if (entry.get('member')!.length > this.#most.members) fail('too many members');
      if (entry.get('member')!.includes(key)) fail('a member of itself');
    }
    for (const names of [
      ['firewall address', 'firewall addrgrp'],
      ['firewall address6', 'firewall addrgrp6'],
    ])
      if (names.includes(table) && names.some((other) => other !== table && this.#table(other).has(key)))
        fail('duplicate name');
    if (table === 'firewall policy') {
      for (const field of ['srcintf', 'dstintf', 'schedule', 'service']) has(field);
      const families = ['', '6'].filter(
        (suffix) => entry.has(`srcaddr${suffix}`) || entry.has(`dstaddr${suffix}`),
      );
      if (families.length === 0) fail('no addresses');
      for (const suffix of families) for (const end of ['srcaddr', 'dstaddr']) has(`${end}${suffix}`);
      for (const [id, other] of this.#table(table))
        if (id !== key && other.get('name')?.[0] === entry.get('name')?.[0]) fail('duplicate name');
    }
    this.#table(table).set(key, entry);
    const addresses = this.#table('firewall address').size + this.#table('firewall address6').size;
    if (addresses - 2 > this.#most.addresses) fail('the maximum number of entries has been reached');
  }

  #delete(table: string, name: string): string | undefined {
    if (!this.#table(table).has(name)) return 'entry not found in table';
    for (const [other, { fields }] of Object.entries(TABLES))
      for (const [key, entry] of this.#table(other))
        for (const [field, { refers }] of Object.entries(fields))
          if (refers?.includes(table) && entry.get(field)?.includes(name))
            return `the entry is used by ${other} ${key}`;
    this.#table(table).delete(name);
    return undefined;
  }

  #move(table: string, [name, where, anchor]: readonly string[], line: string): string | undefined {
    if (table !== 'firewall policy' || !/^(before|after)$/.test(where!))
      throw new Error(`Unknown action: ${line}`);
    const entries = [...this.#table(table)];
    const moved = entries.find(([key]) => key === name);
    const rest = entries.filter(([key]) => key !== name);
    const at = rest.findIndex(([key]) => key === anchor);
    if (moved === undefined || at < 0) return 'entry not found in table';
    rest.splice(where === 'before' ? at : at + 1, 0, moved);
    this.#tables.set(table, new Map(rest));
    return undefined;
  }

  #holds(name: string, suffix: string, value: bigint): boolean {
    const own = this.#table(`firewall address${suffix}`).get(name);
    if (own === undefined)
      return this.#table(`firewall addrgrp${suffix}`)
        .get(name)!
        .get('member')!
        .some((member) => this.#holds(member, suffix, value));
    const { first, last } = rangeOf(own);
    return first <= value && value <= last;
  }

  #serves(name: string, port: number, protocol: string): boolean {
    const service = this.#table('firewall service custom').get(name)!;
    if (service.get('protocol')?.join() === 'IP') return true;
    return (service.get(`${protocol}-portrange`) ?? []).some((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return first! <= port && port <= last!;
    });
  }
}

export interface FortiGateSetting {
  readonly own?: string;
  /** Members of one group. */
  readonly members?: number;
  /** Address objects of both families. */
  readonly addresses?: number;
}

type Entry = Map<string, readonly string[]>;

interface Field {
  readonly list?: boolean;
  /** How many words a value has that is no list; one unless said. */
  readonly words?: number;
  readonly value?: (text: string) => boolean;
  /** The tables in which a value must be an entry. */
  readonly refers?: readonly string[];
}

const GROUPS: readonly string[] = ['firewall addrgrp', 'firewall addrgrp6'];

const BUILT_IN = new Set(['firewall address all', 'firewall address6 all', 'firewall service custom ALL']);

const oneOf =
  (...values: readonly string[]) =>
  (text: string) =>
    values.includes(text);
const upTo = (length: number) => (text: string) => text.length <= length;
const INTERFACE: Field = { list: true, value: oneOf('internal', 'wan1', 'wan2', 'dmz', 'any') };
const IPV4: Field = { list: true, refers: ['firewall address', 'firewall addrgrp'] };
const IPV6: Field = { list: true, refers: ['firewall address6', 'firewall addrgrp6'] };
const PORTS: Field = { list: true, value: isPortRange };
const COMMENT: Field = { value: upTo(255) };

/** `nameLength` is left out where entries have numbers. */
const TABLES: Readonly<
  Record<string, { readonly nameLength?: number; readonly fields: Readonly<Record<string, Field>> }>
> = {
  'firewall address': {
    nameLength: 79,
    fields: {
      subnet: {
        words: 2,
        value: (text) => /^\d+\.\d+\.\d+\.\d+$/.test(text) && parseAddress(text).family === 4,
      },
      comment: COMMENT,
    },
  },
  'firewall address6': {
    nameLength: 79,
    fields: { ip6: { value: (text) => parsePrefix(text).family === 6 }, comment: COMMENT },
  },
  'firewall addrgrp': { nameLength: 79, fields: { member: IPV4, comment: COMMENT } },
  'firewall addrgrp6': { nameLength: 79, fields: { member: IPV6, comment: COMMENT } },
  // 79 characters since FortiOS 7, 63 before.
  'firewall service custom': {
    nameLength: 63,
    fields: {
      protocol: { value: oneOf('TCP/UDP/SCTP', 'ICMP', 'ICMP6', 'IP') },
      'tcp-portrange': PORTS,
      'udp-portrange': PORTS,
      comment: COMMENT,
    },
  },
  'firewall policy': {
    fields: {
      name: { value: upTo(35) },
      srcintf: INTERFACE,
      dstintf: INTERFACE,
      srcaddr: IPV4,
      dstaddr: IPV4,
      srcaddr6: IPV6,
      dstaddr6: IPV6,
      action: { value: oneOf('accept', 'deny') },
      status: { value: oneOf('enable', 'disable') },
      schedule: { value: oneOf('always', 'none') },
      service: { list: true, refers: ['firewall service custom'] },
      logtraffic: { value: oneOf('all', 'utm', 'disable') },
      nat: { value: oneOf('enable', 'disable') },
      comments: { value: upTo(1023) },
    },
  },
};

/** A question mark asks a terminal for help, and a quotation mark that is not closed goes on in the next line. */
function tokens(line: string): string[] {
  const words = line.trim();
  if (/[?\t]/.test(line) || !/^([^"'\\ ]+|"[^"\\]*")( ([^"'\\ ]+|"[^"\\]*"))*$/.test(words))
    throw new Error(`Command parse error: ${line}`);
  return [...words.matchAll(/"(?<quoted>[^"]*)"|[^ ]+/g)].map(
    ({ 0: word, groups }) => groups?.quoted ?? word,
  );
}

/** Destination ports only: source ports come after a colon. */
function isPortRange(text: string): boolean {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return false;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  return first >= 1 && first <= last && last <= 65_535;
}

/** Of every entry that was saved; an edit makes another entry of it. */
const ranges = new WeakMap<Entry, { readonly first: bigint; readonly last: bigint }>();

function rangeOf(entry: Entry): { readonly first: bigint; readonly last: bigint } {
  const known = ranges.get(entry);
  if (known !== undefined) return known;
  const prefix = prefixOf(entry);
  const range = { first: prefix.first, last: lastAddress(prefix) };
  ranges.set(entry, range);
  return range;
}

function prefixOf(entry: Entry): Prefix {
  const ip6 = entry.get('ip6');
  if (ip6 !== undefined) return parsePrefix(ip6[0]!);
  const [address, mask] = entry.get('subnet')!;
  const bits = parseAddress(mask!).value.toString(2).padStart(32, '0');
  if (!/^1*0*$/.test(bits)) throw new Error(`not a mask: ${mask}`);
  return parsePrefix(`${address}/${bits.replaceAll('0', '').length}`);
}
