import type { HostPattern } from '../net/host-pattern.ts';
import { formatHostPattern } from '../net/host-pattern.ts';
import type { Method } from '../net/method.ts';
import type { PortSet } from '../net/ports.ts';
import type { Prefix } from '../net/prefix.ts';
import { ConfigurationError, type Problem } from '../problem.ts';
import { closest } from '../suggest.ts';
import { fillHost, fillTag, type ParameterValues, parametersIn, type TableParameter } from './parameters.ts';

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
  /** The ways of asking a proxy for it that are needed; absent where that is not known, so that each is allowed. */
  readonly methods?: readonly Method[];
  /** The host that was meant: the row repeats a known misprint of its source. */
  readonly misprintOf?: string;
  /** Empty when no tag covers the host; `notCovered` then says why. */
  readonly coveredBy: readonly Coverage[];
  readonly notCovered?: string;
  readonly note?: string;
}

/** When the connection is needed, as the document says: always, while installing, with a feature, or as a help. */
export type Need = 'required' | 'install' | 'conditional' | 'optional';

/** What decides whether a row of a table holds. */
interface RowScope {
  /** The clouds in which the row holds; those of the table, or fewer. */
  readonly clouds: readonly EndpointCloud[];
  /** Parameters that must have one of these values for the row to hold. */
  readonly when: Readonly<Record<string, readonly string[]>>;
  readonly need: Need;
}

/**
 * A row as a table holds it. The host's name may hold parameters (`<region>.example.com`); `selectRows` puts
 * their values in.
 */
export interface TableRow extends EndpointRow, RowScope {
  /** What becomes of a name with a wildcard inside a label: the least pattern that holds it, or nothing, declared. */
  readonly partialUse?: 'widen' | 'omit';
  /** The document forbids TLS inspection of the connection. */
  readonly noTlsInspection?: true;
  /** Web sockets must pass. */
  readonly webSockets?: true;
}

/** A row that asks for addresses: those of service tags, or ranges that the document spells out. */
export interface AddressRow extends RowScope {
  readonly table: string;
  readonly index: number;
  /** May hold a region: `AzureCloud.<region>`. */
  readonly serviceTags: readonly string[];
  readonly prefixes: readonly Prefix[];
  readonly ports: PortSet;
  readonly purpose: string;
  readonly sources: readonly string[];
  readonly optional?: string;
  readonly note?: string;
}

/** Something of the documents that the table does not have. */
export interface LeftOut {
  readonly what: string;
  readonly why: string;
}

export interface EndpointSource {
  readonly id: string;
  readonly title: string;
  readonly url: string;
  /** The document's own date, `YYYY-MM-DD`. */
  readonly date: string;
  /** The headings under which alone the document's endpoints are the table's; all of the document if not given. */
  readonly sections?: readonly string[];
  /** Whether its endpoints stand in lists and blocks of code too, not in tables alone. */
  readonly lists?: true;
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

/** Required host names and addresses of one product, with where each is documented. */
export interface EndpointTable {
  readonly id: string;
  readonly title: string;
  /** Side by side in one table where the document has them so. */
  readonly clouds: readonly EndpointCloud[];
  /** How far the table can be relied on, judged by its sources. */
  readonly confidence: 'high' | 'medium' | 'low';
  readonly sources: readonly EndpointSource[];
  /** What the configuration must or may give. */
  readonly parameters: readonly TableParameter[];
  readonly rows: readonly TableRow[];
  readonly addressRows: readonly AddressRow[];
  readonly leftOut: readonly LeftOut[];
  /** Bundled tables whose rows are among those of this one. */
  readonly includes: readonly string[];
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
 * The rows that hold: all but the optional ones, and the optional ones of the groups asked for, with the values of
 * parameters put in: a row that speaks of a region becomes as many as there are regions. A row whose parameter has no value is left out.
 * @throws ConfigurationError for a group that the table does not have
 */
export function selectRows(
  table: EndpointTable,
  groups: Iterable<string> = [],
  parameters: ParameterValues = {},
): readonly EndpointRow[] {
  return chosen(table, table.rows, groups, parameters)
    .filter(({ partialUse }) => partialUse !== 'omit')
    .flatMap((row) => filled(row, parameters));
}

/** The rows that `selectRows` would have, were there a way to match their names; what they ask for is omitted. */
export function omittedRows(
  table: EndpointTable,
  groups: Iterable<string> = [],
  parameters: ParameterValues = {},
): readonly EndpointRow[] {
  return chosen(table, table.rows, groups, parameters)
    .filter(({ partialUse }) => partialUse === 'omit')
    .flatMap((row) => filled(row, parameters));
}

/** The address rows that hold, with the tags of the regions; one whose region is not given has none. */
export function selectAddressRows(
  table: EndpointTable,
  groups: Iterable<string> = [],
  parameters: ParameterValues = {},
): readonly AddressRow[] {
  return chosen(table, table.addressRows, groups, parameters).map((row) => ({
    ...row,
    serviceTags: row.serviceTags.flatMap((tag) => fillTag(tag, parameters)),
  }));
}

/** The table as one cloud has it. */
export function tableOfCloud(table: EndpointTable, cloud: EndpointCloud): EndpointTable {
  const holds = ({ clouds }: RowScope) => clouds.includes(cloud);
  return {
    ...table,
    clouds: [cloud],
    rows: table.rows.filter(holds),
    addressRows: table.addressRows.filter(holds),
  };
}

/** The parameters that the rows use, those of the optional groups asked for among them. */
export function parametersUsed(table: EndpointTable, groups: Iterable<string> = []): ReadonlySet<string> {
  const wanted = new Set(groups);
  const holds = ({ optional }: { readonly optional?: string }) =>
    optional === undefined || wanted.has(optional);
  return new Set([
    ...table.rows
      .filter(holds)
      .flatMap(({ host, when }) => [...parametersIn(host.name), ...Object.keys(when)]),
    ...table.addressRows
      .filter(holds)
      .flatMap(({ serviceTags, when }) => [...serviceTags.flatMap(parametersIn), ...Object.keys(when)]),
  ]);
}

/** What is wrong with the groups that are asked for. */
export function groupProblems(table: EndpointTable, groups: Iterable<string>): Problem[] {
  const known = new Set(table.optionalGroups.map(({ id }) => id));
  return [...new Set(groups)]
    .filter((group) => !known.has(group))
    .map((group) => {
      const near = closest(group, known);
      return {
        where: `endpoint table ${table.id}`,
        what: `${table.id} has no optional group ${JSON.stringify(group)}`,
        next:
          known.size === 0
            ? 'it has none at all'
            : `choose from ${(near.length > 0 ? near : [...known].sort()).join(', ')}`,
      };
    });
}

function chosen<Row extends RowScope & { readonly optional?: string }>(
  table: EndpointTable,
  rows: readonly Row[],
  groups: Iterable<string>,
  parameters: ParameterValues,
): readonly Row[] {
  const wanted = new Set(groups);
  const problems = groupProblems(table, wanted);
  if (problems.length > 0) throw new ConfigurationError('Unknown optional group', problems);
  return rows.filter(
    ({ optional, when }) =>
      (optional === undefined || wanted.has(optional)) &&
      Object.entries(when).every(([id, values]) => parameters[id]?.some((value) => values.includes(value))),
  );
}

/** The row for each value of its parameters, without what only a table says of it. */
function filled(row: TableRow, parameters: ParameterValues): EndpointRow[] {
  const { clouds: _, when: __, need: ___, partialUse, noTlsInspection, webSockets, ...rest } = row;
  return fillHost(row, parameters).map(({ host, partialName }) => ({
    ...rest,
    host,
    ...(partialName === undefined ? {} : { partialName }),
  }));
}
