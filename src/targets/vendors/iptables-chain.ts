import type { Family } from '../../net/address.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import type { PortSet, Protocol } from '../../net/ports.ts';
import { formatPrefix, parsePrefix } from '../../net/prefix.ts';
import { parsePorts, ReadBackError, readAt } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { PortRangeView, PortsView } from '../view.ts';

/** Ports of one multiport match; a range takes two. */
const SLOTS = 15;

/** The ports of one multiport match of a protocol. */
export interface Multiport {
  readonly protocol: Protocol;
  readonly ports: string;
}

/** The ports in as few multiport lists as hold them, those of TCP first. */
export function multiports({ protocols }: PortsView): Multiport[] {
  return protocols.flatMap(({ protocol, ranges }) => listsOf(ranges).map((ports) => ({ protocol, ports })));
}

function listsOf(ranges: readonly PortRangeView[]): string[] {
  const lists: string[][] = [];
  let free = 0;
  for (const { first, last } of ranges) {
    const slots = first === last ? 1 : 2;
    if (slots > free) {
      lists.push([]);
      free = SLOTS;
    }
    lists.at(-1)!.push(first === last ? `${first}` : `${first}:${last}`);
    free -= slots;
  }
  return lists.map((list) => list.join(','));
}

/** One rule of a chain: what goes to the set on the ports is accepted. */
export interface ChainRule {
  readonly set: string;
  readonly family: Family;
  readonly ports: PortSet;
  /** Where it comes from; undefined for every client. */
  readonly clients: DualStackSet | undefined;
  readonly where: string;
}

const RULE =
  /^-A (?<chain>\S+) (?:-s (?<source>\S+) )?-p (?<protocol>tcp|udp) -m multiport --dports (?<ports>[\d,:]+) -m set --match-set (?<set>\S+) dst -j ACCEPT$/;

/** One table, one declared chain, its rules, and the commit; anything else is not ours. */
export function readChain(file: RuleFile, family: Family): { chain: string; rules: ChainRule[] } {
  const lines = statements(file);
  const expect = (entry: (typeof lines)[number] | undefined, pattern: RegExp): string => {
    const match = pattern.exec(entry?.[1] ?? '');
    if (match === null)
      throw new ReadBackError(
        `${entry?.[0] ?? file.path}: expected ${pattern}, found ${JSON.stringify(entry?.[1])}`,
      );
    return match[1] ?? '';
  };
  expect(lines.shift(), /^\*filter$/);
  const chain = expect(lines.shift(), /^:([A-Z][A-Z0-9-]{0,27}) - \[0:0\]$/);
  expect(lines.pop(), /^COMMIT$/);
  const seen = new Set<string>();
  const rules = lines.map(([where, line]): ChainRule => {
    const found = RULE.exec(line)?.groups;
    if (found === undefined)
      throw new ReadBackError(`${where}: not a rule of this format: ${JSON.stringify(line)}`);
    if (found.chain !== chain) throw new ReadBackError(`${where}: the chain ${found.chain} is not declared`);
    if (seen.has(line)) throw new ReadBackError(`${where}: the rule is listed twice`);
    seen.add(line);
    if (found.ports!.split(/[,:]/).length > SLOTS)
      throw new ReadBackError(`${where}: multiport takes ${SLOTS} ports, a range counts as two`);
    return {
      set: found.set!,
      family,
      ports: portsOf(found.ports!, where).as(found.protocol as Protocol),
      clients: found.source === undefined ? undefined : sourceOf(found.source, family, where),
      where,
    };
  });
  return { chain, rules };
}

function sourceOf(text: string, family: Family, where: string): DualStackSet {
  const prefix = readAt(where, () => parsePrefix(text));
  if (formatPrefix(prefix) !== text || prefix.family !== family || prefix.length === 0)
    throw new ReadBackError(`${where}: not a source of IPv${family} in canonical spelling: ${text}`);
  return DualStackSet.fromPrefixes([prefix]);
}

function portsOf(text: string, where: string): PortSet {
  try {
    return parsePorts(text);
  } catch (error) {
    throw new ReadBackError(`${where}: ${(error as Error).message}`, [], { cause: error });
  }
}

/** The lines that are no comments, with their places. Both restore programs need the last newline. */
export function statements({ path, text }: RuleFile): [string, string][] {
  if (!text.endsWith('\n')) throw new ReadBackError(`${path}: the last line is not ended`);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line, index): [string, string] => [`${path}:${index + 1}`, line])
    .filter(([, line]) => !line.startsWith('#'));
}
