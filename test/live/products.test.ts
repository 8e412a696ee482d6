import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { runJob } from '../../src/job.ts';
import { formatAddress } from '../../src/net/address.ts';
import { lastAddress, parsePrefix } from '../../src/net/prefix.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { AROUND_NFTABLES, aroundIptables, Gateway, type Namespace } from '../support/gateway.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
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

const WEEK = '20250818';

/** Four products in one configuration, as a network team has them, on a real week. */
const configuration = (directory: string) => `version: 1
products:
  - { aks: { region: westeurope, groups: [tunnel, time] } }
  - arc-servers
  - { avd: { region: westeurope, groups: [rdp-shortpath] } }
  - connector
targets: { squid: { directory: "${directory}" }, iptables: {}, nftables: {} }
output: out
`;

/** Requests through the proxy, and whether a table asks for them. */
const REQUESTS: readonly (readonly [request: ProxyRequest, allowed: boolean])[] = [
  [{ method: 'CONNECT', host: 'x.hcp.westeurope.azmk8s.io', port: 443 }, true],
  [{ method: 'CONNECT', host: 'x.hcp.northeurope.azmk8s.io', port: 443 }, false],
  [{ method: 'CONNECT', host: 'mcr.microsoft.com', port: 443 }, true],
  [{ method: 'CONNECT', host: 'mcr.microsoft.com', port: 8080 }, false],
  [{ method: 'CONNECT', host: 'gbl.his.arc.azure.com', port: 443 }, true],
  [{ method: 'CONNECT', host: 'his.arc.azure.example', port: 443 }, false],
  [{ method: 'CONNECT', host: 'rdweb.wvd.microsoft.com', port: 443 }, true],
  [{ method: 'CONNECT', host: 't.msappproxy.net', port: 443 }, true],
  [{ method: 'CONNECT', host: 't.msappproxy.net', port: 80 }, true],
  [{ method: 'CONNECT', host: 'msappproxy.net', port: 443 }, false],
  [{ method: 'GET', host: 'crl3.digicert.com', port: 80 }, true],
  [{ method: 'GET', host: 'crl3.digicert.example', port: 80 }, false],
];

describe.skipIf(!feedsAvailable || lacksNamespaces())(
  'AKS, Arc, Azure Virtual Desktop and the connector',
  () => {
    let folder: string;
    let lists: string;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'products-'));
      lists = await squidDirectory();
      await runJob({
        config: parseConfig(configuration(listDirectory(lists)), join(folder, 'allowlist.yaml')),
        ...{ feed: feedFile(WEEK), dryRun: false, accept: [], offline: true, cacheDirectory: undefined },
        environment: {},
        today: '2025-08-18',
        report: () => {},
      });
    });
    afterAll(() => {
      rmSync(folder, { recursive: true, force: true });
      rmSync(lists, { recursive: true, force: true });
    });

    describe.skipIf(lacks('squid'))('in Squid', () => {
      let namespace: Namespace;
      beforeAll(async () => {
        namespace = await everyAddressLocal();
      });
      afterAll(() => namespace.close());

      it('get what their tables ask for, by the methods of a proxy, and nothing else', async () => {
        const files = readdirSync(join(folder, 'out/squid')).map((path) => ({
          path,
          text: readFileSync(join(folder, 'out/squid', path), 'utf8'),
        }));
        const configured = await writeSquid(
          lists,
          files,
          REQUESTS.map(([{ host }]) => host),
          `include ${listDirectory(lists)}/azure-allow.conf\nhttp_access deny all`,
        );
        expect(await parseComplaints(namespace, configured)).toEqual([]);
        const squid = await RunningSquid.start(namespace, lists, configured, [80, 443]);
        try {
          const statuses = await squid.ask(REQUESTS.map(([request]) => request));
          expect(REQUESTS.map(([request], index) => [request, statuses[index]])).toEqual(
            REQUESTS.map(([request, allowed]) => [request, allowed ? 200 : 403]),
          );
        } finally {
          await squid.stop();
        }
      });
    });

    /** Where AKS asks for its tunnel: in the region's tag, at both ends of it. */
    const week = readWeek(WEEK);
    const region = tagPrefixes(week, 'AzureCloud.westeurope').filter((prefix) => !prefix.includes(':'));
    const [first, last] = [
      region[0]!.split('/')[0]!,
      formatAddress(4, lastAddress(parsePrefix(region.at(-1)!))),
    ];
    const elsewhere = tagPrefixes(week, 'AzureCloud.northeurope')[0]!.split('/')[0]!;

    /** Address, port, and whether a datagram and a connection get through. */
    const PLACES: readonly (readonly [address: string, port: number, udp: boolean, tcp: boolean])[] = [
      [first, 1194, true, false],
      [last, 1194, true, false],
      [first, 9000, false, true],
      [last, 9000, false, true],
      [first, 9001, false, false],
      [elsewhere, 1194, false, false],
      [elsewhere, 9000, false, false],
      ['51.5.0.1', 3478, true, false],
      ['51.5.255.254', 3478, true, false],
      ['51.5.0.1', 3479, false, false],
      ['9.9.9.9', 3478, false, false],
      ['9.9.9.9', 443, false, false],
    ];
    const PORTS = [...new Set(PLACES.map(([, port]) => port))];

    describe.skipIf(lacks('nft', 'ipset', 'iptables-nft', 'ip', 'nsenter')).each([
      ['iptables', aroundIptables('iptables-nft', 'ip6tables-nft')],
      ['nftables', AROUND_NFTABLES],
    ])('in %s', (target, own) => {
      let row: Gateway;
      beforeAll(async () => {
        row = await Gateway.open(PORTS, PORTS);
      });
      afterAll(() => row?.close());
      const attempts = PLACES.map(([address, port]) => [address, port] as const);

      it('get the datagrams and connections that their tables ask for, and no others', async () => {
        await expect.poll(() => row.send(attempts), { timeout: 20_000 }).toEqual(PLACES.map(() => true));
        await row.gateway.script(own);
        await row.gateway.must(['env', 'XTABLES=nft', 'sh', join(folder, 'out', target, 'load.sh')]);
        const [sent, dialled] = [await row.send(attempts), await row.dial(attempts)];
        expect(attempts.map((place, index) => [...place, sent[index], dialled[index]])).toEqual(
          PLACES.map((place) => [...place]),
        );
      });
    });
  },
);
