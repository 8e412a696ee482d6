import { type EndpointRow, type EndpointTable, formatEndpoint } from '../endpoints/endpoint-table.ts';
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
    const { id, cloud, confidence, optionalGroups, rows: all, sources, title } = table;
    return [
      id,
      cloud,
      `${all.length}`,
      dateOf(sources.map(({ date }) => date)),
      confidence,
      optionalGroups.map((group) => group.id).join(', ') || '-',
      title,
    ];
  });
  io.out(
    formatTable(
      [['table', 'cloud', 'rows', 'newest source', 'confidence', 'optional groups', 'for'], ...rows],
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
  const { id, title, cloud, confidence, sources, optionalGroups, mustHaves, rows } = shown;
  io.out(`${id}: ${title}\n${cloud} cloud, ${counted(rows.length, 'row')}, confidence ${confidence}\n`);
  io.out(
    formatTable([
      ['source', 'date', 'document'],
      ...sources.map((source) => [source.id, source.date, `${source.title}, ${source.url}`]),
    ]),
  );
  if (optionalGroups.length > 0) {
    const count = (group: string) => rows.filter(({ optional }) => optional === group).length;
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
  io.out(
    `\n${formatTable([
      ['endpoint', 'ports', 'group', 'covered by', 'sources', 'purpose'],
      ...rows.map((row) => [
        formatEndpoint(row),
        row.ports.toString(),
        row.optional ?? '-',
        coveredBy(row),
        row.sources.join(', '),
        row.purpose,
      ]),
    ])}`,
  );
  for (const { host, addresses } of mustHaves)
    io.out(`\nmust stay reachable: ${host}, published at ${addresses.map(formatPrefix).join(' ')}`);
}

function coveredBy({ coveredBy: tags, notCovered }: EndpointRow): string {
  return tags.length > 0 ? tags.map(({ tag }) => tag).join(', ') : notCovered === undefined ? '-' : 'no tag';
}

function dateOf(dates: readonly string[]): string {
  return [...dates].sort().at(-1) ?? '-';
}

function overview({ id, title, cloud, confidence, sources, optionalGroups, rows }: EndpointTable) {
  return { id, title, cloud, confidence, rows: rows.length, sources, optionalGroups };
}

function details({ rows, mustHaves, history }: EndpointTable) {
  return {
    endpoints: rows.map((row) => ({
      endpoint: formatEndpoint(row),
      ports: row.ports.toStrings(),
      purpose: row.purpose,
      sources: row.sources,
      optional: row.optional ?? null,
      since: row.since ?? null,
      coveredBy: row.coveredBy,
      notCovered: row.notCovered ?? null,
      note: row.note ?? null,
    })),
    mustHaves: mustHaves.map(({ host, addresses, ports, sources }) => ({
      host,
      addresses: addresses.map(formatPrefix),
      ports: ports.toStrings(),
      sources,
    })),
    history,
  };
}
