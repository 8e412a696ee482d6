import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endpointsCheckCommand } from '../../src/cli/endpoints-check.ts';
import type { DriftReport } from '../../src/endpoints/drift.ts';
import { type EndpointTable, formatEndpoint } from '../../src/endpoints/endpoint-table.ts';
import { listEndpointTables, loadEndpointTable } from '../../src/endpoints/load.ts';
import type { PortSet } from '../../src/net/ports.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { recordingIo } from '../support/recording-io.ts';

const TABLES = await Promise.all((await listEndpointTables()).map((id) => loadEndpointTable(id)));
const WITH_ROWS = TABLES.filter(({ id, rows }) => rows.some(({ table }) => table === id)).map(({ id }) => id);

type Row = readonly [what: string, ports: PortSet];

/** The rows of a table as an article has them: one protocol a row, placeholders under names of its own. */
function article(rows: readonly Row[]): string[] {
  const cell = (what: string) => `**\`${what.replaceAll('<', '<Your ').replace('*-', '\\*-')}\`**`;
  return [
    '| Destination FQDN | Protocol | Port | Use |',
    '| --- | --- | --- | --- |',
    ...rows.flatMap(([what, ports]) =>
      (['tcp', 'udp'] as const).flatMap((protocol) => {
        const some = ports.only(protocol);
        return some.isEmpty
          ? []
          : [`| ${cell(what)} <br/> | ${protocol.toUpperCase()} | ${some.as('tcp')} | In our words. |`];
      }),
    ),
  ];
}

function rowsOf({ rows, addressRows }: EndpointTable): Row[] {
  return [
    ...rows.map((row): Row => [formatEndpoint(row), row.ports]),
    ...addressRows.flatMap(({ serviceTags, prefixes, ports }) =>
      [...serviceTags, ...prefixes.map(formatPrefix)].map((what): Row => [what, ports]),
    ),
  ];
}

async function check(location: string, table: string): Promise<DriftReport[]> {
  const { io, said } = recordingIo({});
  await endpointsCheckCommand(location, { table, json: true }, io);
  return [JSON.parse(said.out) as DriftReport | DriftReport[]].flat();
}

const told = ({ added, removed, changed }: DriftReport) => [
  ...added.map(({ endpoint, ports, lines }) => `+ ${endpoint} ${ports} @${lines}`),
  ...removed.map(({ endpoint, ports }) => `- ${endpoint} ${ports}`),
  ...changed.map(
    ({ endpoint, documented, portsAdded, portsRemoved, lines }) =>
      `~ ${endpoint}${documented === endpoint ? '' : ` > ${documented}`} +${portsAdded} -${portsRemoved} @${lines}`,
  ),
];

describe('a document that says what a table says', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'documents-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const write = (path: string, lines: readonly string[]) => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  };

  it.each(WITH_ROWS)('agrees with it: %s', async (id) => {
    const table = await loadEndpointTable(id);
    const [report] = await check(write('any.md', article(rowsOf(table))), id);
    expect(told(report!)).toEqual([]);
    expect(report!.same).toBeGreaterThan(3);
  });

  it('shows of two dates just what changed between them, with its lines', async () => {
    const rows = rowsOf(await loadEndpointTable('aks'));
    const first = article(rows);
    const at = (text: string) => first.findIndex((line) => line.includes(text));
    const lines = [...first];
    lines[at('mcr.microsoft.com`')] = lines[at('mcr.microsoft.com`')]!.replace('| 443 |', '| 443, 8443 |');
    lines[at('AzureCloud.')] = lines[at('AzureCloud.')]!.replace('1194', '1195');
    // A row of an optional group goes.
    lines[at('us.download.nvidia.com')] = first[at('packages.aks.azure.com')]!;
    lines[at('*.hcp.<Your region>.azmk8s.io')] = '| **`new.<Region>.azmk8s.io`** | HTTPS | HTTPS:443 | x |';
    const [report] = await check(write('later.md', lines), 'aks');
    const line = (text: string) => first.findIndex((one) => one.includes(text)) + 1;
    expect(told(report!)).toEqual([
      `+ new.<region>.azmk8s.io 443 @${line('*.hcp.<Your region>.azmk8s.io')}`,
      '- us.download.nvidia.com 443',
      '- *.hcp.<region>.azmk8s.io 443',
      expect.stringMatching(/^~ mcr\.microsoft\.com \+8443 - @/),
      expect.stringMatching(/^~ service tag AzureCloud\.<region> \+1195\/udp -1194\/udp @/),
    ]);
  });

  it('may be in a clone of its repository, in files that it includes, and is named by its source', async () => {
    const table = await loadEndpointTable('arc-kubernetes');
    const path = /articles\/\S+\.md/.exec(table.sources[0]!.title)![0];
    const rows = article(rowsOf(table));
    write(path, [
      '# Requirements',
      '',
      '[!INCLUDE [rows](rows.md)]',
      '',
      '[!INCLUDE [none](~/reusable/none.md)]',
    ]);
    write(join(dirname(path), 'rows.md'), [...rows, '| also.example.com | TCP | 443 | x |']);
    const [report, ...others] = await check(folder, 'arc-kubernetes');
    expect(others).toEqual([]);
    expect(report!.source).toBe(table.sources[0]!.id);
    expect(told(report!)).toEqual(['+ also.example.com 443 @3']);
    expect(report!.findings).toContainEqual({
      rule: 'unread',
      where: 'line 5',
      what: '"~/reusable/none.md" is included, and was not read',
      next: 'give the document in a clone of its repository',
    });
  });

  it('that includes itself ends', async () => {
    const file = write('loop.md', [
      '[!INCLUDE [me](loop.md)]',
      ...article(rowsOf(await loadEndpointTable('aks'))),
    ]);
    const [report] = await check(file, 'aks');
    expect(told(report!)).toEqual([]);
  });

  it('is asked for where a folder does not have it', async () => {
    await expect(check(folder, 'aks')).rejects.toMatchObject({
      problems: [{ what: expect.stringContaining('articles/aks/outbound-rules-control-egress.md') }],
    });
  });
});
