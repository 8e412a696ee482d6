import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { endpointsListCommand, endpointsShowCommand } from '../../src/cli/endpoints-list.ts';
import type { Io } from '../../src/cli/io.ts';
import { listEndpointTables, loadEndpointTable } from '../../src/endpoints/load.ts';
import { recordingIo } from '../support/recording-io.ts';

async function said(command: (io: Io) => Promise<void>): Promise<string> {
  const { io, said: kept } = recordingIo();
  await command(io);
  return kept.out;
}

it('lists every bundled table with its rows and the date of its newest source', async () => {
  const lines = (await said((io) => endpointsListCommand({}, io))).trimEnd().split('\n');
  const ids = await listEndpointTables();
  expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual(ids);
  const document = JSON.parse(await said((io) => endpointsListCommand({ json: true }, io))) as {
    id: string;
    rows: number;
  }[];
  for (const { id, rows } of document) {
    const table = await loadEndpointTable(id);
    expect(table.rows.length + table.addressRows.length).toBe(rows);
  }
  const connector = lines.find((line) => line.startsWith('private-network-connector '));
  expect(connector).toMatch(/ public +\d+ +2026-02-04 +high +certificate-issuers, service-bus-direct /);
});

it('shows each row of a table with its ports, group and what covers it', async () => {
  const { rows } = await loadEndpointTable('private-network-connector');
  const text = await said((io) => endpointsShowCommand('private-network-connector', {}, io));
  expect(text).toContain(`public cloud, ${rows.length} rows, confidence high`);
  expect(text).toMatch(/^\*\.msappproxy\.net +80,443 +- +AzureCloud /m);
  expect(text).toMatch(
    /^\*\.servicebus\.windows\.net +5671-5672,9350-9354 +service-bus-direct +AzureCloud /m,
  );
  expect(text).toMatch(
    /^must stay reachable: login\.microsoftonline\.com, published at 20\.190\.128\.0\/18 /m,
  );
  const document = JSON.parse(
    await said((io) => endpointsShowCommand('private-network-connector', { json: true }, io)),
  ) as { endpoints: { endpoint: string; ports: string[]; optional: string | null }[] };
  expect(document.endpoints).toHaveLength(rows.length);
  expect(document.endpoints.at(-1)).toMatchObject({
    endpoint: '*.servicebus.windows.net',
    ports: ['5671-5672', '9350-9354'],
    optional: 'service-bus-direct',
  });
});

it('shows a table of the user, with ports of UDP, and refuses what is none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'endpoints-list-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'own.yaml');
  writeFileSync(
    file,
    `id: own
title: Our own service
cloud: public
confidence: medium
sources: [{ id: manual, title: The manual, url: 'https://example.com/manual', date: 2026-01-31 }]
rows:
  - { hosts: [vpn.example.com], ports: [1194/udp, 443], purpose: Tunnel., sources: [manual], notCovered: unknown }
`,
  );
  expect(await said((io) => endpointsShowCommand(file, {}, io))).toMatch(
    /^vpn\.example\.com +443,1194\/udp +- +no tag +manual +Tunnel\.$/m,
  );
  await expect(said((io) => endpointsShowCommand('private-network', {}, io))).rejects.toThrow(
    'There is no endpoint table "private-network"',
  );
  await expect(said((io) => endpointsShowCommand(join(folder, 'none.yaml'), {}, io))).rejects.toThrow(
    'cannot be read',
  );
});
