import { describe, expect, test } from 'vitest';
import {
  formatEndpoint,
  omittedRows,
  parametersUsed,
  selectAddressRows,
  selectRows,
  tableOfCloud,
} from '../../src/endpoints/endpoint-table.ts';
import { lintEndpointTable } from '../../src/endpoints/lint.ts';
import { parseEndpointTable } from '../../src/endpoints/load.ts';
import { parameterProblems } from '../../src/endpoints/parameters.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { azureRegion, feedRegion } from '../../src/net/regions.ts';
import { ConfigurationError } from '../../src/problem.ts';

const TABLE = `
id: own
title: Our own service
clouds: [public, usgov]
confidence: high
sources: [{ id: manual, title: Manual, url: https://docs.example.com, date: 2026-01-02 }]
parameters:
  - { id: region, kind: region, description: Where it runs. }
  - { id: vault, kind: label, description: The vault. }
  - { id: location, kind: choice, description: Of the tenant., values: [eu, na] }
optionalGroups: [{ id: tunnel, description: The tunnel. }]
leftOut: [{ what: 169.254.169.254, why: never leaves the host }]
rows:
  - { hosts: ["*.<region>.example.com", "<vault>.vault.example.com"], ports: [443], purpose: Service., sources: [manual], notCovered: unknown }
  - { hosts: [eu.example.net], ports: [443], when: { location: eu }, purpose: Europe., sources: [manual], notCovered: unknown, tlsInspection: forbidden }
  - { hosts: [na.example.net], ports: [443], when: { location: [na] }, purpose: America., sources: [manual], notCovered: unknown }
  - { hosts: ["azgn*.example.org", b.example.org], ports: [443], partialNames: widen, purpose: Bus., sources: [manual], notCovered: unknown, webSockets: true }
  - { hosts: ["*eh.example.org"], ports: [443], partialNames: omit, purpose: Hub., sources: [manual], notCovered: unknown }
  - { serviceTags: [AzureCloud.<region>], ports: [1194/udp, 9000], optional: tunnel, need: conditional, purpose: Tunnel., sources: [manual] }
  - { addresses: [192.0.2.0/24, "2001:db8::/32"], ports: [3478/udp], clouds: [usgov], purpose: Relay., sources: [manual] }
`;

const table = await parseEndpointTable(TABLE, 'own.yaml');

const told = (rows: ReturnType<typeof selectRows>) =>
  rows.map((row) => `${formatEndpoint(row)} ${row.ports}`);

describe('a table that includes another', () => {
  const text = `
id: own
title: Our own service
cloud: public
confidence: high
sources: [{ id: manual, title: Manual, url: https://docs.example.com, date: 2026-01-02 }]
optionalGroups: [{ id: windows, description: Machines with Windows. }]
includes: [{ table: windows-update, groups: [windows-11], optional: GROUP }]
rows:
  - { hosts: [a.example.com], ports: [443], purpose: Service., sources: [manual], notCovered: unknown }
`;

  test('has its rows in an optional group of its own, where it says so', async () => {
    const own = await parseEndpointTable(text.replace('GROUP', 'windows'), 'own.yaml');
    expect(told(selectRows(own, []))).toEqual(['a.example.com 443']);
    expect(told(selectRows(own, ['windows']))).toEqual(
      expect.arrayContaining(['a.example.com 443', '*.windowsupdate.com 80', 'adl.windows.com 443']),
    );
    expect([...new Set(own.rows.map(({ table: id, need }) => `${id} ${need}`))]).toEqual([
      'own required',
      'windows-update conditional',
    ]);
  });

  test('is refused where it has no such group', async () => {
    await expect(parseEndpointTable(text.replace('GROUP', 'window'), 'own.yaml')).rejects.toMatchObject({
      problems: [
        {
          where: 'own.yaml: includes[0].optional',
          what: '"window" is not the id of an optional group',
          next: 'did you mean windows?',
        },
      ],
    });
  });
});

describe('a table with parameters, clouds and addresses', () => {
  test('gives the rows that hold, for each value of a parameter', () => {
    expect(told(selectRows(table, [], { region: ['westeurope', 'northeurope'], location: ['eu'] }))).toEqual([
      '*.westeurope.example.com 443',
      '*.northeurope.example.com 443',
      'eu.example.net 443',
      'azgn*.example.org 443',
      'b.example.org 443',
    ]);
    expect(told(selectRows(table, [], { vault: ['v1'], location: ['na'] }))).toEqual([
      'v1.vault.example.com 443',
      'na.example.net 443',
      'azgn*.example.org 443',
      'b.example.org 443',
    ]);
  });

  test('hands nothing to a policy that only a table says', () => {
    const [row] = selectRows(table, [], { region: ['westeurope'] });
    expect(row).toMatchObject({ table: 'own', index: 0, host: { name: 'westeurope.example.com' } });
    for (const one of selectRows(table, [], { region: ['westeurope'], location: ['eu'] }))
      for (const key of ['clouds', 'when', 'need', 'partialUse', 'noTlsInspection', 'webSockets'])
        expect(one).not.toHaveProperty(key);
  });

  test('widens a name with a wildcard inside a label, or leaves it out and says so', () => {
    const rows = selectRows(table);
    expect(rows.find(({ partialName }) => partialName === 'azgn*.example.org')?.host).toEqual({
      name: 'example.org',
      apex: false,
      subdomains: true,
    });
    expect(told(omittedRows(table))).toEqual(['*eh.example.org 443']);
  });

  test('asks for addresses by tag of the region, with the name that AzureCloud gives it', () => {
    expect(selectAddressRows(table, ['tunnel'], { region: ['germanywestcentral'] })[0]).toMatchObject({
      serviceTags: ['AzureCloud.germanywc'],
      need: 'conditional',
    });
    expect(selectAddressRows(table, ['tunnel'])[0]?.serviceTags).toEqual([]);
    expect(selectAddressRows(table).flatMap(({ prefixes }) => prefixes.map(formatPrefix))).toEqual([
      '192.0.2.0/24',
      '2001:db8::/32',
    ]);
  });

  test('is another table in each cloud', () => {
    expect(tableOfCloud(table, 'public').addressRows).toHaveLength(1);
    expect(tableOfCloud(table, 'usgov').addressRows).toHaveLength(2);
    expect(tableOfCloud(table, 'usgov').clouds).toEqual(['usgov']);
  });

  test('has no duplicates where values of a parameter exclude each other', async () => {
    expect(lintEndpointTable(table)).toEqual([]);
    const same = await parseEndpointTable(TABLE.replace('na.example.net', 'eu.example.net'), 'own.yaml');
    expect(lintEndpointTable(same)).toEqual([]);
    const twice = await parseEndpointTable(
      TABLE.replace('na.example.net', 'eu.example.net').replace('[na] }', '[eu] }'),
      'own.yaml',
    );
    expect(lintEndpointTable(twice).map(({ rule }) => rule)).toEqual(['duplicate']);
  });
});

test.each([
  [
    '*.<region>.example.com',
    '*.<regoin>.example.com',
    /rows\[0\]: "regoin" is not the id of a parameter — did you mean region\?/,
  ],
  [
    'location: eu',
    'location: eu2',
    /rows\[1\]\.when\.location: "eu2" is no value of location — known are eu, na/,
  ],
  ['when: { location: eu', 'when: { loc: eu', /rows\[1\]\.when: "loc" is not the id of a parameter/],
  [
    ', partialNames: widen',
    '',
    /rows\[3\]\.hosts: "azgn\*\.example\.org": no device matches a wildcard inside a label/,
  ],
  [
    '[eu.example.net], ports',
    '[eu.example.net], partialNames: omit, ports',
    /rows\[1\]\.partialNames: no host of the row has a wildcard/,
  ],
  [
    'clouds: [usgov], purpose',
    'clouds: [china], purpose',
    /rows\[6\]\.clouds: "china" is no cloud of the table/,
  ],
  [
    'clouds: [public, usgov]',
    'cloud: public\nclouds: [public, usgov]',
    /exactly one of cloud and clouds is needed/,
  ],
  [
    'AzureCloud.<region>',
    'Storage.<region>',
    /rows\[5\]\.serviceTags\[0\]: must be a service tag, or AzureCloud\.<region>/,
  ],
  [
    '{ addresses: [',
    '{ hosts: [a.example.com], notCovered: no, addresses: [',
    /rows\[6\]: hosts and addresses are both given/,
  ],
  [', values: [eu, na]', '', /parameters\[2\]: a choice needs values/],
  ['192.0.2.0/24', '192.0.2.1/24', /rows\[6\]\.addresses\[0\]: must be a prefix/],
])('a table with a mistake is refused: %s → %s', async (right, wrong, message) => {
  expect(TABLE).toContain(right);
  const error: unknown = await parseEndpointTable(TABLE.replace(right, wrong), 'own.yaml').then(
    () => expect.unreachable('the table was accepted'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigurationError);
  expect((error as Error).message).toMatch(message);
});

describe('what is given for parameters', () => {
  const problems = (given: Record<string, string[]>) =>
    parameterProblems(table, { region: ['westeurope'], location: ['eu'], ...given }, 'here', new Set()).map(
      ({ where, what, next }) => `${where}: ${what} | ${next}`,
    );

  test('is checked', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ vault: ['x.y'] })).toEqual([
      'here.vault: "x.y" cannot stand in a host name | lower-case letters, digits and hyphens',
    ]);
    expect(problems({ location: ['us'] })).toEqual([
      'here.location: "us" is no location of own | one of eu, na',
    ]);
    expect(problems({ regoin: ['x'] })).toEqual([
      'here.regoin: own has no parameter "regoin" | did you mean region?',
    ]);
    expect(parameterProblems(table, {}, 'here', parametersUsed(table)).map(({ what }) => what)).toEqual([
      'own needs the parameter region: Where it runs.',
      'own needs the parameter vault: The vault.',
      'own needs the parameter location: Of the tenant.',
    ]);
    expect(problems({ region: ['West Europe'] })).toEqual([
      'here.region: "West Europe" is not how Azure names a region | did you mean westeurope?',
    ]);
  });

  test.each([
    ['brazilse', 'brazilsoutheast'],
    ['chilec', 'chilecentral'],
    ['usstagee', 'eastusstg'],
    ['centralfrance', 'francecentral'],
    ['southfrance', 'francesouth'],
    ['germanyn', 'germanynorth'],
    ['germanywc', 'germanywestcentral'],
    ['norwaye', 'norwayeast'],
    ['norwayw', 'norwaywest'],
    ['usstagec', 'southcentralusstg'],
    ['switzerlandn', 'switzerlandnorth'],
    ['switzerlandw', 'switzerlandwest'],
  ])('%s of the feed is %s', (feed, azure) => {
    expect(problems({ region: [feed] })).toEqual([
      `here.region: "${feed}" is not how Azure names a region | did you mean ${azure}?`,
    ]);
    expect(problems({ region: [azure] })).toEqual([]);
    expect(azureRegion(feed)).toBe(azure);
    expect(feedRegion(azure)).toBe(feed);
  });
});
