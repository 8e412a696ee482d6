import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selectRows } from '../../src/endpoints/endpoint-table.ts';
import {
  listEndpointTables,
  loadEndpointTable,
  loadEndpointTableFile,
  parseEndpointTable,
} from '../../src/endpoints/load.ts';
import { formatHostPattern } from '../../src/net/host-pattern.ts';
import { ConfigurationError, type Problem } from '../../src/problem.ts';

const GOOD = `id: own
title: Our own service
cloud: public
confidence: medium
sources:
  - { id: manual, title: The manual, url: 'https://example.com/manual', date: 2026-01-31 }
optionalGroups:
  - { id: extras, description: Rarely needed. }
rows:
  - hosts: [API.Example.com, '*.example.net', .example.org]
    ports: [443, 8080-8090, 123/udp, 3478-3481/udp]
    purpose: Everything.
    sources: [manual]
    coveredBy: [{ tag: AzureCloud, basis: Guessed. }]
  - hosts: [www.example.com]
    path: /below
    ports: [80]
    purpose: A page.
    sources: [manual]
    since: by 2024-02
    optional: extras
    notCovered: unknown
`;

async function problemsOf(text: string): Promise<readonly string[]> {
  const error: unknown = await parseEndpointTable(text, 'own.yaml').then(
    () => expect.unreachable('the table was accepted'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigurationError)) throw error;
  expect(error.exitStatus).toBe(5);
  return error.problems.map(
    ({ where, what, next }: Problem) => `${where}: ${what}${next === undefined ? '' : ` | ${next}`}`,
  );
}

describe('a table of the user', () => {
  test('is read with one row a host', async () => {
    const table = await parseEndpointTable(GOOD, 'own.yaml');
    expect(
      table.rows.map((row) => ({ ...row, host: formatHostPattern(row.host), ports: `${row.ports}` })),
    ).toEqual([
      ...['api.example.com', '*.example.net', '.example.org'].map((host, index) => ({
        table: 'own',
        index,
        host,
        ports: '443,8080-8090,123/udp,3478-3481/udp',
        purpose: 'Everything.',
        sources: ['manual'],
        coveredBy: [{ tag: 'AzureCloud', basis: 'Guessed.' }],
        clouds: ['public'],
        when: {},
        need: 'required',
      })),
      {
        table: 'own',
        index: 3,
        host: 'www.example.com',
        path: '/below',
        ports: '80',
        purpose: 'A page.',
        sources: ['manual'],
        since: 'by 2024-02',
        optional: 'extras',
        coveredBy: [],
        notCovered: 'unknown',
        clouds: ['public'],
        when: {},
        need: 'optional',
      },
    ]);
    expect(selectRows(table).map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(selectRows(table, ['extras']).map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(() => selectRows(table, ['extra', 'tunnel'])).toThrow(
      /"extra" — choose from extras\n.*"tunnel" — choose from extras/,
    );
  });

  test.each([
    [
      'an unknown key',
      ['purpose: A page.', 'purpos: A page.'],
      [
        'own.yaml: rows[1].purpose: is missing',
        'own.yaml: rows[1].purpos: unknown key | did you mean purpose?',
      ],
    ],
    [
      'a scheme',
      ['[www.example.com]', '["https://www.example.com"]'],
      ['own.yaml: rows[1].hosts[0]: "https://www.example.com" has a scheme: write www.example.com'],
    ],
    [
      'a path',
      ['[www.example.com]', '[www.example.com/x]'],
      [
        'own.yaml: rows[1].hosts[0]: "www.example.com/x" has a path: a device that matches names only must allow the whole host',
      ],
    ],
    [
      'a port',
      ['[www.example.com]', '["www.example.com:80"]'],
      ['own.yaml: rows[1].hosts[0]: "www.example.com:80" has a port: name it among the ports'],
    ],
    [
      'a wildcard inside',
      ['[www.example.com]', '[www.*.example.com]'],
      [
        'own.yaml: rows[1].hosts[0]: "www.*.example.com": "*" may only stand as the whole first label: write *.example.com, or .example.com to mean the name itself too',
      ],
    ],
    [
      'an address',
      ['[www.example.com]', '[192.0.2.1]'],
      ['own.yaml: rows[1].hosts[0]: "192.0.2.1" is not a host name: it ends in a number, like an address'],
    ],
    [
      'a port out of range',
      ['[80]', '[80, 0, 65536, 9-1, x]'],
      [
        'own.yaml: rows[1].ports[1]: must be a port (443), a range (9350-9354), or one of UDP (123/udp), not 0',
        'own.yaml: rows[1].ports[2]: must be a port (443), a range (9350-9354), or one of UDP (123/udp), not 65536',
        'own.yaml: rows[1].ports[3]: must be a port (443), a range (9350-9354), or one of UDP (123/udp), not "9-1"',
        'own.yaml: rows[1].ports[4]: must be a port (443), a range (9350-9354), or one of UDP (123/udp), not "x"',
      ],
    ],
    ['no ports', ['[80]', '[]'], ['own.yaml: rows[1].ports: must name a port']],
    [
      'an unknown source',
      ['sources: [manual]\n    since', 'sources: [manul]\n    since'],
      ['own.yaml: rows[1].sources[0]: "manul" is not the id of a source | did you mean manual?'],
    ],
    [
      'an unknown group',
      ['optional: extras', 'optional: more'],
      ['own.yaml: rows[1].optional: "more" is not the id of an optional group | known are extras'],
    ],
    [
      'no word on coverage',
      ['    notCovered: unknown\n', ''],
      [
        'own.yaml: rows[1]: neither coveredBy nor notCovered is given | say which service tags cover the hosts, or why none does',
      ],
    ],
    [
      'a bare year',
      ['by 2024-02', '2024'],
      ['own.yaml: rows[1].since: must be text (quote a bare year), not 2024'],
    ],
    [
      'an impossible date',
      ['2026-01-31', '2026-02-31'],
      ['own.yaml: sources[0].date: must be a date, YYYY-MM-DD, not "2026-02-31"'],
    ],
    [
      'a misprint of nothing',
      ['optional: extras', 'misprintOf: a b'],
      [
        'own.yaml: rows[1].misprintOf: "a b" is not a host name: a scheme, port, path or space does not belong here',
      ],
    ],
    [
      'a tag with a newline',
      ['AzureCloud', '"Azure\\nCloud"'],
      [
        'own.yaml: rows[0].coveredBy[0].tag: must be a service tag: letters, digits, dots, at most 47 characters, not "Azure\\nCloud"',
      ],
    ],
    [
      'a key twice',
      ['purpose: A page.', 'purpose: A page.\n    purpose: B.'],
      ['own.yaml:19:5: Map keys must be unique'],
    ],
  ])('%s is refused', async (_, [from, to], expected) => {
    expect(GOOD.split(from!)).toHaveLength(2);
    expect([...(await problemsOf(GOOD.replace(from!, () => to!)))].sort()).toEqual([...expected].sort());
  });

  test('that is not YAML is refused with the place', async () => {
    const problems = await problemsOf(GOOD.replace('[80]', '[80'));
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatch(/^own\.yaml:18:\d+: /);
  });

  test('has all its problems told at once, of shape, of hosts and between keys', async () => {
    const bad = GOOD.replace('confidence: medium', 'confidence: sure')
      .replace('API.Example.com', '"http://api.example.com"')
      .replace('[80]', '[0]')
      .replace('optional: extras', 'optional: extrass')
      .replace('title: Our own service\n', '');
    expect(await problemsOf(bad)).toHaveLength(5);
  });

  test.each(['', '[]', 'just text', '42', 'null'])('that is %j is refused', async (text) => {
    expect((await problemsOf(text)).length).toBeGreaterThan(0);
  });

  describe('in a directory', () => {
    let directory = '';
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'endpoints-'));
      await writeFile(join(directory, 'own.yaml'), GOOD);
      await writeFile(join(directory, 'other.yaml'), GOOD);
      await writeFile(join(directory, 'notes.txt'), '');
    });
    afterAll(() => rm(directory, { recursive: true }));

    test('is found by its id', async () => {
      expect(await listEndpointTables(directory)).toEqual(['other', 'own']);
      expect((await loadEndpointTable('own', { directory })).title).toBe('Our own service');
      expect((await loadEndpointTableFile(join(directory, 'other.yaml'))).id).toBe('own');
    });

    test('must bear the name of its file', async () => {
      await expect(loadEndpointTable('other', { directory })).rejects.toThrow(
        /other\.yaml: id: "own" differs from the file's name/,
      );
    });

    test('must exist', async () => {
      await expect(loadEndpointTableFile(join(directory, 'none.yaml'))).rejects.toThrow(ConfigurationError);
      await expect(loadEndpointTable('../own', { directory })).rejects.toThrow(
        /"\.\.\/own" is not the id of a table — known are other, own/,
      );
    });
  });

  test('whose id is misspelt is answered with the closest ids', async () => {
    await expect(loadEndpointTable('private-network-conector')).rejects.toThrow(
      /did you mean private-network-connector/,
    );
    await expect(loadEndpointTable('squid')).rejects.toThrow(
      /known are aks, app-proxy-2020, arc-kubernetes, /,
    );
  });
});
