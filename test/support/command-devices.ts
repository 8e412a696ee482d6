import { parseAddress } from '../../src/net/address.ts';
import { lastAddress, parsePrefix } from '../../src/net/prefix.ts';
import { maskLength } from '../../src/targets/read-back.ts';

/*
 * Stand in for devices of which there is no program to test with: the parts of their command languages that the rule
 * files use, written from the vendors' documents and on their own, without the product's grammars.
 */

interface Packet {
  readonly address: string;
  readonly port: number;
  readonly protocol?: 'tcp' | 'udp';
}

interface Group {
  readonly type: string;
  readonly members: Map<string, (packet: Packet) => boolean>;
}

interface Line {
  readonly text: string;
  /** What it refers to. */
  readonly groups: readonly string[];
  readonly matches: (packet: Packet) => boolean;
}

/**
 * Cisco ASA and IOS XE: each command counts at once; what is in use can be neither removed nor made empty. What is no
 * command is an exception; what the device would answer to one that it knows is returned.
 */
export class CiscoDevice {
  readonly groups = new Map<string, Group>();
  readonly lists = new Map<string, Line[]>();

  run(script: string, each: () => void = () => {}): string[] {
    const answers: string[] = [];
    let mode: Group | Line[] | undefined;
    for (const raw of script.split('\n')) {
      if (raw === '' || raw.startsWith('!')) continue;
      const negated = raw.trim().startsWith('no ');
      const text = raw.trim().replace(/^no /, '');
      if (raw.startsWith(' ')) {
        if (mode === undefined) throw new Error(`Invalid input: ${raw}`);
        const answer = Array.isArray(mode)
          ? this.#permit(mode, text, negated)
          : this.#member(mode, text, negated);
        if (answer !== undefined) answers.push(`${answer}: ${raw.trim()}`);
      } else {
        const found = this.#command(text, negated);
        if (typeof found === 'string') answers.push(`${found}: ${raw}`);
        mode = typeof found === 'string' ? undefined : found;
      }
      each();
    }
    return answers;
  }

  /** Lines are tried in order; at the end everything is denied; a list without lines lets everything through. */
  allows(packet: Packet, ...lists: readonly string[]): boolean {
    return lists.some((name) => {
      const lines = this.lists.get(name);
      if (lines === undefined || lines.length === 0) return true;
      return lines.some((line) => line.matches(packet));
    });
  }

  get state(): readonly string[] {
    return [
      ...[...this.groups].map(
        ([name, { type, members }]) => `${type} ${name}: ${[...members.keys()].sort().join(', ')}`,
      ),
      ...[...this.lists].map(
        ([name, lines]) =>
          `${name}: ${lines
            .map(({ text }) => text)
            .sort()
            .join(', ')}`,
      ),
    ].sort();
  }

  #command(text: string, negated: boolean): Group | Line[] | string | undefined {
    const list = /^access-list (\S+) extended (permit .+)$/.exec(text);
    if (list !== null) {
      const lines = this.lists.get(list[1]!) ?? [];
      if (lines.length === 0 && negated) return 'Specified access-list does not exist';
      this.lists.set(list[1]!, lines);
      const answer = this.#permit(lines, list[2]!, negated);
      // The list goes with its last line.
      if (lines.length === 0) this.lists.delete(list[1]!);
      return answer;
    }
    const named = /^(?:ip access-list extended|ipv6 access-list) (\S+)$/.exec(text);
    if (named !== null) {
      if (negated) return this.lists.delete(named[1]!) ? undefined : 'not there';
      const lines = this.lists.get(named[1]!) ?? [];
      this.lists.set(named[1]!, lines);
      return lines;
    }
    const [, type, name] =
      /^(object network|object-group network|object-group v6-network|object-group service) (\S{1,64})$/.exec(
        text,
      ) ?? [];
    if (name === undefined) throw new Error(`Invalid input: ${text}`);
    if (negated) {
      if (!this.groups.has(name)) return 'not there';
      if (this.#isUsed(name)) return 'is being used';
      this.groups.delete(name);
      return undefined;
    }
    const group = this.groups.get(name) ?? { type: type!, members: new Map() };
    if (group.type !== type) throw new Error(`${name} is of another type`);
    this.groups.set(name, group);
    return group;
  }

  #isUsed(name: string): boolean {
    return [...this.lists.values()].some((lines) => lines.some(({ groups }) => groups.includes(name)));
  }

  #member(group: Group, text: string, negated: boolean): string | undefined {
    const name = [...this.groups].find(([, other]) => other === group)![0];
    const holds = memberOf(group.type, text);
    if (!negated) {
      if (group.members.has(text)) return 'already exists';
      if (group.type === 'object network') group.members.clear();
      group.members.set(text, holds);
      return undefined;
    }
    if (!group.members.has(text)) return 'not there';
    if (group.members.size === 1 && this.#isUsed(name)) return 'is being used and cannot be empty';
    group.members.delete(text);
    return undefined;
  }

  #permit(lines: Line[], text: string, negated: boolean): string | undefined {
    const found = lines.findIndex((line) => line.text === text);
    if (negated) {
      if (found < 0) return 'not there';
      lines.splice(found, 1);
      return undefined;
    }
    if (found >= 0) return 'already exists';
    if (/^deny (ip host 0\.0\.0\.0 host 0\.0\.0\.0|ipv6 host :: host ::)$/.test(text)) {
      lines.push({ text, groups: [], matches: () => false });
      return undefined;
    }
    const [, service, , group] =
      /^permit object-group (\S+) (any|any4|any6|object-group \S+) object(?:-group)? (\S+)$/.exec(text) ?? [];
    const [, protocol, , plain, first, last = first] =
      /^permit (tcp|udp) (any|any4|any6|object-group \S+) object(?:-group)? (\S+) (?:eq|range) (\d+)(?: (\d+))?$/.exec(
        text,
      ) ?? [];
    const target = group ?? plain;
    if (target === undefined || (text.includes(' eq ') && last !== first))
      throw new Error(`Invalid input: ${text}`);
    const filled = (name: string, isService: boolean) => {
      const { type, members } = this.groups.get(name) ?? {};
      if (members === undefined || members.size === 0) throw new Error(`there is nothing in ${name}`);
      if ((type === 'object-group service') !== isService) throw new Error(`${name} is of another type`);
      return (packet: Packet) => [...members.values()].some((holds) => holds(packet));
    };
    const goesTo = filled(target, false);
    const serves =
      service === undefined
        ? (packet: Packet) =>
            (packet.protocol ?? 'tcp') === protocol &&
            Number(first) <= packet.port &&
            packet.port <= Number(last)
        : filled(service, true);
    lines.push({
      text,
      groups: service === undefined ? [target] : [target, service],
      matches: (packet) => goesTo(packet) && serves(packet),
    });
    return undefined;
  }
}

/** `service-object tcp destination eq 443`, `service-object udp destination range 3478 3481`. */
function serviceOf(text: string): (packet: Packet) => boolean {
  const [, protocol, operator, first, last = first] =
    /^service-object (tcp|udp) destination (eq|range) (\d+)(?: (\d+))?$/.exec(text) ?? [];
  if (protocol === undefined || (operator === 'eq') !== (last === first))
    throw new Error(`Invalid input: ${text}`);
  return (packet) =>
    (packet.protocol ?? 'tcp') === protocol && Number(first) <= packet.port && packet.port <= Number(last);
}

function memberOf(type: string, text: string): (packet: Packet) => boolean {
  if (type === 'object-group service') return serviceOf(text);
  const [, name] = /^fqdn v4 (\S+)$/.exec(text) ?? [];
  if (type === 'object network' && name !== undefined) return ({ address }) => address === name;
  const plain = type === 'object-group network' ? text.replace(/^network-object /, '') : text;
  const [first, second] = plain.split(' ');
  return within(
    first === 'host'
      ? `${second}/${second!.includes(':') ? 128 : 32}`
      : second === undefined
        ? first!
        : `${first}/${maskLength(second)}`,
  );
}

function within(text: string): (packet: Packet) => boolean {
  const prefix = parsePrefix(text);
  const last = lastAddress(prefix);
  return ({ address }) => {
    if (/[g-z]/.test(address)) return false;
    const { family, value } = parseAddress(address);
    return family === prefix.family && prefix.first <= value && value <= last;
  };
}

/** Junos: commands change the candidate, which counts as a whole with the commit, if every reference is there. */
export class JunosDevice {
  #active: readonly string[] = [];
  #policies: readonly { readonly name: string; readonly matches: (packet: Packet) => boolean }[] = [];

  /** Loads set commands and commits; returns the warnings. @throws Error for what the device refuses */
  commit(script: string): string[] {
    const { lines: active, warnings } = loadSet(this.#active, script, statementsOf);
    this.#policies = policiesOf(active);
    this.#active = active;
    return warnings;
  }

  allows(packet: Packet): boolean {
    return this.#policies.some(({ matches }) => matches(packet));
  }

  get policies(): readonly string[] {
    return this.#policies.map(({ name }) => name);
  }

  get state(): readonly string[] {
    return [...this.#active].sort();
  }
}

/** One command may say several statements of one level. */
function statementsOf(path: string): string[] {
  const [, start, rest] =
    /^(applications application \S+|security policies from-zone \S+ to-zone \S+ policy \S+ match) (.+)$/.exec(
      path,
    ) ?? [];
  if (start === undefined) return [path];
  const words = rest!.split(' ');
  return words.flatMap((word, index) => (index % 2 === 0 ? [`${start} ${word} ${words[index + 1]}`] : []));
}

function policiesOf(lines: readonly string[]) {
  const all = (pattern: RegExp) =>
    lines.flatMap((line) => pattern.exec(line)?.slice(1) ?? []).filter((one) => one !== undefined);
  const names = new Set(all(/^security policies from-zone trust to-zone untrust policy (\S+) /));
  const book = 'security address-book global';
  for (const line of lines)
    if (
      ![
        /^security address-book global address [A-Za-z0-9._:-]{1,63} (?:dns-name )?\S+$/,
        /^security address-book global address-set [A-Za-z0-9._:-]{1,63} address \S+$/,
        /^applications application [A-Za-z0-9._:-]{1,63} (protocol (tcp|udp)|destination-port \d+(-\d+)?)$/,
        /^security policies from-zone \S+ to-zone \S+ policy [A-Za-z0-9._:-]{1,63} (match (source-address|destination-address|application) \S+|then permit)$/,
      ].some((pattern) => pattern.test(line))
    )
      throw new Error(`syntax error: ${line}`);
  return [...names].map((name) => {
    const path = `security policies from-zone trust to-zone untrust policy ${escaped(name)}`;
    const one = (pattern: string) => all(new RegExp(`^${path} ${pattern}$`));
    const sources = one('match source-address (\\S+)');
    const sets = one('match destination-address (\\S+)');
    const applications = one('match application (\\S+)');
    if (
      sources.length * sets.length * applications.length === 0 ||
      !lines.includes(`${path.replaceAll('\\', '')} then permit`)
    )
      throw new Error(`policy ${name}: missing mandatory statement`);
    const holds = sets.flatMap((set) => {
      const members = all(new RegExp(`^${book} address-set ${escaped(set)} address (\\S+)$`));
      if (members.length === 0) throw new Error(`policy ${name}: no address set ${set}`);
      return members.map((member) => {
        const [address] = all(new RegExp(`^${book} address ${escaped(member)} (\\S.*)$`));
        if (address === undefined) throw new Error(`${set}: no address ${member}`);
        const host = /^dns-name (\S+)$/.exec(address)?.[1];
        return host === undefined ? within(address) : (packet: Packet) => packet.address === host;
      });
    });
    const serves = applications.map((application) => {
      const [protocol] = all(
        new RegExp(`^applications application ${escaped(application)} protocol (\\S+)$`),
      );
      const [ports] = all(
        new RegExp(`^applications application ${escaped(application)} destination-port (\\S+)$`),
      );
      if (protocol === undefined || ports === undefined) throw new Error(`no application ${application}`);
      const [first, last = first] = ports.split('-').map(Number);
      return (packet: Packet) =>
        (packet.protocol ?? 'tcp') === protocol && first! <= packet.port && packet.port <= last!;
    });
    return {
      name,
      matches: (packet: Packet) => holds.some((own) => own(packet)) && serves.some((own) => own(packet)),
    };
  });
}

function escaped(text: string): string {
  return text.replaceAll('.', '\\.');
}

/** Junos on a router: prefix lists, and filters that look at each packet by itself; the commit takes all or nothing. */
export class JunosRouter {
  #active: readonly string[] = [];
  #terms: readonly { readonly family: number; readonly accepts: (packet: Packet) => boolean }[] = [];

  /** Loads set commands and commits; returns the warnings. @throws Error for what the device refuses */
  commit(script: string): string[] {
    const { lines, warnings } = loadSet(this.#active, script, (path) => {
      const [, start, rest] =
        /^(firewall family \S+ filter \S+ term \S+ from) ((?!destination-prefix).+)$/.exec(path) ?? [];
      return start === undefined
        ? [path]
        : [...rest!.matchAll(/(\S+) (\S+)/g)].map(([both]) => `${start} ${both}`);
    });
    this.#terms = termsOf(lines);
    this.#active = lines;
    return warnings;
  }

  /** The filters are bound to an interface: what no term of its family accepts is discarded. */
  allows(packet: Packet): boolean {
    const family = packet.address.includes(':') ? 6 : 4;
    return this.#terms.some((term) => term.family === family && term.accepts(packet));
  }

  get state(): readonly string[] {
    return [...this.#active].sort();
  }
}

function termsOf(lines: readonly string[]) {
  const lists = new Map<string, ((packet: Packet) => boolean)[]>();
  const terms = new Map<string, string[]>();
  for (const line of lines) {
    const [, list, prefix] = /^policy-options prefix-list ([A-Za-z0-9_-]{1,64}) (\S+\/\d+)$/.exec(line) ?? [];
    const [, term, statement] =
      /^firewall family (inet6? filter [A-Za-z0-9-]{1,64} term [A-Za-z0-9-]{1,255}) (.+)$/.exec(line) ?? [];
    if (list !== undefined) lists.set(list, [...(lists.get(list) ?? []), within(prefix!)]);
    else if (term !== undefined) terms.set(term, [...(terms.get(term) ?? []), statement!]);
    else throw new Error(`syntax error: ${line}`);
  }
  return [...terms].map(([term, statements]) => {
    const family = term.startsWith('inet6') ? 6 : 4;
    // A condition that is not there matches everything, and a term without an action accepts.
    const conditions = new Map<string, string[]>();
    for (const statement of statements) {
      if (statement === 'then accept') continue;
      const [, condition, value] =
        /^from (destination-prefix-list|protocol|next-header|destination-port) (\S+)$/.exec(statement) ?? [];
      if (condition === undefined || condition === (family === 4 ? 'next-header' : 'protocol'))
        throw new Error(`syntax error: ${term} ${statement}`);
      conditions.set(condition, [...(conditions.get(condition) ?? []), value!]);
    }
    const some = (condition: string, holds: (value: string) => boolean) =>
      conditions.get(condition)?.some(holds) ?? true;
    for (const list of conditions.get('destination-prefix-list') ?? [])
      if (!lists.has(list)) throw new Error(`${term}: referenced prefix-list ${list} is not defined`);
    return {
      family,
      accepts: (packet: Packet) =>
        some('destination-prefix-list', (list) => lists.get(list)!.some((holds) => holds(packet))) &&
        some(family === 4 ? 'protocol' : 'next-header', (value) => value === (packet.protocol ?? 'tcp')) &&
        some('destination-port', (value) => {
          const [first, last = first] = value.split('-').map(Number);
          return first! <= packet.port && packet.port <= last!;
        }),
    };
  });
}

/** What a configuration is after set and delete commands. */
function loadSet(active: readonly string[], script: string, statements: (path: string) => readonly string[]) {
  const lines = new Set(active);
  const warnings: string[] = [];
  for (const raw of script.split('\n')) {
    if (raw === '' || raw.startsWith('#')) continue;
    const [, verb, path] = /^(set|delete) (\S.*)$/.exec(raw) ?? [];
    if (verb === undefined) throw new Error(`unknown command: ${raw}`);
    if (verb === 'set') for (const statement of statements(path!)) lines.add(statement);
    else {
      const gone = [...lines].filter((line) => line === path || line.startsWith(`${path} `));
      if (gone.length === 0) warnings.push(`statement not found: ${path}`);
      for (const line of gone) lines.delete(line);
    }
  }
  return { lines: [...lines], warnings };
}
