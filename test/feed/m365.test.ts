import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadM365Changes, loadM365Endpoints, type M365Request } from '../../src/feed/load-m365.ts';
import { selectM365Rows } from '../../src/feed/m365.ts';
import { parseM365Changes, parseM365Endpoints, parseM365Ports } from '../../src/feed/parse-m365.ts';
import { formatHostPattern } from '../../src/net/host-pattern.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { FeedError } from '../../src/problem.ts';
import { type Handler, type LoopbackServer, startServer } from './loopback-server.ts';

const row = (id: number, rest: object = {}) => ({
  id,
  serviceArea: 'Exchange',
  serviceAreaDisplayName: 'Exchange Online',
  expressRoute: true,
  category: 'Optimize',
  required: true,
  ...rest,
});
const ROWS = [
  row(2, { urls: ['smtp.example.com'], ips: ['192.0.2.0/24', '2001:db8::/32'], tcpPorts: ' 587,  993' }),
  row(1, { urls: ['outlook.example.com', '*.outlook.example.com'], tcpPorts: '80,443' }),
  row(11, {
    serviceArea: 'Skype',
    ips: ['198.51.100.0/24'],
    udpPorts: '3478,3479,3480,3481',
    category: 'Allow',
  }),
  row(39, {
    serviceArea: 'SharePoint',
    category: 'Default',
    urls: [
      '*-files.share.example.com',
      '*cdn.note.example.net',
      'autodiscover.<tenant>.mail.example.com',
      'a.*.b.example.com',
    ],
    tcpPorts: '443',
    required: false,
    notes: 'Line one\nline two',
  }),
];
const text = (rows: unknown = ROWS) => JSON.stringify(rows);
const parse = (rows: unknown, tenant?: string) => parseM365Endpoints(text(rows), 'endpoints', tenant);

describe('the ports of the Microsoft 365 endpoints', () => {
  it.each([
    ['443', '443'],
    ['80,443', '80,443'],
    [' 587,  993', '587,993'],
    ['3478,3479,3480,3481', '3478-3481'],
    ['50000-50059, 443', '443,50000-50059'],
    ['', ''],
  ])('%j is %j', (given, ports) => {
    expect(parseM365Ports(given).toString()).toBe(ports);
  });

  it.each(['443,', ',', '0', '65536', '443;80', '80 443', '443-80', '-1', 'any', '4e2'])(
    '%j is refused',
    (given) => {
      expect(() => parseM365Ports(given)).toThrow(RangeError);
    },
  );
});

describe('the Microsoft 365 endpoints', () => {
  it('become rows by id', () => {
    const { rows, unknownFields } = parse(ROWS);
    expect(unknownFields).toBe(0);
    expect(rows.map(({ id }) => id)).toEqual([1, 2, 11, 39]);
    expect(rows[0]!.hosts.map(formatHostPattern)).toEqual(['outlook.example.com', '*.outlook.example.com']);
    expect(rows[1]!.prefixes.map(formatPrefix)).toEqual(['192.0.2.0/24', '2001:db8::/32']);
    expect(rows[1]!.ports.toString()).toBe('587,993');
    expect(rows[2]).toMatchObject({ hosts: [], serviceArea: 'Skype', category: 'Allow' });
    expect(rows[2]!.ports.toString()).toBe('3478-3481/udp');
    expect(rows[3]!.notes).toBe('Line one line two');
  });

  it('keep names with a wildcard elsewhere, and what they would have to be widened to', () => {
    const partial = parse(ROWS).rows[3]!.partialNames;
    expect(partial.map(({ text, widened }) => [text, formatHostPattern(widened)])).toEqual([
      ['*-files.share.example.com', '*.share.example.com'],
      ['*cdn.note.example.net', '*.note.example.net'],
      ['autodiscover.<tenant>.mail.example.com', '*.mail.example.com'],
      ['a.*.b.example.com', '*.b.example.com'],
    ]);
    const named = parse(ROWS, 'contoso').rows[3]!;
    expect(named.hosts.map(formatHostPattern)).toEqual(['autodiscover.contoso.mail.example.com']);
    expect(named.partialNames).toHaveLength(3);
  });

  it.each<[string, unknown, string]>([
    ['no list', {}, '$: an object where a list is expected'],
    ['no sets', [], '$: there are no endpoint sets'],
    ['an id twice', [row(1), row(1)], '$[1].id: 1 occurs twice (also at $[0])'],
    ['an id as text', [row('1' as never)], '$[0].id: "1" where a whole number'],
    [
      'another category',
      [row(1, { category: 'Deny' })],
      '$[0].category: "Deny" is none of Optimize, Allow, Default',
    ],
    ['required as text', [row(1, { required: 'true' })], '$[0].required: "true" where true or false'],
    ['ports that are none', [row(1, { tcpPorts: '443;80' })], '$[0].tcpPorts: "443;80" where ports'],
    ['a port as a number', [row(1, { tcpPorts: 443 })], '$[0].tcpPorts: the number 443 where ports'],
    [
      'host bits',
      [row(1, { ips: ['192.0.2.1/24'] })],
      '$[0].ips[0]: "192.0.2.1/24" at character 10: host bits',
    ],
    [
      'a URL',
      [row(1, { urls: ['https://a.example.com'] })],
      '$[0].urls[0]: "https://a.example.com" is not a host',
    ],
    [
      'a wildcard over a registry',
      [row(1, { urls: ['*x.com'] })],
      '$[0].urls[0]: "*x.com": "*" may only stand',
    ],
    ['a wildcard alone', [row(1, { urls: ['*'] })], '$[0].urls[0]: "*"'],
    ['a line break in a name', [row(1, { urls: ['*-a\n.example.com'] })], '$[0].urls[0]'],
    [
      'a service area with markup',
      [row(1, { serviceArea: '<b>' })],
      '$[0].serviceArea: "<b>" is not allowed',
    ],
  ])('are refused: %s', (_, rows, message) => {
    const problems = () => parse(rows);
    expect(problems).toThrow(FeedError);
    expect(problems).toThrow(message);
  });

  it('are selected by area, category, whether required, and id', () => {
    const { rows } = parse(ROWS);
    const ids = (...selectors: Parameters<typeof selectM365Rows>[1]) =>
      selectM365Rows(rows, selectors).map(({ id }) => id);
    expect(ids({})).toEqual([1, 2, 11, 39]);
    expect(ids()).toEqual([]);
    expect(ids({ serviceArea: 'Exchange' })).toEqual([1, 2]);
    expect(ids({ category: ['Allow', 'Default'] })).toEqual([11, 39]);
    expect(ids({ category: 'Allow' }, { ids: [1] })).toEqual([1, 11]);
    expect(ids({ required: false })).toEqual([39]);
    expect(ids({ serviceArea: 'Exchange', category: 'Default' })).toEqual([]);
  });

  it('have changes', () => {
    const changes = parseM365Changes(
      JSON.stringify([
        {
          id: 5,
          endpointSetId: 1,
          disposition: 'Change',
          impact: 'AddedIp',
          version: '2025080100',
          previous: {},
          add: { effectiveDate: '20250901', ips: ['192.0.2.0/24'] },
          remove: { urls: ['old.example.com'] },
        },
      ]),
      'changes',
    );
    expect(changes).toEqual([
      expect.objectContaining({
        endpointSetId: 1,
        effectiveDate: '2025-09-01',
        added: { urls: [], prefixes: [expect.objectContaining({ length: 24 })] },
        removed: { urls: ['old.example.com'], prefixes: [] },
      }),
    ]);
    expect(() => parseM365Changes('[{"id":1,"endpointSetId":2,"version":"x"}]', 'changes')).toThrow(
      FeedError,
    );
  });
});

describe('a document of endpoint sets beyond all measure', () => {
  const names = (count: number, from = 0) =>
    Array.from({ length: count }, (_, index) => `a${from + index}.example.com`);

  it.each([
    [
      'sets',
      Array.from({ length: 5_001 }, (_, id) => row(id, { urls: ['a.example.com'], tcpPorts: '443' })),
      'has 5001 endpoint sets, 5000 at most',
    ],
    [
      'names',
      [
        row(1, { urls: names(15_000), tcpPorts: '443' }),
        row(2, { urls: names(15_000, 15_000), tcpPorts: '443' }),
      ],
      '$[1].urls: there are 30000 names with those before it, 20000 at most',
    ],
    [
      'prefixes',
      [row(1, { ips: Array(100_001).fill('192.0.2.0/24'), tcpPorts: '443' })],
      'there are 100001 prefixes',
    ],
    ['problems', [row(1, { urls: Array(20_000).fill('!'), tcpPorts: '443' })], '1000 problems or more'],
  ])('is refused: %s', (_, rows, message) => {
    expect(() => parse(rows)).toThrow(message);
  });
});

describe('the Microsoft 365 endpoints service', () => {
  let cache: string;
  let server: LoopbackServer;
  let version: string;
  let rows: unknown;
  const lines: string[] = [];
  const serve: Handler = (request, response) => {
    const path = request.url!.split('?')[0];
    if (path === '/version/Worldwide')
      response.end(JSON.stringify({ instance: 'Worldwide', latest: version }));
    else if (path === '/endpoints/Worldwide') response.end(text(rows));
    else if (path === '/changes/Worldwide/2025070100') response.end('[]');
    else response.writeHead(404).end();
  };
  beforeEach(async () => {
    cache = mkdtempSync(join(tmpdir(), 'm365-'));
    version = '2025080100';
    rows = ROWS;
    server = await startServer(serve);
    lines.length = 0;
  });
  afterEach(async () => {
    rmSync(cache, { recursive: true });
    await server.close();
  });
  const request = (minute: number, rest: Partial<M365Request> = {}): M365Request => ({
    config: { service: server.origin },
    cacheDirectory: cache,
    environment: {},
    http: { retries: 2, firstWaitSeconds: 0.01 },
    now: Date.UTC(2025, 7, 18) + minute * 60_000,
    report: (line) => lines.push(line),
    ...rest,
  });
  const asked = () => server.requests.splice(0).map((line) => line.split(/[ ?]/)[1]);

  it('is asked for the version once an hour, and for the document when the version is new', async () => {
    const first = await loadM365Endpoints(request(0));
    expect(first).toMatchObject({ instance: 'Worldwide', version: '2025080100' });
    expect(asked()).toEqual(['/version/Worldwide', '/endpoints/Worldwide']);
    expect(await loadM365Endpoints(request(59))).toEqual(first);
    expect(asked()).toEqual([]);
    expect(await loadM365Endpoints(request(61))).toEqual(first);
    expect(asked()).toEqual(['/version/Worldwide']);
    version = '2025090100';
    rows = ROWS.slice(1);
    expect(await loadM365Endpoints(request(122))).toMatchObject({ version, rows: { length: 3 } });
    expect(asked()).toEqual(['/version/Worldwide', '/endpoints/Worldwide']);
  });

  it('gets one id for each installation', async () => {
    await loadM365Endpoints(request(0));
    await loadM365Endpoints(request(61));
    const ids = new Set(server.requests.map((line) => /ClientRequestId=([0-9a-f-]{36})&/.exec(line)?.[1]));
    expect([...ids]).toEqual([readFileSync(join(cache, 'm365', 'client-request-id'), 'utf8').trim()]);
  });

  it('is not needed offline', async () => {
    await expect(loadM365Endpoints(request(0, { offline: true }))).rejects.toThrow(
      'run once without --offline',
    );
    const online = await loadM365Endpoints(request(0));
    await server.close();
    expect(await loadM365Endpoints(request(999, { offline: true }))).toEqual(online);
    await expect(loadM365Endpoints(request(999))).rejects.toThrow('cannot fetch the Microsoft 365 endpoints');
  });

  it('is asked again where what was kept is damaged', async () => {
    const first = await loadM365Endpoints(request(0));
    const name = readdirSync(join(cache, 'm365')).find((file) => file.endsWith('.json'))!;
    const path = join(cache, 'm365', name);
    const kept = readFileSync(path, 'utf8');
    for (const damaged of ['', '{', kept.replace('192.0.2.0', '192.0.3.0')]) {
      writeFileSync(path, damaged);
      asked();
      expect(await loadM365Endpoints(request(1))).toEqual(first);
      expect(asked()).toHaveLength(2);
      expect(lines.at(-1)).toContain('the kept document is damaged');
    }
  });

  it('that answers 429 is left alone for an hour', async () => {
    server.handle((_, response) => response.writeHead(429, { 'retry-after': '1' }).end());
    await expect(loadM365Endpoints(request(0))).rejects.toThrow('wait an hour before the next run');
    expect(asked()).toHaveLength(1);
    server.handle(serve);
    const first = await loadM365Endpoints(request(0));
    server.handle((_, response) => response.writeHead(429).end());
    expect(await loadM365Endpoints(request(61))).toEqual(first);
    expect(lines.at(-1)).toContain('version 2025080100 is used');
    asked();
    expect(await loadM365Endpoints(request(119))).toEqual(first);
    expect(asked()).toEqual([]);
  });

  it.each<[string, Handler, string]>([
    ['HTML', (_, response) => response.end('<html>'), 'an HTML or XML page came'],
    ['another form', (_, response) => response.end('{"latest":5}'), '$.latest: the number 5 where a version'],
    ['404', (_, response) => response.writeHead(404).end(), 'HTTP 404'],
  ])('that answers with %s gives exit status 4', async (_, handler, message) => {
    server.handle(handler);
    const error = await loadM365Endpoints(request(0)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ exitStatus: 4, message: expect.stringContaining(message) });
  });

  it('tells changes', async () => {
    expect(await loadM365Changes(request(0), '2025070100')).toEqual([]);
    await expect(loadM365Changes(request(0), '../x')).rejects.toThrow('is not a version');
  });
});
