import { type EndpointTable, formatEndpoint } from '../../endpoints/endpoint-table.ts';
import type { ServiceTag } from '../../feed/snapshot.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { HostSet } from '../../net/host-set.ts';

/** A service tag that is advised. */
export interface AdvisedTag {
  readonly name: string;
  readonly addresses: DualStackSet;
  /** What it lets through beside the addresses that are asked for; all of it where names are asked for. */
  readonly besides: DualStackSet;
  /** What of it is needed: ranges, or names. */
  readonly for: readonly string[];
}

/** Which tags to take for what is asked. */
export interface TagAdvice {
  /** As few tags as there are that cover what is asked. */
  readonly fewest: readonly AdvisedTag[];
  /** For each thing that is asked the tag that opens the least; the same as `fewest` for names. */
  readonly narrowest: readonly AdvisedTag[];
  /** What no tag covers, with the reason. */
  readonly uncovered: readonly { readonly what: string; readonly why: string }[];
}

/** The tags for addresses and ranges; a range that no one tag holds whole counts as not covered. */
export function adviseForRanges(
  ranges: readonly { readonly text: string; readonly addresses: DualStackSet }[],
  tags: Iterable<ServiceTag>,
): TagAdvice {
  const all = [...tags];
  const holding = (addresses: DualStackSet) =>
    all
      .filter((tag) => addresses.difference(tag.addresses).isEmpty)
      .sort((a, b) => bySize(a.addresses, b.addresses) || (a.name < b.name ? -1 : 1));
  const asked = ranges.map(({ text, addresses }) => ({ text, addresses, by: holding(addresses) }));
  const held = asked.filter(({ by }) => by.length > 0);
  const wanted = DualStackSet.union(held.map(({ addresses }) => addresses));
  const advised = (tag: ServiceTag, texts: readonly string[]): AdvisedTag => ({
    name: tag.name,
    addresses: tag.addresses,
    besides: tag.addresses.difference(wanted),
    for: texts,
  });
  const narrowest = new Map<ServiceTag, string[]>();
  for (const { text, by } of held) narrowest.set(by[0]!, [...(narrowest.get(by[0]!) ?? []), text]);
  return {
    fewest: cover(held.map(({ text, by }) => ({ what: text, by }))).map(([tag, texts]) =>
      advised(tag, texts),
    ),
    narrowest: [...narrowest].map(([tag, texts]) => advised(tag, texts)),
    uncovered: asked
      .filter(({ by }) => by.length === 0)
      .map(({ text }) => ({ what: text, why: 'no service tag holds it whole' })),
  };
}

/**
 * The tags that are said to cover hosts of endpoint tables.
 * @param hosts the names asked for; undefined asks for all rows of the tables
 */
export function adviseForNames(
  tables: readonly EndpointTable[],
  hosts: readonly string[] | undefined,
  tags: ReadonlyMap<string, ServiceTag>,
): TagAdvice {
  const rows = tables.flatMap((table) => table.rows);
  const asked =
    hosts === undefined
      ? rows.map((row) => ({ what: formatEndpoint(row), rows: [row] }))
      : hosts.map((host) => ({
          what: host,
          rows: rows.filter((row) => HostSet.fromPatterns([row.host]).has(host)),
        }));
  const found = asked.map((one) => ({
    ...one,
    by: [...new Set(one.rows.flatMap(({ coveredBy }) => coveredBy.map(({ tag }) => tag)))]
      .flatMap((name) => tags.get(name) ?? [])
      .sort((a, b) => bySize(a.addresses, b.addresses) || (a.name < b.name ? -1 : 1)),
  }));
  const fewest = cover(found.filter(({ by }) => by.length > 0)).map(
    ([{ name, addresses }, texts]): AdvisedTag => ({
      name,
      addresses,
      besides: addresses,
      for: [...new Set(texts)],
    }),
  );
  const uncovered = new Map(
    found
      .filter(({ by }) => by.length === 0)
      .map(({ what, rows: own }) => [
        what,
        own.length === 0
          ? 'no endpoint table has it'
          : (own.find(({ notCovered }) => notCovered !== undefined)?.notCovered ?? 'the feed lacks its tag'),
      ]),
  );
  return { fewest, narrowest: fewest, uncovered: [...uncovered].map(([what, why]) => ({ what, why })) };
}

/** As few tags as cover everything: the one that covers the most of the rest each time, of equals the smallest. */
function cover(
  asked: readonly { readonly what: string; readonly by: readonly ServiceTag[] }[],
): [ServiceTag, string[]][] {
  const chosen: [ServiceTag, string[]][] = [];
  let rest = [...asked];
  while (rest.length > 0) {
    const counts = new Map<ServiceTag, number>();
    for (const { by } of rest) for (const tag of by) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    const [best] = [...counts].sort(
      ([a, n], [b, m]) => m - n || bySize(a.addresses, b.addresses) || (a.name < b.name ? -1 : 1),
    )[0]!;
    chosen.push([best, rest.filter(({ by }) => by.includes(best)).map(({ what }) => what)]);
    rest = rest.filter(({ by }) => !by.includes(best));
  }
  return chosen;
}

function bySize(a: DualStackSet, b: DualStackSet): number {
  const difference = a.ipv4.size - b.ipv4.size || a.ipv6.size - b.ipv6.size;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
