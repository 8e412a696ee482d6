import type { HostPattern } from '../net/host-pattern.ts';
import { formatHostPattern } from '../net/host-pattern.ts';
import type { PortSet } from '../net/ports.ts';
import type { Prefix } from '../net/prefix.ts';
import { ConfigurationError } from '../problem.ts';
import { closest } from '../suggest.ts';

/** The Azure cloud whose service tags a table's `coveredBy` speaks of. */
export type EndpointCloud = 'public' | 'usgov' | 'china';

/** A service tag whose addresses include those of a host, and how that is known. */
export interface Coverage {
  readonly tag: string;
  readonly basis: string;
}

/** One required host with its ports. A YAML row that lists several hosts becomes as many of these. */
export interface EndpointRow {
  /** The id of the table that the row stands in. */
  readonly table: string;
  /** Position in the table, from 0; for Microsoft 365 the id of the endpoint set, which several rows may share. */
  readonly index: number;
  readonly host: HostPattern;
  /** A URL path, when only what is below it is meant. Devices that match names only must allow the whole host. */
  readonly path?: string;
  /** A name with a wildcard elsewhere than in front, when only that is meant; `host` is the least that holds it. */
  readonly partialName?: string;
  readonly ports: PortSet;
  readonly purpose: string;
  /** Ids of the table's `sources` that have the row. */
  readonly sources: readonly string[];
  /** `2016`, `2020-04` or `by 2022-04`. */
  readonly since?: string;
  /** The optional group that the row belongs to; such rows are off unless the group is asked for. */
  readonly optional?: string;
  /** Ports that stand in the text of the sources, and not in a table that could be compared with the row. */
  readonly inText?: PortSet;
  /** The host that was meant: the row repeats a known misprint of its source. */
  readonly misprintOf?: string;
  /** Empty when no tag covers the host; `notCovered` then says why. */
  readonly coveredBy: readonly Coverage[];
  readonly notCovered?: string;
  readonly note?: string;
}

export interface EndpointSource {
  readonly id: string;
  readonly title: string;
  readonly url: string;
  /** The document's own date, `YYYY-MM-DD`. */
  readonly date: string;
}

/** A host of the table, with addresses that are published for it, which an update may not take away. */
export interface TableMustHave {
  readonly host: string;
  readonly addresses: readonly Prefix[];
  readonly ports: PortSet;
  /** Ids of the table's `sources` that say so. */
  readonly sources: readonly string[];
}

export interface OptionalGroup {
  readonly id: string;
  readonly description: string;
}

/** Required host names of one product in one cloud, with where each is documented. */
export interface EndpointTable {
  readonly id: string;
  readonly title: string;
  readonly cloud: EndpointCloud;
  /** How far the table can be relied on, judged by its sources. */
  readonly confidence: 'high' | 'medium' | 'low';
  readonly sources: readonly EndpointSource[];
  readonly rows: readonly EndpointRow[];
  readonly optionalGroups: readonly OptionalGroup[];
  readonly mustHaves: readonly TableMustHave[];
  readonly history: readonly { readonly date: string; readonly change: string }[];
}

/** `*.msappproxy.net`, `www.microsoft.com/pkiops` or `*-files.example.com`: what the row asks for. */
export function formatEndpoint({
  host,
  path,
  partialName,
}: Pick<EndpointRow, 'host' | 'path' | 'partialName'>): string {
  return partialName ?? formatHostPattern(host) + (path ?? '');
}

/**
 * The rows that hold: all but the optional ones, and the optional ones of the groups asked for.
 * @throws ConfigurationError for a group that the table does not have
 */
export function selectRows(table: EndpointTable, groups: Iterable<string> = []): readonly EndpointRow[] {
  const wanted = new Set(groups);
  const known = new Set(table.optionalGroups.map(({ id }) => id));
  const problems = [...wanted]
    .filter((group) => !known.has(group))
    .map((group) => {
      const near = closest(group, known);
      return {
        where: `endpoint table ${table.id}`,
        what: `it has no optional group ${JSON.stringify(group)}`,
        next:
          known.size === 0
            ? 'it has none at all'
            : `choose from ${(near.length > 0 ? near : [...known].sort()).join(', ')}`,
      };
    });
  if (problems.length > 0) throw new ConfigurationError('Unknown optional group', problems);
  return table.rows.filter(({ optional }) => optional === undefined || wanted.has(optional));
}
