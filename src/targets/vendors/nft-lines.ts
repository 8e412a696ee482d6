import type { Family } from '../../net/address.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet, PROTOCOLS, type Protocol } from '../../net/ports.ts';
import { parsePrefix } from '../../net/prefix.ts';
import { parsePorts, ReadBackError } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { AddressListView, OptionValues, PortsView } from '../view.ts';

/** The ports as nft lists them, a rule a protocol. */
export function nftRulePorts({ protocols }: PortsView): { transport: Protocol; ports: string }[] {
  return protocols.map(({ protocol, ranges }) => ({
    transport: protocol,
    ports: ranges.map(({ text }) => text).join(', '),
  }));
}

type Captures = Readonly<Record<string, string | undefined>>;

/** The statements of an nft file, taken one after the other; comment lines are passed over. */
export class NftLines {
  readonly #path: string;
  readonly #lines: readonly (readonly [number, string])[];
  #next = 0;

  constructor({ path, text }: RuleFile) {
    if (!text.endsWith('\n')) throw new ReadBackError(`${path}: the last line is not ended`);
    this.#path = path;
    this.#lines = [...text.slice(0, -1).split('\n').entries()].filter(([, line]) => !line.startsWith('#'));
  }

  /** Takes the next statement if it is of this form. */
  takeIf(pattern: RegExp): Captures | undefined {
    const match = pattern.exec(this.#lines[this.#next]?.[1] ?? '');
    if (match === null) return undefined;
    this.#next++;
    return match.groups ?? {};
  }

  take(pattern: RegExp): Captures {
    const found = this.takeIf(pattern);
    if (found !== undefined) return found;
    this.#next++;
    return this.fail(`expected ${pattern}`);
  }

  takeText(expected: string): void {
    if (this.#lines[this.#next++]?.[1] !== expected) this.fail(`expected ${JSON.stringify(expected)}`);
  }

  end(): void {
    if (this.#next++ < this.#lines.length) this.fail('expected the end');
  }

  /** What `parse` makes of the statement taken last, its errors told with the place. */
  parsed<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      return this.fail((error as Error).message);
    }
  }

  /** Refuses the statement taken last. @throws ReadBackError */
  fail(what: string): never {
    const [index, line] = this.#lines[this.#next - 1] ?? [this.#lines.length, ''];
    throw new ReadBackError(`${this.#path}:${index + 1}: ${what}: ${JSON.stringify(line)}`);
  }
}

/** What a rule says of the clients that may reach a list; nothing where every client may. */
export function nftSource({ ipv4, clients: { every, prefixes } }: AddressListView): string {
  return every ? '' : `${ipv4 ? 'ip' : 'ip6'} saddr { ${prefixes.map(({ prefix }) => prefix).join(', ')} } `;
}

/** What the rules of one set let through to it, and whom. */
export interface SetRules {
  readonly ports: PortSet;
  /** Undefined for every client. */
  readonly clients: DualStackSet | undefined;
}

/**
 * Takes the rules of one set, which mark and accept: one of TCP, one of UDP, or both in this order, for the same clients.
 * @param place table and chain
 * @param match what a rule says of the addresses
 * @param marks the marks so far: all rules have the same one
 */
export function takeSetRules(
  lines: NftLines,
  place: string,
  family: Family,
  match: string,
  marks: Set<string>,
): SetRules {
  const ruleOf = (protocol: Protocol) =>
    new RegExp(
      `^add rule inet ${literal(place)} (?:${family === 4 ? 'ip' : 'ip6'} saddr \\{ (?<sources>[^{}]+) \\} )?${protocol} dport \\{ (?<ports>[\\d, -]+) \\} ${literal(match)} meta mark set meta mark or (?<mark>0x[0-9a-f]{8}) accept$`,
    );
  let ports = PortSet.empty;
  const sources = new Set<string | undefined>();
  for (const protocol of PROTOCOLS) {
    const isLast = protocol === PROTOCOLS.at(-1);
    const rule = ports.isEmpty && isLast ? lines.take(ruleOf(protocol)) : lines.takeIf(ruleOf(protocol));
    if (rule === undefined) continue;
    marks.add(rule.mark!);
    if (marks.size > 1 || Number(rule.mark) === 0) lines.fail('another mark, or none');
    sources.add(rule.sources);
    if (sources.size > 1) lines.fail('other clients than the rule before');
    ports = ports.union(lines.parsed(() => parsePorts(rule.ports!)).as(protocol));
  }
  const [text] = sources;
  return { ports, clients: text === undefined ? undefined : clientsOf(lines, family, text) };
}

function clientsOf(lines: NftLines, family: Family, text: string): DualStackSet {
  const prefixes = lines.parsed(() => text.split(', ').map(parsePrefix));
  const clients = DualStackSet.fromPrefixes(prefixes);
  // In this spelling alone: no host bits, none twice, none in another.
  if (prefixes.some((prefix) => prefix.family !== family) || clients.toStrings().join(', ') !== text)
    lines.fail('clients of the other family, or in another spelling');
  return clients;
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The table, the hook and, where there is a rule, the mark that a chain file says. */
export function nftSettings(files: readonly RuleFile[], path: string): OptionValues {
  const text = files.find((file) => file.path === path)?.text;
  if (text === undefined) throw new ReadBackError(`${path} is missing`);
  const { table, hook } = /^flush chain inet (?<table>\S+) (?<hook>\S+)$/m.exec(text)?.groups ?? {};
  const mark = / meta mark set meta mark or (0x[0-9a-f]{8}) accept$/m.exec(text)?.[1];
  if (table === undefined || hook === undefined) throw new ReadBackError(`${path}: no chain is flushed`);
  return { table, hook, ...(mark === undefined ? {} : { mark }) };
}
