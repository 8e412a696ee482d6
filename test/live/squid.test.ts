import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEndpointTable } from '../../src/endpoints/load.ts';
import { formatHostPattern } from '../../src/net/host-pattern.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { type Attempt, addressAttempts, nameAttempts } from '../support/attempts.ts';
import { feedsAvailable } from '../support/feeds.ts';
import type { Namespace } from '../support/gateway.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';
import {
  everyAddressLocal,
  listDirectory,
  type ProxyRequest,
  parseComplaints,
  RunningSquid,
  squidDirectory,
  writeSquid,
} from '../support/squid.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

const unable = lacks('squid') || lacksNamespaces();

/** The connector's names, and its addresses as a rule of their own, on every port that tells them apart. */
async function connectorPolicy(): Promise<Policy> {
  const table = await loadEndpointTable('private-network-connector');
  const rows = table.rows.filter(({ path }) => path === undefined);
  const names = Object.fromEntries(
    rows.map(({ ports }) => [
      `${ports}`,
      rows.filter((row) => row.ports.equals(ports)).map(({ host }) => formatHostPattern(host)),
    ]),
  );
  const week = readWeek('20250714');
  return makePolicy(
    { name: 'connector', names },
    {
      name: 'azure',
      prefixes: tagPrefixes(week, 'AzureCloud', 'AzureActiveDirectory', 'AzureFrontDoor.FirstParty'),
      ports: '80,443',
    },
    { name: 'storage-weu', prefixes: tagPrefixes(week, 'Storage.WestEurope') },
    { name: 'sql', prefixes: tagPrefixes(week, 'Sql'), ports: '1433,11000-11999' },
  );
}

/** CONNECT may reach every port but 80, plain requests that one too. */
function requests(attempts: readonly Attempt[]): { request: ProxyRequest; allowed: boolean }[] {
  return attempts.flatMap(({ host, port, allowed }) => [
    { request: { method: 'CONNECT', host, port }, allowed: allowed && port !== 80 },
    ...(port === 80 ? [{ request: { method: 'GET' as const, host, port }, allowed }] : []),
  ]);
}

async function judge(squid: RunningSquid, attempts: readonly Attempt[]) {
  const asked = requests(attempts);
  const statuses = await squid.ask(asked.map(({ request }) => request));
  const wrong = asked
    .map(({ request, allowed }, index) => ({ ...request, allowed, status: statuses[index]! }))
    .filter(({ allowed, status }) => (allowed ? status !== 200 && status !== 503 : status !== 403));
  return {
    wrong,
    allowed: asked.filter((each) => each.allowed).length,
    denied: asked.filter((each) => !each.allowed).length,
  };
}

describe.skipIf(unable)('a running Squid', () => {
  let namespace: Namespace;
  beforeAll(async () => {
    namespace = await everyAddressLocal();
  });
  afterAll(() => namespace.close());

  it.each([
    ['the sample', async () => samplePolicy(), 8081],
    ...(feedsAvailable ? [['the connector and a real week', connectorPolicy, 8081] as const] : []),
  ] as const)('allows just what %s allows', async (_, makePolicyOf, wrongPort) => {
    const policy = await makePolicyOf();
    const directory = await squidDirectory();
    const { files } = await buildBundled('squid', policy, { directory: listDirectory(directory) });
    const random = seededRandom(20250714);
    const ports = [80, 443, 1433, 5671, 8080, wrongPort];
    const attempts = [...nameAttempts(policy, ports, random), ...addressAttempts(policy, ports, 400, random)];
    const configuration = await writeSquid(
      directory,
      files,
      attempts.map(({ host }) => host).filter((host) => /[a-z]$/.test(host) && !host.includes(':')),
      `include ${listDirectory(directory)}/azure-allow.conf\nhttp_access deny all`,
    );
    expect(await parseComplaints(namespace, configuration)).toEqual([]);
    const squid = await RunningSquid.start(namespace, directory, configuration, [80, 443, 1433]);
    try {
      const { wrong, allowed, denied } = await judge(squid, attempts);
      expect(wrong).toEqual([]);
      expect(allowed).toBeGreaterThan(50);
      expect(denied).toBeGreaterThan(50);
    } finally {
      await squid.stop();
    }
  });
});
