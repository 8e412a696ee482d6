import {
  type AddressRow,
  type EndpointRow,
  type EndpointTable,
  formatEndpoint,
  type TableRow,
} from '../endpoints/endpoint-table.ts';
import { listEndpointTables, loadEndpointTable, loadEndpointTableFile } from '../endpoints/load.ts';
import { formatPrefix } from '../net/prefix.ts';
import { counted } from '../numbers.ts';
import { formatTable } from '../text-table.ts';
import type { Io } from './io.ts';

interface JsonFlag {
  readonly json?: boolean;
}

/** The bundled endpoint tables, in one screen. */
export async function endpointsListCommand(flags: JsonFlag, io: Io): Promise<void> {
  const tables = await Promise.all((await listEndpointTables()).map((id) => loadEndpointTable(id)));
  if (flags.json === true) {
    io.out(JSON.stringify(tables.map(overview), null, 2));
    return;
  }
  const rows = tables.map((table) => {
    const { id, clouds, confidence, optionalGroups, parameters, sources, title } = table;
    return [
      id,
      clouds.join(', '),
      `${rowsOf(table)}`,
      dateOf(sources.map(({ date }) => date)),
      confidence,
      optionalGroups.map((group) => group.id).join(', ') || '-',
      parameters.map((parameter) => parameter.id).join(', ') || '-',
      title,
    ];
  });
  io.out(
    formatTable(
      [
        ['table', 'clouds', 'rows', 'newest source', 'confidence', 'optional groups', 'parameters', 'for'],
        ...rows,
      ],
      [2],
    ),
  );
}

/** One table: its sources, groups and rows. A path or a name that ends in `.yaml` is a table of the user's own. */
export async function endpointsShowCommand(table: string, flags: JsonFlag, io: Io): Promise<void> {
  const shown = /[/\\]|\.ya?ml$/.test(table)
    ? await loadEndpointTableFile(table)
    : await loadEndpointTable(table);
  if (flags.json === true) {
    io.out(JSON.stringify({ ...overview(shown), ...details(shown) }, null, 2));
    return;
  }
  const { id, title, clouds, confidence, sources, optionalGroups, mustHaves, rows } = shown;
  const including = shown.includes.length === 0 ? '' : `, those of ${shown.includes.join(', ')} among them`;
  io.out(
    `${id}: ${title}\n${clouds.join(', ')} cloud, ${counted(rowsOf(shown), 'row')}${including}, confidence ${confidence}\n`,
  );
  io.out(
    formatTable([
      ['source', 'date', 'document'],
      ...sources.map((source) => [source.id, source.date, `${source.title}, ${source.url}`]),
    ]),
  );
  if (shown.parameters.length > 0)
    io.out(
      `\n${formatTable([
        ['parameter', 'kind', 'meaning'],
        ...shown.parameters.map(({ id: name, kind, description, values }) => [
          name,
          kind === 'choice' ? values.join(' | ') : kind,
          description,
        ]),
      ])}`,
    );
  if (optionalGroups.length > 0) {
    const count = (group: string) =>
      [...rows, ...shown.addressRows].filter(({ optional }) => optional === group).length;
    io.out(
      `\n${formatTable(
        [
          ['optional group', 'rows', 'meaning'],
          ...optionalGroups.map((group) => [group.id, `${count(group.id)}`, group.description]),
        ],
        [1],
      )}`,
    );
  }
  const lines = [
    ...rows.map((row) => [
      formatEndpoint(row),
      row.ports.toString(),
      holding(row, clouds),
      row.optional ?? '-',
      coveredBy(row),
      sourceOf(row, id),
      `${row.purpose}${remarks(row)}`,
    ]),
    ...shown.addressRows.map((row) => [
      [...row.serviceTags, ...row.prefixes.map(formatPrefix)].join(' '),
      row.ports.toString(),
      holding(row, clouds),
      row.optional ?? '-',
      'addresses',
      sourceOf(row, id),
      row.purpose,
    ]),
  ];
  const heads = ['endpoint', 'ports', 'holds', 'group', 'covered by', 'sources', 'purpose'];
  const always = lines.every(([, , holds]) => holds === '-');
  io.out(
    `\n${formatTable([heads, ...lines].map((line) => (always ? line.filter((_, column) => column !== 2) : line)))}`,
  );
  for (const { what, why } of shown.leftOut) io.out(`\nleft out: ${what}: ${why}`);
  for (const { host, addresses } of mustHaves)
    io.out(`\nmust stay reachable: ${host}, published at ${addresses.map(formatPrefix).join(' ')}`);
}

function rowsOf({ rows, addressRows }: EndpointTable): number {
  return rows.length + addressRows.length;
}

function sourceOf({ table, sources }: TableRow | AddressRow, shown: string): string {
  return table === shown ? sources.join(', ') : `table ${table}`;
}

/** Need, clouds and values of parameters, as far as they are not those of the whole table. */
function holding({ need, clouds, when, optional }: TableRow | AddressRow, all: readonly string[]): string {
  return (
    [
      ...(need === (optional === undefined ? 'required' : 'optional') ? [] : [need]),
      ...(clouds.length === all.length ? [] : clouds),
      ...Object.entries(when).map(([id, values]) => `${id} ${values.join('|')}`),
    ].join(', ') || '-'
  );
}

function remarks({ noTlsInspection, webSockets, partialUse }: TableRow): string {
  const all = [
    ...(noTlsInspection ? ['no TLS inspection'] : []),
    ...(webSockets ? ['web sockets must pass'] : []),
    ...(partialUse === 'widen' ? ['devices match the least pattern that holds it'] : []),
    ...(partialUse === 'omit' ? ['no device matches it: left out'] : []),
  ];
  return all.length === 0 ? '' : ` (${all.join('; ')})`;
}

function coveredBy({ coveredBy: tags, notCovered }: EndpointRow): string {
  return tags.length > 0 ? tags.map(({ tag }) => tag).join(', ') : notCovered === undefined ? '-' : 'no tag';
}

function dateOf(dates: readonly string[]): string {
  return [...dates].sort().at(-1) ?? '-';
}

function overview(table: EndpointTable) {
  const { id, title, clouds, confidence, sources, parameters, optionalGroups, includes } = table;
  return {
    id,
    title,
    clouds,
    confidence,
    rows: rowsOf(table),
    sources,
    parameters,
    optionalGroups,
    includes,
  };
}

function details({ rows, addressRows, leftOut, mustHaves, history }: EndpointTable) {
  const scope = ({ table, clouds, when, need }: TableRow | AddressRow) => ({ table, clouds, when, need });
  return {
    endpoints: rows.map((row) => ({
      endpoint: formatEndpoint(row),
      ports: row.ports.toStrings(),
      ...scope(row),
      purpose: row.purpose,
      sources: row.sources,
      optional: row.optional ?? null,
      partialName: row.partialUse ?? null,
      tlsInspection: row.noTlsInspection ? 'forbidden' : null,
      webSockets: row.webSockets ?? false,
      since: row.since ?? null,
      coveredBy: row.coveredBy,
      notCovered: row.notCovered ?? null,
      note: row.note ?? null,
    })),
    addresses: addressRows.map((row) => ({
      serviceTags: row.serviceTags,
      prefixes: row.prefixes.map(formatPrefix),
      ports: row.ports.toStrings(),
      ...scope(row),
      purpose: row.purpose,
      sources: row.sources,
      optional: row.optional ?? null,
      note: row.note ?? null,
    })),
    leftOut,
    mustHaves: mustHaves.map(({ host, addresses, ports, sources }) => ({
      host,
      addresses: addresses.map(formatPrefix),
      ports: ports.toStrings(),
      sources,
    })),
    history,
  };
}
