import { distance } from 'fastest-levenshtein';
import { compareHostPatterns, type HostPattern } from '../net/host-pattern.ts';
import { PortSet } from '../net/ports.ts';
import { formatPrefix } from '../net/prefix.ts';
import { digits } from '../numbers.ts';
import { ConfigurationError } from '../problem.ts';
import { closest } from '../suggest.ts';
import { withinTime } from '../within-time.ts';
import { type EndpointSource, type EndpointTable, formatEndpoint } from './endpoint-table.ts';
import type { LintFinding } from './lint.ts';
import { type EndpointDocument, parseEndpointDocument } from './markdown.ts';

/** An endpoint that only one side has. */
export interface DriftEntry {
  /** `*.example.net` or `www.example.com/path`. */
  readonly endpoint: string;
  /** Canonical: `80,443,9350-9354`. */
  readonly ports: string;
  /** The lines of the document, for one that only the document has. */
  readonly lines?: readonly number[];
  /** The table's sources that have it, for one that only the table has. */
  readonly sources?: readonly string[];
  /** An endpoint of the other side that it may be a misspelling of, or be misspelt as. */
  readonly resembles?: string;
}

/** An endpoint that both sides have, differently. */
export interface DriftChange {
  /** As the table has it. */
  readonly endpoint: string;
  /** As the document has it; differs from `endpoint` when the wildcard or the path changed. */
  readonly documented: string;
  readonly portsAdded: string;
  readonly portsRemoved: string;
  readonly lines: readonly number[];
}

/** How a document differs from a table: what the table would have to take over. */
export interface DriftReport {
  readonly table: string;
  /** The source whose rows were compared; undefined when all rows were. */
  readonly source?: string;
  /** In the document, not in the table. */
  readonly added: readonly DriftEntry[];
  /** In the table, not in the document. Optional rows are missed where it is known which document it is. */
  readonly removed: readonly DriftEntry[];
  readonly changed: readonly DriftChange[];
  /** In the document, and left out of the table with a reason: no drift. */
  readonly leftOut: readonly (DriftEntry & { readonly why: string })[];
  /** Endpoints that both sides have alike. */
  readonly same: number;
  /** Whether anything was added, removed or changed; findings alone are no drift. */
  readonly drifted: boolean;
  readonly findings: readonly LintFinding[];
}

/** What one side asks for, ports of several rows joined. */
interface Endpoint {
  /** Undefined where addresses are asked for. */
  readonly host?: HostPattern;
  readonly path?: string;
  readonly partialName?: string;
  /** `AzureCloud.<region>`, or a range. */
  readonly addresses?: string;
  readonly ports: PortSet;
  /** Lines of the document, or sources of the table. */
  readonly from: ReadonlySet<number | string>;
}

type Endpoints = ReadonlyMap<string, Endpoint>;

/**
 * The source of a table that a document at a path or URL is a version of, if there is exactly one: judged by the name of
 * the file that its title names, or else by the last part of both addresses (`how-to-configure-connectors`).
 */
export function findSource(table: EndpointTable, location: string): EndpointSource | undefined {
  const stem = (text: string) =>
    text
      .replace(/[?#].*$/, '')
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .at(-1)!
      .replace(/\.md$/i, '')
      .toLowerCase();
  const files = sourceFiles(table);
  const byFile = table.sources.filter(({ id }) =>
    (files.get(id) ?? []).some((file) => stem(file) === stem(location)),
  );
  if (byFile.length === 1) return byFile[0];
  const byUrl = table.sources.filter(({ url }) => stem(url) === stem(location));
  return byUrl.length === 1 ? byUrl[0] : undefined;
}

/**
 * The files of a table's sources in a clone of their repository, or in a folder of clones, by source: where each may be.
 * A source names its repository and path in its title: `(azure-docs, articles/x.md)`.
 */
export function sourceFiles(table: EndpointTable): ReadonlyMap<string, readonly string[]> {
  return new Map(
    table.sources.flatMap(({ id, title }) => {
      const [, repository, path] = /\(([\w.-]+),\s+([^()\s]+\.md)\)\s*$/.exec(title) ?? [];
      return repository === undefined || path === undefined
        ? []
        : [[id, [path, `${repository}/${path}`]] as const];
    }),
  );
}

/** The most that is read, far beyond any article. */
const LONGEST_DOCUMENT = 5_000_000;
const MOST_ENDPOINTS = 20_000;

/** Seconds that reading a document may take. */
const LONGEST_READING = 5;

function tooMuch(what: string): ConfigurationError {
  return new ConfigurationError('The document cannot be compared', [
    { where: 'document', what, next: 'give the Markdown source of the article' },
  ]);
}

/**
 * Compares the endpoint tables of a Markdown document with a table: hosts, paths and ports. Purposes are told in each
 * side's own words and are not compared. Rows of other tables that the table includes, and ports that stand in the text,
 * need not be in the document, nor does the correction of a misprint that the document repeats; rows of optional groups
 * need be where the source is given, or the table has one alone. What the table leaves out by name is no drift.
 * @param options.source only the rows of this source of the table, and of later versions of it, need be in the document
 * @param options.lineOf the line to name for a line of the text, where it holds included files
 * @throws ConfigurationError for a document without a table of endpoints, for a table that has no rows of its own, and for
 * an unknown source
 */
export function checkEndpoints(
  markdown: string,
  table: EndpointTable,
  options: { readonly source?: string; readonly lineOf?: (line: number) => number } = {},
): DriftReport {
  const { source, lineOf = (line) => line } = options;
  requireOwnRows(table);
  if (source !== undefined) requireSource(table, source);
  const own = table.sources.find(({ id }) => id === (source ?? onlySource(table)));
  const versions = new Set(
    table.sources.filter(({ url, date }) => url === own?.url && date >= own.date).map(({ id }) => id),
  );
  const exactHosts = new Set(table.rows.filter(({ host }) => !host.subdomains).map(({ host }) => host.name));
  const tags = new Set(table.addressRows.flatMap((row) => row.serviceTags.map((tag) => tag.split('.')[0]!)));
  if (markdown.length > LONGEST_DOCUMENT)
    throw tooMuch(`it has ${digits(markdown.length)} characters, ${digits(LONGEST_DOCUMENT)} at most`);
  const read = withinTime(
    () => parseEndpointDocument(markdown, exactHosts, tags, own),
    LONGEST_READING,
    () => tooMuch(`reading its tables takes over ${LONGEST_READING} seconds`),
  );
  const document: EndpointDocument = {
    endpoints: read.endpoints.map((one) => ({ ...one, line: lineOf(one.line) })),
    addresses: read.addresses.map((one) => ({ ...one, line: lineOf(one.line) })),
    findings: read.findings.map((one) => ({
      ...one,
      where: one.where.replace(/\d+$/, (line) => `${lineOf(Number(line))}`),
    })),
    tables: read.tables.map(lineOf),
  };
  const count = document.endpoints.length + document.addresses.length;
  if (count > MOST_ENDPOINTS) throw tooMuch(`its tables have ${count} endpoints, ${MOST_ENDPOINTS} at most`);
  requireEndpoints(document, markdown);

  const asked = (rows: EndpointTable['rows']) => rows.map((row) => ({ ...row, from: new Set(row.sources) }));
  const tabled = join([...asked(table.rows), ...addressesOf(table.addressRows)]);
  const withPorts = ({ portsAssumed, ...one }: Endpoint & { readonly portsAssumed?: true }): Endpoint =>
    portsAssumed ? { ...one, ports: tabled.get(keyOf(one))?.ports ?? one.ports } : one;
  const documented = join(
    [
      ...document.endpoints.map(({ line, ...one }) => ({ ...one, from: new Set([line]) })),
      ...document.addresses.map(({ what, isTag: _, line, ...one }) => ({
        ...{ ...one, addresses: what, from: new Set([line]) },
      })),
    ].map(withPorts),
  );
  const holds = (row: {
    readonly table: string;
    readonly optional?: string;
    readonly sources: readonly string[];
  }) =>
    row.table === table.id &&
    (source === undefined || row.sources.some((id) => versions.has(id))) &&
    (row.optional === undefined || own !== undefined);
  const required = join([
    ...asked(table.rows.filter(holds))
      .map(({ inText = PortSet.empty, ...row }) => ({ ...row, ports: row.ports.difference(inText) }))
      .filter(({ ports }) => !ports.isEmpty),
    // Many articles name service tags in their text alone.
    ...(document.addresses.length === 0 ? [] : addressesOf(table.addressRows.filter(holds))),
  ]);
  return {
    table: table.id,
    ...(source !== undefined && { source }),
    ...compare(documented, tabled, required, misprintPairs(table), table.leftOut),
    findings: document.findings,
  };
}

/** The one source of a table that has no other. */
function onlySource({ sources }: EndpointTable): string | undefined {
  return sources.length === 1 ? sources[0]!.id : undefined;
}

/** Why a table leaves out what a document asks for, where it does so by name. */
function reasonFor(endpoint: Endpoint, leftOut: EndpointTable['leftOut']): string | undefined {
  const text = textOf(endpoint)
    .replace(/^(range|service tag) /, '')
    .replace(/\/(32|128)$/, '');
  const named = (what: string) => what.split(/[\s,;:()]+/).some((word) => word.replace(/\.$/, '') === text);
  return leftOut.find(({ what }) => named(what))?.why;
}

/** The rows of a table that ask for addresses, an entry a service tag and range. */
function addressesOf(rows: EndpointTable['addressRows']): Endpoint[] {
  return rows.flatMap(({ serviceTags, prefixes, ports, sources }) =>
    [...serviceTags, ...prefixes.map(formatPrefix)].map((addresses) => ({
      ...{ addresses, ports, from: new Set(sources) },
    })),
  );
}

/** What is asked for, in words. */
function textOf(endpoint: Endpoint): string {
  const { host, addresses, path, partialName } = endpoint;
  if (host === undefined) return `${/^\d|:/.test(addresses!) ? 'range' : 'service tag'} ${addresses}`;
  return formatEndpoint({
    host,
    ...(path === undefined ? {} : { path }),
    ...(partialName === undefined ? {} : { partialName }),
  });
}

/** What tells two things asked for apart: whatever their placeholders are called. */
function keyOf(endpoint: Endpoint): string {
  return textOf(endpoint).replace(/<[^<>]*>/g, '<>');
}

/**
 * @param tabled all that the table has: finding it documented is no drift
 * @param required what of it the document must have
 */
function compare(
  documented: Endpoints,
  tabled: Endpoints,
  required: Endpoints,
  misprints: ReadonlyMap<string, string>,
  declared: EndpointTable['leftOut'],
): Omit<DriftReport, 'table' | 'source' | 'findings'> {
  const changed: DriftChange[] = [];
  let same = 0;
  let added: Endpoint[] = [];
  for (const [key, there] of documented) {
    const here = tabled.get(key);
    if (here === undefined) {
      added.push(there);
      continue;
    }
    const change = changeOf(
      here,
      there,
      there.ports.difference(here.ports),
      (required.get(key)?.ports ?? PortSet.empty).difference(there.ports),
    );
    if (change === undefined) same++;
    else changed.push(change);
  }
  let removed = [...required].filter(([key]) => !documented.has(key)).map(([, endpoint]) => endpoint);
  removed = removed.filter((endpoint) => !documented.has(misprints.get(keyOf(endpoint)) ?? ''));
  // The same name with another wildcard or path is one change, not one row gone and another come.
  const byName = new Map<string, Endpoint[]>();
  const nameOf = (endpoint: Endpoint) => endpoint.host?.name.replace(/<[^<>]*>/g, '<>') ?? keyOf(endpoint);
  for (const endpoint of removed)
    if (byName.get(nameOf(endpoint))?.push(endpoint) === undefined) byName.set(nameOf(endpoint), [endpoint]);
  const matched = new Set<Endpoint>();
  for (const there of added) {
    const here = byName.get(nameOf(there))?.shift();
    if (here === undefined) continue;
    matched.add(here).add(there);
    const change = changeOf(
      here,
      there,
      there.ports.difference(here.ports),
      here.ports.difference(there.ports),
    );
    if (change !== undefined) changed.push(change);
  }
  removed = removed.filter((endpoint) => !matched.has(endpoint));
  added = added.filter((endpoint) => !matched.has(endpoint)).sort(inOrder);
  const leftOut = added.flatMap((endpoint) => {
    const why = reasonFor(endpoint, declared);
    return why === undefined ? [] : [{ endpoint, why }];
  });
  added = added.filter((endpoint) => !leftOut.some((one) => one.endpoint === endpoint));
  const entry = (endpoint: Endpoint) => ({
    ...{ endpoint: textOf(endpoint), ports: endpoint.ports.toString(), lines: linesOf(endpoint) },
  });
  return {
    added: added.map((endpoint) => ({ ...entry(endpoint), ...resembling(endpoint, removed) })),
    leftOut: leftOut.map(({ endpoint, why }) => ({ ...entry(endpoint), why })),
    removed: [...removed].sort(inOrder).map((endpoint) => ({
      endpoint: textOf(endpoint),
      ports: endpoint.ports.toString(),
      sources: [...endpoint.from].map(String).sort(),
      ...resembling(endpoint, added),
    })),
    changed: changed.sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1)),
    same,
    drifted: added.length + removed.length + changed.length > 0,
  };
}

/** A table that only includes others has nothing to compare: its document refers to theirs. */
function requireOwnRows({ id, rows, addressRows, includes }: EndpointTable): void {
  if ([...rows, ...addressRows].some(({ table }) => table === id)) return;
  throw new ConfigurationError('The document cannot be compared', [
    {
      where: `endpoint table ${id}`,
      what: 'all of its rows are those of other tables',
      next: `compare the documents of ${includes.join(' and ')}: --table ${includes[0] ?? ''}`,
    },
  ]);
}

function requireSource(table: EndpointTable, source: string): void {
  const ids = table.sources.map(({ id }) => id);
  if (ids.includes(source)) return;
  const near = closest(source, ids);
  throw new ConfigurationError('Unknown source', [
    {
      where: `endpoint table ${table.id}`,
      what: `it has no source ${JSON.stringify(source)}`,
      next: `choose from ${(near.length > 0 ? near : ids).join(', ')}`,
    },
  ]);
}

function requireEndpoints({ endpoints, addresses, tables }: EndpointDocument, markdown: string): void {
  if (endpoints.length + addresses.length > 0) return;
  const html = /^\s*<(!doctype|html)\b/i.test(markdown);
  throw new ConfigurationError('The document cannot be compared', [
    {
      where: 'document',
      what:
        tables.length === 0
          ? 'it has no Markdown table with a column of URLs or hosts'
          : `no endpoint can be read from the table in line ${tables.join(', ')}`,
      next: `${html ? 'this is an HTML page: ' : ''}give the Markdown source of the article`,
    },
  ]);
}

/** Each declared misprint with its correction, and the other way round. */
function misprintPairs(table: EndpointTable): ReadonlyMap<string, string> {
  return new Map(
    table.rows.flatMap((row) => {
      const { misprintOf } = row;
      const printed = formatEndpoint(row);
      return misprintOf === undefined ? [] : [[printed, misprintOf] as const, [misprintOf, printed] as const];
    }),
  );
}

function join(endpoints: readonly Endpoint[]): Endpoints {
  const joined = new Map<string, Endpoint & { readonly from: Set<number | string> }>();
  for (const endpoint of endpoints) {
    const key = keyOf(endpoint);
    const known = joined.get(key);
    if (known === undefined) joined.set(key, { ...endpoint, from: new Set(endpoint.from) });
    else {
      for (const one of endpoint.from) known.from.add(one);
      if (!known.ports.equals(endpoint.ports))
        joined.set(key, { ...endpoint, ports: endpoint.ports.union(known.ports), from: known.from });
    }
  }
  return joined;
}

function changeOf(
  here: Endpoint,
  there: Endpoint,
  portsAdded: PortSet,
  portsRemoved: PortSet,
): DriftChange | undefined {
  const endpoint = textOf(here);
  const documented = keyOf(here) === keyOf(there) ? endpoint : textOf(there);
  if (endpoint === documented && portsAdded.isEmpty && portsRemoved.isEmpty) return undefined;
  return {
    endpoint,
    documented,
    portsAdded: portsAdded.toString(),
    portsRemoved: portsRemoved.toString(),
    lines: linesOf(there),
  };
}

function inOrder(a: Endpoint, b: Endpoint): number {
  if (a.host === undefined || b.host === undefined)
    return Number(a.host === undefined) - Number(b.host === undefined) || (textOf(a) < textOf(b) ? -1 : 1);
  return compareHostPatterns(a.host, b.host) || ((a.path ?? '') < (b.path ?? '') ? -1 : 1);
}

function linesOf({ from }: Endpoint): readonly number[] {
  return [...from].map(Number).sort((a, b) => a - b);
}

/** One or two letters apart is a misprint on one of the two sides more often than a new host. */
function resembling(endpoint: Endpoint, others: readonly Endpoint[]): { readonly resembles?: string } {
  const text = textOf(endpoint);
  const near = others
    .map(textOf)
    .filter((other) => Math.abs(other.length - text.length) <= 2 && distance(text, other) <= 2)
    .sort()[0];
  return near === undefined ? {} : { resembles: near };
}

/** The report as text, one endpoint a line; ends in a newline. */
export function formatDrift(report: DriftReport): string {
  const { table, source, added, removed, changed, leftOut, same, drifted, findings } = report;
  const against = source === undefined ? table : `${table}, rows of ${source}`;
  const count = (number: number) => `${number} ${number === 1 ? 'endpoint' : 'endpoints'}`;
  const maybe = (resembles: string | undefined) =>
    resembles === undefined ? '' : ` (resembles ${resembles})`;
  const lines = drifted
    ? [
        `The document differs from ${against}: ${added.length} added, ${removed.length} removed, ${changed.length} changed, ${same} alike.`,
      ]
    : [`The document and ${against} agree on ${count(same)}.`];
  for (const { endpoint, ports, lines: at = [], resembles } of added)
    lines.push(`+ ${endpoint} ${ports}: ${lineNumbers(at)}${maybe(resembles)}`);
  for (const { endpoint, ports, sources = [], resembles } of removed)
    lines.push(`- ${endpoint} ${ports}: in the table from ${sources.join(', ')}${maybe(resembles)}`);
  for (const { endpoint, documented, portsAdded, portsRemoved, lines: at } of changed) {
    const parts = [
      ...(documented === endpoint ? [] : [`now ${documented}`]),
      ...(portsAdded === '' ? [] : [`port +${portsAdded}`]),
      ...(portsRemoved === '' ? [] : [`port -${portsRemoved}`]),
    ];
    lines.push(`~ ${endpoint}: ${parts.join(', ')}: ${lineNumbers(at)}`);
  }
  for (const { endpoint, ports, lines: at = [], why } of leftOut)
    lines.push(`o ${endpoint} ${ports}: ${lineNumbers(at)}, left out: ${why}`);
  for (const { rule, where, what, next } of findings)
    lines.push(`! ${where}: ${what}${next === undefined ? '' : ` — ${next}`} [${rule}]`);
  return `${lines.join('\n')}\n`;
}

function lineNumbers(lines: readonly number[]): string {
  return `${lines.length === 1 ? 'line' : 'lines'} ${lines.join(', ')}`;
}
