import { describe, expect, test } from 'vitest';
import { checkEndpoints, findSource, formatDrift } from '../../src/endpoints/drift.ts';
import { type EndpointTable, formatEndpoint } from '../../src/endpoints/endpoint-table.ts';
import { listEndpointTables, loadEndpointTable, parseEndpointTable } from '../../src/endpoints/load.ts';
import { ConfigurationError } from '../../src/problem.ts';

const TABLE = await parseEndpointTable(
  `id: widget
title: The widget
cloud: public
confidence: high
sources:
  - { id: new, title: n, url: 'https://docs.example/widget/how-to-widget', date: 2026-01-01 }
  - { id: old, title: o, url: 'https://docs.example/old/widgets', date: 2025-01-01 }
optionalGroups: [{ id: extras, description: x }]
rows:
  - { hosts: ['*.widget.example'], ports: [443], purpose: x, sources: [new, old], notCovered: x }
  - { hosts: [crl.example.com, ocsp.example.com], ports: [80], purpose: x, sources: [new, old], notCovered: x }
  - { hosts: [policy.example.com], ports: [443], purpose: x, sources: [old], notCovered: x }
  - { hosts: [www.example.com], path: /pki, ports: [80, 443], purpose: x, sources: [new], notCovered: x }
  - { hosts: ['*.widget.example'], ports: [5671], purpose: x, sources: [old], optional: extras, notCovered: x }
  - { hosts: [extra.example.com], ports: [80], purpose: x, sources: [old], optional: extras, notCovered: x }
`,
  'widget.yaml',
);

/** A document with a port column; `hosts` as in a cell, `ports` as in a cell. */
const document = (...rows: readonly (readonly [hosts: string, ports: string])[]): string =>
  `| URL | Port | Use |\n| --- | --- | --- |\n${rows.map(([hosts, ports]) => `| ${hosts} | ${ports} | x |\n`).join('')}`;

const ALIKE = [
  ['*.widget.example', '443/HTTPS'],
  ['crl.example.com<br>ocsp.example.com', '80/HTTP'],
  ['policy.example.com<br>www.example.com/pki', '443/HTTPS'],
  ['www.example.com/pki', '80/HTTP'],
] as const;

describe('a document', () => {
  test('that agrees shows no drift, in whatever order and grouping', () => {
    const report = checkEndpoints(document(...[...ALIKE].reverse()), TABLE);
    expect(report).toMatchObject({ drifted: false, added: [], removed: [], changed: [], same: 5 });
    expect(formatDrift(report).split('\n')[0]).toBe('The document and widget agree on 5 endpoints.');
  });

  test('may have what the table has as optional', () => {
    const report = checkEndpoints(
      document(...ALIKE, ['extra.example.com', '80'], ['*.widget.example', '5671']),
      TABLE,
    );
    expect(report).toMatchObject({ drifted: false, same: 6 });
  });

  test('shows endpoints added and removed, with lines and sources, and what they resemble', () => {
    const report = checkEndpoints(
      document(...ALIKE.slice(0, 1), ['crl.example.com<br>oscp.example.com', '80'], ...ALIKE.slice(3)),
      TABLE,
      { source: 'new' },
    );
    expect(report).toEqual({
      table: 'widget',
      source: 'new',
      added: [{ endpoint: 'oscp.example.com', ports: '80', lines: [4], resembles: 'ocsp.example.com' }],
      removed: [
        {
          endpoint: 'ocsp.example.com',
          ports: '80',
          sources: ['new', 'old'],
          resembles: 'oscp.example.com',
        },
      ],
      changed: [
        {
          endpoint: 'www.example.com/pki',
          documented: 'www.example.com/pki',
          portsAdded: '',
          portsRemoved: '443',
          lines: [5],
        },
      ],
      leftOut: [],
      same: 2,
      drifted: true,
      findings: [
        {
          rule: 'path',
          where: 'line 5',
          what: '"www.example.com/pki" has a path',
          next: 'a device that matches names only must allow the whole host',
        },
      ],
    });
    expect(
      formatDrift(report),
    ).toBe(`The document differs from widget, rows of new: 1 added, 1 removed, 1 changed, 2 alike.
+ oscp.example.com 80: line 4 (resembles ocsp.example.com)
- ocsp.example.com 80: in the table from new, old (resembles oscp.example.com)
~ www.example.com/pki: port -443: line 5
! line 5: "www.example.com/pki" has a path — a device that matches names only must allow the whole host [path]
`);
  });

  test.each([
    ['ports come', ['*.widget.example', '443, 8443'], '*.widget.example', 'port +8443: line 3'],
    ['ports change', ['*.widget.example', '8443'], '*.widget.example', 'port +8443, port -443: line 3'],
    ['the apex', ['.widget.example', '443'], '*.widget.example', 'now .widget.example: line 3'],
    ['no wildcard', ['widget.example', '443'], '*.widget.example', 'now widget.example: line 3'],
  ] as const)('shows what changed: %s', (_, row, endpoint, expected) => {
    const report = checkEndpoints(document(row, ...ALIKE.slice(1)), TABLE);
    expect(formatDrift(report)).toContain(`\n~ ${endpoint}: ${expected}\n`);
    expect([report.added, report.removed, report.changed.length]).toEqual([[], [], 1]);
  });

  test('shows a path that went, and a wrong wildcard over a host of the table', () => {
    const report = checkEndpoints(
      document(
        ALIKE[0],
        ['*.crl.example.com<br>ocsp.example.com<br>www.example.com', '80'],
        ['policy.example.com', '443'],
      ),
      TABLE,
    );
    expect(
      formatDrift(report),
    ).toBe(`The document differs from widget: 0 added, 0 removed, 2 changed, 3 alike.
~ crl.example.com: now *.crl.example.com: line 4
~ www.example.com/pki: now www.example.com, port -443: line 4
! line 4: "*.crl.example.com" is a wildcard over a single host — write crl.example.com [wildcard]
`);
  });

  test('is compared with one source when asked; what another source brings is no drift', () => {
    const optional = [
      ['*.widget.example', '443, 5671'],
      ['extra.example.com', '80'],
    ] as const;
    const old = document(...optional, ALIKE[1], ['policy.example.com', '443']);
    expect(checkEndpoints(old, TABLE, { source: 'old' }).drifted).toBe(false);
    expect(checkEndpoints(old, TABLE, { source: 'new' }).removed.map(({ endpoint }) => endpoint)).toEqual([
      'www.example.com/pki',
    ]);
    expect(checkEndpoints(document(...optional, ...ALIKE), TABLE, { source: 'old' }).drifted).toBe(false);
    expect(() => checkEndpoints(old, TABLE, { source: 'nwe' })).toThrow(/no source "nwe" — choose from new/);
  });

  test('has to have the optional rows of its source, where the source is known', () => {
    const { removed, changed } = checkEndpoints(document(...ALIKE), TABLE, { source: 'old' });
    expect(removed).toMatchObject([{ endpoint: 'extra.example.com', ports: '80', sources: ['old'] }]);
    expect(changed).toMatchObject([{ endpoint: '*.widget.example', portsAdded: '', portsRemoved: '5671' }]);
  });

  test.each([
    ['', /no Markdown table with a column of URLs or hosts — give the Markdown source/],
    ['<!DOCTYPE html><p>x', /this is an HTML page: give the Markdown source/],
    [document(['(see below)', '443']), /no endpoint can be read from the table in line 1/],
  ])('without endpoints is refused: %j', (markdown, message) => {
    expect(() => checkEndpoints(markdown, TABLE)).toThrow(ConfigurationError);
    expect(() => checkEndpoints(markdown, TABLE)).toThrow(message);
  });
});

describe('a source of a table', () => {
  const own = (sources: string, rows: string, rest = '') =>
    parseEndpointTable(
      `{ id: own, title: t, cloud: public, confidence: high, sources: [${sources}], rows: [${rows}]${rest} }`,
      'own.yaml',
    );
  const source = (id: string, date: string, rest = '') =>
    `{ id: ${id}, title: "x (docs, articles/${id}.md)", url: 'https://docs.example/own', date: ${date}${rest} }`;
  const row = (host: string, id: string) =>
    `{ hosts: ['${host}'], ports: [443], purpose: x, sources: [${id}], notCovered: x }`;
  const told = ({ added, removed, changed }: ReturnType<typeof checkEndpoints>) => [
    ...added.map(({ endpoint, ports, lines }) => `+ ${endpoint} ${ports} @${lines}`),
    ...removed.map(({ endpoint }) => `- ${endpoint}`),
    ...changed.map(
      ({ endpoint, portsAdded, portsRemoved }) => `~ ${endpoint} +${portsAdded} -${portsRemoved}`,
    ),
  ];

  test('stands for its later versions, and not for earlier ones', async () => {
    const table = await own(
      [source('first', '2024-01-01'), source('article', '2025-01-01'), source('later', '2026-01-01')].join(),
      [row('a.example.com', 'first'), row('b.example.com', 'article'), row('c.example.com', 'later')].join(),
    );
    expect(findSource(table, 'clone/articles/article.md')?.id).toBe('article');
    expect(findSource(table, 'https://docs.example/own')).toBeUndefined();
    const text = document(['b.example.com', '443']);
    expect(told(checkEndpoints(text, table, { source: 'article' }))).toEqual(['- c.example.com']);
  });

  test('may be sections of a document, whose tabs are no headings', async () => {
    const table = await own(
      source('article', '2026-01-01', ', sections: [Servers, "Any `client`"]'),
      [
        row('a.example.com', 'article'),
        row('b.example.com', 'article'),
        row('c.example.com', 'article'),
      ].join(),
    );
    const text = `# Ports\n\n## Servers\n\n# [Cloud](#tab/cloud)\n\n${document(['a.example.com', '443'])}
### Optional\n\n${document(['b.example.com', '443'], ['new.example.com', '443'])}
## Other things\n\n${document(['other.example.com', '443'])}
\`\`\`\n## Servers\n\`\`\`\n
${document(['another.example.com', '443'])}
### Any \`client\` ##\n\n${document(['c.example.com', '443'])}`;
    const report = checkEndpoints(text, table);
    expect(told(report)).toEqual(['+ new.example.com 443 @16']);
    expect(report.findings).toEqual([]);
    const without = text.replace('### Any', '### All');
    expect(told(checkEndpoints(without, table))).toEqual(['+ new.example.com 443 @16', '- c.example.com']);
    expect(checkEndpoints(without, table).findings).toMatchObject([
      { what: 'it has no section "Any `client`"' },
    ]);
    const plain = document(...['a', 'b', 'c', 'd'].map((name) => [`${name}.example.com`, '443'] as const));
    expect(told(checkEndpoints(plain, table))).toEqual(['+ d.example.com 443 @6']);
    expect(checkEndpoints(plain, table).findings.map(({ next }) => next)).toEqual([
      'all of it is compared',
      'all of it is compared',
    ]);
  });

  test('may be lists and blocks of code', async () => {
    const rows = [
      row('*.a.example.com', 'article'),
      '{ hosts: [b.example.com], ports: [443, 5671], purpose: x, sources: [article], notCovered: x }',
      '{ hosts: [ssh.example.com], ports: [22], purpose: x, sources: [article], notCovered: x }',
      '{ addresses: [192.0.2.0/24], ports: [443], purpose: x, sources: [article] }',
    ].join();
    const text = [
      'Hosts:',
      '',
      '- \\*.a.example.com',
      '* `b.example.com` (443 & 5671 outbound)',
      '  1. new.example.com',
      '- See www.example.com for more',
      '- 192.0.2.0/24',
      '```Hosts',
      '',
      'Use these of old:',
      'https://ssh.example.com',
      'other.example.com',
      '```',
      '```json',
      '{',
      'data.example.com',
      '}',
      '```',
    ].join('\n');
    const listed = await own(source('article', '2026-01-01', ', lists: true'), rows);
    expect(told(checkEndpoints(text, listed))).toEqual([
      '+ new.example.com 443 @5',
      '+ other.example.com 443 @12',
    ]);
    expect(told(checkEndpoints(text.replace('5671', '8883'), listed))).toContain(
      '~ b.example.com +8883 -5671',
    );
    const tabled = await own(source('article', '2026-01-01'), rows);
    expect(() => checkEndpoints(text, tabled)).toThrow(/no Markdown table/);
  });

  test('may name what the table leaves out with a reason', async () => {
    const table = await own(
      source('article', '2026-01-01'),
      row('a.example.com', 'article'),
      ", leftOut: [{ what: '192.0.2.1, and *.b.example.com on port 80', why: it is yours }]",
    );
    const report = checkEndpoints(
      document(['a.example.com', '443'], ['192.0.2.1<br>\\*.b.example.com', '80'], ['b.example.com', '80']),
      table,
    );
    expect(told(report)).toEqual(['+ b.example.com 80 @5']);
    expect(formatDrift(report)).toContain('\no *.b.example.com 80: line 4, left out: it is yours\n');
    expect(report.leftOut.map(({ endpoint }) => endpoint)).toEqual(['*.b.example.com', 'range 192.0.2.1/32']);
  });

  test('is of no use where all rows are those of other tables', async () => {
    const table = await loadEndpointTable('update-manager');
    expect(() => checkEndpoints(document(['a.example.com', '443']), table)).toThrow(
      /all of its rows are those of other tables — compare the documents of arc-servers and windows-update/,
    );
  });

  test('need not have the rows of another table', async () => {
    const table = await own(
      source('article', '2026-01-01'),
      row('a.example.com', 'article'),
      ', includes: [{ table: avd-session-host }]',
    );
    const report = checkEndpoints(
      document(['a.example.com', '443'], ['\\*.wvd.microsoft.com', '443']),
      table,
    );
    expect(report).toMatchObject({ drifted: false, same: 2 });
  });
});

test.each([
  ['https://raw.example/docs/how-to-widget.md?x=1', 'new'],
  ['C:\\docs\\WIDGETS.md', 'old'],
  ['./widgets/', 'old'],
  ['other.md', undefined],
  ['', undefined],
])('the document at %s is a version of source %s', (location, expected) => {
  expect(findSource(TABLE, location)?.id).toBe(expected);
});

describe('the bundled tables', () => {
  /** The rows of a source in a form of the articles, without the corrections that no article carries. */
  function article(table: EndpointTable, source: string, form: 'host:port' | 'column'): string {
    const rows = table.rows.filter(
      (row) =>
        row.optional === undefined &&
        row.sources.includes(source) &&
        !table.rows.some(({ misprintOf }) => misprintOf === formatEndpoint(row)),
    );
    const tabled = ({ ports, inText }: EndpointTable['rows'][number]) =>
      inText === undefined ? ports : ports.difference(inText);
    const port = (text: string) => (text === '443' ? '' : `:${text}`);
    return form === 'column'
      ? document(...rows.map((row) => [`\`${formatEndpoint(row)}\``, `${tabled(row)}/TCP`] as const))
      : `| URL | Use |\n| --- | --- |\n${rows
          .map((row) => `| ${formatEndpoint(row).replace('*', '\\*')}${port(`${tabled(row)}`)} | x |\n`)
          .join('')}`;
  }

  test('do not drift from an article with the same rows', async () => {
    const forms: readonly (readonly [string, string, 'host:port' | 'column'])[] = [
      ['app-proxy-2020', 'proxy-article', 'host:port'],
      ['private-network-connector', 'connector-article', 'column'],
      ['private-network-connector', 'proxy-article', 'column'],
      ['private-network-connector-usgov', 'government-article', 'host:port'],
    ];
    expect(new Set(forms.map(([id]) => id))).toEqual(
      new Set((await listEndpointTables()).filter((id) => /proxy|connector/.test(id))),
    );
    for (const [id, source, form] of forms) {
      const table = await loadEndpointTable(id);
      const report = checkEndpoints(article(table, source, form), table, { source });
      expect(report, `${id} ${source}`).toMatchObject({
        added: [],
        removed: [],
        changed: [],
        drifted: false,
      });
    }
  });

  test('the misprint of 2020 is flagged, though the table repeats it', async () => {
    const table = await loadEndpointTable('app-proxy-2020');
    const { findings } = checkEndpoints(article(table, 'proxy-article', 'host:port'), table);
    expect(findings.map(({ rule, what, next }) => [rule, what, next])).toEqual([
      ['misprint', '"ctdl.windowsupdate.com" is a known misprint', 'ctldl.windowsupdate.com was meant'],
    ]);
  });

  test('the correction in its place is no drift either', async () => {
    const table = await loadEndpointTable('app-proxy-2020');
    const corrected = article(table, 'proxy-article', 'host:port').replace('ctdl.', 'ctldl.');
    expect(checkEndpoints(corrected, table)).toMatchObject({ drifted: false, findings: [] });
  });

  test('the article of 2020 differs from the current table as history says', async () => {
    const old = await loadEndpointTable('app-proxy-2020');
    const table = await loadEndpointTable('private-network-connector');
    const report = checkEndpoints(article(old, 'proxy-article', 'host:port'), table);
    expect(report.added.map(({ endpoint }) => endpoint)).toEqual([
      'mscrl.microsoft.com',
      'ctdl.windowsupdate.com',
    ]);
    expect(report.removed.map(({ endpoint }) => endpoint)).toEqual([
      'crl3.digicert.com',
      'crl4.digicert.com',
      'ocsp.digicert.com',
      'oneocsp.microsoft.com',
      'ctldl.windowsupdate.com',
    ]);
    expect(report.changed).toMatchObject([
      { endpoint: 'www.microsoft.com/pkiops', documented: 'www.microsoft.com', portsRemoved: '443' },
    ]);
  });
});

describe('a document beyond all measure', () => {
  const rows = (count: number, host: (index: number) => string) =>
    document(...Array.from({ length: count }, (_, index) => [host(index), '443'] as const));

  test.each([
    ['endpoints', rows(20_001, (index) => `h${index}.example.com`), '20001 endpoints, 20000 at most'],
    ['characters', document(...ALIKE) + ' '.repeat(5_000_001), 'characters, 5,000,000 at most'],
  ])('is refused: %s', (_, text, message) => {
    expect(() => checkEndpoints(text, TABLE)).toThrow(message);
  });

  test.each([
    ['of one host in many rows', rows(20_000, () => 'policy.example.com'), 0],
    ['of one host with many paths', rows(20_000, (index) => `policy.example.com/${index}`), 20_000],
    ['of many hosts', rows(20_000, (index) => `h${index}.example.com`), 20_000],
  ])('is compared row for row: %s', (_, text, added) => {
    const report = checkEndpoints(text, TABLE);
    expect(report.added.length + report.changed.length).toBe(added);
  });

  test('takes a bounded time, however its cells are made', () => {
    const cell = `${'['.repeat(400_000)} ${'**a'.repeat(300_000)}`;
    expect(() => checkEndpoints(document(...ALIKE, [cell, '443']), TABLE)).toThrow(
      'reading its tables takes over 5 seconds',
    );
  });
});
