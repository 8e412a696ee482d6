import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  formatEndpoint,
  parametersUsed,
  selectAddressRows,
  selectRows,
  tableOfCloud,
} from '../../src/endpoints/endpoint-table.ts';
import { lintEndpointTable } from '../../src/endpoints/lint.ts';
import { listEndpointTables, loadEndpointTable } from '../../src/endpoints/load.ts';
import { compareHostPatterns } from '../../src/net/host-pattern.ts';
import { PortSet } from '../../src/net/ports.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { feedFiles, feedsAvailable } from '../support/feeds.ts';

/** What a table asks for, one `endpoint ports` a line, ports of several rows joined. */
async function lines(id: string, groups: readonly string[] = []): Promise<string[]> {
  const ports = new Map<string, PortSet>();
  const rows = [...selectRows(await loadEndpointTable(id), groups)];
  rows.sort((a, b) => compareHostPatterns(a.host, b.host));
  for (const row of rows) {
    const endpoint = formatEndpoint(row);
    ports.set(endpoint, (ports.get(endpoint) ?? PortSet.empty).union(row.ports));
  }
  return [...ports].map(([endpoint, set]) => `${endpoint} ${set}`).sort();
}

/** Hosts that documents name beside everything below them. */
const DOCUMENTED_BESIDE = [
  'dev.azure.com',
  'guestnotificationservice.azure.cn',
  'guestnotificationservice.azure.com',
  'guestnotificationservice.azure.us',
  'manage.microsoft.com',
  'visualstudio.com',
  'windows.cloud.microsoft',
];

const REGISTRATION = [
  '*.microsoftonline-p.com 443',
  '*.microsoftonline.com 443',
  '*.msauth.net 443',
  '*.msauthimages.net 443',
  '*.msecnd.net 443',
  '*.msftauth.net 443',
  '*.msftauthimages.net 443',
  '*.phonefactor.net 443',
  'enterpriseregistration.windows.net 443',
  'login.windows.net 443',
  'management.azure.com 443',
  'policykeyservice.dc.ad.msft.net 443',
  'secure.aadcdn.microsoftonline-p.com 443',
];

const CURRENT = [
  ...REGISTRATION,
  '*.msappproxy.net 80,443',
  '*.servicebus.windows.net 80,443',
  'crl.microsoft.com 80',
  'crl3.digicert.com 80',
  'crl4.digicert.com 80',
  'ctldl.windowsupdate.com 80,443',
  'ocsp.digicert.com 80',
  'ocsp.msocsp.com 80',
  'oneocsp.microsoft.com 80',
  'www.microsoft.com/pkiops 80,443',
];

describe('the bundled tables', () => {
  test('are twenty-four', async () => {
    expect(await listEndpointTables()).toEqual([
      'aks',
      'app-proxy-2020',
      'arc-kubernetes',
      'arc-resource-bridge',
      'arc-servers',
      'avd-client',
      'avd-session-host',
      'azure-backup-mars',
      'azure-devops',
      'azure-local',
      'azure-monitor-agent',
      'container-registry',
      'defender-endpoint-streamlined',
      'entra-cloud-sync',
      'entra-connect-health',
      'entra-connect-sync',
      'entra-password-protection',
      'intune',
      'private-network-connector',
      'private-network-connector-usgov',
      'site-recovery',
      'update-manager',
      'windows-365',
      'windows-update',
    ]);
  });

  test('app-proxy-2020 is the article of April 2020, and the correction of its misprint', async () => {
    const expected = [
      ...REGISTRATION,
      '*.msappproxy.net 80,443',
      '*.servicebus.windows.net 80,443',
      'crl.microsoft.com 80',
      'ctdl.windowsupdate.com 80',
      'ctldl.windowsupdate.com 80',
      'mscrl.microsoft.com 80',
      'ocsp.msocsp.com 80',
      'www.microsoft.com 80',
    ];
    expect(await lines('app-proxy-2020')).toEqual(expected.sort());
  });

  test('private-network-connector is the union of the two current articles', async () => {
    expect(await lines('private-network-connector')).toEqual([...CURRENT].sort());
  });

  test('private-network-connector brings its optional groups when asked', async () => {
    expect(await lines('private-network-connector', ['certificate-issuers', 'service-bus-direct'])).toEqual(
      [
        ...CURRENT.filter((line) => !line.startsWith('*.servicebus')),
        '*.servicebus.windows.net 80,443,5671-5672,9350-9354',
        'cacerts.digicert.com 80',
        'cacerts.geotrust.com 80',
        'caissuers.microsoft.com 80',
      ].sort(),
    );
  });

  test('private-network-connector-usgov is the government article', async () => {
    expect(await lines('private-network-connector-usgov')).toEqual(
      [
        '*.microsoftonline-p.us 443',
        '*.microsoftonline.us 443',
        '*.msappproxy.us 443',
        '*.msauth.net 443',
        '*.msauthimages.net 443',
        '*.msecnd.net 443',
        '*.msftauth.net 443',
        '*.msftauthimages.net 443',
        '*.phonefactor.net 443',
        '*.servicebus.usgovcloudapi.net 443',
        'crl.microsoft.us 80',
        'ctldl.windowsupdate.us 80',
        'enterpriseregistration.windows.net 443',
        'login.windows.us 443',
        'management.azure.com 443',
        'mscrl.microsoft.us 80',
        'ocsp.msocsp.us 80',
        'policykeyservice.dc.ad.msft.net 443',
        'secure.aadcdn.microsoftonline-p.com 443',
        'www.microsoft.us 80',
      ].sort(),
    );
  });

  test('say how far they can be trusted, in which cloud, and by which dated documents', async () => {
    const tables = await Promise.all((await listEndpointTables()).map((id) => loadEndpointTable(id)));
    expect(
      tables
        .filter(({ id }) => /proxy|connector/.test(id))
        .map(({ id, clouds, confidence, sources }) => [
          id,
          ...clouds,
          confidence,
          ...sources.map((s) => s.date),
        ]),
    ).toEqual([
      ['app-proxy-2020', 'public', 'high', '2020-04-07', '2022-07-29'],
      [
        'private-network-connector',
        'public',
        'high',
        '2026-02-04',
        '2025-05-01',
        '2023-11-27',
        '2020-06-23',
        '2022-07-29',
      ],
      ['private-network-connector-usgov', 'usgov', 'low', '2025-04-09'],
    ]);
  });

  test('name the rows that stand in one of the two current articles only', async () => {
    const { rows } = await loadEndpointTable('private-network-connector');
    const alone = rows.filter(
      ({ sources, optional, inText }) => !inText && optional === undefined && sources.length === 1,
    );
    expect(alone.map((row) => `${formatEndpoint(row)} ${row.ports} ${row.sources} ${row.since}`)).toEqual([
      'policykeyservice.dc.ad.msft.net 443 proxy-article 2020-04',
      'www.microsoft.com/pkiops 443 connector-article 2023-09',
    ]);
  });

  test('flag the misprint of the 2020 article, and nothing else', async () => {
    const tables = await Promise.all((await listEndpointTables()).map((id) => loadEndpointTable(id)));
    const misprints = tables.flatMap(({ rows }) => rows.filter(({ misprintOf }) => misprintOf !== undefined));
    expect(misprints.map((row) => [row.table, formatEndpoint(row), row.misprintOf])).toEqual([
      ['app-proxy-2020', 'ctdl.windowsupdate.com', 'ctldl.windowsupdate.com'],
    ]);
  });

  test.each([
    [
      'aks',
      'public',
      ['tunnel', 'time'],
      { region: ['westeurope'] },
      ['*.hcp.westeurope.azmk8s.io 443', 'mcr.microsoft.com 443', 'ntp.ubuntu.com 123/udp'],
      ['AzureCloud.westeurope 9000', 'AzureCloud.westeurope 1194/udp'],
    ],
    [
      'aks',
      'china',
      ['tunnel'],
      { region: ['chinanorth3'] },
      ['*.tun.chinanorth3.cx.prod.service.azk8s.cn 443', '*.azk8s.cn 443'],
      ['AzureCloud.chinanorth3 22', 'AzureCloud.chinanorth3 9000', 'AzureCloud.chinanorth3 1194/udp'],
    ],
    ['arc-servers', 'public', [], {}, ['azgn*.servicebus.windows.net 443', '*.his.arc.azure.com 443'], []],
    [
      'arc-servers',
      'usgov',
      ['esu'],
      {},
      ['pasff.usgovcloudapi.net 443', 'www.microsoft.com/pkiops/certs 80,443'],
      [],
    ],
    [
      'avd-session-host',
      'public',
      ['rdp-shortpath'],
      {},
      [
        '*.wvd.microsoft.com 443',
        '*.service.windows.cloud.microsoft 443',
        '*.windows.cloud.microsoft 443',
        '*.windows.static.microsoft 443',
        '*.aikcertaia.microsoft.com 80',
        'azcsprodeusaikpublish.blob.core.windows.net 80',
        '*.microsoftaik.azure.net 80',
        'azkms.core.windows.net 1688',
      ],
      ['51.5.0.0/16 3478/udp'],
    ],
    ['avd-session-host', 'usgov', ['other-services'], {}, ['*.wvd.azure.us 443', 'oneclient.sfx.ms 443'], []],
    [
      'avd-client',
      'public',
      [],
      {},
      [
        '*.service.windows.cloud.microsoft 443',
        '*.windows.static.microsoft 443',
        'windows.cloud.microsoft 443',
        'ecs.office.com 443',
        '*.microsoftaik.azure.net 80',
      ],
      [],
    ],
    [
      'avd-client',
      'usgov',
      ['rdp-shortpath'],
      {},
      ['*.windows.usgovcloud-static.microsoft 443'],
      ['20.140.236.0/22 3478/udp'],
    ],
    [
      'intune',
      'public',
      [],
      { location: ['eu'] },
      ['*.manage.microsoft.com 80,443', 'intunemaape7.neu.attest.azure.net 443'],
      [],
    ],
    [
      'container-registry',
      'public',
      ['dedicated-endpoints'],
      { registry: ['team'], region: ['westeurope', 'northeurope'] },
      ['team.azurecr.io 443', 'team.westeurope.data.azurecr.io 443', 'team.northeurope.geo.azurecr.io 443'],
      [],
    ],
    [
      'azure-local',
      'public',
      [],
      { region: ['centralindia'], vault: ['v1'] },
      ['v1.vault.azure.net 443', 'time.windows.com 123/udp'],
      [],
    ],
    [
      'windows-365',
      'public',
      [],
      { location: ['na'] },
      [
        '*.infra.windows365.microsoft.com 443',
        '*.wvd.microsoft.com 443',
        'intunemaape1.eus.attest.azure.net 443',
      ],
      ['51.5.0.0/16 3478/udp', '51.5.0.0/16 3478/udp'],
    ],
    [
      'windows-365',
      'usgov',
      [],
      { environment: ['gcc-high'] },
      [
        'enterpriseregistration.microsoftonline.us 443',
        'hm-iot-in-ghp-ghp01.azure-devices.us 443,5671',
        'wip.mam.manage.microsoft.us 443',
        'software-download.microsoft.com 443',
        '*.wvd.azure.us 443',
      ],
      ['20.140.236.0/22 3478/udp', '20.140.236.0/22 3478/udp'],
    ],
    ['update-manager', 'public', [], {}, ['*.guestconfiguration.azure.com 443'], []],
    [
      'update-manager',
      'public',
      ['windows'],
      {},
      ['*.guestconfiguration.azure.com 443', '*.windowsupdate.com 80', '*.update.microsoft.com 443'],
      [],
    ],
    ['windows-update', 'usgov', ['windows-11'], {}, ['emdl.ws.microsoft.com 80', 'adl.windows.com 443'], []],
    ['entra-connect-sync', 'public', [], {}, ['crl3.digicert.com 80', '*.microsoftonline.com 443'], []],
  ] as const)(
    '%s in %s asks, with groups %j and %j, for what its document names',
    async (id, cloud, groups, parameters, names, addresses) => {
      const table = tableOfCloud(await loadEndpointTable(id), cloud);
      expect([...parametersUsed(table, groups)].filter((name) => !(name in parameters))).toEqual([]);
      const rows = selectRows(table, groups, parameters);
      expect(rows.map((row) => `${formatEndpoint(row)} ${row.ports}`)).toEqual(
        expect.arrayContaining([...names]),
      );
      expect(rows.filter(({ host }) => host.name.includes('<'))).toEqual([]);
      const asked = selectAddressRows(table, groups, parameters).flatMap((row) =>
        [...row.serviceTags, ...row.prefixes.map(formatPrefix)].map((one) => `${one} ${row.ports}`),
      );
      expect(asked.sort()).toEqual([...addresses].sort());
    },
  );

  test.skipIf(!feedsAvailable).each(['public', 'usgov', 'china'] as const)(
    'are covered by tags that the feed of their cloud has: %s',
    async (cloud) => {
      const { values } = JSON.parse(gunzipSync(readFileSync(feedFiles(cloud).at(-1)!)).toString('utf8')) as {
        values: { name: string }[];
      };
      const known = new Set(values.map(({ name }) => name));
      for (const id of await listEndpointTables()) {
        const { rows } = tableOfCloud(await loadEndpointTable(id), cloud);
        expect(
          rows.flatMap(({ coveredBy }) => coveredBy.map(({ tag }) => tag)).filter((tag) => !known.has(tag)),
          id,
        ).toEqual([]);
      }
    },
  );

  test('pass the lint', async () => {
    for (const id of await listEndpointTables())
      expect(
        lintEndpointTable(await loadEndpointTable(id)).filter(
          ({ what }) => !DOCUMENTED_BESIDE.some((host) => what.startsWith(`"*.${host}" is a wildcard over`)),
        ),
        id,
      ).toEqual([]);
  });

  test('use every source and every optional group that they declare', async () => {
    for (const id of await listEndpointTables()) {
      const table = await loadEndpointTable(id);
      const own = [...table.rows, ...table.addressRows].filter((row) => row.table === id);
      if (own.length === 0) {
        expect(table.includes, id).not.toEqual([]);
        continue;
      }
      expect(new Set([...own, ...table.mustHaves].flatMap(({ sources }) => sources)), id).toEqual(
        new Set(table.sources.map((source) => source.id)),
      );
      expect(new Set(own.flatMap(({ optional }) => optional ?? [])), id).toEqual(
        new Set(table.optionalGroups.map((group) => group.id)),
      );
    }
  });
});
