import { parseAddress } from '../net/address.ts';
import { AddressSet } from '../net/address-set.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { type HostPattern, parseHost } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { PortSet } from '../net/ports.ts';
import { type Prefix, parsePrefix } from '../net/prefix.ts';
import { Admission } from '../policy/admission.ts';
import { AllowlistError } from '../problem.ts';
import type { Manifest, ReadBackGrammar } from './manifest.ts';
import type { RuleFile } from './render.ts';

/** A rule file that is not in the form that the target writes. */
export class ReadBackError extends AllowlistError {
  override readonly name = 'ReadBackError';
}

const ALL_PORTS = PortSet.fromRanges([{ first: 1, last: 65535 }]);

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

  on(ports: PortSet): Admission {
    const ranges = new DualStackSet(
      AddressSet.fromRanges(4, this.#ranges[4]),
      AddressSet.fromRanges(6, this.#ranges[6]),
    );
    return Admission.of([
      {
        hosts: HostSet.fromPatterns(this.#patterns),
        addresses: DualStackSet.fromPrefixes(this.#prefixes).union(ranges),
        ports,
      },
    ]);
  }
}

/**
 * Reads rule files back by the manifest's line grammars.
 * @throws ReadBackError for a file or line that no grammar knows
 */
export function readBackByGrammar(manifest: Manifest, files: readonly RuleFile[]): Admission {
  const reader = new GrammarReader(manifest.capabilities.ports);
  for (const file of files) {
    const found = manifest.readBack
      .map((grammar) => ({ grammar, match: new RegExp(grammar.files, 'u').exec(file.path) }))
      .find(({ match }) => match !== null);
    if (found?.match == null) throw new ReadBackError(`${file.path}: not a file of target ${manifest.id}`);
    reader.read(file, found.grammar, found.match.groups ?? {});
  }
  return reader.admission();
}

type Captures = Readonly<Record<string, string | undefined>>;

class GrammarReader {
  readonly #bindsPorts: boolean;
  readonly #groups = new Map<string, EntryGroup>();
  readonly #grants: { group: string; ports: PortSet; where: string }[] = [];

  constructor(bindsPorts: boolean) {
    this.#bindsPorts = bindsPorts;
  }

  read(file: RuleFile, grammar: ReadBackGrammar, fromPath: Captures): void {
    const lines = grammar.lines.map(({ match, does }) => ({
      pattern: new RegExp(`^(?:${match})$`, 'u'),
      does,
    }));
    let group = fromPath.group ?? file.path;
    if (!this.#bindsPorts) this.#grants.push({ group, ports: ALL_PORTS, where: file.path });
    else if (fromPath.ports !== undefined)
      this.#grants.push({ group, ports: parsePorts(fromPath.ports), where: file.path });
    for (const [index, text] of file.text.replace(/\n$/, '').split('\n').entries()) {
      const where = `${file.path}:${index + 1}`;
      const line = lines
        .map(({ pattern, does }) => ({ does, match: pattern.exec(text) }))
        .find(({ match }) => match !== null);
      if (line?.match == null)
        throw new ReadBackError(`${where}: not a line of this format: ${JSON.stringify(text)}`);
      const captures: Captures = line.match.groups ?? {};
      try {
        if (line.does === 'group') group = captures.group ?? group;
        else if (line.does === 'entry') this.#entry(captures, group, where);
        else if (line.does === 'grant')
          this.#grants.push({
            group: captures.group ?? group,
            ports: this.#bindsPorts ? parsePorts(captures.ports ?? '') : ALL_PORTS,
            where,
          });
      } catch (error) {
        if (error instanceof ReadBackError) throw error;
        throw new ReadBackError(`${where}: ${(error as Error).message}`, [], { cause: error });
      }
    }
  }

  admission(): Admission {
    const granted = new Set(this.#grants.map(({ group }) => group));
    for (const [name] of this.#groups)
      if (!granted.has(name)) throw new ReadBackError(`the entries of ${name} are never granted on any port`);
    return Admission.union(
      this.#grants.map(({ group, ports, where }) => {
        const entries = this.#groups.get(group);
        if (entries === undefined && !where.includes(':')) return Admission.empty;
        if (entries === undefined) throw new ReadBackError(`${where}: the group ${group} has no entries`);
        return entries.on(ports);
      }),
    );
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
