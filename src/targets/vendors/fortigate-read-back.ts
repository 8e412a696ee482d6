import { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet, PROTOCOLS } from '../../net/ports.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import { nameHash } from '../name-hash.ts';
import { EntryGroup, maskLength, parsePorts, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { OptionValues } from '../view.ts';
import { inOrder, isOurs } from './fortigate-retired.ts';
import {
  type Command,
  DELETION_ORDER,
  LEAST_POLICY_ID,
  POLICY_IDS,
  type Section,
  type Setting,
  sectionsOf,
  TABLES,
  type Table,
  unquoted,
} from './fortigate-text.ts';

type Edit = Extract<Command, { verb: 'edit' }>;

/** What the file makes of a device, every reference resolved. */
interface Reading {
  readonly admission: Admission;
  /** The options as the policies say them; none where there is no policy. */
  readonly settings: OptionValues;
}

const PATHS = ['about.txt', 'azure.conf'];

/**
 * Reads the objects, resolves every reference, and holds what is deleted to what these files may have made.
 * @throws ReadBackError for a command, order or reference that is not what this target writes
 */
export function readBack(files: readonly RuleFile[]): Admission {
  return readingOf(files).admission;
}

/**
 * Reads the options back: interfaces, sources, address translation, log, position, ids and the beginning of the names.
 * Those of a family that no policy is for are left out.
 */
export function readSettings(files: readonly RuleFile[]): OptionValues {
  return readingOf(files).settings;
}

const readingOf = readOnce((files: readonly RuleFile[]): Reading => {
  for (const path of PATHS)
    if (!files.some((file) => file.path === path)) throw new ReadBackError(`${path} is missing`);
  for (const { path } of files)
    if (!PATHS.includes(path)) throw new ReadBackError(`${path}: not a file of this target`);
  const about = files.find(({ path }) => path === 'about.txt')!;
  // Were it pasted by mistake, no line of it may be a command.
  if (!/^(#.*\n)*$/.test(about.text)) throw new ReadBackError('about.txt: holds a line that is no comment');
  const { path, text } = files.find((file) => file.path === 'azure.conf')!;
  const sections = sectionsOf(path, text);
  requireOrder(sections);
  return new Reader(sections).read();
});

/** Definitions in the order of what they refer to, then deletions in the reverse sense. */
function requireOrder(sections: readonly Section[]): void {
  let last = -1;
  for (const { table, commands, where } of sections) {
    const deletes = commands.every(({ verb }) => verb === 'delete') && table !== 'firewall policy';
    const place = deletes ? TABLES.length + DELETION_ORDER.indexOf(table) : TABLES.indexOf(table);
    if (place <= last)
      throw new ReadBackError(`${where}: config ${table} is out of order, or is listed twice`);
    last = place;
    const verbs = deletes ? ['delete'] : table === 'firewall policy' ? ['delete', 'edit', 'move'] : ['edit'];
    let turn = 0;
    for (const command of commands) {
      const found = verbs.indexOf(command.verb);
      if (found < turn) throw new ReadBackError(`${command.where}: ${command.verb} is out of order here`);
      turn = found;
    }
    const names = commands.map(({ verb, name }) => `${verb} ${name}`);
    const double = commands.find(({ verb, name }, index) => names.indexOf(`${verb} ${name}`) < index);
    if (double !== undefined) throw new ReadBackError(`${double.where}: ${double.name} is listed twice`);
    const gone = commands.flatMap((command) => (command.verb === 'delete' ? [command] : []));
    for (const [index, { name, where: at }] of gone.entries()) {
      if (!isOurs(table, name)) throw new ReadBackError(`${at}: ${name} is not an object of this target`);
      if (index > 0 && inOrder(table)(gone[index - 1]!.name, name) >= 0)
        throw new ReadBackError(`${at}: ${name} is deleted out of order`);
    }
  }
}

class Reader {
  readonly #edits: ReadonlyMap<Table, readonly Edit[]>;
  readonly #sections: readonly Section[];
  readonly #used = new Set<string>();
  /** Of both families. */
  readonly #addresses = new Map<string, Prefix>();
  readonly #groups = new Map<string, { readonly family: 4 | 6; readonly members: readonly string[] }>();
  readonly #services = new Map<string, PortSet>();

  constructor(sections: readonly Section[]) {
    this.#sections = sections;
    const defined = sections.map(({ table, commands }): [Table, Edit[]] => [
      table,
      commands.flatMap((command) => (command.verb === 'edit' ? [command] : [])),
    ]);
    this.#edits = new Map(defined.filter(([, edits]) => edits.length > 0));
  }

  read(): Reading {
    for (const edit of this.#of('firewall address')) this.#address(edit, 4);
    for (const edit of this.#of('firewall address6')) this.#address(edit, 6);
    for (const edit of this.#of('firewall addrgrp')) this.#group(edit, 4);
    for (const edit of this.#of('firewall addrgrp6')) this.#group(edit, 6);
    for (const edit of this.#of('firewall service custom')) this.#service(edit);
    const policies = this.#of('firewall policy').map((edit) => this.#policy(edit));
    for (const { table, commands } of this.#sections)
      for (const command of commands)
        if (command.verb === 'delete' && this.#of(table).some(({ name }) => name === command.name))
          throw new ReadBackError(`${command.where}: the file itself defines ${command.name}`);
    for (const name of [...this.#addresses.keys(), ...this.#groups.keys(), ...this.#services.keys()])
      if (!this.#used.has(name)) throw new ReadBackError(`azure.conf: nothing refers to ${name}`);
    const settings = merged(policies.map((policy) => policy.settings));
    return {
      admission: Admission.union(policies.map(({ admission }) => admission)),
      settings: policies.length === 0 ? {} : { ...settings, position: this.#position() },
    };
  }

  #of(table: Table): readonly Edit[] {
    return this.#edits.get(table) ?? [];
  }

  #address({ name, settings, where }: Edit, family: 4 | 6): void {
    const text = readAt(where, () => {
      if (family === 6) return single(settings, 'ip6');
      const [address, netmask] = valuesOf(settings, 'subnet', 2);
      return `${address}/${maskLength(netmask!)}`;
    });
    requireOnly(settings, [family === 4 ? 'subnet' : 'ip6'], where);
    const prefix = readAt(where, () => parsePrefix(text));
    if (prefix.family !== family || formatPrefix(prefix) !== text)
      throw new ReadBackError(`${where}: ${text} is not an IPv${family} prefix in canonical spelling`);
    if (!name.endsWith(`-${text.replaceAll(/[.:]/g, '_').replace('/', '-')}`))
      throw new ReadBackError(`${where}: ${text} is not the address of the name ${name}`);
    this.#addresses.set(name, prefix);
  }

  #group({ name, settings, where }: Edit, family: 4 | 6): void {
    const members = settings.map(({ verb, attribute, values, where: at }, index) => {
      if (verb !== (index === 0 ? 'set' : 'append') || attribute !== 'member' || values.length !== 1)
        throw new ReadBackError(`${at}: not a member, each on a line of its own, the first by set`);
      return readAt(at, () => quoted(values[0]!));
    });
    if (members.length === 0) throw new ReadBackError(`${where}: the group ${name} is empty`);
    for (const [index, member] of members.entries()) {
      const at = settings[index]!.where;
      if (this.#used.has(member) && members.indexOf(member) < index)
        throw new ReadBackError(`${at}: ${member} is listed twice`);
      this.#used.add(member);
      const found = this.#addresses.get(member) ?? this.#groups.get(member);
      if (found === undefined) throw new ReadBackError(`${at}: ${member} is not defined above`);
      if (found.family !== family) throw new ReadBackError(`${at}: ${member} is of the other family`);
    }
    if (this.#addresses.has(name)) throw new ReadBackError(`${where}: ${name} is an address already`);
    this.#groups.set(name, { family, members });
  }

  #service({ name, settings, where }: Edit): void {
    readAt(where, () => {
      const protocols = PROTOCOLS.filter((protocol) =>
        settings.some(({ attribute }) => attribute === `${protocol}-portrange`),
      );
      if (protocols.length === 0) throw new RangeError(`the service ${name} has no ports`);
      requireOnly(
        settings,
        protocols.map((protocol) => `${protocol}-portrange`),
        where,
      );
      const ports = protocols.map((protocol) => {
        const { values } = settings.find(({ attribute }) => attribute === `${protocol}-portrange`)!;
        const own = parsePorts(values.join(' ')).as(protocol);
        // Neither twice, nor in another order, nor with what is only for sources.
        if (own.as('tcp').toStrings().join(' ') !== values.join(' '))
          throw new RangeError(`${values.join(' ')} is not in canonical spelling`);
        return own;
      });
      this.#services.set(
        name,
        ports.reduce((all, own) => all.union(own), PortSet.empty),
      );
    });
  }

  #policy({ name: id, settings, where }: Edit): { admission: Admission; settings: OptionValues } {
    return readAt(where, () => {
      const family = settings.some(({ attribute }) => attribute === 'dstaddr6') ? 6 : 4;
      const suffix = family === 6 ? '6' : '';
      requireOnly(
        settings,
        [
          ...['name', 'srcintf', 'dstintf', `srcaddr${suffix}`, `dstaddr${suffix}`, 'action', 'status'],
          ...['schedule', 'service', 'logtraffic', 'nat', 'comments'],
        ],
        where,
      );
      const is = (attribute: string, value: string): void => {
        if (single(settings, attribute) !== value) throw new RangeError(`${attribute} is not ${value}`);
      };
      const name = quoted(single(settings, 'name'));
      const parts = /^(?<prefix>[a-z][a-z0-9]?)-(?<rule>[a-z][a-z0-9-]*)_ipv(?<family>[46])$/.exec(
        name,
      )?.groups;
      if (parts?.family !== String(family)) throw new RangeError(`${name} is not the name of such a policy`);
      is(`dstaddr${suffix}`, `"${name}"`);
      is('action', 'accept');
      is('status', 'enable');
      is('schedule', '"always"');
      is('comments', `"azure-allowlist: rule ${parts.rule}"`);
      const firstPolicyId = Number(id) - (nameHash(name) % POLICY_IDS);
      if (firstPolicyId < LEAST_POLICY_ID) throw new RangeError(`${id} is not the id of ${name}`);
      const nat = single(settings, 'nat');
      if (nat !== 'disable' && (family === 6 || nat !== 'enable')) throw new RangeError(`nat is ${nat}`);
      const service = quoted(single(settings, 'service'));
      this.#used.add(service);
      const ports = this.#services.get(service);
      if (ports === undefined) throw new RangeError(`there is no service ${service}`);
      if (this.#groups.get(name)?.family !== family) throw new RangeError(`there is no such group ${name}`);
      this.#used.add(name);
      const entries = new EntryGroup();
      for (const prefix of this.#prefixes(name)) entries.addPrefix(formatPrefix(prefix));
      entries.requireDisjoint(`${where}: ${name}`);
      const listed = (attribute: string) => valuesOf(settings, attribute).map(quoted).join(' ');
      const source = listed(`srcaddr${suffix}`);
      // The group of the rule's own clients, or what the option names.
      const bound = source === `${parts.prefix}-${parts.rule}_clients${family}` && this.#groups.has(source);
      if (bound) {
        if (this.#groups.get(source)!.family !== family)
          throw new RangeError(`${source} is of the other family`);
        this.#used.add(source);
      }
      const clients = bound ? DualStackSet.fromPrefixes(this.#prefixes(source)) : undefined;
      return {
        admission: entries.on(ports).from(clients),
        settings: {
          prefix: parts.prefix!,
          firstPolicyId,
          srcintf: listed('srcintf'),
          dstintf: listed('dstintf'),
          ...(bound ? {} : { [`srcaddr${suffix}`]: source }),
          log: single(settings, 'logtraffic'),
          ...(family === 4 ? { nat: nat === 'enable' } : {}),
        },
      };
    });
  }

  #prefixes(name: string): Prefix[] {
    const own = this.#addresses.get(name);
    return own === undefined
      ? this.#groups.get(name)!.members.flatMap((member) => this.#prefixes(member))
      : [own];
  }

  /** Every policy moves to one place, or none moves. */
  #position(): string {
    const section = this.#sections.find(({ table }) => table === 'firewall policy');
    const moves = (section?.commands ?? []).flatMap((command) => (command.verb === 'move' ? [command] : []));
    const ids = this.#of('firewall policy').map(({ name }) => name);
    const [first] = moves;
    if (first === undefined) return 'end';
    if (moves.map(({ name }) => name).join() !== ids.join() || ids.includes(first.before))
      throw new ReadBackError(`${first.where}: not every policy is moved once, in order`);
    if (moves.some(({ before }) => before !== first.before))
      throw new ReadBackError(`${first.where}: the policies are moved to different places`);
    return `before ${first.before}`;
  }
}

/** Just these attributes, in this order, each by one `set`. */
function requireOnly(settings: readonly Setting[], attributes: readonly string[], where: string): void {
  const found = settings.map(({ verb, attribute }) => `${verb} ${attribute}`).join(', ');
  if (found !== attributes.map((attribute) => `set ${attribute}`).join(', '))
    throw new ReadBackError(`${where}: not the lines of such an object: ${found}`);
}

function valuesOf(settings: readonly Setting[], attribute: string, count?: number): readonly string[] {
  const values = settings.find((setting) => setting.attribute === attribute)?.values;
  if (values === undefined) throw new RangeError(`there is no ${attribute}`);
  if (count !== undefined && values.length !== count) throw new RangeError(`${attribute} is not one value`);
  return values;
}

function single(settings: readonly Setting[], attribute: string): string {
  return valuesOf(settings, attribute, 1)[0]!;
}

function quoted(value: string): string {
  if (!value.startsWith('"')) throw new RangeError(`${value} is not in quotation marks`);
  return unquoted(value);
}

/** What all policies say alike. @throws ReadBackError where two differ */
function merged(all: readonly OptionValues[]): OptionValues {
  const found: Record<string, string | number | boolean> = {};
  for (const settings of all)
    for (const [name, value] of Object.entries(settings)) {
      if (found[name] !== undefined && found[name] !== value)
        throw new ReadBackError(`azure.conf: the policies differ in ${name}`);
      found[name] = value;
    }
  return found;
}
